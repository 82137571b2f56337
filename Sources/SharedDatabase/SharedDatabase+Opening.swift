// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import GRDB

extension SharedDatabase {
    /// Refuses a path that holds something else, before SQLite could touch it.
    ///
    /// A new file has its `application_id` written before WAL mode is switched on, so the main file always shows it,
    /// whatever the WAL holds.
    static func checkHeader(of path: String, _ format: DatabaseFormat) throws(DatabaseFailure) {
        let header: [UInt8]
        do throws(FileFailure) {
            guard let file = try OwnFile.openIfThere(path) else { return }
            header = try file.contents(first: 100)
        } catch {
            throw DatabaseFailure(error)
        }
        if header.isEmpty { return }
        guard header.count == 100, header.starts(with: Array("SQLite format 3\0".utf8)) else { throw .notSQLite }
        let identity = header[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard identity == UInt32(bitPattern: format.applicationID) else { throw .foreign }
    }

    /// Creates the file and its folder where they are not there, for their owner alone. SQLite gives the files beside
    /// it the same rights.
    static func create(_ path: String) throws(DatabaseFailure) {
        do throws(FileFailure) {
            try Folder.create(URL(fileURLWithPath: path).deletingLastPathComponent().path, isPrivate: true)
        } catch {
            throw .noFolder(detail: error.message)
        }
        do throws(FileFailure) {
            try OwnFile.create(path)
        } catch {
            throw DatabaseFailure(error)
        }
    }

    /// Opens the pool, waiting where another process is creating or closing the file at this moment, which SQLite's
    /// own waiting does not cover.
    static func open(
        _ path: String, _ format: DatabaseFormat, _ options: DatabaseOptions
    ) throws(DatabaseFailure) -> DatabasePool {
        let deadline = ContinuousClock.now + .milliseconds(options.busyTimeoutMilliseconds)
        while true {
            do {
                return try self.openOnce(path, format, options)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < deadline
            {
                usleep(5_000)
            } catch {
                throw DatabaseFailure(error, path: path) ?? .other("\(error)")
            }
        }
    }

    private static func openOnce(
        _ path: String, _ format: DatabaseFormat, _ options: DatabaseOptions
    ) throws -> DatabasePool {
        let configuration = self.configuration(format, options)
        if !options.readOnly {
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { db in try self.setUp(db, format) }
            return pool
        }
        do {
            let pool = try DatabasePool(path: path, configuration: configuration)
            _ = try pool.unsafeRead { db in try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM \(format.table)") }
            return pool
        } catch let error as DatabaseError
            where [.SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_IOERR].contains(error.resultCode)
            && !FileManager.default.fileExists(atPath: path + "-wal")
        {
            // A folder that cannot be written to takes no shared-memory file. Without a WAL nobody is writing, and
            // the file may be read as it lies there.
            var allowed = CharacterSet.urlPathAllowed
            allowed.remove(charactersIn: "?#%")
            let absolute = URL(fileURLWithPath: path).path
            let escaped = absolute.addingPercentEncoding(withAllowedCharacters: allowed) ?? absolute
            return try DatabasePool(path: "file:\(escaped)?immutable=1", configuration: configuration)
        }
    }

    private static func configuration(_ format: DatabaseFormat, _ options: DatabaseOptions) -> GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.readonly = options.readOnly
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = 8
        configuration.persistentReadOnlyConnections = true
        let timeout = options.busyTimeoutMilliseconds
        let wait: @Sendable (Int) -> Bool = { tries in self.wait(tries, timeoutMilliseconds: timeout) }
        configuration.busyMode = .callback(wait)
        configuration.label = format.name
        let isWritable = !options.readOnly
        configuration.prepareDatabase { db in
            try self.prepare(db, format, options, isWriter: isWritable && !db.configuration.readonly)
        }
        return configuration
    }

    /// SQLite's own busy handler sleeps up to 100 ms at a time, an eternity beside commits of one millisecond; this one
    /// looks again after a quarter of a millisecond, and later every two.
    private static func wait(_ tries: Int, timeoutMilliseconds: Int) -> Bool {
        let quick = 40
        let sleptMilliseconds = tries < quick ? tries / 4 : quick / 4 + (tries - quick) * 2
        guard sleptMilliseconds < timeoutMilliseconds else { return false }
        usleep(tries < quick ? UInt32.random(in: 150...350) : UInt32.random(in: 1_500...2_500))
        return true
    }

    /// Prepares each connection, before WAL mode is switched on.
    private static func prepare(
        _ db: Database, _ format: DatabaseFormat, _ options: DatabaseOptions, isWriter: Bool
    ) throws {
        let version = try self.fileVersion(db)
        if version > format.version { throw DatabaseFailure.newer(found: version, known: format.version) }
        guard isWriter else { return }
        // These have an effect on a file without content only.
        try db.execute(sql: "PRAGMA page_size = \(format.pageBytes)")
        if format.givesPagesBack { try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL") }
        if try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0 == 0 {
            try db.execute(sql: "PRAGMA application_id = \(format.applicationID)")
        }
        let pageBytes = max(512, try Int.fetchOne(db, sql: "PRAGMA page_size") ?? format.pageBytes)
        // Debian's SQLite overwrites deleted content with zeros, which would make removing as dear as writing.
        try db.execute(sql: "PRAGMA secure_delete = OFF")
        try db.execute(sql: "PRAGMA wal_autocheckpoint = \(max(1, options.checkpointBytes / pageBytes))")
        try db.execute(sql: "PRAGMA journal_size_limit = \(options.walBytesMax)")
        if let bytes = options.fileBytesMax {
            try db.execute(sql: "PRAGMA max_page_count = \(max(1, bytes / pageBytes))")
        }
    }

    /// Makes commits durable, and creates the tables where they are not there yet.
    private static func setUp(_ db: Database, _ format: DatabaseFormat) throws {
        // GRDB switches to NORMAL together with WAL, which loses the latest commits at a power cut.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        if try self.fileVersion(db) != 0 { return }
        try db.inTransaction(.immediate) {
            // Another process may have been first.
            if try self.fileVersion(db) == 0 {
                try db.execute(sql: format.tables)
                try db.execute(sql: "PRAGMA user_version = \(format.version)")
            }
            return .commit
        }
    }

    private static func fileVersion(_ db: Database) throws -> Int32 {
        try Int32.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    }
}
