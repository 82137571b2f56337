// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

extension ConformanceCase {
    static let transactions: [ConformanceCase] = [
        ConformanceCase("a transaction covers topics, offsets and state") { world in
            let (log, first) = try world.open(topic: "tx.first", partitions: 2)
            let (_, second) = try world.open(topic: "tx.second")
            let group = world.harness.name("tx")
            let source = TopicPartition(first, 1)
            let writer = try log.makeWriter(id: world.harness.name("tx"))
            var transaction = Transaction()
            transaction.outputs = [
                .init(topic: first, partition: 0, records: RecordBatch(numbered(0..<2))),
                .init(topic: second, partition: nil, records: RecordBatch(numbered(2..<5))),
                .init(topic: first, partition: 0, records: RecordBatch(numbered(5..<7))),
            ]
            transaction.group = group
            transaction.offsets = [source: CommittedOffset(42, metadata: "stage hash ✓")]
            transaction.state = [StateChange(key: Bytes("open".utf8), value: Bytes("block".utf8))]
            try writer.commit(transaction)
            let other = try world.open()
            try expectEqual(
                try world.values(other, first), ["value 0", "value 1", "value 5", "value 6"], "the first topic")
            try expectEqual(try world.values(other, second), ["value 2", "value 3", "value 4"], "the second topic")
            try expectEqual(
                try other.committedOffset(group: group, partition: source),
                CommittedOffset(42, metadata: "stage hash ✓"), "the committed offset")
            try expectEqual(
                try writer.state(), [StateEntry(key: Bytes("open".utf8), value: Bytes("block".utf8))], "the state")
            // A mere onlooker sees it too, and fences nobody.
            let seen = try other.state(ofWriter: writer.id)
            try expectEqual(
                seen, [StateEntry(key: Bytes("open".utf8), value: Bytes("block".utf8))], "the state, looked at")
            try expectEqual(try other.state(ofWriter: world.harness.name("nobody")), [], "the state of no writer")
            try writer.commit(Transaction())
        },
        ConformanceCase("a commit that fails shows nothing, and its writer goes on") { world in
            let (log, good) = try world.open(topic: "fail.good")
            let (_, small) = try world.open(topic: "fail.small", recordBytesMax: 10)
            let group = world.harness.name("fail")
            let source = TopicPartition(good, 0)
            let writer = try log.makeWriter(id: world.harness.name("fail"))
            func transaction(_ second: String, _ partition: Int?, value: Bytes) -> Transaction {
                var transaction = Transaction()
                transaction.outputs = [
                    .init(topic: good, partition: 0, records: RecordBatch(numbered(0..<3))),
                    .init(topic: second, partition: partition, records: RecordBatch([Record(key: nil, value: value)])),
                ]
                transaction.group = group
                transaction.offsets = [source: CommittedOffset(3)]
                transaction.state = [StateChange(key: Bytes("k".utf8), value: Bytes("v".utf8))]
                return transaction
            }
            let failures: [(String, LogError.Code, Transaction)] = [
                ("a record too large", .recordTooLarge, transaction(small, 0, value: noise(11, seed: 1))),
                ("no such topic", .unknownTopic, transaction(world.harness.name("fail.none"), 0, value: [])),
                ("no such partition", .unknownTopic, transaction(small, 1, value: [])),
            ]
            for (what, code, transaction) in failures {
                try expectError(what, code) { try writer.commit(transaction) }
                let other = try world.open()
                try expectEqual(try world.readAll(other, good).count, 0, "records after: \(what)")
                try expectEqual(try world.readAll(other, small).count, 0, "records in the second topic after: \(what)")
                try expectEqual(
                    try other.committedOffset(group: group, partition: source), nil, "the offset after: \(what)")
                try expectEqual(try writer.state(), [], "the state after: \(what)")
            }
            try writer.commit(transaction(small, 0, value: noise(10, seed: 1)))
            try expectEqual(try world.values(log, good), ["value 0", "value 1", "value 2"], "the commit that followed")
            try expectEqual(try world.readAll(log, small).count, 1, "the second topic after a commit")
        },
        ConformanceCase("what a transaction needs is checked") { world in
            let (log, topic) = try world.open(topic: "checked")
            let writer = try log.makeWriter(id: world.harness.name("checked"))
            try writer.commit(Transaction())
            var transaction = Transaction()
            transaction.offsets = [TopicPartition(topic, 0): CommittedOffset(1)]
            try expectError("offsets without a group", .invalidArgument) { try writer.commit(transaction) }
            transaction.group = world.harness.name("checked")
            try writer.commit(transaction)
            transaction.offsets = [TopicPartition(topic, 9): CommittedOffset(1)]
            try expectError("an offset of no partition", .unknownTopic) { try writer.commit(transaction) }
            try expectError("a writer without a name", .invalidArgument) { _ = try log.makeWriter(id: "") }
        },
        ConformanceCase("many small transactions by two writers keep each one's order") { world in
            let (log, topic) = try world.open(topic: "small.commits")
            let other = try world.open()
            let one = try log.makeWriter(id: world.harness.name("one"))
            let two = try other.makeWriter(id: world.harness.name("two"))
            for index in 0..<100 {
                try world.write([Record(key: "one", value: "\(index)")], to: topic, by: one)
                try world.write([Record(key: "two", value: "\(index)")], to: topic, by: two)
            }
            let all = try world.readAll(log, topic)
            for name in ["one", "two"] {
                let values = all.filter { $0.record.key == Bytes(name.utf8) }.map(\.record.value)
                try expectEqual(values, (0..<100).map { Bytes("\($0)".utf8) }, "the records of writer \(name)")
            }
        },
    ]

