// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

extension ConformanceCase {
    static let partitioning: [ConformanceCase] = [
        ConformanceCase("murmur2 has Kafka's values") { _ in
            // From Kafka's own test of `Utils.murmur2`.
            let known: [(String, Int32)] = [
                ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
                ("a-little-bit-longer-string", -1_486_304_829),
                ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
            ]
            for (text, hash) in known {
                try expectEqual(Int32(bitPattern: Partitioner.murmur2(Bytes(text.utf8))), hash, "murmur2 of \(text)")
            }
        },
        ConformanceCase("a key decides the partition") { world in
            let (log, topic) = try world.open(topic: "keyed", partitions: 4)
            let writer = try log.makeWriter(id: world.harness.name("keyed"))
            let keys = (0..<40).map { "key-\($0)" }
            for round in 0..<3 {
                try world.write(
                    keys.map { Record(key: $0, value: "\(round)") }, to: topic, partition: nil, by: writer)
            }
            var seen = 0
            for partition in 0..<4 {
                var rounds: [String: [String]] = [:]
                for fetched in try world.readAll(log, topic, partition) {
                    let key = fetched.record.key ?? []
                    try expectEqual(
                        Partitioner.partition(forKey: key, count: 4), partition, "the partition of a record")
                    rounds[String(decoding: key, as: UTF8.self), default: []].append(
                        String(decoding: fetched.record.value ?? [], as: UTF8.self))
                    seen += 1
                }
                for (key, values) in rounds { try expectEqual(values, ["0", "1", "2"], "the values of \(key)") }
            }
            try expectEqual(seen, 120, "the number of records")
        },
        ConformanceCase("records without a key go to the partitions in turn") { world in
            let (log, topic) = try world.open(topic: "keyless", partitions: 4)
            let writer = try log.makeWriter(id: world.harness.name("keyless"))
            try world.write(numbered(0..<6), to: topic, partition: nil, by: writer)
            try world.write(numbered(6..<8), to: topic, partition: nil, by: writer)
            for partition in 0..<4 {
                try expectEqual(try world.readAll(log, topic, partition).count, 2, "records in partition \(partition)")
            }
        },
        ConformanceCase("an empty key is a key") { world in
            let (log, topic) = try world.open(topic: "emptykey", partitions: 3)
            let writer = try log.makeWriter(id: world.harness.name("emptykey"))
            let records = [Record(key: Bytes(), value: Bytes("a".utf8)), Record(key: Bytes(), value: Bytes("b".utf8))]
            try world.write(records, to: topic, partition: nil, by: writer)
            let partition = Partitioner.partition(forKey: Bytes(), count: 3)
            try expectEqual(
                try world.readAll(log, topic, partition).map(\.record), records, "records with an empty key")
        },
    ]

    static let topics: [ConformanceCase] = [
        ConformanceCase("a topic keeps its specification, and its name means one thing") { world in
            let (log, topic) = try world.open(
                topic: "specified", partitions: 3, retention: .init(seconds: 3600, bytes: 1 << 30),
                recordBytesMax: 100_000)
            let specification = try log.topics().first { $0.name == topic }
            try expectEqual(
                specification,
                TopicSpecification(
                    name: topic, partitions: 3, retention: .init(seconds: 3600, bytes: 1 << 30), recordBytesMax: 100_000
                ),
                "the specification")
            try log.createTopic(TopicSpecification(name: topic, partitions: 3))
            let error = try expectError("a topic of other partitions", .topicConflict) {
                try log.createTopic(TopicSpecification(name: topic, partitions: 4))
            }
            try expect(error.message.contains(topic), "the conflict does not name the topic: \(error.message)")
            let other = try world.open()
            try expect(try other.topics().contains { $0.name == topic }, "another handle does not see the topic")
            try expectError("a conflict seen by another handle", .topicConflict) {
                try other.createTopic(TopicSpecification(name: topic, partitions: 1))
            }
        },
        ConformanceCase("invalid names are refused") { world in
            let log = try world.open()
            for name in ["", ".", "..", "white space", "slash/", "naïve", String(repeating: "x", count: 250), "a\nb"] {
                try expectError("the topic name “\(name)”", .invalidArgument) {
                    try log.createTopic(TopicSpecification(name: name, partitions: 1))
                }
            }
            try expectError("a topic without partitions", .invalidArgument) {
                try log.createTopic(TopicSpecification(name: world.harness.name("none"), partitions: 0))
            }
        },
        ConformanceCase("unknown topics and partitions are errors") { world in
            let (log, topic) = try world.open(topic: "known", partitions: 2)
            let writer = try log.makeWriter(id: world.harness.name("known"))
            let missing = world.harness.name("missing")
            for name in [TopicPartition(missing, 0), TopicPartition(topic, 2), TopicPartition(topic, -1)] {
                try expectError("offsets of \(name)", .unknownTopic) { _ = try log.offsets(of: name) }
                try expectError("a reader of \(name)", .unknownTopic) { _ = try log.makeReader(of: name, from: 0) }
                try expectError("a search in \(name)", .unknownTopic) { _ = try log.offset(of: name, notBefore: 0) }
                try expectError("a commit to \(name)", .unknownTopic) {
                    try world.write(numbered(0..<1), to: name.topic, partition: name.partition, by: writer)
                }
            }
            try log.deleteTopic(missing)
        },
        ConformanceCase("a deleted topic is gone, and its name free") { world in
            let (log, topic) = try world.open(topic: "deleted", partitions: 2)
            let other = try world.open()
            let group = world.harness.name("deleted")
            let writer = try other.makeWriter(id: world.harness.name("deleted"))
            try world.write(numbered(0..<10), to: topic, by: writer)
            try log.resetOffset(group: group, partition: TopicPartition(topic, 0), to: CommittedOffset(5))
            // By the log that writes: others may believe in a topic a little longer.
            try other.deleteTopic(topic)
            try expect(try !log.topics().contains { $0.name == topic }, "a deleted topic is listed")
            try expectError("offsets of a deleted topic", .unknownTopic) {
                _ = try log.offsets(of: TopicPartition(topic, 0))
            }
            try expectError("a commit to a deleted topic", .unknownTopic) {
                try world.write(numbered(0..<1), to: topic, by: writer)
            }
            try other.createTopic(TopicSpecification(name: topic, partitions: 1))
            try expectEqual(
                try log.committedOffset(group: group, partition: TopicPartition(topic, 0)), nil, "an offset of the old")
            try world.write(numbered(20..<23), to: topic, by: writer)
            try expectEqual(try world.values(log, topic), ["value 20", "value 21", "value 22"], "the new topic")
        },
    ]
}
