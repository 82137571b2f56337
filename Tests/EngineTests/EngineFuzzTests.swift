// SPDX-License-Identifier: Apache-2.0

import Codecs
import Fuzzing
import RecordLog
import RecordLogTesting
import Records
import Testing

@testable import Engine

/// Broken metadata of commits, a broken ledger, and rates beyond all bounds.
@Suite struct EngineFuzzTests {
    @Test func metadataAddsUpWithoutAnOverflow() throws {
        let seed = #"{"stage":"abc","in":120,"out":80,"dead":1,"rejected":2,"at":1700000000000,"counts":{"a.b":3}}"#
        for input in Fuzz("metadata-of-commits", seeds: [seed], tokens: .json, seconds: 1) {
            let text = String(decoding: input.bytes, as: UTF8.self)
            guard let metadata = try? TaskMetadata(parsing: text) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            var sum = metadata
            for _ in 0..<1024 { sum.add(metadata) }
            try #require(sum.recordsIn == 1025 * metadata.recordsIn, "\(input)")
            try #require(sum.text.utf8.count <= 4096 + input.bytes.count, "\(input)")
        }
    }

    @Test(arguments: [
        "d 9223372036854775807", "d -1", "d 18446744073709551616", "d 281474976710657", "d", "d  1", "",
    ])
    func aLedgerOfOtherNumbersIsAnError(_ entry: String) throws {
        let log = MemoryLog(storage: MemoryLog.Storage(hasOffsetGaps: false) { 0 })
        let topic = TopicSpecification(name: "narrations", partitions: 1)
        try Ingest(log: log, topic: topic, source: "x", replaces: true).close()
        var transaction = Transaction()
        transaction.state = [StateChange(key: Bytes("v".utf8), value: Bytes(entry.utf8))]
        let writer = try log.makeWriter(id: "ingest.narrations.x")
        try writer.commit(transaction)
        writer.close()
        let error = #expect(throws: LogError.self) {
            try Ingest(log: log, topic: topic, source: "x", replaces: true)
        }
        #expect(error?.code == .corrupt)
    }

    @Test(arguments: [Double.leastNonzeroMagnitude, 1e-9, 0.001, 1, 1e9, 1e300, .greatestFiniteMagnitude])
    func anyRateIsHeld(_ rate: Double) {
        var limit = RateLimit(perSecond: rate, now: 0)
        for time: Timestamp in [0, 1, 1000, 1 << 40, 1 << 60] {
            let available = limit.available(now: time)
            #expect(available >= 0)
            limit.take(available)
            #expect(limit.nextTime(now: time) >= time)
        }
    }
}
