// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Synchronization

/// The SQLite file under a cache.
final class CacheStorage: Sendable {
    let path: String
    let options: ResponseCache.Options
    private let pool: DatabasePool
    private let isClosed = Atomic<Bool>(false)

    /// Opens the file, or creates it with its folder (unless read-only).
    init(path: String, options: ResponseCache.Options) throws(CacheError) {
        self.path = path
        self.options = options
        try Schema.checkHeader(of: path)
        if options.readOnly || options.mustExist, !FileManager.default.fileExists(atPath: path) {
            throw CacheError(
                .missing,
                "there is no response cache \(path) yet; a topology with a language model fills it, or `millrace cache "
                    + "import`; or name another home")
        }
        if !options.readOnly { try Self.makeFolder(of: path) }
        self.pool = try Self.open(path, options)
    }

    deinit { self.close() }

    /// Runs statements that belong to one consistent view.
    func read<Value>(_ body: (Database) throws -> Value) throws(CacheError) -> Value {
        try self.checkOpen()
        do {
            return try self.pool.unsafeRead { db in
                var value: Value?
                try db.inTransaction(.deferred) {
                    value = try body(db)
                    return .commit
                }
                guard let value else { throw CacheError(.failed, "\(self.path): a read ended without an answer") }
                return value
            }
        } catch {
            throw CacheError(error, path: self.path)
        }
    }

    /// Runs a single statement, which is a view of its own.
    func readStatement<Value>(_ body: (Database) throws -> Value) throws(CacheError) -> Value {
        try self.checkOpen()
        do {
            return try self.pool.unsafeRead(body)
        } catch {
            throw CacheError(error, path: self.path)
        }
    }

    /// Runs a transaction alone among all processes; durable on return.
    func write<Value>(_ body: (Database) throws -> Value) throws(CacheError) -> Value {
        try self.withoutTransaction { db in
            var value: Value?
            try db.inTransaction(.immediate) {
                value = try body(db)
                return .commit
            }
            guard let value else { throw CacheError(.failed, "\(self.path): a write ended without an answer") }
            return value
        }
    }

    /// Runs statements that are transactions of their own.
    func withoutTransaction<Value>(_ body: (Database) throws -> Value) throws(CacheError) -> Value {
        try self.checkOpen()
        if self.options.readOnly {
            throw CacheError(.readOnly, "the response cache \(self.path) was opened for reading only")
        }
        do {
            return try self.pool.writeWithoutTransaction(body)
        } catch {
            throw CacheError(error, path: self.path)
        }
    }

    /// Throws `.closed` once the cache is closed.
    func checkOpen() throws(CacheError) {
        if self.isClosed.load(ordering: .acquiring) {
            throw CacheError(.closed, "the response cache \(self.path) has been closed")
        }
    }

    /// Releases the file; calls under way end first.
    func close() {
        if self.isClosed.exchange(true, ordering: .acquiringAndReleasing) { return }
        // The writing connection has to be the last one to close, for it alone can empty the WAL and remove it.
        self.pool.invalidateReadOnlyConnections()
        // A failure leaves the file to be released with this object; there is nothing to be done about it here.
        try? self.pool.close()
    }

    private static func makeFolder(of path: String) throws(CacheError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
            let reason = cause.map { String(cString: strerror(Int32($0.code))) } ?? error.localizedDescription
            throw CacheError(
                .readOnly,
                "the folder \(folder.path) of the response cache cannot be created (\(reason)); give this user the right "
                    + "to write there, or use another home")
        }
    }

    /// Opens the pool, waiting where another process is creating or closing the file at this moment, which SQLite's
    /// own waiting does not cover.
    private static func open(_ path: String, _ options: ResponseCache.Options) throws(CacheError) -> DatabasePool {
        let deadline = ContinuousClock.now + .milliseconds(options.busyTimeoutMilliseconds)
        while true {
            do {
                return try self.openOnce(path, options)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < deadline
            {
                usleep(5_000)
            } catch {
                throw CacheError(error, path: path)
            }
        }
    }

    private static func openOnce(_ path: String, _ options: ResponseCache.Options) throws -> DatabasePool {
        if !options.readOnly {
            let pool = try DatabasePool(path: path, configuration: self.configuration(path, options))
            try pool.writeWithoutTransaction { db in try Schema.setUp(db) }
            return pool
        }
        do {
            let pool = try DatabasePool(path: path, configuration: self.configuration(path, options))
            _ = try pool.unsafeRead { db in try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM base") }
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

    private static func configuration(_ path: String, _ options: ResponseCache.Options) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = options.readOnly
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = 8
        configuration.persistentReadOnlyConnections = true
        let timeout = options.busyTimeoutMilliseconds
        let wait: @Sendable (Int) -> Bool = { tries in self.wait(tries, timeoutMilliseconds: timeout) }
        configuration.busyMode = .callback(wait)
        configuration.label = "ResponseCache"
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
