// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecordLog

extension LogError {
    /// What the caller should make of a failure of SQLite's.
    init(_ error: any Error, path: String) {
        if let error = error as? LogError {
            self = error
            return
        }
        if let error = error as? RowDecodingError {
            self.init(.corrupt, "\(path) is damaged: \(error); put a copy back")
            return
        }
        guard let error = error as? DatabaseError else {
            self.init(.failed, "\(path): \(error)")
            return
        }
        let detail = error.message ?? error.resultCode.description
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .unavailable,
                "\(path) stayed locked by another process; try again, or end a process that hangs (\(detail))")
        case .SQLITE_FULL:
            self = .storageFull(path)
        case .SQLITE_READONLY:
            self.init(
                .readOnly, "\(path) may be read but not written; check its permissions and its file system (\(detail))")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(
                .corrupt,
                "\(path) is damaged: \(detail); put a copy back, or save what is readable with sqlite3's .recover command"
            )
        case .SQLITE_CANTOPEN:
            self.init(.failed, "\(path) cannot be opened (\(detail)); check that the path exists and may be written")
        case .SQLITE_PERM, .SQLITE_AUTH:
            self.init(.failed, "\(path) may not be accessed (\(detail)); check its permissions")
        case .SQLITE_TOOBIG:
            self.init(.recordTooLarge, "a row of \(path) would be larger than SQLite takes (\(detail))")
        case .SQLITE_IOERR where Self.isFull(path):
            self = .storageFull(path)
        default:
            self.init(.failed, "\(path): \(detail) (SQLite code \(error.extendedResultCode.rawValue))")
        }
    }

    /// The disk is full, or the file as large as it may become.
    private static func storageFull(_ path: String) -> LogError {
        LogError(
            .storageFull, "no space left to write \(path); free some and go on: nothing of this commit was written")
    }

    /// Whether an I/O error is best explained by a file system without space: the shared-memory file of the WAL
    /// cannot grow then, which SQLite does not report as SQLITE_FULL.
    private static func isFull(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        guard let free = attributes?[.systemFreeSize] as? NSNumber else { return false }
        return free.int64Value < 64 << 10
    }
}
