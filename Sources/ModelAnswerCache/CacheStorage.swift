// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import SharedDatabase

/// The SQLite file under a cache.
final class CacheStorage: Sendable {
    let path: String
    let options: ResponseCache.Options
    private let database: SharedDatabase

    /// Opens the file, or creates it with its folder (unless read-only).
    init(path: String, options: ResponseCache.Options) throws(CacheError) {
        self.path = path
        self.options = options
        if options.readOnly || options.mustExist, !FileManager.default.fileExists(atPath: path) {
            throw CacheError(
                .missing,
                "there is no response cache \(path) yet; a topology with a language model fills it, or `millrace cache "
                    + "import`; or name another home")
        }
        var database = DatabaseOptions()
        database.readOnly = options.readOnly
        database.busyTimeoutMilliseconds = options.busyTimeoutMilliseconds
        database.fileBytesMax = options.fileBytesMax
        do throws(DatabaseFailure) {
            self.database = try SharedDatabase(path: path, format: Schema.format, options: database)
        } catch {
            throw CacheError(error, path: path)
        }
    }

    deinit { self.close() }

    /// Runs statements that belong to one consistent view.
    func read<Value>(_ body: (Database) throws -> Value) throws(CacheError) -> Value {
        try self.sorting { try self.database.read(body) }
    }

    /// Runs a single statement, which is a view of its own.
    func readStatement<Value>(_ body: (Database) throws -> Value) throws(CacheError) -> Value {
        try self.sorting { try self.database.readStatement(body) }
    }

    /// Runs a transaction alone among all processes; durable on return.
    func write<Value>(_ body: (Database) throws -> Value) throws(CacheError) -> Value {
        try self.sorting { try self.database.write(body) }
    }

    /// Runs statements that are transactions of their own.
    func withoutTransaction<Value>(_ body: (Database) throws -> Value) throws(CacheError) -> Value {
        try self.sorting { try self.database.withoutTransaction(body) }
    }

    /// Throws `.closed` once the cache is closed.
    func checkOpen() throws(CacheError) { try self.sorting { try self.database.checkOpen() } }

    /// Releases the file; calls under way end first.
    func close() { self.database.close() }

    private func sorting<Value>(_ body: () throws -> Value) throws(CacheError) -> Value {
        do {
            return try body()
        } catch {
            throw CacheError(error, path: self.path)
        }
    }
}
