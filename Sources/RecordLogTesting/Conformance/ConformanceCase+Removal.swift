// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

/// All that a task has left in a log: an output, offsets and state, and a topic in which removals are noted.
private struct RemovalScene {
    let log: any RecordLog
    let source: String
    let output: String
    let notes: String
    let group: String
    let task: any TransactionalWriter
    let remover: any TransactionalWriter

    init(_ world: ConformanceWorld, _ base: String) throws {
        (self.log, self.source) = try world.open(topic: "\(base).source", partitions: 2)
        let log = self.log
        let topics = ["\(base).output", "\(base).notes"].map(world.harness.name)
        for name in topics { try log.createTopic(TopicSpecification(name: name, partitions: 1)) }
        (self.output, self.notes) = (topics[0], topics[1])
        self.group = world.harness.name("\(base).group")
        self.task = try log.makeWriter(id: world.harness.name("\(base).task"))
        self.remover = try log.makeWriter(id: world.harness.name("\(base).remover"))
        try world.write(numbered(0..<3), to: self.source, partition: 1, by: self.remover)
        var transaction = Transaction()
        transaction.outputs = [.init(topic: self.output, partition: 0, records: RecordBatch(numbered(0..<2)))]
        transaction.group = self.group
        transaction.offsets = [
            TopicPartition(self.source, 0): CommittedOffset(0), TopicPartition(self.source, 1): CommittedOffset(3),
        ]
        transaction.state = [StateChange(key: Bytes("open".utf8), value: Bytes("block".utf8))]
        try self.task.commit(transaction)
    }

    var removal: Removal {
        Removal(topics: [self.output], groups: [self.group], writers: [self.task.id], idleGroups: [self.group])
    }

    /// Removes, and notes it.
    func remove() throws {
        var transaction = Transaction()
        transaction.outputs = [
            .init(topic: self.notes, partition: 0, records: RecordBatch([Record(key: nil, value: "removed")]))
        ]
        try self.log.remove(self.removal, committing: transaction, by: self.remover)
    }

    func expectEverything(_ world: ConformanceWorld, notes: Int = 0) throws {
        try expectEqual(try world.values(self.log, self.output), ["value 0", "value 1"], "the output that stays")
        try expectEqual(
            try self.log.committedOffset(group: self.group, partition: TopicPartition(self.source, 1))?.offset, 3,
            "the offset that stays")
        try expectEqual(try self.log.state(ofWriter: self.task.id).count, 1, "the pieces of state that stay")
        try expectEqual(try world.values(self.log, self.notes).count, notes, "the notes of removals")
    }
}

extension ConformanceCase {
    static let removal: [ConformanceCase] = [
        ConformanceCase("a removal takes topics, offsets and state, and leaves the rest") { world in
            let scene = try RemovalScene(world, "removal")
            let bystander = try scene.log.makeWriter(id: world.harness.name("removal.other"))
            var other = Transaction()
            other.group = world.harness.name("removal.others")
            other.offsets = [TopicPartition(scene.source, 1): CommittedOffset(2)]
            other.state = [StateChange(key: Bytes("kept".utf8), value: Bytes("1".utf8))]
            try bystander.commit(other)
            try scene.expectEverything(world)
            // A second time finds nothing, and that is no error.
            for round in 1...2 {
                try scene.remove()
                try expectEqual(try world.values(scene.log, scene.notes).count, round, "the notes of removals")
                try expect(
                    try !scene.log.topics().contains { $0.name == scene.output }, "a removed topic is listed")
                for partition in 0..<2 {
                    let offset = try scene.log.committedOffset(
                        group: scene.group, partition: TopicPartition(scene.source, partition))
                    try expectEqual(offset, nil, "a removed offset")
                }
                try expectEqual(try scene.log.state(ofWriter: scene.task.id), [], "a removed state")
            }
            try expectEqual(try world.values(scene.log, scene.source, 1).count, 3, "the records of the source")
            try expectEqual(
                try scene.log.committedOffset(
                    group: world.harness.name("removal.others"), partition: TopicPartition(scene.source, 1))?.offset, 2,
                "another group's offset")
            try expectEqual(try scene.log.state(ofWriter: bystander.id).count, 1, "another writer's state")
        },
        ConformanceCase("a removal fences the writers whose state it takes, and their epochs go on") { world in
            let scene = try RemovalScene(world, "fencing")
            try scene.remove()
            try expectError("a commit of a writer whose state was removed", .fenced) {
                try world.write(numbered(0..<1), to: scene.source, by: scene.task)
            }
            let next = try scene.log.makeWriter(id: scene.task.id)
            try expect(
                next.epoch > scene.task.epoch, "epoch \(next.epoch) follows \(scene.task.epoch) over a removal")
            try expectEqual(try next.state(), [], "the state of the next owner")
        },
        ConformanceCase("a removal is refused while a member lives") { world in
            let scene = try RemovalScene(world, "live")
            let member = Participant(
                try scene.log.join(
                    GroupConfiguration(
                        group: scene.group, topics: [scene.source],
                        sessionTimeoutMilliseconds: world.harness.sessionTimeoutMilliseconds)))
            try world.settle([member], "the member") { $0 == [2] }
            try expectError("a removal under a living member", .inUse) { try scene.remove() }
            try scene.expectEverything(world)
            try member.leave()
            let patience = world.patience()
            while true {
                do {
                    try scene.remove()
                    break
                } catch let error as LogError where error.code == .inUse {
                    try expect(patience.isLeft, "a member that has left is still in the way: \(error)")
                }
            }
            try expect(try !scene.log.topics().contains { $0.name == scene.output }, "a removed topic is listed")
        },
        ConformanceCase("a removal in the name of a fenced writer removes nothing") { world in
            let scene = try RemovalScene(world, "late")
            let later = try scene.log.makeWriter(id: scene.remover.id)
            try expectError("a removal by a fenced writer", .fenced) { try scene.remove() }
            try scene.expectEverything(world)
            later.close()
        },
        ConformanceCase("the ids of writers are known") { world in
            let log = try world.open()
            // Signs that no topic's name takes, and what stands for it there.
            let ids = ["ids.plain-1.0", "ids.under_score", "ids.naïve:7", "ids._5f"].map(world.harness.name)
            for id in ids { try log.makeWriter(id: id).close() }
            try expectEqual(
                try world.open().writerIDs().filter(Set(ids).contains), ids.sorted(), "the ids of writers")
        },
    ]
}
