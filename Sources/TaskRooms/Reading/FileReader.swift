// SPDX-License-Identifier: Apache-2.0

import DurableFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads a file in chunks into one buffer, and knows which line it is on.
///
/// The bytes at `position..<count` of `buffer` are read and not yet taken; whoever takes them moves `position`. A
/// pointer into the buffer is good until the next `refill`.
public final class FileReader {
    /// The path of the file.
    public let path: String
    /// The size of the file, 0 for a pipe.
    public let size: Int
    private let file: InputFile
    private let storage: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    /// The bytes of the current chunk.
    public private(set) var count = 0
    /// The next byte to take.
    public var position = 0
    /// The offset in the file at which the chunk begins.
    public private(set) var chunkOffset = 0
    private var newlines = 0
    private var countedTo = 0
    private let progress: ProgressHandler?

    /// The bytes that are read at once where nobody says otherwise.
    public static var chunkBytes: Int { Self.chunkBytesInTest ?? 1 << 20 }

    @TaskLocal private static var chunkBytesInTest: Int?

    /// Reads files in chunks of other sizes while a function runs, in its task: where a chunk ends must make no
    /// difference, and a test can see that it makes none.
    public static func withChunks<Result>(of bytes: Int, _ body: () throws -> Result) rethrows -> Result {
        try Self.$chunkBytesInTest.withValue(bytes, operation: body)
    }

    /// Opens a file, or a pipe that somebody writes to.
    ///
    /// - Parameters:
    ///   - chunkBytes: how many bytes are read at once.
    ///   - progress: called for each chunk.
    /// - Throws: `SourceError` where it is no such file or cannot be opened.
    public init(path: String, chunkBytes: Int = FileReader.chunkBytes, progress: ProgressHandler? = nil)
        throws(SourceError)
    {
        self.path = path
        self.progress = progress
        self.capacity = max(1, chunkBytes)
        do throws(FileFailure) {
            self.file = try InputFile(path: path, .stream)
        } catch {
            throw SourceError(
                file: path, isMissing: error.code == .missing, "cannot be read: \(error.reason)")
        }
        self.size = self.file.size
        // Allocated last: an initializer that throws before this point has nothing to free.
        self.storage = .allocate(capacity: self.capacity)
    }

    deinit { self.storage.deallocate() }

    /// The current chunk.
    public var buffer: UnsafePointer<UInt8> { UnsafePointer(self.storage) }

    /// The offset in the file of `position`.
    public var offset: Int { self.chunkOffset + self.position }

    /// Replaces the chunk, all of which has been taken, by the next one; `false` at the end of the file.
    ///
    /// - Throws: `SourceError` where the file cannot be read on, or has changed since it was opened.
    public func refill() throws(SourceError) -> Bool {
        _ = self.line
        self.chunkOffset += self.count
        self.position = 0
        self.count = 0
        self.countedTo = 0
        do throws(FileFailure) {
            self.count = try self.file.read(
                into: UnsafeMutableRawBufferPointer(start: self.storage, count: self.capacity))
        } catch {
            throw SourceError(file: self.path, offset: self.chunkOffset, "cannot be read: \(error.reason)")
        }
        self.progress?(SourceProgress(bytesRead: self.chunkOffset + self.count, bytesTotal: self.size))
        return self.count > 0
    }

    /// The next byte, which is not taken; `nil` at the end of the file.
    public func peek() throws(SourceError) -> UInt8? {
        if self.position >= self.count {
            guard try self.refill() else { return nil }
        }
        return self.storage[self.position]
    }

    /// The line that `position` is on, from 1. Each byte is looked at once.
    public var line: Int {
        self.newlines += Self.newlines(self.buffer, self.countedTo..<max(self.countedTo, self.position))
        self.countedTo = max(self.countedTo, self.position)
        return self.newlines + 1
    }

    /// Counts the newlines in a range of memory.
    static func newlines(_ bytes: UnsafePointer<UInt8>, _ range: Range<Int>) -> Int {
        var found = 0
        var position = range.lowerBound
        while position < range.upperBound,
            let next = memchr(bytes + position, 0x0a, range.upperBound - position)
        {
            found += 1
            position = UnsafeRawPointer(bytes).distance(to: UnsafeRawPointer(next)) + 1
        }
        return found
    }

    /// An error at `position`.
    public func error(_ message: String) -> SourceError {
        SourceError(file: self.path, line: self.line, offset: self.offset, message)
    }

    /// Returns the meaning of an error number.
    static func text(_ number: CInt) -> String { String(cString: strerror(number)) }

    /// The names in a folder, in no order, `.` and `..` among them.
    ///
    /// - Throws: `SourceError` where it is no such folder.
    public static func names(inFolder path: String) throws(SourceError) -> [String] {
        guard let folder = opendir(path) else {
            let number = errno
            throw SourceError(
                file: path, isMissing: number == ENOENT || number == ENOTDIR,
                "cannot be listed: \(Self.text(number)). Name a folder that exists.")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            // The name is a C string inside the entry, which is good until the next call.
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: tuple.pointee)) {
                    String(cString: $0)
                }
            }
            names.append(name)
        }
        return names
    }
}

/// Counts the lines before places of a value in memory, which mostly come in their order: each byte is looked at once.
public final class LineCount {
    private var position = 0
    private var newlines = 0

    /// Has counted nothing.
    public init() {}

    /// Counts the newlines before a place.
    public func newlines(in bytes: UnsafeBufferPointer<UInt8>, before place: Int) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        if place < self.position { (self.position, self.newlines) = (0, 0) }
        self.newlines += FileReader.newlines(base, self.position..<place)
        self.position = place
        return self.newlines
    }
}

extension FileReader {
    /// Opens a file that must be text; a byte-order mark is passed over.
    ///
    /// - Throws: `SourceError` where it cannot be read, or is compressed, with the remedy.
    public static func text(path: String, chunkBytes: Int = FileReader.chunkBytes, progress: ProgressHandler? = nil)
        throws(SourceError)
        -> FileReader
    {
        let reader = try FileReader(path: path, chunkBytes: chunkBytes, progress: progress)
        guard try reader.peek() != nil else { return reader }
        let head = Array(UnsafeBufferPointer(start: reader.buffer, count: min(4, reader.count)))
        if head.starts(with: [0x1f, 0x8b]) {
            throw SourceError(file: path, offset: 0, "is compressed by gzip: unpack it with `gunzip` first")
        }
        if head.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
            throw SourceError(file: path, offset: 0, "is compressed by zstd: unpack it with `zstd -d` first")
        }
        if head.starts(with: [0x50, 0x4b, 0x03, 0x04]) {
            throw SourceError(file: path, offset: 0, "is a zip archive: unpack it with `unzip` first")
        }
        // A byte-order mark is no part of the text.
        if head.starts(with: [0xef, 0xbb, 0xbf]) { reader.position = 3 }
        return reader
    }
}
