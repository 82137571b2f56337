// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

extension ConformanceCase {
    static let reading: [ConformanceCase] = [
        ConformanceCase("a partition keeps its order") { world in
            let (log, topic) = try world.open(topic: "ordered")
            let writer = try log.makeWriter(id: world.harness.name("ordered"))
            for start in stride(from: 0, to: 300, by: 30) {
                try world.write(numbered(start..<start + 30), to: topic, by: writer)
            }
            let other = try world.open()
            try expectEqual(try world.values(other, topic), (0..<300).map { "value \($0)" }, "the order")
        },
        ConformanceCase("a read answers at most as many records as asked for") { world in
            let (log, topic) = try world.open(topic: "limited")
            let writer = try log.makeWriter(id: world.harness.name("limited"))
            try world.write(numbered(0..<50), to: topic, by: writer)
            for limit in [1, 7, 49, 50, 51] {
                let values = try world.readAll(log, topic, recordsMax: limit)
                try expectEqual(values.map(\.record), numbered(0..<50), "records read \(limit) at a time")
            }
        },
        ConformanceCase("a read stops at the bytes asked for, but answers one record at least") { world in
            let (log, topic) = try world.open(topic: "bytes")
            let writer = try log.makeWriter(id: world.harness.name("bytes"))
            let records = (0..<20).map { Record(key: nil, value: noise(1000, seed: UInt64($0 + 1))) }
            try world.write(records, to: topic, by: writer)
            for limit in [1, 999, 1000, 1001, 4500, 1 << 20] {
                let name = TopicPartition(topic, 0)
                let reader = try log.makeReader(of: name, from: try log.offsets(of: name).lowerBound)
                var found: [Record] = []
                while found.count < 20 {
                    let batch = try reader.read(recordsMax: 1000, bytesMax: limit)
                    try expect(!batch.isEmpty, "a read of \(limit) bytes answered nothing")
                    try expect((batch.count - 1) * 1000 < limit, "a read of \(limit) bytes answered \(batch.count) kB")
                    for index in 0..<batch.count { found.append(batch.records[index]) }
                }
                try expectEqual(found, records, "records read by \(limit) bytes")
            }
            let (_, keyed) = try world.open(topic: "bytes.keyed")
            let keys = (0..<20).map { Record(key: noise(1000, seed: UInt64($0 + 1)), value: nil) }
            try world.write(keys, to: keyed, by: writer)
            let reader = try log.makeReader(of: TopicPartition(keyed, 0), from: 0)
            let batch = try reader.read(recordsMax: 1000, bytesMax: 4500)
            try expect((1...5).contains(batch.count), "a read of 4500 bytes answered \(batch.count) keys of 1 kB")
        },
        ConformanceCase("at the end a read answers nothing, and later what has come") { world in
            let (log, topic) = try world.open(topic: "tail")
            let name = TopicPartition(topic, 0)
            let reader = try log.makeReader(of: name, from: try log.offsets(of: name).upperBound)
            let first = try reader.read(recordsMax: 10, bytesMax: 1000)
            try expect(first.isEmpty, "an empty partition had records")
            let other = try world.open()
            let writer = try other.makeWriter(id: world.harness.name("tail"))
            for round in 0..<5 {
                try world.write(numbered(round..<round + 1), to: topic, by: writer)
                let found = try world.read(reader, until: log.offsets(of: name).upperBound)
                try expectEqual(found.map(\.record), numbered(round..<round + 1), "what has come")
            }
        },
        ConformanceCase("a reader starts anywhere and seeks anywhere") { world in
            let (log, topic) = try world.open(topic: "seek")
            let name = TopicPartition(topic, 0)
            let writer = try log.makeWriter(id: world.harness.name("seek"))
            try world.write(numbered(0..<20), to: topic, by: writer)
            try world.writeEach(numbered(20..<30), to: topic, by: writer)
            let all = try world.readAll(log, topic, count: 30)
            let end = try log.offsets(of: name).upperBound
            let reader = try log.makeReader(of: name, from: all[0].offset)
            for start in [29, 0, 19, 20, 7, 7, 25] {
                let fresh = try world.read(try log.makeReader(of: name, from: all[start].offset), until: end)
                try expectEqual(fresh.map(\.offset), all[start...].map(\.offset), "offsets from \(start)")
                reader.seek(to: all[start].offset)
                let batch = try reader.read(recordsMax: 3, bytesMax: 1 << 20)
                try expectEqual(batch.offsets.first, all[start].offset, "the first offset after a seek to \(start)")
                try expectEqual(batch.records[0], all[start].record, "the first record after a seek to \(start)")
            }
            reader.seek(to: end)
            try expect(try reader.read(recordsMax: 1, bytesMax: 1).isEmpty, "a read at the end had records")
        },
        ConformanceCase("offsets that no record has are skipped", needs: [.offsetGaps]) { world in
            let (log, topic) = try world.open(topic: "gaps")
            let name = TopicPartition(topic, 0)
            let writer = try log.makeWriter(id: world.harness.name("gaps"))
            try world.writeEach(numbered(0..<20), to: topic, by: writer)
            let all = try world.readAll(log, topic, count: 20)
            let end = try log.offsets(of: name).upperBound
            let isDense = zip(all, all.dropFirst()).allSatisfy { $0.offset + 1 == $1.offset }
            try expect(!isDense, "the harness promised gaps in the offsets, and there are none")
            for (earlier, later) in zip(all, all.dropFirst()) where earlier.offset + 1 < later.offset {
                let reader = try log.makeReader(of: name, from: earlier.offset + 1)
                let batch = try reader.read(recordsMax: 1, bytesMax: 1000)
                try expectEqual(batch.offsets, [later.offset], "a read from offset \(earlier.offset + 1)")
            }
            let rest = try world.read(try log.makeReader(of: name, from: all[10].offset), until: end)
            try expectEqual(rest.map(\.record), numbered(10..<20), "a read from the middle")
        },
        ConformanceCase("records are deleted up to an offset and no further") { world in
            let (log, topic) = try world.open(topic: "cut")
            let name = TopicPartition(topic, 0)
            let writer = try log.makeWriter(id: world.harness.name("cut"))
            try world.write(numbered(0..<10), to: topic, by: writer)
            try world.write(numbered(10..<20), to: topic, by: writer)
            let all = try world.readAll(log, topic, count: 20)
            for cut in [0, 1, 4, 4, 2, 9, 10, 13, 19] {
                try log.deleteRecords(of: name, before: all[cut].offset)
                let start = max(cut, cut == 2 ? 4 : 0)
                try expectEqual(
                    try world.readAll(log, topic).map(\.record), numbered(start..<20), "what a cut at \(cut) leaves")
                let reader = try log.makeReader(of: name, from: all[start].offset)
                try expectEqual(
                    try reader.read(recordsMax: 1, bytesMax: 1).offsets, [all[start].offset],
                    "the first offset after a cut at \(cut)")
            }
        },
        ConformanceCase("outside the retained range a read says what is retained") { world in
            let (log, topic) = try world.open(topic: "outside")
            let name = TopicPartition(topic, 0)
            let writer = try log.makeWriter(id: world.harness.name("outside"))
            try world.writeEach(numbered(0..<10), to: topic, by: writer)
            let all = try world.readAll(log, topic, count: 10)
            try log.deleteRecords(of: name, before: all[4].offset)
            let range = try log.offsets(of: name)
            try expect(
                range.lowerBound > all[3].offset && range.lowerBound <= all[4].offset, "the range starts at \(range)")
            for offset in [all[0].offset, all[3].offset, range.upperBound + 5] {
                let reader = try log.makeReader(of: name, from: offset)
                try expectError("a read from \(offset)", .offsetOutOfRange(range)) {
                    _ = try reader.read(recordsMax: 1, bytesMax: 1)
                }
                reader.seek(to: all[4].offset)
                let batch = try reader.read(recordsMax: 1, bytesMax: 1)
                try expectEqual(batch.offsets, [all[4].offset], "a read after seeking back into the range")
            }
            try expectEqual(try world.readAll(log, topic).map(\.record), numbered(4..<10), "what is retained")
            try log.deleteRecords(of: name, before: range.upperBound)
            try expectEqual(try world.readAll(log, topic).count, 0, "records after deleting all")
            try expectEqual(try log.offsets(of: name).upperBound, range.upperBound, "the end after deleting all")
            try world.write(numbered(10..<11), to: topic, by: writer)
            let last = try world.readAll(log, topic, count: 1)
            try expectEqual(last.map(\.record), numbered(10..<11), "what came after deleting all")
            try expect(last[0].offset >= range.upperBound, "offset \(last[0].offset) was used before")
            try expectError("deleting past the end", where: { $0 != .closed }) {
                try log.deleteRecords(of: name, before: range.upperBound + 100)
            }
        },
    ]

