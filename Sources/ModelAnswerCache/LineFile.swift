// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records

/// Writes lines to a file that appears under its name only when it is whole, compressed if the name ends in `.zst`.
final class LineWriter {
    private let file: OutputFile
    private let compressor: ZstdCompressionStream?
    private var pending: Bytes = []

    init(path: String) throws(CacheError) {
        self.file = try Self.sorting { () throws(FileFailure) in try OutputFile(path: path) }
        guard path.hasSuffix(".zst") else {
            self.compressor = nil
            return
        }
        do throws(ZstdError) {
            self.compressor = try ZstdCompressionStream(level: EntryCodec.level, checksums: true)
        } catch {
            throw CacheError(.failed, "\(path) cannot be compressed: \(error)")
        }
    }

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
        if self.pending.count >= 1 << 20 { try self.flush(isLast: false) }
    }

    /// Makes the file durable and gives it its name, replacing what had it.
    func finish() throws(CacheError) {
        try self.flush(isLast: true)
        try Self.sorting { () throws(FileFailure) in try self.file.finish() }
    }

    private func flush(isLast: Bool) throws(CacheError) {
        defer { self.pending.removeAll(keepingCapacity: true) }
        guard self.compressor != nil else { return try self.put(self.pending) }
        var packed: Bytes = []
        do throws(ZstdError) {
            packed = try self.compressor?.compress(self.pending, isLast: isLast) ?? []
        } catch {
            throw CacheError(.failed, "cannot compress \(self.file.path): \(error)")
        }
        try self.put(packed)
    }

    private func put(_ bytes: Bytes) throws(CacheError) {
        try Self.sorting { () throws(FileFailure) in try self.file.append(bytes) }
    }
}

/// Reads a file line by line, decompressing it if it starts as zstd does, whatever its name.
final class LineReader {
    /// A longer line is not one of ours: an answer and a request, with escapes.
    static let lineBytesMax = 4 * EntryCodec.bytesMax

    private let path: String
    private let file: InputFile
    private var decompressor: ZstdDecompressionStream?
    private var raw: Bytes = []
    private var rawPosition = 0
    private var isAtEnd = false
    private var text: Bytes = []
    private var textPosition = 0

    init(path: String) throws(CacheError) {
        self.path = path
        self.file = try LineWriter.sorting { () throws(FileFailure) in try InputFile(path: path, .stream) }
        try self.fill()
        let isCompressed = self.raw.withUnsafeBytes { Zstandard.isFrame($0) || Zstandard.isSkippableFrame($0) }
        guard isCompressed else { return }
        do throws(ZstdError) {
            self.decompressor = try ZstdDecompressionStream()
        } catch {
            throw CacheError(.failed, "\(path) cannot be decompressed: \(error)")
        }
    }

    /// The next line without its end, also if the last one has none; `nil` past the end.
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
                if self.decompressor?.isInsideFrame ?? false {
                    throw CacheError(
                        .corrupt, "\(self.path) ends inside a zstd frame: it was cut short; get a whole copy")
                }
                return false
            }
            let content = try self.content()
            self.text.append(contentsOf: content)
            if !content.isEmpty { return true }
        }
    }

    /// Takes raw bytes, and answers what they hold.
    private func content() throws(CacheError) -> Bytes {
        do throws(ZstdError) {
            if let content = try self.decompressor?.content(of: self.raw, from: &self.rawPosition) { return content }
        } catch {
            throw CacheError(.corrupt, "\(self.path) is damaged: \(error); get a whole copy")
        }
        defer { self.rawPosition = self.raw.count }
        return Bytes(self.raw[self.rawPosition...])
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
