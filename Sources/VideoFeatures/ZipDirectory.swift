// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Records

/// The directory of a zip archive, as far as PyTorch's archives need it: stored entries, zip64 included
/// (PKWARE's APPNOTE.TXT, sections 4.3.12 to 4.5.3).
struct ZipDirectory {
    struct Entry {
        var name: String
        /// The offset of the entry's local header.
        var headerOffset: Int
        /// The size in bytes.
        var size: Int
        /// The CRC-32 of the bytes; 0 where the writer has left it out, as PyTorch can be told to.
        var checksum: UInt32
        /// Tells whether the bytes are stored as they are.
        var isStored: Bool
    }

    var entries: [Entry] = []
    private let file: TensorFile

    private static let endSize = 22
    private static let commentMax = 65_535
    private static let directoryMax = 1 << 24

    /// Reads the directory of an archive.
    /// - Throws: `TensorFileError.Code.corrupt` where the file ends before its directory does.
    init(_ file: TensorFile) throws(TensorFileError) {
        self.file = file
        let (offset, size) = try Self.findDirectory(file)
        guard offset >= 0, size >= 0, size <= Self.directoryMax, offset <= file.size - size else {
            throw Self.corrupt(file, "its directory lies outside the file")
        }
        let bytes = try file.read(offset..<offset + size)
        var position = 0
        while position + 46 <= bytes.count, bytes.word32(position) == 0x0201_4b50 {
            position = try self.appendEntry(bytes, position)
        }
        guard position == bytes.count else { throw Self.corrupt(file, "its directory is damaged at byte \(position)") }
    }

    private mutating func appendEntry(_ bytes: Bytes, _ position: Int) throws(TensorFileError) -> Int {
        let nameEnd = position + 46 + bytes.word16(position + 28)
        let extraEnd = nameEnd + bytes.word16(position + 30)
        let end = extraEnd + bytes.word16(position + 32)
        guard end <= bytes.count else { throw Self.corrupt(self.file, "its directory is cut short") }
        var sizes = [bytes.word32(position + 24), bytes.word32(position + 20), bytes.word32(position + 42)]
        Self.widen(&sizes, extra: bytes[nameEnd..<extraEnd])
        guard let size = Int(exactly: sizes[0]), let offset = Int(exactly: sizes[2]), size >= 0, offset >= 0 else {
            throw Self.corrupt(self.file, "an entry of its directory passes every file's size")
        }
        let isPlain = bytes.word16(position + 10) == 0 && sizes[0] == sizes[1] && bytes.word16(position + 8) & 1 == 0
        self.entries.append(
            Entry(
                name: String(decoding: bytes[position + 46..<nameEnd], as: UTF8.self), headerOffset: offset,
                size: size, checksum: UInt32(truncatingIfNeeded: bytes.word32(position + 16)), isStored: isPlain))
        return end
    }

    /// Replaces sizes of all ones (size, compressed size, offset, in this order) by those of the zip64 field.
    private static func widen(_ sizes: inout [Int], extra: Bytes.SubSequence) {
        let extra = Bytes(extra)
        var position = 0
        while position + 4 <= extra.count {
            let end = position + 4 + extra.word16(position + 2)
            guard end <= extra.count else { return }
            if extra.word16(position) == 1 {
                var next = position + 4
                for index in sizes.indices where sizes[index] == 0xffff_ffff && next + 8 <= end {
                    sizes[index] = extra.word64(next)
                    next += 8
                }
            }
            position = end
        }
    }

    /// The place and the size of the directory, from the record at the end of the file.
    private static func findDirectory(_ file: TensorFile) throws(TensorFileError) -> (offset: Int, size: Int) {
        guard file.size >= Self.endSize else { throw Self.corrupt(file, "it is too short for an archive") }
        let tailStart = max(0, file.size - Self.endSize - Self.commentMax)
        let tail = try file.read(tailStart..<file.size)
        var position = tail.count - Self.endSize
        while position >= 0, tail.word32(position) != 0x0605_4b50 { position -= 1 }
        guard position >= 0 else {
            throw Self.corrupt(file, "the directory at its end is missing: it was cut short; fetch it again")
        }
        let size = tail.word32(position + 12)
        let offset = tail.word32(position + 16)
        let locator = position - 20
        guard offset == 0xffff_ffff || size == 0xffff_ffff, locator >= 0, tail.word32(locator) == 0x0706_4b50 else {
            return (offset, size)
        }
        let end = tail.word64(locator + 8)
        guard end >= 0, end <= file.size - 56 else {
            throw Self.corrupt(file, "its zip64 record lies outside the file")
        }
        let record = try file.read(end..<end + 56)
        guard record.word32(0) == 0x0606_4b50 else { throw Self.corrupt(file, "its zip64 record is damaged") }
        return (record.word64(48), record.word64(40))
    }

    /// The range of an entry's bytes in the file.
    func range(of entry: Entry) throws(TensorFileError) -> Range<Int> {
        guard entry.isStored else {
            throw TensorFileError(
                .unsupported, "\(self.file.path): the entry \(entry.name) is compressed; torch.save stores entries")
        }
        guard entry.headerOffset <= self.file.size - 30 else {
            throw Self.corrupt(self.file, "the entry \(entry.name) lies outside the file")
        }
        let header = try self.file.read(entry.headerOffset..<entry.headerOffset + 30)
        let start = entry.headerOffset + 30 + header.word16(26) + header.word16(28)
        guard header.word32(0) == 0x0403_4b50, start <= self.file.size, entry.size <= self.file.size - start else {
            throw Self.corrupt(self.file, "the entry \(entry.name) is damaged or lies outside the file")
        }
        return start..<start + entry.size
    }

    /// The checksum that the directory has for the bytes of an entry; `nil` where it has none.
    func checksum(of entry: Entry) throws(TensorFileError) -> StoredTensor.Checksum? {
        entry.checksum == 0
            ? nil
            : StoredTensor.Checksum(
                value: entry.checksum, range: try self.range(of: entry), name: "its entry \(entry.name)")
    }

    private static func corrupt(_ file: TensorFile, _ problem: String) -> TensorFileError {
        TensorFileError(.corrupt, "\(file.path) is no sound zip archive: \(problem)")
    }
}

extension Bytes {
    /// A little-endian number of two bytes, whose place the caller has checked.
    fileprivate func word16(_ position: Int) -> Int { Int(self[position]) | Int(self[position + 1]) << 8 }

    /// The same of four bytes.
    fileprivate func word32(_ position: Int) -> Int { self.word16(position) | self.word16(position + 2) << 16 }

    /// The same of eight bytes; numbers from 2^63 on come out below zero, and are refused as such.
    fileprivate func word64(_ position: Int) -> Int { self.word32(position) | self.word32(position + 4) << 32 }
}