    static let writers: [ConformanceCase] = [
        ConformanceCase("epochs grow, and a former owner is fenced") { world in
            let (log, topic) = try world.open(topic: "fenced")
            let other = try world.open()
            let id = world.harness.name("fenced")
            let group = world.harness.name("fenced")
            let source = TopicPartition(topic, 0)
            let old = try log.makeWriter(id: id)
            try expectEqual(old.id, id, "the writer's id")
            try world.write(numbered(0..<1), to: topic, by: old)
            let new = try other.makeWriter(id: id)
            try expect(new.epoch > old.epoch, "epoch \(new.epoch) follows epoch \(old.epoch)")
            var late = Transaction()
            late.outputs = [.init(topic: topic, partition: 0, records: RecordBatch(numbered(90..<95)))]
            late.group = group
            late.offsets = [source: CommittedOffset(90)]
            late.state = [StateChange(key: Bytes("late".utf8), value: Bytes("late".utf8))]
            for _ in 0..<2 {
                try expectError("a former owner's commit of nothing", .fenced) { try old.commit(Transaction()) }
                let error = try expectError("a former owner's commit", .fenced) { try old.commit(late) }
                try expect(!error.isRetriable, "a fenced writer is told to try again")
            }
            try expectEqual(try other.committedOffset(group: group, partition: source), nil, "a fenced offset")
            try expectEqual(try new.state(), [], "a fenced state")
            try world.write(numbered(1..<2), to: topic, by: new)
            try expectEqual(try world.values(log, topic), ["value 0", "value 1"], "records around the fence")
            old.close()
            try world.write(numbered(2..<3), to: topic, by: new)
            let third = try log.makeWriter(id: id)
            try expect(third.epoch > new.epoch, "epoch \(third.epoch) follows epoch \(new.epoch)")
            try expectError("the second owner's commit", .fenced) {
                try world.write(numbered(91..<92), to: topic, by: new)
            }
            let stranger = try log.makeWriter(id: world.harness.name("stranger"))
            try world.write(numbered(3..<4), to: topic, by: stranger)
            try world.write(numbered(4..<5), to: topic, by: third)
            try expectEqual(
                try world.values(log, topic), (0..<5).map { "value \($0)" }, "records around two fences")
        },
        ConformanceCase("a closed writer fences nobody and commits nothing") { world in
            let (log, topic) = try world.open(topic: "closed")
            let id = world.harness.name("closed")
            let first = try log.makeWriter(id: id)
            try world.write(numbered(0..<1), to: topic, by: first)
            first.close()
            try expectError("a commit by a closed writer", .closed) {
                try world.write(numbered(9..<10), to: topic, by: first)
            }
            let second = try log.makeWriter(id: id)
            try expect(second.epoch > first.epoch, "epoch \(second.epoch) follows epoch \(first.epoch)")
            try world.write(numbered(1..<2), to: topic, by: second)
            try expectEqual(try world.values(log, topic), ["value 0", "value 1"], "the records")
        },
        ConformanceCase("state is set, replaced and removed, and goes to the next owner") { world in
            let (log, topic) = try world.open(topic: "state")
            let id = world.harness.name("state")
            let writer = try log.makeWriter(id: id)
            func commit(_ changes: [(Bytes, Bytes?)], by writer: any TransactionalWriter) throws {
                var transaction = Transaction()
                transaction.state = changes.map { StateChange(key: $0.0, value: $0.1) }
                try writer.commit(transaction)
            }
            func state(_ writer: any TransactionalWriter) throws -> [Bytes: Bytes] {
                Dictionary(try writer.state().map { ($0.key, $0.value) }) { first, _ in first }
            }
            try expectEqual(try state(writer), [:], "the state at first")
            let large = noise(1_000_000, seed: 9)
            try commit([([1], [10]), ([2], [20]), ([0, 255], []), ([], [7]), ([3], large)], by: writer)
            try expect(
                try state(writer) == [[1]: [10], [2]: [20], [0, 255]: [], []: [7], [3]: large], "the state set differs")
            try commit([([1], [11]), ([2], nil), ([9], nil), ([3], []), ([4], [1]), ([4], [2])], by: writer)
            let expected: [Bytes: Bytes] = [[1]: [11], [0, 255]: [], []: [7], [3]: [], [4]: [2]]
            try expectEqual(try state(writer), expected, "the state changed")
            try commit([([], nil), ([4], nil), ([4], [3])], by: writer)
            let left: [Bytes: Bytes] = [[1]: [11], [0, 255]: [], [3]: [], [4]: [3]]
            let other = try world.open()
            try expectEqual(try state(try other.makeWriter(id: id)), left, "the next owner's state")
            try expectEqual(
                try state(try other.makeWriter(id: world.harness.name("stateless"))), [:], "another writer's state")
            try expectEqual(try world.readAll(log, topic).count, 0, "records written with the state")
        },
    ]

