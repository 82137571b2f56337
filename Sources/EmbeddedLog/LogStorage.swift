// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecordLog
import Records
import SharedDatabase

/// The SQLite file under a log, shared by the log's readers, writers and group members.
final class LogStorage: Sendable {
    let path: String
    let options: EmbeddedLog.Options
    let catalog = Catalog()
    let monitor: ChangeMonitor
    private let database: SharedDatabase

    /// Opens the file, or creates it.
    init(path: String, options: EmbeddedLog.Options) throws(LogError) {
        self.path = path
        self.options = options
        if options.readOnly, !FileManager.default.fileExists(atPath: path) {
            throw LogError(.failed, "there is no log at \(path) yet; run something that writes one first")
        }
        do throws(DatabaseFailure) {
            self.database = try SharedDatabase(
                path: path, format: Schema.format(pageBytes: options.pageBytes), options: options.database)
        } catch {
            throw LogError(error, path: path)
        }
        do {
            self.monitor = try ChangeMonitor(path: path)
        } catch {
            throw LogError(error, path: path)
        }
    }

    deinit { self.close() }

    /// Runs statements that belong to one consistent view of the log.
    func read<Value>(_ body: (Database) throws -> Value) throws(LogError) -> Value {
        try self.sorting { try self.database.read(body) }
    }

    /// Runs a single statement, which is a view of its own.
    func readStatement<Value>(_ body: (Database) throws -> Value) throws(LogError) -> Value {
        try self.sorting { try self.database.readStatement(body) }
    }

    /// Runs a transaction that sees what it changes, alone among all processes; durable on return.
    func write<Value>(_ body: (Database) throws -> Value) throws(LogError) -> Value {
        let value = try self.sorting { try self.database.write(body, committed: self.boundWAL) }
        self.monitor.signal()
        return value
    }

    private func sorting<Value>(_ body: () throws -> Value) throws(LogError) -> Value {
        do {
            return try body()
        } catch {
            throw LogError(error, path: self.path)
        }
    }

    /// Throws `.closed` once the log is closed.
    func checkOpen() throws(LogError) {
        do { try self.database.checkOpen() } catch { throw LogError(error, path: self.path) }
    }

    /// Releases the file; calls under way end first.
    func close() {
        self.monitor.close()
        self.database.close()
    }

    /// A reader that is always under way keeps SQLite from starting the WAL over, so the file grows; wait for the
    /// readers once it is too large. Where that fails the next commit tries again.
    private func boundWAL(_ db: Database) {
        var status = stat()
        guard stat(self.path + "-wal", &status) == 0, status.st_size > 2 * self.options.walBytesMax else { return }
        _ = try? db.checkpoint(.truncate)
    }
}
