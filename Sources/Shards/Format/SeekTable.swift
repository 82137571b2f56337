// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The list of a shard's frames at its end: the zstd seekable format, version 0.1.0.
///
/// A skippable frame (magic `0x184D2A5E`, size) of one entry a frame (compressed size, size, low half of the content's
/// XXH64: 32 bits each, little-endian), then the number of frames, a descriptor (bit 7: entries have checksums) and
/// the magic `0x8F92EAB1`.
public struct SeekTable: Hashable, Sendable {
    /// One frame, as the table lists it.
    public struct Frame: Hashable, Sendable {
        /// Start of the frame in the file, in bytes.
        public var offset: Int
        /// The bytes it takes in the file.
        public var compressedSize: Int
        /// The bytes of its content.
        public var size: Int
        /// The low 32 bits of the XXH64 of its content, which also end the frame; `nil` in a table without.
        public var checksum: UInt32?

        /// Describes a frame.
        public init(offset: Int, compressedSize: Int, size: Int, checksum: UInt32?) {
            self.offset = offset
            self.compressedSize = compressedSize
            self.size = size
            self.checksum = checksum
        }
    }

    /// The frames in the order of the file.
    public private(set) var frames: [Frame] = []

    /// Creates an empty table.
    public init() {}

    static let magic: UInt32 = 0x184d_2a5e
    static let footerMagic: UInt32 = 0x8f92_eab1
    static let headerSize = 8
    static let footerSize = 9

    /// End of the frames, in bytes.
    public var framesEnd: Int { self.frames.last.map { $0.offset + $0.compressedSize } ?? 0 }

    /// The bytes of all contents together.
    public var contentSize: Int { self.frames.reduce(0) { $0 + $1.size } }

    /// Lists one more frame.
    mutating func append(compressedSize: Int, size: Int, checksum: UInt32?) {
        self.frames.append(
            Frame(offset: self.framesEnd, compressedSize: compressedSize, size: size, checksum: checksum))
    }

    /// The table as a skippable frame; every frame must have a checksum.
    func encoded() -> Bytes {
        var bytes: Bytes = []
        bytes.reserveCapacity(Self.headerSize + self.frames.count * 12 + Self.footerSize)
        bytes.append(littleEndian: Self.magic)
        bytes.append(littleEndian: UInt32(self.frames.count * 12 + Self.footerSize))
        for frame in self.frames {
            bytes.append(littleEndian: UInt32(frame.compressedSize))
            bytes.append(littleEndian: UInt32(frame.size))
            bytes.append(littleEndian: frame.checksum ?? 0)
        }
        bytes.append(littleEndian: UInt32(self.frames.count))
        bytes.append(0x80)
        bytes.append(littleEndian: Self.footerMagic)
        return bytes
    }

    /// The result of looking for a table at the end of a file.
    enum Lookup {
        case table(SeekTable)
        case missing
        /// A damaged table: the fault, and what the table lists if that can be told.
        case damaged(String, SeekTable?)
    }

    /// Returns the size of the table at the end of a file, in bytes with its header, from the last nine bytes.
    static func size(footer: Bytes) -> Int? {
        guard footer.count == self.footerSize, footer.littleEndian(UInt32.self, at: 5) == self.footerMagic else {
            return nil
        }
        let entrySize = footer[4] & 0x80 == 0 ? 8 : 12
        return Int(footer.littleEndian(UInt32.self, at: 0)) * entrySize + self.headerSize + self.footerSize
    }

    /// Reads a table, given all its bytes and the size of the file that it ends.
    static func decode(_ bytes: Bytes, fileSize: Int) -> Lookup {
        let footer = bytes.count - Self.footerSize
        guard footer >= Self.headerSize, bytes.littleEndian(UInt32.self, at: footer + 5) == Self.footerMagic else {
            return .missing
        }
        let descriptor = bytes[footer + 4]
        guard descriptor & 0x7f == 0 else { return .damaged("its descriptor has bits set that must be clear", nil) }
        guard bytes.littleEndian(UInt32.self, at: 0) == Self.magic,
            Int(bytes.littleEndian(UInt32.self, at: 4)) == bytes.count - Self.headerSize
        else { return .damaged("its header does not fit its footer", nil) }
        let entrySize = descriptor == 0 ? 8 : 12
        let count = Int(bytes.littleEndian(UInt32.self, at: footer))
        guard Self.headerSize + count * entrySize == footer else {
            return .damaged("its length does not fit its count", nil)
        }
        var table = SeekTable()
        table.frames.reserveCapacity(count)
        for index in 0..<count {
            let entry = Self.headerSize + index * entrySize
            table.append(
                compressedSize: Int(bytes.littleEndian(UInt32.self, at: entry)),
                size: Int(bytes.littleEndian(UInt32.self, at: entry + 4)),
                checksum: entrySize == 12 ? bytes.littleEndian(UInt32.self, at: entry + 8) : nil)
        }
        guard table.framesEnd == fileSize - bytes.count else {
            return .damaged(
                "it lists \(table.framesEnd) bytes of frames, the file has \(fileSize - bytes.count)", table)
        }
        return .table(table)
    }
}

extension Bytes {
    /// `withUnsafeBytes`, for a body that throws one type of error.
    func withRawBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try self.withUnsafeBufferPointer { bytes throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
    }

    mutating func append(littleEndian value: UInt32) {
        Swift.withUnsafeBytes(of: value.littleEndian) { self.append(contentsOf: $0) }
    }

    /// A number at a position that the caller knows to lie inside.
    func littleEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        precondition(offset >= 0 && offset + MemoryLayout<Number>.size <= self.count, "a position inside the bytes")
        return self.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }
}
