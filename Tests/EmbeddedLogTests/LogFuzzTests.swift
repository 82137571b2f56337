// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Fuzzing
import RecordLog
import Records
import SharedDatabase
import Testing

@testable import EmbeddedLog

/// Broken rows and files of the log: they give the records that were written, or an error.
@Suite struct LogFuzzTests {
    private func record(_ index: Int, _ size: Int) -> Record {
        let key = index % 3 == 0 ? nil : Bytes("k\(index % 2)".utf8)
        let value = index % 5 == 4 ? nil : Bytes(repeating: UInt8(index & 7), count: size)
        return Record(key: key, value: value, headers: index % 7 == 0 ? [Header("h", "v")] : [])
    }

    private func rows() throws -> [EncodedRow] {
        let compressor = try ZstdCompressor(level: RowEncoder.level)
        var rows: [EncodedRow] = []
        for (count, size) in [(3, 5), (300, 40)] {
            var encoder = RowEncoder()
            let batch = RecordBatch((0..<count).map { self.record($0, size) })
            encoder.append(batch, 0..<count, compressor: compressor)
            rows += encoder.finish(compressor)
        }
        return rows
    }

    @Test func rowsAreDecodedWithinTheirBytes() throws {
        let rows = try self.rows()
        let decompressor = ZstdDecompressor()
        var seeds = rows.map { Bytes($0.payload) }
        // The content of a compressed row, too: else most changes end at its checksum.
        for row in rows where row.codec == .zstd {
            let raw = row.payload.withUnsafeBytes { try? decompressor.decompress($0, size: row.rawBytes) }
            seeds.append(try #require(raw))
        }
        for input in Fuzz("log-row", seeds: seeds, tokens: .numbers) {
            for row in rows {
                for (codec, rawBytes) in [(row.codec, row.rawBytes), (.plain, input.bytes.count)] {
                    let batch = input.bytes.withUnsafeBytes {
                        try? RowDecoder.decode(
                            $0, codec: codec, rawBytes: rawBytes, count: row.count, decompressor: decompressor)
                    }
                    guard let batch else { continue }
                    try #require(batch.count == row.count, "\(input)")
                    for index in 0..<batch.count { _ = batch[index] }
                }
            }
        }
    }

    @Test func aBrokenFileHoldsWhatWasWrittenOrIsAnError() throws {
        let folder = try TemporaryFolder()
        let log = try EmbeddedLog(path: folder.log)
        try log.createTopic(TopicSpecification(name: "t", partitions: 2))
        let writer = try log.makeWriter(id: "w")
        let values = (0..<60).map { Bytes("value \($0)".utf8) }
        for partition in 0..<2 {
            var transaction = Transaction()
            let records = values.map { Record(key: Bytes("k".utf8), value: $0) }
            transaction.outputs = [.init(topic: "t", partition: partition, records: RecordBatch(records))]
            try writer.commit(transaction)
        }
        writer.close()
        log.close()
        let whole = Bytes(try Data(contentsOf: URL(fileURLWithPath: folder.log)))
        let written = Set(values)
        for input in Fuzz("log-file", seeds: [whole], tokens: .numbers, bytesMax: whole.count + 4096) {
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: folder.log + suffix) }
            try Data(input.bytes).write(to: URL(fileURLWithPath: folder.log))
            var options = EmbeddedLog.Options()
            options.readOnly = true
            guard let log = try? EmbeddedLog(path: folder.log, options: options) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            defer { log.close() }
            for topic in (try? log.topics()) ?? [] {
                try #require(topic.partitions > 0, "\(input)")
                for partition in 0..<min(topic.partitions, 3) {
                    let place = TopicPartition(topic.name, partition)
                    _ = try? log.offset(of: place, notBefore: 1)
                    guard let range = try? log.offsets(of: place),
                        let reader = try? log.makeReader(of: place, from: range.lowerBound),
                        let batch = try? reader.read(recordsMax: 1000, bytesMax: 1 << 20)
                    else { continue }
                    let found = (0..<batch.count).compactMap { batch.records.value(at: $0) }
                    try #require(written.isSuperset(of: found), "\(input)")
                }
            }
        }
    }
}
