// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import GRDB
import Records
import SharedDatabase
import Synchronization

/// Sixty-four bits of SHA-256: quick enough for answers of kilobytes, and already at hand.
enum Checksum {
    /// Of some bytes.
    static func of(_ bytes: Bytes) -> Int64 { Self.number(ContentHash.sha256(bytes)) }

    /// Of an answer as it is stored, and of all that its row says about it.
    static func ofAnswer(
        _ payload: UnsafeRawBufferPointer, key: CacheKey, model: String, storedAt: Timestamp, codec: Int, rawBytes: Int
    ) -> Int64 {
        var stream = ContentHash.Stream()
        stream.update(key.bytes)
        for number in [storedAt, Int64(codec & EntryCodec.answerIsZstd), Int64(rawBytes), Int64(model.utf8.count)] {
            withUnsafeBytes(of: number.littleEndian) { stream.update($0) }
        }
        var model = model
        model.withUTF8 { stream.update(UnsafeRawBufferPointer($0)) }
        stream.update(payload)
        return Self.number(stream.finish())
    }

    private static func number(_ digest: String) -> Int64 {
        Int64(bitPattern: UInt64(digest.prefix(16), radix: 16) ?? 0)
    }
}

/// Turns entries into rows and back.
enum EntryCodec {
    /// The zstd level, that which shards have by default.
    static let level = 3

    /// Bits of the column `codec`; `Omissions` has others.
    static let answerIsZstd = 1
    static let requestIsZstd = 2

    /// An answer or a request, larger than any model's; SQLite takes values of up to 1,000,000,000 bytes.
    static let bytesMax = 256 << 20

    /// A row to be written.
    struct Encoded {
        var entry: CacheEntry
        var codec: Int
        var answer: Data
        var answerSum: Int64
        var request: Data?
        var base: RequestBases.Base?
    }

    /// Refuses what cannot be stored.
    static func check(_ entry: CacheEntry) throws(CacheError) {
        for (name, count) in [("answer", entry.answer.count), ("request", entry.request?.count ?? 0)]
        where count > self.bytesMax {
            throw CacheError(
                .invalidArgument,
                "the \(name) of \(entry.key) has \(count) bytes; the response cache takes \(self.bytesMax)")
        }
        if let unknown = entry.omitted.first(where: { !Omissions.names.contains($0) }) {
            throw CacheError(
                .invalidArgument,
                "`omitted` of \(entry.key) names `\(unknown)`; known are \(Omissions.names.joined(separator: ", "))")
        }
        guard let request = entry.request else { return }
        let key = try CacheKey(ofRequest: request)
        if key != entry.key {
            throw CacheError(
                .invalidArgument,
                "the key \(entry.key) is not the SHA-256 of its request, which is \(key): an answer to another request")
        }
    }

    /// Compresses an entry.
    static func encode(
        _ entry: CacheEntry, compressor: borrowing ZstdCompressor, bases: inout RequestBases
    ) -> Encoded {
        var codec = Omissions.bits(of: entry.omitted)
        let answer: Data
        if let frame = compressor.row(entry.answer) {
            codec |= self.answerIsZstd
            answer = frame
        } else {
            answer = Data(entry.answer)
        }
        let sum = answer.withUnsafeBytes {
            Checksum.ofAnswer(
                $0, key: entry.key, model: entry.model, storedAt: entry.storedAt, codec: codec,
                rawBytes: entry.answer.count)
        }
        var encoded = Encoded(entry: entry, codec: codec, answer: answer, answerSum: sum)
        if let request = entry.request {
            let base = bases.base(for: request)
            if let frame = compressor.row(request, against: base?.dictionary) {
                encoded.codec |= self.requestIsZstd
                encoded.request = frame
                encoded.base = base
            } else {
                encoded.request = Data(request)
            }
        }
        return encoded
    }
}

/// Reads rows of `entry`.
struct RowReader {
    /// Columns that `read` and `request` expect, in this order.
    static let columns = "id, key, model, stored_at, answer_bytes, codec, answer_sum, answer"
    static let requestColumns = "request_bytes, base, request"

