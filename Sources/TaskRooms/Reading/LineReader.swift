// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads a file line by line, without the line ends (LF or CRLF).
///
/// ```swift
/// var lines = LineReader(try FileReader.text(path: path, progress: progress))
/// while try lines.next() { lines.withBytes { … } }
/// ```
///
/// A line of more than `SourceLimits.lineBytesMax` bytes is passed over with its beginning kept; so a file of any size
/// and form takes no more memory than one line.
public struct LineReader {
    /// The file that lines are taken from.
    public let reader: FileReader
    /// The line's number, from 1.
    public private(set) var line: Int
    /// The offset in the file at which it begins.
    public private(set) var offset = 0
    /// Tells whether it was longer than `SourceLimits.lineBytesMax`, so that `bytes` is just its first 64 KiB.
    public private(set) var isTooLong = false
    /// The bytes of a line that lies in two chunks.
    @usableFromInline var carry: Bytes = []
    @usableFromInline var isCarried = false
    @usableFromInline var range = 0..<0

    /// Tells whether a line end follows it: a last line without one may have been cut off.
    public private(set) var isEnded = true
    /// The number of its bytes; more than `bytes` where it is too long.
    public private(set) var byteCount = 0

    /// Reads lines from where a reader is.
    public init(_ reader: FileReader) {
        self.reader = reader
        self.line = reader.line - 1
    }

    /// Moves to the next line, which may be empty; `false` at the end of the file.
    ///
    /// - Throws: `SourceError` where the file cannot be read on.
    public mutating func next() throws(SourceError) -> Bool {
        self.isTooLong = false
        self.isCarried = false
        self.isEnded = true
        self.carry.removeAll(keepingCapacity: self.carry.capacity <= 1 << 20)
        guard try self.reader.peek() != nil else { return false }
        self.line += 1
        self.offset = self.reader.offset
        self.byteCount = 0
        while true {
            let start = self.reader.position
            let count = self.reader.count - start
            let newline = memchr(self.reader.buffer + start, 0x0a, count)
            let length = newline.map { UnsafeRawPointer(self.reader.buffer + start).distance(to: $0) } ?? count
            self.range = start..<start + length
            self.reader.position = start + length + (newline == nil ? 0 : 1)
            self.byteCount += length
            if newline != nil, !self.isCarried { break }
            self.isCarried = true
            self.keep()
            if newline != nil { break }
            if try self.reader.peek() == nil {
                self.isEnded = false
                break
            }
        }
        return true
    }

    private mutating func keep() {
        if self.isTooLong { return }
        let bytes = UnsafeBufferPointer(start: self.reader.buffer + self.range.lowerBound, count: self.range.count)
        if self.carry.count + bytes.count <= SourceLimits.lineBytesMax {
            self.carry.append(contentsOf: bytes)
        } else {
            self.isTooLong = true
            self.carry = Bytes((self.carry + bytes).prefix(SourceProblem.rawBytesMax))
        }
    }

    /// Calls a function with the line's bytes, which are borrowed: they are gone with the next line.
    @inlinable
    public func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if self.isCarried { return self.carry.withUnsafeBufferPointer { body(Self.withoutReturn($0)) } }
        let start = self.reader.buffer + self.range.lowerBound
        return body(Self.withoutReturn(UnsafeBufferPointer(start: start, count: self.range.count)))
    }

    /// The line's bytes, copied.
    public var bytes: Bytes { self.withBytes { Bytes($0) } }

    /// The place of the line.
    public var place: SourcePlace { SourcePlace(file: self.reader.path, line: self.line, offset: self.offset) }

    /// A problem with the line.
    public func problem(_ fault: SourceFault, key: String?) -> SourceProblem {
        SourceProblem(
            reason: fault.reason, message: "\(self.place): \(fault.message)", key: key, raw: self.bytes,
            byteCount: self.byteCount)
    }

    @usableFromInline
    static func withoutReturn(_ line: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        line.last == 0x0d ? UnsafeBufferPointer(rebasing: line.dropLast()) : line
    }
}
