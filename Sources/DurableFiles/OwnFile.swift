// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Files that Millrace keeps for itself: never a symbolic link, and nobody's but their owner's.
public enum OwnFile {
    /// Opens a file, and creates it where it is not there.
    ///
    /// A new one is its owner's alone; in a folder that the group may write, the group's as well.
    /// - Parameter flags: beside `O_CLOEXEC`, `O_NOFOLLOW` and `O_NONBLOCK`.
    /// - Returns: the descriptor, which is the caller's.
    public static func open(_ path: String, _ flags: Int32) throws(FileFailure) -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, self.mode(of: path))
        guard descriptor >= 0 else { throw FileFailure(flags & O_CREAT == 0 ? "open" : "create", path, number: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileFailure(
                .notAFile, "open", path,
                "it \(FileKind.words(status.st_mode)) where a file of Millrace's own belongs; remove it")
        }
        return descriptor
    }

    /// Creates an empty file where there is none, with the rights of a new one.
    public static func create(_ path: String) throws(FileFailure) {
        do throws(FileFailure) {
            close(try self.open(path, O_RDWR | O_CREAT | O_EXCL))
        } catch {
            guard error.code == .taken else { throw error }
        }
    }

    /// Opens a file for reading; `nil` where there is none.
    public static func openIfThere(_ path: String) throws(FileFailure) -> InputFile? {
        do throws(FileFailure) {
            return InputFile(path: path, descriptor: try self.open(path, O_RDONLY))
        } catch {
            if error.code == .missing { return nil }
            throw error
        }
    }

    /// Reads a file whole; `nil` where there is none.
    public static func contents(_ path: String, bytesMax: Int) throws(FileFailure) -> [UInt8]? {
        try self.openIfThere(path)?.contents(bytesMax: bytesMax)
    }

    private static func mode(of path: String) -> mode_t {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        var status = stat()
        return stat(folder, &status) == 0 && status.st_mode & S_IWGRP != 0 ? 0o660 : 0o600
    }
}

/// Folders of the file system.
public enum Folder {
    /// Creates a folder, with those above it, where it is not there.
    /// - Parameter isPrivate: whether those that are created are their owner's alone.
    public static func create(_ path: String, isPrivate: Bool) throws(FileFailure) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? part : "/\(part)"
            if mkdir(made, isPrivate ? 0o700 : 0o777) != 0, errno != EEXIST {
                let number = errno
                // If it is there, a read-only or foreign file system above it does not matter.
                var status = stat()
                if stat(made, &status) != 0 { throw FileFailure("create the folder", made, number: number) }
            }
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileFailure("open the folder", path, number: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw FileFailure(.taken, "create the folder", path, "it is a file; move it away, or name another folder")
        }
    }

    /// Makes the names in a folder durable as they are now.
    public static func synchronize(_ path: String) throws(FileFailure) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure("open the folder", path, number: errno) }
        defer { close(descriptor) }
        if fsync(descriptor) != 0, errno != EINVAL { throw FileFailure("synchronise the folder", path, number: errno) }
    }
}
