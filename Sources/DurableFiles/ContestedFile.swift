// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file that several processes may want to replace, of whom one has the better right: the older must never undo what
/// the newer did, however long it slept before its last step.
public enum ContestedFile {
    /// The part of a file that is shown to those who decide about it, in bytes.
    public static let headBytes = 4 << 10

    /// Tries, a millisecond apart, to get the lock of a file; it is held for the length of a renaming.
    private static let lockTries = 10_000

    /// Gives a file that is whole and durable the name of another, if a look at that one permits; the folder is not
    /// synchronised.
    ///
    /// From the look to the renaming the file that is replaced is locked (`flock`), and where there is none the name is
    /// taken only while it is free: of two who come at once the second sees what the first has put there. A file
    /// system without locks leaves the step between look and renaming open.
    /// - Parameters:
    ///   - path: the file to be replaced, which need not be there.
    ///   - temporary: the file to put in its place, in the same folder.
    ///   - permits: decides by the first `headBytes` bytes of what is there, and by its size in bytes.
    /// - Returns: `false` if what is there stays, and `temporary` as well.
    public static func replace(
        _ path: String, with temporary: String, if permits: ([UInt8], Int) -> Bool
    ) throws(FileFailure) -> Bool {
        while true {
            let current = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            if current < 0 {
                guard errno == ENOENT else { throw FileFailure("replace", path, number: errno) }
                if try self.take(path, with: temporary) { return true }
                continue
            }
            defer { close(current) }
            try self.lock(current, path)
            // Another may have come first; then that other's file is the one to look at.
            guard self.isNamed(current, path) else { continue }
            var status = stat()
            guard fstat(current, &status) == 0 else { throw FileFailure("read", path, number: errno) }
            guard permits(try self.head(of: current, path), Int(status.st_size)) else { return false }
            guard rename(temporary, path) == 0 else { throw FileFailure("replace", path, number: errno) }
            return true
        }
    }

    /// Tells whether a path leads to the file that a descriptor is open on.
    public static func isNamed(_ descriptor: Int32, _ path: String) -> Bool {
        var opened = stat()
        var named = stat()
        return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev
            && opened.st_ino == named.st_ino
    }

    /// Gives a file a name that is free; `false` if it is free no longer.
    private static func take(_ path: String, with temporary: String) throws(FileFailure) -> Bool {
        if link(temporary, path) == 0 {
            unlink(temporary)
            return true
        }
        switch errno {
        case EEXIST: return false
        case EPERM, EOPNOTSUPP, ENOSYS, EMLINK:
            // A file system without hard links.
            guard rename(temporary, path) == 0 else { throw FileFailure("create", path, number: errno) }
            return true
        default: throw FileFailure("create", path, number: errno)
        }
    }

    private static func lock(_ descriptor: Int32, _ path: String) throws(FileFailure) {
        for _ in 0..<self.lockTries {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: usleep(1_000)
            case ENOLCK, EOPNOTSUPP, ENOSYS: return
            default: throw FileFailure("lock", path, number: errno)
            }
        }
        throw FileFailure(
            .failed, "replace", path, "another process has held its lock for 10 s; `fuser -v` says which: end it")
    }

    private static func head(of descriptor: Int32, _ path: String) throws(FileFailure) -> [UInt8] {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: self.headBytes) { buffer, filled in
            repeat { count = pread(descriptor, buffer.baseAddress, buffer.count, 0) } while count < 0 && errno == EINTR
            filled = max(0, count)
        }
        if count < 0 { throw FileFailure("read", path, number: errno) }
        return bytes
    }
}
