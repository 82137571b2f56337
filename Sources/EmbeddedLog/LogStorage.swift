// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecordLog
import Records
import Synchronization

/// The SQLite file under a log, shared by the log's readers, writers and group members.
final class LogStorage: Sendable {
    let path: String
    let options: EmbeddedLog.Options
    let catalog = Catalog()
    let monitor: ChangeMonitor
    private let pool: DatabasePool
    private let isClosed = Atomic<Bool>(false)

    /// Opens the file, or creates it.
    init(path: String, options: EmbeddedLog.Options) throws(LogError) {
        self.path = path
        self.options = options
        try Schema.checkHeader(of: path)
        if options.readOnly {
            guard FileManager.default.fileExists(atPath: path) else {
                throw LogError(.failed, "there is no log at \(path) yet; run something that writes one first")
            }
        } else {
            try Self.makeFolder(of: path)
        }
        self.pool = try Self.open(path, options)
        do {
            self.monitor = try ChangeMonitor(path: self.pool.path)
        } catch {
            throw LogError(error, path: path)
        }
    }

    deinit { self.close() }

    /// Runs statements that belong to one consistent view of the log.
    func read<Value>(_ body: (Database) throws -> Value) throws(LogError) -> Value {
        try self.checkOpen()
        do {
            return try self.pool.unsafeRead { db in
                var value: Value?
                try db.inTransaction(.deferred) {
                    value = try body(db)
                    return .commit
                }
                guard let value else { throw LogError(.failed, "\(self.path): a read ended without an answer") }
                return value
            }
        } catch {
            throw LogError(error, path: self.path)
        }
    }

    /// Runs a single statement, which is a view of its own.
    func readStatement<Value>(_ body: (Database) throws -> Value) throws(LogError) -> Value {
        try self.checkOpen()
        do {
            return try self.pool.unsafeRead(body)
        } catch {
            throw LogError(error, path: self.path)
        }
    }

    /// Runs a transaction that sees what it changes, alone among all processes; durable on return.
    func write<Value>(_ body: (Database) throws -> Value) throws(LogError) -> Value {
        try self.checkOpen()
        if self.options.readOnly {
            throw LogError(.readOnly, "\(self.path) was opened for reading only; open it for writing")
        }
        do {
            let value = try self.pool.writeWithoutTransaction { db in
                var value: Value?
                try db.inTransaction(.immediate) {
                    value = try body(db)
                    return .commit
                }
                self.boundWAL(db)
                return value
            }
            self.monitor.signal()
            guard let value else { throw LogError(.failed, "\(self.path): a write ended without an answer") }
            return value
        } catch {
            throw LogError(error, path: self.path)
        }
    }

    /// Throws `.closed` once the log is closed.
    func checkOpen() throws(LogError) {
        if self.isClosed.load(ordering: .acquiring) {
            throw LogError(.closed, "the log at \(self.path) has been closed")
        }
    }

    /// Releases the file; calls under way end first.
    func close() {
        if self.isClosed.exchange(true, ordering: .acquiringAndReleasing) { return }
        self.monitor.close()
        // The writing connection has to be the last one to close, for it alone can empty the WAL and remove it.
        self.pool.invalidateReadOnlyConnections()
        // A failure leaves the file to be released with this object; there is nothing to be done about it here.
        try? self.pool.close()
    }

    /// A reader that is always under way keeps SQLite from starting the WAL over, so the file grows; wait for the
    /// readers once it is too large. Where that fails the next commit tries again.
    private func boundWAL(_ db: Database) {
        var status = stat()
        guard stat(self.path + "-wal", &status) == 0, status.st_size > 2 * self.options.walBytesMax else { return }
        _ = try? db.checkpoint(.truncate)
    }

    private static func makeFolder(of path: String) throws(LogError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw LogError(.failed, "the folder of \(path) cannot be created: \(error.localizedDescription)")
        }
    }

    /// Opens the pool, waiting where another process is creating or closing the file at this moment, which SQLite's
    /// own waiting does not cover.
    private static func open(_ path: String, _ options: EmbeddedLog.Options) throws(LogError) -> DatabasePool {
        let deadline = ContinuousClock.now + .milliseconds(options.busyTimeoutMilliseconds)
        while true {
            do {
                return try self.openOnce(path, options)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < deadline
            {
                usleep(5_000)
            } catch {
                throw LogError(error, path: path)
            }
        }
    }

    private static func openOnce(_ path: String, _ options: EmbeddedLog.Options) throws -> DatabasePool {
        if !options.readOnly {
            let pool = try DatabasePool(path: path, configuration: self.configuration(path, options))
            try pool.writeWithoutTransaction { db in try Schema.setUp(db) }
            return pool
        }
        do {
            let pool = try DatabasePool(path: path, configuration: self.configuration(path, options))
            _ = try pool.unsafeRead { db in try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM topic") }
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
            return try DatabasePool(
                path: "file:\(escaped)?immutable=1", configuration: self.configuration(path, options))
        }
    }

    private static func configuration(_ path: String, _ options: EmbeddedLog.Options) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = options.readOnly
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = 8
        configuration.persistentReadOnlyConnections = true
        let timeout = options.busyTimeoutMilliseconds
        let wait: @Sendable (Int) -> Bool = { tries in self.wait(tries, timeoutMilliseconds: timeout) }
        configuration.busyMode = .callback(wait)
        configuration.label = "EmbeddedLog"
        let isWritable = !options.readOnly
        configuration.prepareDatabase { db in
            let isWriter = isWritable && !db.configuration.readonly
            try Schema.prepare(db, path: path, options: options, isWriter: isWriter)
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
}
