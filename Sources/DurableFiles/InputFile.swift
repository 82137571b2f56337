// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A file that a user names, open for reading: a regular file, or, where the caller takes streams, a pipe that somebody
/// writes to, such as `<(zcat narrations.gz)` or `/dev/stdin`.
///
/// Devices are refused, and so is a FIFO that nobody writes to: neither is waited for without an end.
public final class InputFile: Sendable {
    /// The kinds of file that may be named.
    public enum Kind: Sendable {
        /// A regular file alone: it is read by position.
        case regular
        /// A pipe as well: it is read from front to back.
        case stream
    }

    /// The path, as it was given.
    public let path: String
    /// The size in bytes when it was opened; 0 for a pipe.
    public let size: Int
    /// The descriptor, which this object owns.
    public let descriptor: Int32
    private let opened: stat
    private let bytesRead = Atomic(0)

    private var isPipe: Bool { self.opened.st_mode & S_IFMT == S_IFIFO }

    /// Opens a file.
    public init(path: String, _ kind: Kind = .regular) throws(FileFailure) {
        // To open a FIFO for reading would otherwise wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw FileFailure("open", path, number: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let number = errno
            close(descriptor)
            throw FileFailure("open", path, number: number)
        }
        let isRegular = status.st_mode & S_IFMT == S_IFREG
        guard isRegular || kind == .stream && status.st_mode & S_IFMT == S_IFIFO else {
            close(descriptor)
            throw FileFailure(.notAFile, "open", path, "it \(FileKind.words(status.st_mode)), and no regular file")
        }
        self.path = path
        self.descriptor = descriptor
        self.opened = status
        self.size = isRegular ? Int(status.st_size) : 0
    }

    /// Takes over the descriptor of a regular file.
    init(path: String, descriptor: Int32) {
        var status = stat()
        fstat(descriptor, &status)
        self.path = path
        self.descriptor = descriptor
        self.opened = status
        self.size = Int(status.st_size)
    }

    deinit { close(self.descriptor) }

    /// Reads what comes next.
    /// - Returns: the number of bytes; 0 at the end.
    /// - Throws: `FileFailure.Code.changed` at the end of a file that is not the one that was opened any more.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileFailure) -> Int {
        while true {
            let count = Glibc.read(self.descriptor, buffer.baseAddress, buffer.count)
            if count > 0 {
                self.bytesRead.wrappingAdd(count, ordering: .relaxed)
                return count
            }
            if count == 0 {
                try self.checkEnd()
                return 0
            }
            if errno == EAGAIN {
                // Somebody has the pipe open for writing.
                var waiting = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
                poll(&waiting, 1, -1)
            } else if errno != EINTR {
                throw FileFailure("read", self.path, number: errno)
            }
        }
    }

    private func checkEnd() throws(FileFailure) {
        if self.isPipe {
            guard self.bytesRead.load(ordering: .relaxed) == 0 else { return }
            throw FileFailure(
                .notAFile, "read", self.path, "it is a pipe that nobody writes to, or that was empty; start its writer")
        }
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else { throw FileFailure("read", self.path, number: errno) }
        let isSame =
            status.st_size == self.opened.st_size && status.st_mtim.tv_sec == self.opened.st_mtim.tv_sec
            && status.st_mtim.tv_nsec == self.opened.st_mtim.tv_nsec
        guard isSame, self.bytesRead.load(ordering: .relaxed) == self.size else {
            throw FileFailure(
                .changed, "read", self.path,
                "it changed while it was read (\(self.size) bytes when it was opened, \(status.st_size) now); run it again "
                    + "when nothing writes to the file")
        }
    }

    /// Reads the rest.
    /// - Parameter bytesMax: more than so many bytes are refused.
    public func contents(bytesMax: Int = .max) throws(FileFailure) -> [UInt8] {
        guard self.size <= bytesMax else { throw self.tooLarge(bytesMax) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.size)
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = try self.read(into: chunk)
            if count == 0 { return bytes }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            guard bytes.count <= bytesMax else { throw self.tooLarge(bytesMax) }
        }
    }

    /// Reads the first bytes, as many as there are.
    public func contents(first count: Int) throws(FileFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let filled = pread(self.descriptor, &bytes, count, 0)
        guard filled >= 0 else { throw FileFailure("read", self.path, number: errno) }
        return Array(bytes[..<filled])
    }

    private func tooLarge(_ bytesMax: Int) -> FileFailure {
        FileFailure(.tooLarge, "read", self.path, "it has more than \(bytesMax) bytes, too many for such a file")
    }

    /// Reads a file or pipe whole.
    public static func contents(_ path: String, bytesMax: Int = .max) throws(FileFailure) -> [UInt8] {
        try InputFile(path: path, .stream).contents(bytesMax: bytesMax)
    }
}

/// The type of a file, in words.
enum FileKind {
    static func words(_ mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFDIR: "is a folder"
        case S_IFIFO: "is a FIFO"
        case S_IFSOCK: "is a socket"
        case S_IFCHR, S_IFBLK: "is a device"
        case S_IFLNK: "is a symbolic link"
        default: "is something else"
        }
    }
}
