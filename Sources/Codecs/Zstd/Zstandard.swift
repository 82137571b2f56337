// SPDX-License-Identifier: Apache-2.0

import CZstd

/// The zstd library, and the frames that it reads and writes (RFC 8878).
public enum Zstandard {
    /// The version of the library, as in `1.5.4`. Equal input, level and version give equal bytes.
    public static var version: String { String(cString: ZSTD_versionString()) }

    /// The compression levels: from fast to small.
    public static var levels: ClosedRange<Int> { 1...Int(ZSTD_maxCLevel()) }

    /// The bytes that suffice to read any frame's header.
    public static let headerBytesMax = 18

    private static let magic: UInt32 = 0xfd2f_b528
    /// Magics of skippable frames differ in their last four bits.
    private static let skippableMagics: ClosedRange<UInt32> = 0x184d_2a50...0x184d_2a5f

    /// Tells whether bytes start as a frame with content does.
    public static func isFrame(_ bytes: UnsafeRawBufferPointer) -> Bool { self.magic(bytes) == self.magic }

    /// Tells whether bytes start as a frame does that decompressors pass over.
    public static func isSkippableFrame(_ bytes: UnsafeRawBufferPointer) -> Bool {
        self.magic(bytes).map(self.skippableMagics.contains) ?? false
    }

    private static func magic(_ bytes: UnsafeRawBufferPointer) -> UInt32? {
        bytes.count < 4 ? nil : bytes.loadUnaligned(as: UInt32.self).littleEndian
    }

    /// The bytes that the frame at the start of a buffer takes; `nil` where the buffer ends inside it.
    public static func compressedSize(_ bytes: UnsafeRawBufferPointer) throws(ZstdError) -> Int? {
        let size = ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
        guard ZSTD_isError(size) != 0 else { return size }
        if ZSTD_getErrorCode(size) == ZSTD_error_srcSize_wrong { return nil }
        throw ZstdError(code: size)
    }

    /// The size in bytes that the frame at the start of a buffer states for its content; `nil` where it states none
    /// that memory could hold, or no frame starts there.
    public static func contentSize(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let size = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
        // The two largest values stand for "unknown" and "error"; neither fits.
        return Int(exactly: size)
    }

    /// The size in bytes that suffices for the frame of any content of a size.
    public static func frameBytesMax(ofContent count: Int) -> Int { ZSTD_compressBound(count) }
}

/// The reason why bytes could not be compressed or decompressed.
public struct ZstdError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The fault in the bytes, or the thing that was missing.
    public var message: String

    init(_ message: String) { self.message = message }

    init(code: Int) { self.message = String(cString: ZSTD_getErrorName(code)) }

    /// Equals `message`.
    public var description: String { self.message }

    /// The answer of a function of the library's, where it is no error.
    static func check(_ code: Int) throws(ZstdError) -> Int {
        if ZSTD_isError(code) != 0 { throw ZstdError(code: code) }
        return code
    }
}
