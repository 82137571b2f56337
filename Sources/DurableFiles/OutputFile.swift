// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file that a user names for output: it is there whole and durable, or as it was before.
///
/// Symbolic links are followed: what a link points to is replaced, and the link stays. Standard streams, pipes and
/// character devices are written through; folders, sockets and disks are refused. Nothing of these is ever replaced.
public final class OutputFile {
    /// The path, as it was given.
    public let path: String
    private let descriptor: Int32
    /// The file with its link followed, and its stand-in until it is whole; `nil` where writing goes through.
    private let names: (target: String, temporary: String)?
    private var isWhole = false

    /// Opens a file for output.
    public init(path: String) throws(FileFailure) {
        self.path = path
        var status = stat()
        let isThere = stat(path, &status) == 0
        if let number = Self.standardStream(path) {
            let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
            guard copy >= 0 else { throw FileFailure("open", path, number: errno) }
            self.descriptor = copy
            self.names = nil
        } else if isThere, [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT) {
            self.descriptor = try Self.openThrough(path)
            self.names = nil
        } else if isThere, status.st_mode & S_IFMT != S_IFREG {
            throw FileFailure(
                .notAFile, "write", path, "it \(FileKind.words(status.st_mode)), and no file to write; name another")
        } else {
            let target = try Self.following(path)
            let temporary = Self.folder(of: target) + "/.\(Self.name(of: target)).\(getpid()).partial"
            unlink(temporary)
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw FileFailure("create", target, number: errno) }
            // A file that is replaced keeps its rights.
            if isThere { fchmod(descriptor, status.st_mode & 0o777) }
            self.descriptor = descriptor
            self.names = (target, temporary)
        }
    }

    deinit {
        close(self.descriptor)
        if let names = self.names, !self.isWhole { unlink(names.temporary) }
    }

    /// Tells whether a path is standard output, by whatever name.
    public static func isStandardOutput(_ path: String) -> Bool { self.standardStream(path) == 1 }

    /// The number of a descriptor of ours that a path names: to open it anew would begin the file anew.
    private static func standardStream(_ path: String) -> Int32? {
        switch path {
        case "/dev/stdout": return 1
        case "/dev/stderr": return 2
        default:
            let prefix = ["/dev/fd/", "/proc/self/fd/"].first { path.hasPrefix($0) }
            return prefix.flatMap { Int32(path.dropFirst($0.utf8.count)) }.flatMap { $0 > 0 ? $0 : nil }
        }
    }

    /// A FIFO without a reader is refused and not waited for.
    private static func openThrough(_ path: String) throws(FileFailure) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw FileFailure("write to", path, number: errno) }
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        return descriptor
    }

    private static func following(_ path: String) throws(FileFailure) -> String {
        var path = path
        for _ in 0..<40 {
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(path, &buffer, buffer.count)
            if count < 0 { return path }
            let target = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
            path = target.hasPrefix("/") ? target : self.folder(of: path) + "/" + target
        }
        throw FileFailure("open", path, number: ELOOP)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "" : String(path[..<slash])
    }

    private static func name(of path: String) -> String { String(path.split(separator: "/").last ?? "") }

    /// Appends bytes, all of them.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(self.descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw FileFailure("write", self.path, number: errno)
            }
        }
    }

    /// Appends bytes, all of them.
    public func append(_ bytes: [UInt8]) throws(FileFailure) {
        var failure: FileFailure?
        bytes.withUnsafeBytes { bytes in
            do throws(FileFailure) { try self.append(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Makes the file durable and gives it its name.
    public func finish() throws(FileFailure) {
        guard let names = self.names else {
            // A pipe or device that was written through may not know how to be synchronised.
            if fsync(self.descriptor) != 0, [EIO, ENOSPC, EDQUOT].contains(errno) {
                throw FileFailure("write", self.path, number: errno)
            }
            return
        }
        guard fsync(self.descriptor) == 0 else { throw FileFailure("write", self.path, number: errno) }
        guard rename(names.temporary, names.target) == 0 else {
            throw FileFailure("write", names.target, number: errno)
        }
        self.isWhole = true
        try Folder.synchronize(Self.folder(of: names.target) + "/.")
    }

    /// Writes a file whole.
    public static func write(_ bytes: [UInt8], to path: String) throws(FileFailure) {
        let file = try OutputFile(path: path)
        try file.append(bytes)
        try file.finish()
    }
}
