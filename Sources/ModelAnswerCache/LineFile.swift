// SPDX-License-Identifier: Apache-2.0

import CZstd
import Codecs
import DurableFiles
import Foundation
import Records

/// Writes lines to a file that appears under its name only when it is whole, compressed where the name ends in `.zst`.
final class LineWriter {
    private let file: OutputFile
    private let compressor: OpaquePointer?
    private var pending: Bytes = []
    private var packed = Bytes(repeating: 0, count: ZSTD_CStreamOutSize())

    init(path: String) throws(CacheError) {
        self.file = try Self.sorting { () throws(FileFailure) in try OutputFile(path: path) }
        guard path.hasSuffix(".zst") else {
            self.compressor = nil
            return
        }
        guard let context = ZSTD_createCCtx() else {
            throw CacheError(.failed, "no memory to compress \(path) with")
        }
        // Valid parameters with valid values.
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, EntryCodec.level)
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        self.compressor = context
    }

    deinit { if let compressor = self.compressor { ZSTD_freeCCtx(compressor) } }

    static func sorting<Result>(_ body: () throws(FileFailure) -> Result) throws(CacheError) -> Result {
        do throws(FileFailure) {
            return try body()
        } catch {
            throw CacheError(error)
        }
    }

    /// Appends a line.
    func write(_ line: Bytes) throws(CacheError) {
        self.pending.append(contentsOf: line)
        self.pending.append(UInt8(ascii: "\n"))
        if self.pending.count >= 1 << 20 { try self.flush(ZSTD_e_continue) }
    }

    /// Makes the file durable and gives it its name, replacing what had it.
    func finish() throws(CacheError) {
        try self.flush(ZSTD_e_end)
        try Self.sorting { () throws(FileFailure) in try self.file.finish() }
    }

    private func flush(_ directive: ZSTD_EndDirective) throws(CacheError) {
        defer { self.pending.removeAll(keepingCapacity: true) }
        guard let compressor = self.compressor else { return try self.put(self.pending[...]) }
        var position = 0
        while true {
            var written = 0
            let content = self.pending
            let left = self.packed.withUnsafeMutableBytes { packed in
                content.withUnsafeBytes { content in
                    var input = ZSTD_inBuffer(src: content.baseAddress, size: content.count, pos: position)
                    var output = ZSTD_outBuffer(dst: packed.baseAddress, size: packed.count, pos: 0)
                    let left = ZSTD_compressStream2(compressor, &output, &input, directive)
                    position = input.pos
                    written = output.pos
                    return left
                }
            }
            guard ZSTD_isError(left) == 0 else {
                throw CacheError(
                    .failed, "cannot compress \(self.file.path): \(String(cString: ZSTD_getErrorName(left)))")
            }
            try self.put(self.packed[..<written])
            if position == content.count, directive == ZSTD_e_continue || left == 0 { return }
        }
    }

    private func put(_ bytes: ArraySlice<UInt8>) throws(CacheError) {
        try Self.sorting { () throws(FileFailure) in try self.file.append(Bytes(bytes)) }
    }
}

/// Reads a file line by line, decompressing it where it starts as zstd does, whatever its name.
final class LineReader {
    /// A longer line is not one of ours: an answer and a request, with escapes.
    static let lineBytesMax = 4 * EntryCodec.bytesMax

    private let path: String
    private let file: InputFile
    private var decompressor: OpaquePointer?
    private var raw: Bytes = []
    private var rawPosition = 0
    private var isAtEnd = false
    private var isInsideFrame = false
    private var text: Bytes = []
    private var textPosition = 0

    init(path: String) throws(CacheError) {
        self.path = path
        self.file = try LineWriter.sorting { () throws(FileFailure) in try InputFile(path: path, .stream) }
        try self.fill()
        let magics: [[UInt8]] = [[0x28, 0xb5, 0x2f, 0xfd]] + (0x50...0x5f).map { [$0, 0x2a, 0x4d, 0x18] }
        if magics.contains(where: { self.raw.starts(with: $0) }) {
            guard let context = ZSTD_createDCtx() else { throw CacheError(.failed, "no memory to decompress \(path)") }
            self.decompressor = context
        }
    }

    deinit { if let decompressor = self.decompressor { ZSTD_freeDCtx(decompressor) } }

    /// The next line without its end, also where the last one has none; `nil` past the end.
    ///
    /// Each byte is looked at once: what was searched without finding an end is not searched again.
    func next() throws(CacheError) -> Bytes? {
        var searched = self.textPosition
        while true {
            if let end = self.lineEnd(from: searched) {
                defer { self.textPosition = end + 1 }
                return Bytes(self.text[self.textPosition..<end])
            }
            guard self.text.count - self.textPosition <= Self.lineBytesMax else {
                throw CacheError(.invalidArgument, "\(self.path) has a line of more than \(Self.lineBytesMax) bytes")
            }
            if self.textPosition > 0 {
                self.text.removeFirst(self.textPosition)
                self.textPosition = 0
            }
            searched = self.text.count
            if try !self.more() {
                defer { self.text = [] }
                return self.text.isEmpty ? nil : self.text
            }
        }
    }

    private func lineEnd(from start: Int) -> Int? {
        self.text.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, start < bytes.count,
                let end = memchr(base + start, 0x0a, bytes.count - start)
            else { return nil }
            return base.distance(to: UnsafeRawPointer(end))
        }
    }

    /// Appends to `text`; `false` at the end.
    private func more() throws(CacheError) -> Bool {
        while true {
            if self.rawPosition == self.raw.count { try self.fill() }
            guard self.rawPosition < self.raw.count else {
                if self.isInsideFrame {
                    throw CacheError(
                        .corrupt, "\(self.path) ends inside a zstd frame: it was cut short; get a whole copy")
                }
                return false
            }
            guard let decompressor = self.decompressor else {
                self.text.append(contentsOf: self.raw[self.rawPosition...])
                self.rawPosition = self.raw.count
                return true
            }
            if try self.unpack(decompressor) { return true }
        }
    }

    private func unpack(_ decompressor: OpaquePointer) throws(CacheError) -> Bool {
        var position = self.rawPosition
        var code = 0
        let raw = self.raw
        let bytes = Bytes(unsafeUninitializedCapacity: ZSTD_DStreamOutSize()) { target, count in
            raw.withUnsafeBytes { raw in
                var input = ZSTD_inBuffer(src: raw.baseAddress, size: raw.count, pos: position)
                var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                code = ZSTD_decompressStream(decompressor, &output, &input)
                position = input.pos
                count = output.pos
            }
        }
        guard ZSTD_isError(code) == 0 else {
            throw CacheError(
                .corrupt,
                "\(self.path) is damaged: \(String(cString: ZSTD_getErrorName(code))); get a whole copy")
        }
        self.rawPosition = position
        self.isInsideFrame = code != 0
        self.text.append(contentsOf: bytes)
        return !bytes.isEmpty
    }

    private func fill() throws(CacheError) {
        if self.isAtEnd { return }
        var failure: FileFailure?
        let file = self.file
        self.raw = Bytes(unsafeUninitializedCapacity: 1 << 18) { buffer, filled in
            do throws(FileFailure) {
                filled = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        self.rawPosition = 0
        self.isAtEnd = self.raw.isEmpty
        if let failure { throw CacheError(failure) }
    }
}
