// SPDX-License-Identifier: Apache-2.0

internal import CZstd
public import Codecs
public import Foundation
internal import Records
internal import Synchronization

/// A zstd compression context, reused from value to value.
public struct ZstdCompressor: ~Copyable {
    private let level: Int32
    private let context: OpaquePointer

    /// Creates a context; `nil` without memory for one.
    public init?(level: Int32) {
        guard let context = ZSTD_createCCtx() else { return nil }
        self.level = level
        self.context = context
    }

    deinit { ZSTD_freeCCtx(self.context) }

    /// One frame with the bytes, or `nil` where that would not save at least an eighth of them.
    public func compress(_ bytes: Bytes, against dictionary: ZstdDictionary? = nil) -> Data? {
        let capacity = bytes.count - bytes.count / 8
        var frame = Data(count: capacity)
        let written = frame.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                if let dictionary {
                    ZSTD_compress_usingCDict(
                        self.context, target.baseAddress, target.count, source.baseAddress, source.count,
                        dictionary.pointer)
                } else {
                    ZSTD_compressCCtx(
                        self.context, target.baseAddress, target.count, source.baseAddress, source.count, self.level)
                }
            }
        }
        // The only error a compression of valid arguments can meet is a target that is too small.
        if ZSTD_isError(written) != 0 { return nil }
        frame.removeLast(capacity - written)
        return frame
    }
}

/// Content that other content is compressed against, digested once.
///
/// `@unchecked Sendable`: the pointer is set once, and zstd only reads what it points to.
public final class ZstdDictionary: @unchecked Sendable {
    fileprivate let pointer: OpaquePointer

    /// Digests content; `nil` where zstd takes it for something else than raw content, or has no memory.
    public init?(_ content: Bytes, level: Int32) {
        let pointer = content.withUnsafeBytes { ZSTD_createCDict($0.baseAddress, $0.count, level) }
        guard let pointer else { return nil }
        self.pointer = pointer
    }

    deinit { ZSTD_freeCDict(self.pointer) }
}

/// Decompression contexts for any number of threads: one is taken, used and put back.
public final class ZstdDecompressors: Sendable {
    /// `@unchecked Sendable`: a context is in the pool or in the hands of the one call that took it out.
    private final class Context: @unchecked Sendable {
        let pointer: OpaquePointer

        init?() {
            guard let pointer = ZSTD_createDCtx() else { return nil }
            self.pointer = pointer
        }

        deinit { ZSTD_freeDCtx(self.pointer) }
    }

    private let idle = Mutex<[Context]>([])

    /// Creates an empty pool; contexts are made as they are needed.
    public init() {}

    /// The content of one frame, or `nil` where it is damaged or not of the stated size.
    public func decompress(_ frame: UnsafeRawBufferPointer, rawBytes: Int, against base: Bytes = []) -> Bytes? {
        // A size that zstd could not reach (its ratio is below 1 : 2^17) is damage; asking for the memory could kill.
        guard rawBytes >= 0, rawBytes >> 17 <= frame.count else { return nil }
        guard let context = self.idle.withLock({ $0.popLast() }) ?? Context() else { return nil }
        defer { self.idle.withLock { if $0.count < 16 { $0.append(context) } } }
        var isWhole = false
        let bytes = Bytes(unsafeUninitializedCapacity: rawBytes) { target, count in
            let written = base.withUnsafeBytes { base in
                ZSTD_decompress_usingDict(
                    context.pointer, target.baseAddress, rawBytes, frame.baseAddress, frame.count, base.baseAddress,
                    base.count)
            }
            isWhole = ZSTD_isError(written) == 0 && written == rawBytes
            count = isWhole ? rawBytes : 0
        }
        return isWhole ? bytes : nil
    }
}
