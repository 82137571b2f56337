// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecordLog

/// The lock file by which a group member shows that its process lives.
///
/// The kernel releases a `flock` when the last descriptor of the open file is closed, whatever ends the process, so
/// that others on this machine see a death at once. The file is closed on exec, for a child process would keep the
/// lock alive.
struct MemberLock: ~Copyable {
    /// The lock file.
    let path: String
    private let descriptor: Int32

    /// Creates a member's lock file and locks it.
    init(folder: String, memberID: String, location: String) throws(LogError) {
        let path = "\(folder)/\(memberID).lock"
        let descriptor = try Self.lock(path, in: folder)
        // The content is for people who look into the folder; without it the lock is as good.
        let text = Array("\(location)\n".utf8)
        _ = write(descriptor, text, text.count)
        self.path = path
        self.descriptor = descriptor
    }

    private static func lock(_ path: String, in folder: String) throws(LogError) -> Int32 {
        if mkdir(folder, 0o777) != 0, errno != EEXIST { throw self.failure("creating", folder) }
        // A sweeper may take the file between its creation and its locking, and remove it: then it is made anew.
        for _ in 0..<100 {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw self.failure("creating", path) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, self.isFile(descriptor, at: path) { return descriptor }
            Foundation.close(descriptor)
            usleep(1_000)
        }
        throw LogError(.unavailable, "\(path) stays locked by another process; try again")
    }

    deinit {
        unlink(self.path)
        Foundation.close(self.descriptor)
    }

    /// Tells whether the file is still the one that is locked.
    var isIntact: Bool { Self.isFile(self.descriptor, at: self.path) }

    /// The folder of a log's lock files.
    static func folder(of logPath: String) -> String { logPath + "-members" }

    /// Tells whether the process of a member has ended: nobody holds its lock. Its file is removed then.
    ///
    /// If the file cannot be examined, the member counts as alive, and its session decides.
    static func isDead(folder: String, memberID: String) -> Bool {
        let path = "\(folder)/\(memberID).lock"
        let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0 { return errno == ENOENT }
        defer { Foundation.close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return false }
        if self.isFile(descriptor, at: path) { unlink(path) }
        return true
    }

    /// Removes the lock files that no living member holds and no member row names.
    static func sweep(folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasSuffix(".lock") {
            _ = self.isDead(folder: folder, memberID: String(name.dropLast(5)))
        }
    }

    private static func isFile(_ descriptor: Int32, at path: String) -> Bool {
        var opened = stat()
        var named = stat()
        return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino
            && opened.st_dev == named.st_dev
    }

    private static func failure(_ doing: String, _ path: String) -> LogError {
        let code: LogError.Code =
            switch errno {
            case ENOSPC, EDQUOT: .storageFull
            case EROFS, EACCES, EPERM: .readOnly
            default: .failed
            }
        return LogError(code, "\(doing) \(path): \(String(cString: strerror(errno))); group members need this file")
    }
}
