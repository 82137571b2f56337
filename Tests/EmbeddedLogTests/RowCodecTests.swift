// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import SharedDatabase
import Testing

@testable import EmbeddedLog

/// A generator whose numbers are the same on every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var value = self.state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

/// zstd had no memory for a context.

@Suite struct RowCodecs {
    private func encode(_ batches: [RecordBatch]) throws -> [EncodedRow] {
        let compressor = try ZstdCompressor(level: RowEncoder.level)
        var encoder = RowEncoder()
        for batch in batches { encoder.append(batch, 0..<batch.count, compressor: compressor) }
        return encoder.finish(compressor)
    }

    private func decode(_ row: EncodedRow) throws -> RecordBatch {
        let decompressor = ZstdDecompressor()
        return try row.payload.withUnsafeBytes { (payload: UnsafeRawBufferPointer) -> RecordBatch in
            try RowDecoder.decode(
                payload, codec: row.codec, rawBytes: row.rawBytes, count: row.count, decompressor: decompressor)
        }
    }

    private func records(_ batch: RecordBatch) -> [Record] { (0..<batch.count).map { batch[$0] } }

    private func randomRecord(_ generator: inout SeededGenerator) -> Record {
        func bytes(upTo limit: Int) -> Bytes {
            let isRepetitive = Bool.random(using: &generator)
            return (0..<Int.random(in: 0...limit, using: &generator)).map { index in
                isRepetitive ? UInt8(index % 7) : UInt8.random(in: 0...255, using: &generator)
            }
        }
        let keys: [Bytes?] = [nil, [], [1], [1], [2, 3], bytes(upTo: 300)]
        let values: [Bytes?] = [nil, [], bytes(upTo: 20), bytes(upTo: 200), bytes(upTo: 5000)]
        let headers = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
            Header(["a", "b", "ü", ""].randomElement(using: &generator) ?? "", bytes(upTo: 10))
        }
        return Record(
            key: keys.randomElement(using: &generator) ?? nil, value: values.randomElement(using: &generator) ?? nil,
            headers: headers)
    }

    @Test(arguments: 0..<40)
    func roundTripsOfRandomRecords(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed))
        let batches = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
            RecordBatch((0..<Int.random(in: 1...200, using: &generator)).map { _ in self.randomRecord(&generator) })
        }
        let rows = try self.encode(batches)
        let decoded = try rows.flatMap { self.records(try self.decode($0)) }
        #expect(decoded == batches.flatMap(self.records))
    }

    @Test func headersSurviveTheEndOfARow() throws {
        let records = (0..<40).map { index in
            Record(
                key: Bytes("key".utf8), value: Bytes(repeating: UInt8(index), count: 200_000),
                headers: index % 3 == 0 ? [] : [Header("h", "\(index % 2)")])
        }
        let rows = try self.encode([RecordBatch(records[..<15]), RecordBatch(records[15...])])
        #expect(rows.count > 5)
        #expect(try rows.flatMap { self.records(try self.decode($0)) } == records)
    }

    @Test func rowsAreBoundedAndLargeRecordsAlone() throws {
        var batch = RecordBatch()
        for index in 0..<30_000 { batch.append(key: nil, value: Bytes(repeating: UInt8(index & 0xff), count: 150)) }
        batch.append(key: nil, value: Bytes(repeating: 1, count: 3 << 20))
        batch.append(key: nil, value: Bytes(repeating: 2, count: 10))
        let rows = try self.encode([batch])
        #expect(rows.map(\.count).reduce(0, +) == batch.count)
        #expect(rows.dropLast(2).allSatisfy { $0.rawBytes < RowEncoder.rowBytesMax + RowEncoder.rowBytesMax / 8 })
        #expect(rows.suffix(2).map(\.count) == [1, 1])
        let many = RecordBatch((0..<100_000).map { _ in Record(key: Bytes?.none, value: nil) })
        #expect(try self.encode([many]).map(\.count) == [65_536, 34_464])
    }

    @Test func compressesWhereItPays() throws {
        let text = RecordBatch((0..<100).map { Record(key: "k", value: "a value much like others, number \($0)") })
        #expect(try self.encode([text]).map(\.codec) == [.zstd])
        var generator = SeededGenerator(state: 1)
        let noise = Record(key: nil, value: (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) })
        #expect(try self.encode([RecordBatch([noise])]).map(\.codec) == [.plain])
        #expect(try self.encode([RecordBatch([Record(key: "k", value: "v")])]).map(\.codec) == [.plain])
    }

    @Test func damagedRowsAreErrorsAndNotTraps() throws {
        var generator = SeededGenerator(state: 7)
        let batch = RecordBatch((0..<20).map { _ in self.randomRecord(&generator) })
        let row = try #require(try self.encode([batch]).first)
        let decompressor = ZstdDecompressor()
        let unpacked = row.payload.withUnsafeBytes { (payload: UnsafeRawBufferPointer) -> Bytes? in
            row.codec == .plain ? Bytes(payload) : try? decompressor.decompress(payload, size: row.rawBytes)
        }
        let raw = try #require(unpacked)
        for _ in 0..<5000 {
            var damaged = EncodedRow(
                count: row.count, codec: .plain, rawBytes: row.rawBytes, payload: Data(raw), payloadHash: 0)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: damaged.count = Int.random(in: -5...100_000, using: &generator)
            case 1: damaged.rawBytes = Int.random(in: -5...100_000, using: &generator)
            case 2:
                damaged.payload = Data(raw.prefix(Int.random(in: 0..<raw.count, using: &generator)))
                damaged.rawBytes = damaged.payload.count
            default:
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    // Most of the structure is in the tail.
                    let back = Int.random(in: 1...min(raw.count, 200), using: &generator)
                    damaged.payload[raw.count - back] = UInt8.random(in: 0...255, using: &generator)
                }
            }
            // Either is fine here, as long as it ends: the row's checksum is compared before.
            _ = try? self.decode(damaged)
        }
        var frame = row
        frame.codec = .zstd
        frame.payload = Data([1, 2, 3])
        #expect(throws: RowDecoder.Malformed.self) { try self.decode(frame) }
    }

    @Test func xxh64HasItsKnownValues() {
        // From the reference implementation's sanity checks and documentation.
        func hash(_ text: String, seed: UInt64 = 0) -> UInt64 {
            Bytes(text.utf8).withUnsafeBytes { XXH64.hash($0, seed: seed) }
        }
        #expect(hash("") == 0xef46_db37_51d8_e999)
        #expect(hash("a") == 0xd24e_c4f1_a98c_6e5b)
        #expect(hash("abc") == 0x44bc_2cf5_ad77_0999)
        #expect(hash("Nobody inspects the spammish repetition") == 0xfbce_a83c_8a37_8bf1)
    }
}
