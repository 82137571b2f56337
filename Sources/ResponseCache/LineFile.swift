// SPDX-License-Identifier: Apache-2.0

import CZstd
import Foundation
import Records

/// Writes lines to a file that appears under its name only when it is whole, compressed where the name ends in `.zst`.
final class LineWriter {
    private let target: String
    private let temporary: String
    private let descriptor: Int32
    private let compressor: OpaquePointer?
    private var pending: Bytes = []
    private var packed = Bytes(repeating: 0, count: ZSTD_CStreamOutSize())
    private var isWhole = false

    init(path: String) throws(CacheError) {
        self.target = path
        self.temporary = "\(path).\(getpid()).partial"
        var compressor: OpaquePointer?
        if path.hasSuffix(".zst") {
            guard let context = ZSTD_createCCtx() else {
                throw CacheError(.failed, "no memory to compress \(path) with")
            }
            // Valid parameters with valid values.
            _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, EntryCodec.level)
            _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
            compressor = context
        }
        self.compressor = compressor
        self.descriptor = open(self.temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        if self.descriptor < 0 { throw Self.failure("create", path) }
    }

    deinit {
        if let compressor = self.compressor { ZSTD_freeCCtx(compressor) }
        if self.descriptor >= 0 { close(self.descriptor) }
        if self.descriptor >= 0, !self.isWhole { unlink(self.temporary) }
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
        guard fsync(self.descriptor) == 0 else { throw Self.failure("synchronise", self.target) }
        guard rename(self.temporary, self.target) == 0 else { throw Self.failure("rename a file to", self.target) }
        self.isWhole = true
        let folder = URL(fileURLWithPath: self.target).deletingLastPathComponent().path
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
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
                throw CacheError(.failed, "cannot compress \(self.target): \(String(cString: ZSTD_getErrorName(left)))")
            }
            try self.put(self.packed[..<written])
            if position == content.count, directive == ZSTD_e_continue || left == 0 { return }
        }
    }

    private func put(_ bytes: ArraySlice<UInt8>) throws(CacheError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(self.descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw Self.failure("write", self.target) }
            rest = rest.dropFirst(count)
        }
    }

    static func failure(_ action: String, _ path: String, number: Int32 = errno) -> CacheError {
        let reason = String(cString: strerror(number))
        return switch number {
        case ENOSPC, EDQUOT, EFBIG:
            CacheError(.storageFull, "cannot \(action) \(path): \(reason); make room, or name a file elsewhere")
        case EROFS, EACCES, EPERM:
            CacheError(.readOnly, "cannot \(action) \(path): \(reason); name a file where this user may write")
        case ENOENT: CacheError(.missing, "cannot \(action) \(path): \(reason); check the path")
        default: CacheError(.failed, "cannot \(action) \(path): \(reason)")
        }
    }
}

/// Reads a file line by line, decompressing it where it starts as zstd does, whatever its name.
final class LineReader {
    /// A longer line is not one of ours: an answer and a request, with escapes.
    static let lineBytesMax = 4 * EntryCodec.bytesMax

    private let path: String
    private let descriptor: Int32
    private var decompressor: OpaquePointer?
    private var raw: Bytes = []
    private var rawPosition = 0
    private var isAtEnd = false
    private var isInsideFrame = false
    private var text: Bytes = []
    private var textPosition = 0

    init(path: String) throws(CacheError) {
        self.path = path
        self.descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if self.descriptor < 0 { throw LineWriter.failure("open", path) }
        try self.fill()
        let magics: [[UInt8]] = [[0x28, 0xb5, 0x2f, 0xfd]] + (0x50...0x5f).map { [$0, 0x2a, 0x4d, 0x18] }
        if magics.contains(where: { self.raw.starts(with: $0) }) {
            guard let context = ZSTD_createDCtx() else { throw CacheError(.failed, "no memory to decompress \(path)") }
            self.decompressor = context
        }
    }

    deinit {
        if let decompressor = self.decompressor { ZSTD_freeDCtx(decompressor) }
        if self.descriptor >= 0 { close(self.descriptor) }
    }

    /// The next line without its end, also where the last one has none; `nil` past the end.
    func next() throws(CacheError) -> Bytes? {
        var searched = 0
        while true {
            let rest = self.text[self.textPosition...]
            if let end = rest.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) {
                defer { self.textPosition = end + 1 }
                return Bytes(rest[..<end])
            }
            searched = rest.count
            guard searched <= Self.lineBytesMax else {
                throw CacheError(.invalidArgument, "\(self.path) has a line of more than \(Self.lineBytesMax) bytes")
            }
            self.text.removeFirst(self.textPosition)
            self.textPosition = 0
            if try !self.more() {
                defer { self.text = [] }
                return self.text.isEmpty ? nil : self.text
            }
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
        var failure: CacheError?
        let (descriptor, path) = (self.descriptor, self.path)
        self.raw = Bytes(unsafeUninitializedCapacity: 1 << 18) { buffer, filled in
            while true {
                filled = read(descriptor, buffer.baseAddress, buffer.count)
                if filled >= 0 { return }
                filled = 0
                if errno != EINTR {
                    failure = LineWriter.failure("read", path)
                    return
                }
            }
        }
        self.rawPosition = 0
        self.isAtEnd = self.raw.isEmpty
        if let failure { throw failure }
    }
}
