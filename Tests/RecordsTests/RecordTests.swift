// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Testing

@Suite struct RecordBatchTests {
    private let records = [
        Record(key: "a", value: "1", headers: [Header("h", "x")]),
        Record(key: "a", value: "2", headers: [Header("h", "x")]),
        Record(key: nil as Bytes?, value: nil),
        Record(key: "", value: "", headers: [Header("h", "x"), Header("h", [0xff])]),
        Record(key: "b", value: nil, headers: [Header("h", "x")]),
    ]

    @Test func keepsRecordsAsTheyAre() {
        let batch = RecordBatch(self.records)
        #expect((0..<batch.count).map { batch[$0] } == self.records)
    }

    @Test func storesRepeatedKeysAndHeaderListsOnce() {
        var batch = RecordBatch()
        for _ in 0..<1000 { batch.append(Record(key: "video", value: "v", headers: [Header("schema", "x/1")])) }
        #expect(batch.byteCount == 5 + 1000)
        #expect(batch.headerLists.count == 2)
    }

    @Test func valuesMayBeWrittenInPlace() {
        var batch = RecordBatch()
        batch.append(key: Bytes("k".utf8), headers: []) { $0.append(contentsOf: "value".utf8) }
        #expect(batch[0] == Record(key: "k", value: "value"))
    }

    @Test func takesManyValuesOfOneKeyAtOnce() {
        var batch = RecordBatch([Record(key: "k", value: "0", headers: [Header("h", "x")])])
        batch.append(key: Bytes("k".utf8), headers: [Header("h", "x")], values: Bytes("123".utf8), ends: [1, 1, 3])
        batch.append(key: nil, headers: [], values: Bytes("4".utf8), ends: [1])
        batch.append(key: Bytes("none".utf8), headers: [], values: [], ends: [])
        let values = ["0", "1", "", "23"]
        let records = values.map { Record(key: "k", value: $0, headers: [Header("h", "x")]) }
        #expect((0..<batch.count).map { batch[$0] } == records + [Record(key: nil, value: "4")])
        #expect(batch.byteCount == 1 + 1 + 3 + 1)
    }

    @Test func canBeEmptiedAndCut() {
        var batch = RecordBatch(self.records)
        batch.keepFirst(2)
        #expect(batch.count == 2 && batch[1] == self.records[1])
        batch.removeAll()
        #expect(batch.isEmpty && batch.byteCount == 0)
        batch.append(self.records[0])
        #expect(batch[0] == self.records[0])
    }

    @Test func aFetchedBatchFindsOffsetsAndCutsAtThem() {
        var fetched = FetchedBatch(partition: TopicPartition("t", 0), nextOffset: 0)
        for (record, offset) in zip(self.records, [3, 4, 9, 10, 20] as [Offset]) {
            fetched.append(record, offset: offset, timestamp: 0)
        }
        #expect(fetched.index(of: 9) == 2 && fetched.index(of: 5) == nil && fetched.nextOffset == 21)
        fetched.truncate(before: 10)
        #expect(fetched.count == 3 && fetched.nextOffset == 10)
        fetched.truncate(before: 100)
        #expect(fetched.count == 3 && fetched.nextOffset == 10)
    }
}

@Suite struct PartitionerTests {
    /// From Apache Kafka's own test of its murmur2.
    @Test(arguments: [
        ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
    ])
    func murmur2IsKafkas(_ key: String, _ hash: Int32) {
        #expect(Int32(bitPattern: Partitioner.murmur2(Bytes(key.utf8))) == hash)
    }

    @Test func keysSpread() {
        var counts = Array(repeating: 0, count: 4)
        for number in 0..<4000 { counts[Partitioner.partition(forKey: Bytes("video-\(number)".utf8), count: 4)] += 1 }
        #expect(counts.allSatisfy { 850...1150 ~= $0 })
    }
}

@Suite struct ContentHashTests {
    @Test func sha256IsTheStandards() {
        #expect(ContentHash.sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        var stream = ContentHash.Stream()
        stream.update(Bytes("a".utf8))
        stream.update(Bytes("bc".utf8))
        #expect(stream.finish() == ContentHash.sha256("abc"))
    }

    /// Computed by Python's `uuid.uuid5` in the namespace `uuid5(NAMESPACE_DNS, "millrace")`.
    @Test func uuid5IsTheStandards() {
        #expect(ContentHash.uuid5("hello") == "9cbe3595-4f6b-5430-9f89-08eef3eb0663")
    }
}
