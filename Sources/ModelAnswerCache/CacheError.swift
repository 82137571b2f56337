// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import SharedDatabase

/// The reason why the cache could not do what it was asked to.
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
        /// The caller handed over something that cannot be stored.
        case invalidArgument
        /// The cache has been closed.
        case closed
        /// Anything else that the system reported.
        case failed
    }

    /// The kind of failure.
    public var code: Code
    /// A description of what happened, where, and what to do about it.
    public var message: String

    /// Says what failed, in words for the user.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Tells whether the same call may succeed later without anybody's doing.
    public var isRetriable: Bool { self.code == .unavailable }

    /// Equals `message`.
    public var description: String { self.message }

    /// The same failure of the file system in the words of the cache.
    init(_ failure: FileFailure) {
        let code: Code =
            switch failure.code {
            case .missing: .missing
            case .full: .storageFull
            case .readOnly, .forbidden: .readOnly
            case .notAFile, .outside, .taken, .tooManyOpen, .changed, .tooLarge, .failed: .failed
            }
        self.init(code, failure.message)
    }

    /// Turns a failure of SQLite's into what the caller should make of it.
    init(_ error: any Error, path: String) {
        if let error = error as? CacheError {
            self = error
            return
        }
        guard let failure = DatabaseFailure(error, path: path) else {
            self.init(.failed, "the response cache \(path): \(error)")
            return
        }
        switch failure {
        case .locked(let detail):
            self.init(
                .unavailable,
                "the response cache \(path) stayed locked by another process; try again, or end a process that hangs "
                    + "(\(detail))")
        case .full: self = .storageFull(path)
        case .readOnly(let detail):
            self.init(
                .readOnly,
                "the response cache \(path) may be read but not written (\(detail)); give this user the right to write "
                    + "there, or use another home")
        case .openedReadOnly:
            self.init(.readOnly, "the response cache \(path) was opened for reading only")
        case .damaged(let detail): self = .corrupt(path, detail)
        case .notSQLite:
            self.init(
                .corrupt,
                "\(path) is not a response cache: it does not start as a SQLite file does; move it away, or put a copy back"
            )
        case .foreign:
            self.init(
                .corrupt, "\(path) is another program's SQLite database, not a response cache; move it away")
        case .newer(let found, let known):
            self.init(
                .versionTooNew,
                "the response cache \(path) has format \(found), and this program knows up to \(known); use a "
                    + "newer program")
        case .unopened(let detail), .forbidden(let detail):
            self.init(
                .failed,
                "the response cache \(path) cannot be opened (\(detail)); check that the folder exists and that this "
                    + "user may write there, or use another home")
        case .noFolder(let detail):
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
            self.init(
                .readOnly,
                "the folder \(folder) of the response cache cannot be created (\(detail)); give this user the right to "
                    + "write there, or use another home")
        case .tooLarge(let detail):
            self.init(.invalidArgument, "an answer is larger than the response cache \(path) can hold (\(detail))")
        case .closed: self.init(.closed, "the response cache \(path) has been closed")
        case .other(let detail): self.init(.failed, "the response cache \(path): \(detail)")
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
}
