// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import GRDB

/// The reason why a file could not be used, by what can be done about it; the module whose file it is finds the words.
public enum DatabaseFailure: Error, Hashable, Sendable {
    /// Another process held it locked for too long.
    case locked(detail: String)
    /// No space is left, or the file is as large as it may become.
    case full
    /// It may be read but not written.
    case readOnly(detail: String)
    /// It was opened for reading only.
    case openedReadOnly
    /// Its content is damaged.
    case damaged(detail: String)
    /// It does not start as a SQLite file does.
    case notSQLite
    /// It is another program's database.
    case foreign
    /// It was written by a newer version.
    case newer(found: Int32, known: Int32)
    /// It cannot be opened.
    case unopened(detail: String)
    /// This user may not access it.
    case forbidden(detail: String)
    /// Its folder cannot be created.
    case noFolder(detail: String)
    /// A row would be larger than SQLite takes.
    case tooLarge(detail: String)
    /// It has been closed.
    case closed
    /// Anything else.
    case other(String)

    /// The same failure of the file system in the words of databases.
    init(_ failure: FileFailure) {
        switch failure.code {
        case .full: self = .full
        case .readOnly: self = .readOnly(detail: failure.message)
        case .forbidden: self = .forbidden(detail: failure.message)
        default: self = .unopened(detail: failure.message)
        }
    }

    /// Sorts an error of GRDB's; `nil` for those of others.
    public init?(_ error: any Error, path: String) {
        if let failure = error as? DatabaseFailure {
            self = failure
            return
        }
        if let error = error as? RowDecodingError {
            self = .damaged(detail: "\(error)")
            return
        }
        guard let error = error as? DatabaseError else { return nil }
        let detail = error.message ?? error.resultCode.description
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked(detail: detail)
        case .SQLITE_FULL: self = .full
        case .SQLITE_READONLY: self = .readOnly(detail: detail)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(detail: detail)
        case .SQLITE_CANTOPEN: self = Self.unopened(path, detail: detail)
        case .SQLITE_PERM, .SQLITE_AUTH: self = .forbidden(detail: detail)
        case .SQLITE_TOOBIG: self = .tooLarge(detail: detail)
        case .SQLITE_IOERR where Self.isFull(path): self = .full
        default: self = .other("\(detail) (SQLite code \(error.extendedResultCode.rawValue))")
        }
    }

    /// SQLite does not say why a file cannot be opened; the system does, to whoever tries.
    private static func unopened(_ path: String, detail: String) -> DatabaseFailure {
        do throws(FileFailure) {
            _ = try OwnFile.openIfThere(path)
            return .unopened(detail: detail)
        } catch {
            return DatabaseFailure(error)
        }
    }

    /// Tells whether an I/O error is best explained by a file system without space: the shared-memory file of the WAL
    /// cannot grow then, which SQLite does not report as SQLITE_FULL.
    private static func isFull(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        guard let free = attributes?[.systemFreeSize] as? NSNumber else { return false }
        return free.int64Value < 64 << 10
    }
}
