// SPDX-License-Identifier: Apache-2.0

import CZstd
import Synchronization

/// Turns whole frames into content, for any number of threads: a context is taken, used and put back.
public final class ZstdDecompressor: Sendable {
    private let idle = Mutex<[DecompressionContext]>([])

    private static let idleMax = 16
    /// A frame that claims to hold more than this many times its own bytes is decompressed piece by piece: text is
    /// compressed four to ten times.
    private static let ratioMax = 64
    /// A size for which room is made without a question.
    private static let trustedSize = 1 << 20
    /// zstd compresses by less than two to the power of this.
    private static let ratioLog = 17

    /// Creates a decompressor; contexts are made as they are needed.
    public init() {}

    /// The content of one whole frame, whose checksum, where it has one, is compared.
    ///
    /// - Parameters:
    ///   - size: the size of the content in bytes, as it is known or stated. Room is made for so much only where the
    ///     frame is large enough to hold it; else for what comes, as it comes.
    ///   - base: what the frame was compressed against, if anything.
    /// - Throws: where the frame is damaged, or its content is of another size.
    public func decompress(
        _ frame: UnsafeRawBufferPointer, size: Int, against base: Bytes = []
    ) throws(ZstdError) -> Bytes {
        guard size >= 0, size >> Self.ratioLog <= frame.count else {
            throw ZstdError("a frame of \(frame.count) bytes cannot hold the \(size) that were announced")
        }
        let context: DecompressionContext
        if let idle = self.idle.withLock({ $0.popLast() }) {
            context = idle
        } else {
            context = try DecompressionContext()
        }
        defer { self.idle.withLock { if $0.count < Self.idleMax { $0.append(context) } } }
        let isTrusted = size <= Self.trustedSize || size / Self.ratioMax <= frame.count
        let content =
            isTrusted
            ? try context.whole(frame, size, against: base) : try context.inPieces(frame, size, against: base)
        guard content.count == size else {
            throw ZstdError("holds \(content.count) bytes where \(size) were announced")
        }
        return content
    }
}

/// Turns frames, one behind another, into content, where they come in pieces. Used from one thread at a time.
public struct ZstdDecompressionStream: ~Copyable {
    private let context: DecompressionContext
    /// Tells whether what was taken ends inside a frame.
    public private(set) var isInsideFrame = false

    /// Starts before the first frame.
    public init() throws(ZstdError) { self.context = try DecompressionContext() }

    /// Takes bytes from a position on, which moves behind what was taken, and gives a bounded piece of content for
    /// them. All is taken, and all is given, where the position has come to the end and the piece is empty.
    public mutating func content(of bytes: Bytes, from position: inout Int) throws(ZstdError) -> Bytes {
        var taken = position
        let (piece, isInsideFrame) = try bytes.withUnsafeBufferPointer { bytes throws(ZstdError) in
            try self.context.piece(of: UnsafeRawBufferPointer(bytes), at: &taken)
        }
        // Asked for more than there is, the library speaks of the next frame.
        if taken > position || !piece.isEmpty { self.isInsideFrame = isInsideFrame }
        position = taken
        return piece
    }
}

/// The library's context of a decompression.
///
/// `@unchecked Sendable`: it is in a pool, or in the hands of the one who took it out.
private final class DecompressionContext: @unchecked Sendable {
    private let pointer: OpaquePointer

    /// Two to its power is the largest window of a frame that is read in pieces: as large as its content may be.
    private static let windowLogMax: Int32 = 31

    init() throws(ZstdError) {
        guard let pointer = ZSTD_createDCtx() else { throw ZstdError("no memory for a decompression context of zstd") }
        self.pointer = pointer
    }

    deinit { ZSTD_freeDCtx(self.pointer) }

    /// Decompresses a frame into room for a size.
    func whole(_ frame: UnsafeRawBufferPointer, _ size: Int, against base: Bytes) throws(ZstdError) -> Bytes {
        var code = 0
        let content = Bytes(unsafeUninitializedCapacity: size) { buffer, count in
            code = base.withUnsafeBytes { base in
                ZSTD_decompress_usingDict(
                    self.pointer, buffer.baseAddress, size, frame.baseAddress, frame.count, base.baseAddress,
                    base.count)
            }
            count = ZSTD_isError(code) != 0 ? 0 : min(code, size)
        }
        _ = try ZstdError.check(code)
        return content
    }

    /// Decompresses a frame into as much room as it comes to need.
    func inPieces(_ frame: UnsafeRawBufferPointer, _ size: Int, against base: Bytes) throws(ZstdError) -> Bytes {
        _ = try ZstdError.check(ZSTD_DCtx_reset(self.pointer, ZSTD_reset_session_and_parameters))
        // zstd takes memory for what it needs of the window, or answers an error.
        _ = try ZstdError.check(ZSTD_DCtx_setParameter(self.pointer, ZSTD_d_windowLogMax, Self.windowLogMax))
        if !base.isEmpty {
            _ = try ZstdError.check(
                base.withUnsafeBytes { ZSTD_DCtx_loadDictionary(self.pointer, $0.baseAddress, $0.count) })
        }
        defer { ZSTD_DCtx_reset(self.pointer, ZSTD_reset_session_and_parameters) }
        var content: Bytes = []
        var position = 0
        while true {
            let (piece, isInsideFrame) = try self.piece(of: frame, at: &position)
            content.append(contentsOf: piece)
            if content.count > size { throw ZstdError("holds more than the \(size) bytes that were announced") }
            if !isInsideFrame { break }
            if piece.isEmpty, position == frame.count { throw ZstdError("the frame is cut short") }
        }
        guard position == frame.count else { throw ZstdError("the frame ends before its bytes do") }
        return content
    }

    /// Decompresses bytes from a position on.
    /// - Returns: a piece of content, and whether it ends inside a frame.
    func piece(
        of bytes: UnsafeRawBufferPointer, at position: inout Int
    ) throws(ZstdError) -> (Bytes, isInsideFrame: Bool) {
        var code = 0
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: position)
        let piece = Bytes(unsafeUninitializedCapacity: ZSTD_DStreamOutSize()) { piece, count in
            var output = ZSTD_outBuffer(dst: piece.baseAddress, size: piece.count, pos: 0)
            code = ZSTD_decompressStream(self.pointer, &output, &input)
            count = output.pos
        }
        position = input.pos
        return (piece, try ZstdError.check(code) != 0)
    }
}