    static let offsets: [ConformanceCase] = [
        ConformanceCase("committed offsets keep their metadata, and groups are apart") { world in
            let (log, topic) = try world.open(topic: "committed", partitions: 2)
            let group = world.harness.name("committed")
            let partition = TopicPartition(topic, 1)
            try expectEqual(try log.committedOffset(group: group, partition: partition), nil, "no offset yet")
            let writer = try log.makeWriter(id: world.harness.name("committed"))
            for (offset, metadata) in [(Offset(7), "first"), (9, ""), (3, "quote ' and ünïcode ✓")] {
                var transaction = Transaction()
                transaction.group = group
                transaction.offsets = [partition: CommittedOffset(offset, metadata: metadata)]
                try writer.commit(transaction)
                try expectEqual(
                    try log.committedOffset(group: group, partition: partition),
                    CommittedOffset(offset, metadata: metadata), "a committed offset")
            }
            try expectEqual(
                try log.committedOffset(group: group, partition: TopicPartition(topic, 0)), nil, "another partition")
            try expectEqual(
                try log.committedOffset(group: world.harness.name("stranger"), partition: partition), nil,
                "another group")
            let described = try log.groups().first { $0.group == group }
            try expectEqual(
                described?.commits.map(\.committed), [CommittedOffset(3, metadata: "quote ' and ünïcode ✓")],
                "the group's description")
            try expectEqual(described?.commits.map(\.partition), [partition], "the described partition")
        },
        ConformanceCase("an offset can be reset and forgotten") { world in
            let (log, topic) = try world.open(topic: "reset")
            let group = world.harness.name("reset")
            let partition = TopicPartition(topic, 0)
            let other = try world.open()
            try log.resetOffset(group: group, partition: partition, to: CommittedOffset(5, metadata: "by hand"))
            try expectEqual(
                try other.committedOffset(group: group, partition: partition), CommittedOffset(5, metadata: "by hand"),
                "the offset set")
            try other.resetOffset(group: group, partition: partition, to: CommittedOffset(0))
            try expectEqual(
                try log.committedOffset(group: group, partition: partition), CommittedOffset(0), "the offset set back")
            try other.resetOffset(group: group, partition: partition, to: nil)
            try expectEqual(try log.committedOffset(group: group, partition: partition), nil, "the offset forgotten")
            try expectError("a reset in no topic", .unknownTopic) {
                try log.resetOffset(
                    group: group, partition: TopicPartition(world.harness.name("none"), 0), to: CommittedOffset(1))
            }
        },
    ]

