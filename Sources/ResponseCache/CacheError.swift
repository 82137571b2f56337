// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// Why the cache could not do what it was asked to.
public struct CacheError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure, told apart by what the caller should do.
    public enum Code: Hashable, Sendable {
        /// The disk or the quota is full: make room and go on. Nothing of what failed was stored.
        case storageFull
        /// The cache may be read but not written.
        case readOnly
        /// There is no cache yet.
        case missing
        /// Another process held the cache locked for too long: try again.
        case unavailable
        /// The file is damaged as a whole, or not a cache.
        case corrupt
        /// Written by a newer version.
        case versionTooNew
        /// What the caller handed over cannot be stored.
        case invalidArgument
        /// The cache has been closed.
        case closed
        /// Anything else that the system reported.
        case failed
    }

    /// What kind of failure it is.
    public var code: Code
    /// What happened, where, and what to do about it.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same call may succeed later without anybody's doing.
    public var isRetriable: Bool { self.code == .unavailable }

    /// The message.
    public var description: String { self.message }

    /// What the caller should make of a failure of SQLite's.
    init(_ error: any Error, path: String) {
        if let error = error as? CacheError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self.init(.failed, "the response cache \(path): \(error)")
            return
        }
        let detail = error.message ?? error.resultCode.description
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .unavailable,
                "the response cache \(path) stayed locked by another process; try again, or end a process that hangs "
                    + "(\(detail))")
        case .SQLITE_FULL: self = .storageFull(path)
        case .SQLITE_READONLY:
            self.init(
                .readOnly,
                "the response cache \(path) may be read but not written (\(detail)); give this user the right to write "
                    + "there, or use another home")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(path, detail)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            self.init(
                .failed,
                "the response cache \(path) cannot be opened (\(detail)); check that the folder exists and that this "
                    + "user may write there, or use another home")
        case .SQLITE_TOOBIG:
            self.init(.invalidArgument, "an answer is larger than the response cache \(path) can hold (\(detail))")
        // The shared-memory file of the WAL cannot grow on a full disk, which SQLite does not report as SQLITE_FULL.
        case .SQLITE_IOERR where Self.isFull(path): self = .storageFull(path)
        default:
            self.init(
                .failed, "the response cache \(path): \(detail) (SQLite code \(error.extendedResultCode.rawValue))")
        }
    }

    static func storageFull(_ path: String) -> CacheError {
        CacheError(
            .storageFull,
            "no space left to write the response cache \(path); free some, or remove old answers with `millrace cache "
                + "prune --before TIME`, and go on: what was stored before is safe")
    }

    static func corrupt(_ path: String, _ detail: String) -> CacheError {
        CacheError(
            .corrupt,
            "the response cache \(path) is damaged: \(detail); save what is readable with `millrace cache export FILE`, "
                + "move the folder away, and bring it back with `millrace cache import FILE`")
    }

    private static func isFull(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        guard let free = attributes?[.systemFreeSize] as? NSNumber else { return false }
        return free.int64Value < 64 << 10
    }
}