    let decompressor: ZstdDecompressor

    /// The entry of a row without its request; `nil` if it is damaged.
    /// - Parameter key: the key that led to the row; the row's own if `nil`.
    func entry(_ row: Row, key: CacheKey? = nil) -> CacheEntry? {
        guard let key = key ?? Self.key(row), let model = row.text(2), let storedAt = row.integer(3),
            let rawBytes = row.integer(4).flatMap(Int.init(exactly:)), let codec = row.integer(5),
            let sum = row.integer(6), let omitted = Omissions.named(in: Int(truncatingIfNeeded: codec))
        else { return nil }
        let answer: Bytes? = row.withBytes(7) { payload in
            let found = Checksum.ofAnswer(
                payload, key: key, model: model, storedAt: storedAt, codec: Int(truncatingIfNeeded: codec),
                rawBytes: rawBytes)
            guard found == sum else { return nil }
            return self.unpack(
                payload, isZstd: Int(truncatingIfNeeded: codec) & EntryCodec.answerIsZstd != 0, rawBytes: rawBytes)
        }
        return answer.map {
            CacheEntry(key: key, model: model, storedAt: storedAt, answer: $0, omitted: omitted)
        }
    }

    /// The request of a row: none, one, or damage.
    enum Request {
        case none
        case sound(Bytes)
        case damaged
    }

    /// The request of a row, whose columns follow those of the entry.
    /// - Parameter base: the content of the base that it names.
    func request(_ row: Row, key: CacheKey, base: Bytes?) -> Request {
        if row.isNull(8) { return .none }
        guard let rawBytes = row.integer(8).flatMap(Int.init(exactly:)), let codec = row.integer(5), let base else {
            return .damaged
        }
        let isZstd = Int(truncatingIfNeeded: codec) & EntryCodec.requestIsZstd != 0
        let request: Bytes? = row.withBytes(10) { self.unpack($0, isZstd: isZstd, rawBytes: rawBytes, base: base) }
        // The key is the request's own checksum.
        guard let request, (try? CacheKey(ofRequest: request)) == key else { return .damaged }
        return .sound(request)
    }

    /// The key that a row holds; `nil` if it holds something else.
    static func key(_ row: Row) -> CacheKey? { row.withBytes(1) { CacheKey(bytes: $0) } }

    private func unpack(
        _ payload: UnsafeRawBufferPointer, isZstd: Bool, rawBytes: Int, base: Bytes = []
    ) -> Bytes? {
        guard rawBytes <= EntryCodec.bytesMax else { return nil }
        if isZstd { return try? self.decompressor.decompress(payload, size: rawBytes, against: base) }
        return payload.count == rawBytes ? Bytes(payload) : nil
    }
}

extension Row {
    // A damaged row may hold any type in any column, and GRDB's own subscripts stop the program over a wrong one.

    /// A whole number; `nil` for anything else.
    func integer(_ index: Int) -> Int64? {
        guard case .int64(let value) = (self[index] as DatabaseValue).storage else { return nil }
        return value
    }

    /// Text; `nil` for anything else.
    func text(_ index: Int) -> String? {
        guard case .string(let value) = (self[index] as DatabaseValue).storage else { return nil }
        return value
    }

    /// Tells whether a column is NULL.
    func isNull(_ index: Int) -> Bool { self.hasNull(atIndex: index) }

    /// A blob, copied; an empty one comes as an empty array, anything that is no blob as `nil`.
    func bytes(_ index: Int) -> Bytes? { self.withBytes(index) { Bytes($0) } }

    /// Lends a blob without copying it; nothing is called for anything that is no blob.
    func withBytes<Value>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> Value?) -> Value? {
        if self.hasNull(atIndex: index) { return nil }
        // An empty blob comes as no data, too.
        let value = try? self.withUnsafeData(atIndex: index) { data in (data ?? Data()).withUnsafeBytes(body) }
        return value ?? nil
    }
}
