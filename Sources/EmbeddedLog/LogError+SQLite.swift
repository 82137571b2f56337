// SPDX-License-Identifier: Apache-2.0

import RecordLog
import SharedDatabase

extension LogError {
    /// Translates a failure of SQLite's into what the caller can act on.
    init(_ error: any Error, path: String) {
        if let error = error as? LogError {
            self = error
            return
        }
        guard let failure = DatabaseFailure(error, path: path) else {
            self.init(.failed, "\(path): \(error)")
            return
        }
        switch failure {
        case .locked(let detail):
            self.init(
                .unavailable,
                "\(path) stayed locked by another process; try again, or end a process that hangs (\(detail))")
        case .full:
            self = .storageFull(path)
        case .readOnly(let detail):
            self.init(
                .readOnly, "\(path) may be read but not written; check its permissions and its file system (\(detail))")
        case .openedReadOnly:
            self.init(.readOnly, "\(path) was opened for reading only; open it for writing")
        case .damaged(let detail):
            self.init(
                .corrupt,
                "\(path) is damaged: \(detail); put a copy back, or save what is readable with sqlite3's .recover command"
            )
        case .notSQLite:
            self.init(
                .corrupt,
                "\(path) is not a log: it does not start as a SQLite file does; name another path, or put a copy back")
        case .foreign:
            self.init(.corrupt, "\(path) is another program's SQLite database, not a log; name another path")
        case .newer(let found, let known):
            self.init(
                .versionTooNew,
                "\(path) has format \(found), and this program knows up to \(known); use a newer program")
        case .unopened(let detail):
            self.init(.failed, "\(path) cannot be opened (\(detail)); check that the path exists and may be written")
        case .forbidden(let detail):
            self.init(.failed, "\(path) may not be accessed (\(detail)); check its permissions")
        case .noFolder(let detail):
            self.init(.failed, "the folder of \(path) cannot be created: \(detail)")
        case .tooLarge(let detail):
            self.init(.recordTooLarge, "a row of \(path) would be larger than SQLite takes (\(detail))")
        case .closed:
            self.init(.closed, "the log at \(path) has been closed")
        case .other(let detail):
            self.init(.failed, "\(path): \(detail)")
        }
    }

    /// The disk is full, or the file as large as it may become.
    private static func storageFull(_ path: String) -> LogError {
        LogError(
            .storageFull, "no space left to write \(path); free some and go on: nothing of this commit was written")
    }
}
