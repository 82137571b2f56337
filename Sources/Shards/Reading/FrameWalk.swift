// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

extension SeekTable {
    /// Looks for a table at the end of a file.
    static func lookUp(in content: any ShardContent) throws(ShardError) -> Lookup {
        guard content.size >= Self.headerSize + Self.footerSize else { return .missing }
        let footer = try content.read(content.size - Self.footerSize..<content.size)
        guard let size = Self.size(footer: footer) else { return .missing }
        guard size <= content.size else {
            return .damaged("it would be \(size) bytes long, longer than the file", nil)
        }
        return Self.decode(try content.read(content.size - size..<content.size), fileSize: content.size)
    }
}

/// Tells the frames of a file apart without a seek table.
struct FrameWalk {
    /// The point at which the walk came to an end before the end of the file.
    struct Obstacle {
        /// The number of frames before it.
        var ordinal: Int
        /// Its start, in bytes.
        var offset: Int
        /// A description of it.
        var message: String

        func error(_ file: String) -> ShardError {
            ShardError(
                .corrupt,
                "\(file), frame \(self.ordinal) at byte \(self.offset): \(self.message); restore the file or replay "
                    + "its records")
        }
    }

    /// The frames with content, in order. Skippable frames are passed over.
    private(set) var frames: [SeekTable.Frame] = []
    /// The part of the file that no frame explains, if any.
    private(set) var obstacle: Obstacle?

    /// The first bytes read of a frame whose size is not known.
    private static let readSize = 4 << 10

    /// Walks from the start of a file to its end, or to the first byte that no frame explains.
    init(_ content: any ShardContent) throws(ShardError) {
        var offset = 0
        while offset < content.size {
            do throws(FrameDamage) {
                offset = try self.step(content, from: offset)
            } catch {
                self.obstacle = Obstacle(ordinal: self.frames.count, offset: offset, message: error.message)
                return
            }
        }
    }

    /// Passes over the frame at an offset, and returns the start of the next one.
    private mutating func step(_ content: any ShardContent, from offset: Int) throws(FrameDamage) -> Int {
        let start = try Self.read(content, offset..<min(content.size, offset + Zstandard.headerBytesMax))
        if start.count >= 8, start.withUnsafeBytes(Zstandard.isSkippableFrame) {
            let end = offset + 8 + Int(start.littleEndian(UInt32.self, at: 4))
            guard end <= content.size else { throw FrameDamage("the file is cut short in a skippable frame") }
            return end
        }
        let size = try start.withRawBytes { bytes throws(FrameDamage) in try FrameHeader.contentSize(bytes) }
        let compressedSize = try Self.compressedSize(of: content, at: offset)
        let end = offset + compressedSize
        let checksum = try Self.read(content, end - 4..<end).littleEndian(UInt32.self, at: 0)
        if size > 0 {
            self.frames.append(
                SeekTable.Frame(offset: offset, compressedSize: compressedSize, size: size, checksum: checksum))
        }
        return end
    }

    private static func compressedSize(of content: any ShardContent, at offset: Int) throws(FrameDamage) -> Int {
        var readSize = self.readSize
        while true {
            let end = min(content.size, offset + readSize)
            let bytes = try self.read(content, offset..<end)
            let size = try bytes.withRawBytes { bytes throws(FrameDamage) in try FrameHeader.compressedSize(bytes) }
            if let size { return size }
            guard end < content.size else { throw FrameDamage("the frame is cut short") }
            readSize *= 2
        }
    }

    private static func read(_ content: any ShardContent, _ range: Range<Int>) throws(FrameDamage) -> Bytes {
        do throws(ShardError) { return try content.read(range) } catch { throw FrameDamage(error.message) }
    }
}
