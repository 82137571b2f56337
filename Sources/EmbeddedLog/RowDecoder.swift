// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import SharedDatabase

/// Unpacks the rows that `RowEncoder` made.
enum RowDecoder {
    /// A payload that no encoder made.
    struct Malformed: Error {
        /// The damage.
        var reason: String
    }

    /// Decodes the payload of one row.
    ///
    /// The caller has compared the row's checksum; what is checked here keeps a damaged or hostile row from reading
    /// outside its own bytes.
    static func decode(
        _ payload: UnsafeRawBufferPointer, codec: RowCodec, rawBytes: Int, count: Int,
        decompressor: ZstdDecompressor
    ) throws(Malformed) -> RecordBatch {
        guard (4...Schema.rowBytesMax).contains(rawBytes), count > 0 else {
            throw Malformed(reason: "a size of \(rawBytes) bytes for \(count) records")
        }
        var storage: Bytes
        switch codec {
        case .plain:
            guard payload.count == rawBytes else { throw Malformed(reason: "a payload of another size than stated") }
            storage = Bytes(payload)
        case .zstd:
            do throws(ZstdError) {
                storage = try decompressor.decompress(payload, size: rawBytes)
            } catch {
                throw Malformed(reason: "a zstd frame that does not decompress: \(error)")
            }
        }
        let tail: Tail? = storage.withUnsafeBytes { bytes in self.readTail(bytes, count: count) }
        guard let tail else { throw Malformed(reason: "an index that does not fit its records") }
        storage.removeLast(storage.count - tail.bodyCount)
        guard let batch = RecordBatch(storage: storage, entries: tail.entries, headerLists: tail.headerLists) else {
            throw Malformed(reason: "an entry that points outside its row")
        }
        return batch
    }

    private struct Tail {
        var bodyCount: Int
        var headerLists: [[Header]]
        var entries: [RecordBatch.Entry]
    }

    private static func readTail(_ bytes: UnsafeRawBufferPointer, count: Int) -> Tail? {
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self)))
        let bodyCount = bytes.count - 4 - length
        // Each entry takes three bytes at least, so that a wrong count cannot ask for more memory than the row has.
        guard bodyCount >= 0, count <= length / 3 else { return nil }
        var reader = ByteReader(bytes: UnsafeRawBufferPointer(rebasing: bytes[bodyCount..<bodyCount + length]))
        guard let headerLists = self.readHeaderLists(&reader) else { return nil }
        var entries: [RecordBatch.Entry] = []
        entries.reserveCapacity(count)
        var position = 0
        var keyStart = 0
        var keyCount = -1
        for _ in 0..<count {
            guard let key = reader.number(), let value = reader.number(), let list = reader.number() else { return nil }
            switch key {
            case 0: keyCount = -1
            case 1: if keyCount < 0 { return nil }
            default:
                keyStart = position
                keyCount = key - 2
                position += keyCount
            }
            let valueCount = value - 1
            entries.append(
                RecordBatch.Entry(
                    keyStart: keyStart, keyCount: keyCount, valueStart: position, valueCount: valueCount,
                    headerList: list))
            position += max(0, valueCount)
            guard position <= bodyCount else { return nil }
        }
        guard position == bodyCount, reader.isAtEnd else { return nil }
        return Tail(bodyCount: bodyCount, headerLists: headerLists, entries: entries)
    }

    private static func readHeaderLists(_ reader: inout ByteReader) -> [[Header]]? {
        var lists: [[Header]] = [[]]
        guard let count = reader.number() else { return nil }
        for _ in 0..<count {
            guard let headers = reader.number() else { return nil }
            var list: [Header] = []
            for _ in 0..<headers {
                guard let name = reader.string(), let value = reader.string() else { return nil }
                list.append(Header(String(decoding: name, as: UTF8.self), Bytes(value)))
            }
            lists.append(list)
        }
        return lists
    }
}

/// Reads numbers and byte strings one after the other, never past the end.
private struct ByteReader {
    var bytes: UnsafeRawBufferPointer
    var position = 0

    var isAtEnd: Bool { self.position == self.bytes.count }

    /// An unsigned LEB128 number of at most 35 bits, which is more than a row's size.
    mutating func number() -> Int? {
        guard self.position < self.bytes.count else { return nil }
        let first = self.bytes[self.position]
        self.position += 1
        if first < 0x80 { return Int(first) }
        var result = Int(first & 0x7f)
        var shift = 7
        while self.position < self.bytes.count, shift <= 28 {
            let byte = self.bytes[self.position]
            self.position += 1
            result |= Int(byte & 0x7f) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        return nil
    }

    /// A length and that many bytes.
    mutating func string() -> UnsafeRawBufferPointer? {
        guard let count = self.number(), count <= self.bytes.count - self.position else { return nil }
        defer { self.position += count }
        return UnsafeRawBufferPointer(rebasing: self.bytes[self.position..<self.position + count])
    }
}
