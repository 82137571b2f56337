// SPDX-License-Identifier: Apache-2.0

import Codecs

/// A fault found in a frame.
struct FrameDamage: Error {
    var message: String

    init(_ message: String) { self.message = message }

    init(_ error: ZstdError) { self.message = error.message }
}

/// Reads what a frame of a shard says about itself.
enum FrameHeader {
    /// A frame is closed with the sample that takes it past its size, and both are at most 1 GiB.
    private static let contentMax = 2 << 30

    /// Returns the size in bytes of the frame at the start of a buffer; `nil` if the buffer ends inside it.
    static func compressedSize(_ bytes: UnsafeRawBufferPointer) throws(FrameDamage) -> Int? {
        do throws(ZstdError) { return try Zstandard.compressedSize(bytes) } catch { throw FrameDamage(error) }
    }

    /// The size of a frame's content, which every frame of a shard states.
    static func contentSize(_ bytes: UnsafeRawBufferPointer) throws(FrameDamage) -> Int {
        guard bytes.count > 4, Zstandard.isFrame(bytes) else { throw FrameDamage("no zstd frame starts here") }
        // RFC 8878, 3.1.1.1.1: bit 4 is unused, bit 3 is reserved, bit 2 says that a checksum follows.
        guard bytes[4] & 0x1c == 0x04 else {
            throw FrameDamage("the frame's descriptor 0x\(String(bytes[4], radix: 16)) is not a shard's")
        }
        guard let size = Zstandard.contentSize(bytes), size <= self.contentMax else {
            throw FrameDamage("the frame does not state a size that a shard's could have")
        }
        return size
    }
}
