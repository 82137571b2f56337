// SPDX-License-Identifier: Apache-2.0

import CZstd

/// Turns content into whole frames, with one context for all of them. Used from one thread at a time.
public struct ZstdCompressor: ~Copyable {
    private let context: CompressionContext

    /// Creates a context.
    /// - Parameters:
    ///   - level: one of `Zstandard.levels`.
    ///   - checksums: ends each frame in a checksum of its content.
    public init(level: Int, checksums: Bool = false) throws(ZstdError) {
        self.context = try CompressionContext(level: level, checksums: checksums)
    }

    /// Compresses content into one frame at the start of a buffer. A frame states the size of its content.
    ///
    /// - Parameter dictionary: content to compress against, at the dictionary's own level and without a checksum.
    /// - Returns: the frame's size in bytes; `nil` where the buffer is too small for it.
    public func compress(
        _ content: UnsafeRawBufferPointer, against dictionary: ZstdDictionary? = nil,
        into output: UnsafeMutableRawBufferPointer
    ) throws(ZstdError) -> Int? {
        let size =
            if let dictionary {
                ZSTD_compress_usingCDict(
                    self.context.pointer, output.baseAddress, output.count, content.baseAddress, content.count,
                    dictionary.pointer)
            } else {
                ZSTD_compress2(
                    self.context.pointer, output.baseAddress, output.count, content.baseAddress, content.count)
            }
        if ZSTD_isError(size) != 0, ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall { return nil }
        return try ZstdError.check(size)
    }
}

/// Content that other content is compressed against, digested once.
///
/// `@unchecked Sendable`: the pointer is set once, and zstd only reads what it points to.
public final class ZstdDictionary: @unchecked Sendable {
    fileprivate let pointer: OpaquePointer

    /// Digests content; `nil` where zstd takes it for something else than raw content, or has no memory.
    public init?(_ content: Bytes, level: Int) {
        let pointer = content.withUnsafeBytes { ZSTD_createCDict($0.baseAddress, $0.count, Int32(clamping: level)) }
        guard let pointer else { return nil }
        self.pointer = pointer
    }

    deinit { ZSTD_freeCDict(self.pointer) }
}

/// Turns content that comes in pieces into one frame. Used from one thread at a time.
public struct ZstdCompressionStream: ~Copyable {
    private let context: CompressionContext

    /// Starts a frame.
    /// - Parameters:
    ///   - level: one of `Zstandard.levels`.
    ///   - checksums: ends the frame in a checksum of its content.
    public init(level: Int, checksums: Bool = false) throws(ZstdError) {
        self.context = try CompressionContext(level: level, checksums: checksums)
    }

    /// Takes a piece of content.
    /// - Parameter isLast: ends the frame with it; another piece then starts the next frame.
    /// - Returns: what there is to write by now, which may be nothing.
    public func compress(_ content: Bytes, isLast: Bool) throws(ZstdError) -> Bytes {
        var compressed: Bytes = []
        var position = 0
        while true {
            let (piece, left) = try self.context.piece(of: content, at: &position, isLast: isLast)
            compressed.append(contentsOf: piece)
            if position == content.count, !isLast || left == 0 { return compressed }
        }
    }
}

/// The library's context of a compression.
private final class CompressionContext {
    let pointer: OpaquePointer

    init(level: Int, checksums: Bool) throws(ZstdError) {
        guard Zstandard.levels.contains(level) else {
            throw ZstdError(
                "compression level \(level) is outside \(Zstandard.levels.lowerBound) to "
                    + "\(Zstandard.levels.upperBound)")
        }
        guard let pointer = ZSTD_createCCtx() else { throw ZstdError("no memory for a compression context of zstd") }
        self.pointer = pointer
        for (parameter, value) in [
            (ZSTD_c_compressionLevel, Int32(level)), (ZSTD_c_checksumFlag, checksums ? 1 : 0),
            (ZSTD_c_contentSizeFlag, 1),
        ] {
            _ = try ZstdError.check(ZSTD_CCtx_setParameter(pointer, parameter, value))
        }
    }

    deinit { ZSTD_freeCCtx(self.pointer) }

    /// Compresses content from a position on.
    /// - Returns: a piece of the frame, and the bytes that the library still keeps of it where it is to end.
    func piece(of content: Bytes, at position: inout Int, isLast: Bool) throws(ZstdError) -> (Bytes, left: Int) {
        var code = 0
        var taken = position
        let directive = isLast ? ZSTD_e_end : ZSTD_e_continue
        let piece = Bytes(unsafeUninitializedCapacity: ZSTD_CStreamOutSize()) { piece, count in
            content.withUnsafeBytes { content in
                var input = ZSTD_inBuffer(src: content.baseAddress, size: content.count, pos: taken)
                var output = ZSTD_outBuffer(dst: piece.baseAddress, size: piece.count, pos: 0)
                code = ZSTD_compressStream2(self.pointer, &output, &input, directive)
                taken = input.pos
                count = output.pos
            }
        }
        position = taken
        return (piece, try ZstdError.check(code))
    }
}
