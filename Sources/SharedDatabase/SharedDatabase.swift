// SPDX-License-Identifier: Apache-2.0

public import GRDB
import Synchronization

/// A SQLite file that any number of processes of one machine read and write.
///
/// WAL mode, durable commits, and waits for other processes that are short beside a commit. Errors are
/// `DatabaseFailure`, or what a body throws.
public final class SharedDatabase: Sendable {
    /// The path of the file.
    public let path: String
    private let isReadOnly: Bool
    private let pool: DatabasePool
    private let isClosed = Atomic<Bool>(false)

    /// Opens the file, creating it with its folder where it is not there yet (unless read-only).
    public init(path: String, format: DatabaseFormat, options: DatabaseOptions) throws(DatabaseFailure) {
        self.path = path
        self.isReadOnly = options.readOnly
        try Self.checkHeader(of: path, format)
        if !options.readOnly { try Self.create(path) }
        self.pool = try Self.open(path, format, options)
    }

    deinit { self.close() }

    /// Runs statements that belong to one consistent view.
    public func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try self.readStatement { db in
            var value: Value?
            try db.inTransaction(.deferred) {
                value = try body(db)
                return .commit
            }
            guard let value else { throw DatabaseFailure.other("a read ended without an answer") }
            return value
        }
    }

    /// Runs a single statement, which is a view of its own.
    public func readStatement<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try self.sorting { try self.pool.unsafeRead(body) }
    }

    /// Runs a transaction that sees what it changes, alone among all processes; durable on return.
    /// - Parameter committed: runs on the same connection afterwards.
    public func write<Value>(
        _ body: (Database) throws -> Value, committed: (Database) -> Void = { _ in }
    ) throws -> Value {
        try self.withoutTransaction { db in
            var value: Value?
            try db.inTransaction(.immediate) {
                value = try body(db)
                return .commit
            }
            committed(db)
            guard let value else { throw DatabaseFailure.other("a write ended without an answer") }
            return value
        }
    }

    /// Runs statements that are transactions of their own.
    public func withoutTransaction<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try self.checkOpen()
        if self.isReadOnly { throw DatabaseFailure.openedReadOnly }
        return try self.sorting { try self.pool.writeWithoutTransaction(body) }
    }

    /// Throws `.closed` once the file is closed.
    public func checkOpen() throws(DatabaseFailure) {
        if self.isClosed.load(ordering: .acquiring) { throw .closed }
    }

    /// Releases the file; calls under way end first.
    /// - Returns: whether it was open.
    @discardableResult
    public func close() -> Bool {
        if self.isClosed.exchange(true, ordering: .acquiringAndReleasing) { return false }
        // The writing connection has to be the last one to close, for it alone can empty the WAL and remove it.
        self.pool.invalidateReadOnlyConnections()
        // A failure leaves the file to be released with this object; there is nothing to be done about it here.
        try? self.pool.close()
        return true
    }

    private func sorting<Value>(_ body: () throws -> Value) throws -> Value {
        try self.checkOpen()
        do {
            return try body()
        } catch {
            throw DatabaseFailure(error, path: self.path) ?? error
        }
    }
}
