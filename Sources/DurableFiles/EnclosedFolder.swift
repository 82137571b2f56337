// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A folder from which files are read that somebody else names: nothing outside it can be read through it, whatever a
/// path says.
///
/// A path may be relative to the folder or absolute, and may go through `..` and symbolic links: its end decides, as
/// the system finds it. The end is looked at before it is opened for reading, so that no device and no FIFO is ever
/// touched, and what is looked at is what is read: an exchange of links in between changes nothing.
public final class EnclosedFolder: Sendable {
    /// The path, as it was given.
    public let path: String
    private let descriptor: Int32

    /// Opens a folder.
    public init(path: String) throws(FileFailure) {
        let descriptor = Glibc.open(path, Self.placeOnly | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let number = errno
            guard number != ENOTDIR else { throw FileFailure(.missing, "open the folder", path, "it is no folder") }
            throw FileFailure("open the folder", path, number: number)
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(self.descriptor) }

    /// Opens a regular file of the folder for reading.
    /// - Throws: `FileFailure.Code.outside` for one that lies elsewhere, `.notAFile` for what is none, `.missing`, and
    ///   `.failed` if the folder itself is no longer there.
    public func open(_ path: String) throws(FileFailure) -> InputFile {
        guard !path.utf8.contains(0) else {
            throw FileFailure(.missing, "open", path, "no file's name has a zero byte in it")
        }
        let place = openat(self.descriptor, path, Self.placeOnly | O_CLOEXEC)
        guard place >= 0 else {
            let number = errno
            try self.checkIsThere()
            throw FileFailure("open", path, number: number)
        }
        defer { close(place) }
        guard try self.holds(place, path) else {
            throw FileFailure(
                .outside, "open", path,
                "it lies outside \(self.path), which is the only folder that may be read here; put the file there")
        }
        var status = stat()
        guard fstat(place, &status) == 0 else { throw FileFailure("open", path, number: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileFailure(.notAFile, "open", path, "it \(FileKind.words(status.st_mode)), and no regular file")
        }
        // By the number of what has been looked at: a path might lead elsewhere by now.
        let descriptor = Glibc.open(Self.link(to: place), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw FileFailure("open", path, number: errno) }
        return InputFile(path: path, descriptor: descriptor)
    }

    /// Tells whether a descriptor's file lies in the folder now.
    private func holds(_ place: Int32, _ path: String) throws(FileFailure) -> Bool {
        let folder = try Self.location(of: self.descriptor, self.path)
        let file = try Self.location(of: place, path)
        return file == folder
            || file.starts(with: folder.last == UInt8(ascii: "/") ? folder : folder + [UInt8(ascii: "/")])
    }

    /// A folder that has been removed has no names in it, which is no fault of the names that are asked for.
    private func checkIsThere() throws(FileFailure) {
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else {
            throw FileFailure("open the folder", self.path, number: errno)
        }
        guard status.st_nlink > 0 else {
            throw FileFailure(.failed, "read", self.path, "the folder has been removed; put it back, and start again")
        }
    }

    // MARK: Descriptors

    /// `O_PATH`: a file's place, without opening it; beyond what Swift takes over from the headers.
    private static let placeOnly: Int32 = 0o10_000_000

    private static func link(to descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

    /// The absolute path of an open file or folder, without links, as the system has it now.
    private static func location(of descriptor: Int32, _ path: String) throws(FileFailure) -> [UInt8] {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 64)
        let count = readlink(Self.link(to: descriptor), &buffer, buffer.count)
        guard count > 0, count < buffer.count else {
            throw FileFailure(.failed, "find", path, "the system does not say where it lies; /proc must be mounted")
        }
        return buffer[..<count].map(UInt8.init(bitPattern:))
    }
}
