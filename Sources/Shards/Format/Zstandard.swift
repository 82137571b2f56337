// SPDX-License-Identifier: Apache-2.0

internal import CZstd
internal import Codecs
internal import Records

/// What this library is compiled with and runs on.
public enum Zstandard {
    /// The version of the zstd library, as in `1.5.4`. Equal input, level and version give equal bytes.
    public static var version: String { String(cString: ZSTD_versionString()) }

    /// The compression levels that a shard may have: from fast to small.
    public static var levels: ClosedRange<Int> { 1...Int(ZSTD_maxCLevel()) }

    static let frameMagic: UInt32 = 0xfd2f_b528
    /// Magics of skippable frames differ in their last four bits.
    static let skippableMagics: ClosedRange<UInt32> = 0x184d_2a50...0x184d_2a5f

    static func message(_ code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
}

/// Turns content into whole frames, with one context for all of them.
final class FrameCompressor {
    private let context: OpaquePointer
    /// The frame that `compress` made, from the start; the rest is room.
    private(set) var output: Bytes = []

    init(level: Int) throws(ShardError) {
        guard Zstandard.levels.contains(level) else {
            throw ShardError(
                .invalidOption,
                "compression level \(level) is outside \(Zstandard.levels.lowerBound) to "
                    + "\(Zstandard.levels.upperBound)")
        }
        guard let context = ZSTD_createCCtx() else {
            throw ShardError(.failed, "no memory for a compression context of zstd")
        }
        self.context = context
        for (parameter, value) in [
            (ZSTD_c_compressionLevel, Int32(level)), (ZSTD_c_checksumFlag, 1), (ZSTD_c_contentSizeFlag, 1),
        ] {
            let code = ZSTD_CCtx_setParameter(context, parameter, value)
            if ZSTD_isError(code) != 0 {
                throw ShardError(.failed, "zstd refused a setting: \(Zstandard.message(code))")
            }
        }
    }

    deinit { ZSTD_freeCCtx(self.context) }

    /// Compresses content into one frame at the start of `output`, and answers its size in bytes.
    func compress(_ content: UnsafeRawBufferPointer) throws(ShardError) -> Int {
        let bound = ZSTD_compressBound(content.count)
        if self.output.count < bound { self.output = Bytes(repeating: 0, count: bound) }
        let context = self.context
        let size = self.output.withUnsafeMutableBytes { output in
            ZSTD_compress2(context, output.baseAddress, output.count, content.baseAddress, content.count)
        }
        if ZSTD_isError(size) != 0 {
            throw ShardError(.failed, "zstd could not compress \(content.count) bytes: \(Zstandard.message(size))")
        }
        return size
    }
}

/// Turns frames into content, with one context for all of them.
final class FrameDecompressor {
    private let context: OpaquePointer

    init() throws(ShardError) {
        guard let context = ZSTD_createDCtx() else {
            throw ShardError(.failed, "no memory for a decompression context of zstd")
        }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(self.context) }

    /// A frame that says that it holds more times its own bytes than this is believed piece by piece: samples are
    /// compressed four to ten times.
    private static let ratioMax = 64

    /// The content of one whole frame, whose checksum zstd compares.
    ///
    /// - Parameter size: what the frame says of its content's size. Room is made for so much only where the frame is
    ///   large enough to hold it; else for what comes, as it comes.
    func decompress(_ frame: UnsafeRawBufferPointer, size: Int) throws(FrameDamage) -> Bytes {
        let content =
            size / Self.ratioMax <= frame.count ? try self.whole(frame, size) : try self.pieces(frame, size)
        guard content.count == size else {
            throw FrameDamage("holds \(content.count) bytes where \(size) were announced")
        }
        return content
    }

    private func pieces(_ frame: UnsafeRawBufferPointer, _ size: Int) throws(FrameDamage) -> Bytes {
        ZSTD_DCtx_reset(self.context, ZSTD_reset_session_only)
        // The window may be as large as the content; zstd takes memory for what it needs of it, or answers an error.
        _ = ZSTD_DCtx_setParameter(self.context, ZSTD_d_windowLogMax, Self.windowLogMax)
        var content: Bytes = []
        var piece = Bytes(repeating: 0, count: 1 << 20)
        var input = ZSTD_inBuffer(src: frame.baseAddress, size: frame.count, pos: 0)
        var left = 1
        while left != 0 {
            var written = 0
            let context = self.context
            left = piece.withUnsafeMutableBytes { piece in
                var output = ZSTD_outBuffer(dst: piece.baseAddress, size: piece.count, pos: 0)
                defer { written = output.pos }
                return ZSTD_decompressStream(context, &output, &input)
            }
            if ZSTD_isError(left) != 0 { throw FrameDamage(Zstandard.message(left)) }
            if written == 0, input.pos == input.size, left != 0 { throw FrameDamage("the frame is cut short") }
            content.append(contentsOf: piece[..<written])
            if content.count > size { throw FrameDamage("holds more than the \(size) bytes that were announced") }
        }
        return content
    }

    /// Two to its power is the largest content of a frame.
    private static let windowLogMax: Int32 = 31

    private func whole(_ frame: UnsafeRawBufferPointer, _ size: Int) throws(FrameDamage) -> Bytes {
        var code = 0
        let context = self.context
        let content = Bytes(unsafeUninitializedCapacity: size) { buffer, count in
            code = ZSTD_decompressDCtx(context, buffer.baseAddress, size, frame.baseAddress, frame.count)
            count = ZSTD_isError(code) != 0 ? 0 : min(code, size)
        }
        if ZSTD_isError(code) != 0 { throw FrameDamage(Zstandard.message(code)) }
        return content
    }
}

/// What is wrong with a frame.
struct FrameDamage: Error {
    var message: String

    init(_ message: String) { self.message = message }
}

/// What a frame says of itself.
enum FrameHeader {
    /// The bytes that suffice to read any frame's header.
    static let bytesMax = 18

    /// How many bytes the frame at the start of a buffer takes; `nil` where the buffer ends inside it.
    static func compressedSize(_ bytes: UnsafeRawBufferPointer) throws(FrameDamage) -> Int? {
        let size = ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
        guard ZSTD_isError(size) != 0 else { return size }
        if ZSTD_getErrorCode(size) == ZSTD_error_srcSize_wrong { return nil }
        throw FrameDamage(Zstandard.message(size))
    }

    /// A frame is closed with the sample that takes it past its size, and both are at most 1 GiB.
    private static let contentMax: UInt64 = 2 << 30

    /// The size of a frame's content, which every frame of a shard states.
    static func contentSize(_ bytes: UnsafeRawBufferPointer) throws(FrameDamage) -> Int {
        guard bytes.count > 4, bytes.loadUnaligned(as: UInt32.self).littleEndian == Zstandard.frameMagic else {
            throw FrameDamage("no zstd frame starts here")
        }
        // RFC 8878, 3.1.1.1.1: bit 4 is unused, bit 3 is reserved, bit 2 says that a checksum follows.
        guard bytes[4] & 0x1c == 0x04 else {
            throw FrameDamage("the frame's descriptor 0x\(String(bytes[4], radix: 16)) is not a shard's")
        }
        let size = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
        // The two largest values stand for "unknown" and "error".
        guard size < UInt64.max - 1, size <= self.contentMax else {
            throw FrameDamage("the frame does not state a size that a shard's could have")
        }
        return Int(size)
    }
}