    static let content: [ConformanceCase] = [
        ConformanceCase("keys, values and headers come back as they were") { world in
            let (log, topic) = try world.open(topic: "content")
            let writer = try log.makeWriter(id: world.harness.name("content"))
            let binary = Bytes((0...255).map { UInt8($0) })
            let records = [
                Record(key: nil, value: Bytes()), Record(key: Bytes(), value: nil),
                Record(key: Bytes?.none, value: nil),
                Record(key: Bytes(), value: Bytes()), Record(key: binary, value: binary),
                Record(key: "k", value: nil, headers: [Header("h", "1")]),
                Record(key: "k", value: "same key", headers: [Header("h", "1")]),
                Record(key: nil, value: "no key after a key"),
                Record(
                    key: "k", value: "many headers",
                    headers: [
                        Header("twice", "a"), Header("twice", "b"), Header("empty", Bytes()), Header("binary", binary),
                        Header("twice", "a"), Header("ünïcode ✓", "✓"),
                    ]),
                Record(key: "k", value: "h", headers: [Header("h", "2")]),
                Record(key: "k", value: "h", headers: [Header("h", "1")]),
            ]
            try world.write(records, to: topic, by: writer)
            try world.writeEach(records, to: topic, by: writer)
            let found = try world.readAll(log, topic, recordsMax: 4).map(\.record)
            for (index, record) in (records + records).enumerated() {
                try expect(index < found.count, "record \(index) is missing")
                try expectEqual(found[index], record, "record \(index)")
            }
        },
        ConformanceCase("large records fit, larger ones are refused whole") { world in
            let (log, topic) = try world.open(topic: "large")
            let writer = try log.makeWriter(id: world.harness.name("large"))
            let records = [
                Record(key: Bytes("a".utf8), value: noise(1_000_000, seed: 1)),
                Record(key: Bytes("b".utf8), value: Bytes(repeating: 7, count: 1_000_000)),
                Record(key: Bytes("c".utf8), value: noise((8 << 20) - 1, seed: 2)),
            ]
            try world.write(records, to: topic, by: writer)
            try world.writeEach(records, to: topic, by: writer)
            let found = try world.readAll(log, topic, bytesMax: 1000)
            try expect(found.map(\.record) == records + records, "large records came back otherwise")
            let (_, small) = try world.open(topic: "small", recordBytesMax: 1000)
            try world.write([Record(key: noise(100, seed: 3), value: noise(900, seed: 3))], to: small, by: writer)
            let error = try expectError("a record of one byte too many", .recordTooLarge) {
                try world.write(
                    numbered(0..<3) + [Record(key: noise(100, seed: 3), value: noise(901, seed: 3))], to: small,
                    by: writer)
            }
            try expect(error.message.contains(small), "the error does not name the topic: \(error.message)")
            try expectEqual(try world.readAll(log, small).count, 1, "records after a refusal")
        },
        ConformanceCase("a transaction of very many records arrives whole") { world in
            let (log, topic) = try world.open(topic: "many", partitions: 3)
            let writer = try log.makeWriter(id: world.harness.name("many"))
            let records = (0..<30_000).map { Record(key: "key \($0 / 100)", value: "value \($0) of many") }
            try world.write(records, to: topic, partition: nil, by: writer)
            var found: [String] = []
            for partition in 0..<3 {
                found += try world.readAll(log, topic, partition, recordsMax: 7000).map {
                    String(decoding: $0.record.value ?? [], as: UTF8.self)
                }
            }
            let expected = records.map { String(decoding: $0.value ?? [], as: UTF8.self) }
            try expect(found.sorted() == expected.sorted(), "\(found.count) records came back of 30,000")
        },
        ConformanceCase("header lists that are all different come back") { world in
            let (log, topic) = try world.open(topic: "headers")
            let writer = try log.makeWriter(id: world.harness.name("headers"))
            let records = (0..<2000).map { index in
                Record(key: "k", value: "v", headers: [Header("trace", "\(index)"), Header("kind", "\(index % 3)")])
            }
            try world.write(records, to: topic, by: writer)
            try expect(try world.readAll(log, topic, recordsMax: 333).map(\.record) == records, "headers got mixed up")
        },
    ]
}
