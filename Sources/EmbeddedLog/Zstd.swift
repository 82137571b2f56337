// SPDX-License-Identifier: Apache-2.0

import CZstd
import Foundation
import Records

/// A zstd compression context, reused from row to row.
struct ZstdCompressor: ~Copyable {
    /// The level that keeps up with the log's own speed.
    static let level: Int32 = 1

    private let context: OpaquePointer

    /// Creates a context; `nil` without memory for one.
    init?() {
        guard let context = ZSTD_createCCtx() else { return nil }
        self.context = context
    }

    deinit { ZSTD_freeCCtx(self.context) }

    /// One frame with the bytes, or `nil` where that would not save at least an eighth of them.
    func compress(_ bytes: Bytes) -> Data? {
        let capacity = bytes.count - bytes.count / 8
        var frame = Data(count: capacity)
        let written = frame.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                ZSTD_compressCCtx(
                    self.context, target.baseAddress, target.count, source.baseAddress, source.count, Self.level)
            }
        }
        // The only error a compression of valid arguments can meet is a target that is too small.
        if ZSTD_isError(written) != 0 { return nil }
        frame.removeLast(capacity - written)
        return frame
    }
}

/// A zstd decompression context, reused from row to row.
struct ZstdDecompressor: ~Copyable {
    private let context: OpaquePointer

    /// Creates a context; `nil` without memory for one.
    init?() {
        guard let context = ZSTD_createDCtx() else { return nil }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(self.context) }

    /// The content of one frame, or `nil` where it is damaged or not of the stated size.
    func decompress(_ frame: UnsafeRawBufferPointer, rawBytes: Int) -> Bytes? {
        var isWhole = false
        let bytes = Bytes(unsafeUninitializedCapacity: rawBytes) { target, count in
            let written = ZSTD_decompressDCtx(
                self.context, target.baseAddress, rawBytes, frame.baseAddress, frame.count)
            isWhole = ZSTD_isError(written) == 0 && written == rawBytes
            count = isWhole ? rawBytes : 0
        }
        return isWhole ? bytes : nil
    }
}