    static let durability: [ConformanceCase] = [
        ConformanceCase("everything is there after all handles were closed", needs: [.durability]) { world in
            let (log, topic) = try world.open(topic: "durable", partitions: 2, retention: .init(seconds: 1_000_000))
            let id = world.harness.name("durable")
            let group = world.harness.name("durable")
            let source = TopicPartition(topic, 1)
            let writer = try log.makeWriter(id: id)
            let records = (0..<500).map { Record(key: "key", value: "value \($0)", headers: [Header("n", "\($0)")]) }
            var transaction = Transaction()
            transaction.outputs = [.init(topic: topic, partition: 0, records: RecordBatch(records))]
            transaction.group = group
            transaction.offsets = [source: CommittedOffset(17, metadata: "m")]
            transaction.state = [StateChange(key: [1], value: [2])]
            try writer.commit(transaction)
            let before = try world.readAll(log, topic)
            world.close()
            let again = try world.open()
            let after = try world.readAll(again, topic)
            try expectEqual(after.map(\.record), records, "the records after reopening")
            try expectEqual(after.map(\.offset), before.map(\.offset), "the offsets after reopening")
            try expectEqual(after.map(\.time), before.map(\.time), "the times after reopening")
            try expectEqual(
                try again.committedOffset(group: group, partition: source), CommittedOffset(17, metadata: "m"),
                "the committed offset after reopening")
            let next = try again.makeWriter(id: id)
            try expectEqual(try next.state(), [StateEntry(key: [1], value: [2])], "the state after reopening")
            try expect(next.epoch > writer.epoch, "epoch \(next.epoch) follows epoch \(writer.epoch)")
            try expectEqual(
                try again.topics().first { $0.name == topic }?.retention, .init(seconds: 1_000_000),
                "the topic after reopening")
        },
        ConformanceCase("a closed log says so") { world in
            let (log, topic) = try world.open(topic: "ended")
            let name = TopicPartition(topic, 0)
            let writer = try log.makeWriter(id: world.harness.name("ended"))
            let reader = try log.makeReader(of: name, from: 0)
            log.close()
            log.close()
            try expectError("topics of a closed log", .closed) { _ = try log.topics() }
            try expectError("a commit to a closed log", .closed) {
                try world.write(numbered(0..<1), to: topic, by: writer)
            }
            try expectError("a read of a closed log", .closed) { _ = try reader.read(recordsMax: 1, bytesMax: 1) }
            try expectError("a writer of a closed log", .closed) { _ = try log.makeWriter(id: "x") }
            let other = try world.open()
            try expectEqual(try world.readAll(other, topic).count, 0, "records")
        },
    ]
}
