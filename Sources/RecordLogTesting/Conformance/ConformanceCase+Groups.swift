// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

/// A group member under test, with what its handler was told.
final class Participant: AssignmentHandler {
    let member: any GroupMember
    private(set) var owned: Set<TopicPartition> = []
    private(set) var lostCount = 0
    private(set) var failures: [String] = []
    private var isPolling = false
    /// Runs in `assigned`, as a task that makes its writers there does.
    var whenAssigned: (([TopicPartition]) throws -> Void)?

    init(_ member: any GroupMember) { self.member = member }

    func poll(_ milliseconds: Int) throws {
        self.isPolling = true
        defer { self.isPolling = false }
        try self.member.poll(timeoutMilliseconds: milliseconds, self)
        if let failure = self.failures.first { throw ConformanceFailure(failure) }
    }

    func leave() throws {
        self.isPolling = true
        defer { self.isPolling = false }
        self.member.leave(self)
        try expectEqual(self.owned, [], "what a member owns after leaving")
    }

    func assigned(_ partitions: [TopicPartition]) {
        self.check("assigned", partitions, !partitions.contains { self.owned.contains($0) })
        self.owned.formUnion(partitions)
        do { try self.whenAssigned?(partitions) } catch { self.failures.append("in assigned: \(error)") }
    }

    func revoked(_ partitions: [TopicPartition]) {
        self.check("revoked", partitions, self.owned.isSuperset(of: partitions))
        self.owned.subtract(partitions)
    }

    func lost(_ partitions: [TopicPartition]) {
        self.check("lost", partitions, self.owned.isSuperset(of: partitions))
        self.owned.subtract(partitions)
        self.lostCount += partitions.count
    }

    private func check(_ call: String, _ partitions: [TopicPartition], _ fits: Bool) {
        if !self.isPolling { self.failures.append("\(call) came outside poll and leave") }
        if partitions.isEmpty { self.failures.append("\(call) came without partitions") }
        if !fits { self.failures.append("\(call)(\(partitions)) does not fit what is owned: \(self.owned)") }
    }
}

extension ConformanceWorld {
    func join(_ log: any RecordLog, _ group: String, _ topics: [String]) throws -> Participant {
        Participant(
            try log.join(
                GroupConfiguration(
                    group: self.harness.name(group), topics: topics,
                    sessionTimeoutMilliseconds: self.harness.sessionTimeoutMilliseconds)))
    }

    /// Polls all until what they own is as expected, checking all along that no partition has two owners.
    ///
    /// `dead` are members that are no longer polled; what their handlers last heard does not count.
    func settle(
        _ participants: [Participant], _ what: String, until isSettled: ([Int]) -> Bool, file: String = #fileID,
        line: Int = #line
    ) throws {
        let patience = self.patience()
        var rounds = 0
        while true {
            for participant in participants {
                try participant.poll(self.harness.pollMilliseconds)
                var seen: Set<TopicPartition> = []
                for other in participants {
                    try expect(
                        seen.isDisjoint(with: other.owned), "\(what): a partition has two owners", file: file,
                        line: line)
                    seen.formUnion(other.owned)
                }
            }
            let counts = participants.map(\.owned.count)
            if isSettled(counts) { return }
            rounds += 1
            try expect(
                patience.isLeft || rounds < 100, "\(what): the members own \(counts) partitions", file: file, line: line
            )
        }
    }
}

extension ConformanceCase {
    static let groups: [ConformanceCase] = [
        ConformanceCase("one member owns all partitions of its topics") { world in
            let (log, first) = try world.open(topic: "group.one", partitions: 3)
            let (_, second) = try world.open(topic: "group.two", partitions: 2)
            _ = try world.open(topic: "group.other", partitions: 2)
            let writer = try log.makeWriter(id: world.harness.name("group.one"))
            try world.write(numbered(0..<5), to: first, partition: 1, by: writer)
            let one = try world.join(log, "one", [first, second])
            var readable = 0
            one.whenAssigned = { partitions in
                for partition in partitions where partition.topic == first && partition.partition == 1 {
                    let start = try log.offsets(of: partition).lowerBound
                    let reader = try log.makeReader(of: partition, from: start)
                    readable = try world.read(reader, until: try log.offsets(of: partition).upperBound).count
                }
            }
            try world.settle([one], "one member") { $0 == [5] }
            try expectEqual(readable, 5, "records read when the partition was assigned")
            let expected =
                (0..<3).map { TopicPartition(first, $0) } + (0..<2).map { TopicPartition(second, $0) }
            try expectEqual(one.owned.sorted(), expected, "what the only member owns")
            let described = try log.groups().first { $0.group == world.harness.name("one") }
            try expectEqual(described?.members.map(\.id), [one.member.id], "the members described")
            try expectEqual(described?.members.first?.partitions.sorted(), expected, "the partitions described")
            try one.leave()
            try expectEqual(
                try log.groups().first { $0.group == world.harness.name("one") }?.members.count ?? 0, 0,
                "members described after leaving")
            try expectError("a poll after leaving", where: { _ in true }) { try one.poll(0) }
        },
        ConformanceCase("members share, and take over what one leaves") { world in
            let (log, topic) = try world.open(topic: "group.shared", partitions: 4)
            let other = try world.open()
            let one = try world.join(log, "shared", [topic])
            try world.settle([one], "one member") { $0 == [4] }
            let two = try world.join(other, "shared", [topic])
            try world.settle([one, two], "two members") { $0 == [2, 2] }
            let kept = one.owned
            let three = try world.join(other, "shared", [topic])
            try world.settle([one, two, three], "three members") { $0.sorted() == [1, 1, 2] }
            try two.leave()
            try world.settle([one, three], "after one left") { $0 == [2, 2] }
            try expect(!one.owned.isDisjoint(with: kept), "a member that stayed kept nothing")
            try one.leave()
            try world.settle([three], "after another left") { $0 == [4] }
            try expectEqual(one.lostCount + two.lostCount + three.lostCount, 0, "partitions lost in good order")
            try three.leave()
        },
        ConformanceCase("more members than partitions") { world in
            let (log, topic) = try world.open(topic: "group.crowd", partitions: 2)
            let crowd = try (0..<4).map { _ in try world.join(log, "crowd", [topic]) }
            try world.settle(crowd, "four members") { $0.sorted() == [0, 0, 1, 1] }
            let owners = crowd.filter { !$0.owned.isEmpty }
            for owner in owners { try owner.leave() }
            try world.settle(crowd.filter { !owners.map(\.member.id).contains($0.member.id) }, "the idle ones") {
                $0 == [1, 1]
            }
            for member in crowd { try member.leave() }
        },
        ConformanceCase("groups do not disturb each other") { world in
            let (log, topic) = try world.open(topic: "group.apart", partitions: 3)
            let one = try world.join(log, "apart.one", [topic])
            let two = try world.join(log, "apart.two", [topic])
            try world.settle([one], "the first group") { $0 == [3] }
            try world.settle([two], "the second group") { $0 == [3] }
            try world.settle([one], "the first group again") { $0 == [3] }
            try one.leave()
            try two.leave()
        },
        ConformanceCase("a silent member's partitions move, and it learns that it lost them", needs: [.silentDeath]) {
            world in
            let (log, topic) = try world.open(topic: "group.silent", partitions: 4)
            let other = try world.open()
            let id = world.harness.name("task")
            let one = try world.join(log, "silent", [topic])
            let two = try world.join(other, "silent", [topic])
            try world.settle([one, two], "two members") { $0 == [2, 2] }
            let zombie = try other.makeWriter(id: id)
            world.harness.elapse(milliseconds: world.harness.sessionTimeoutMilliseconds / 2)
            try world.settle([one], "half a session later") { $0 == [2] }
            world.harness.elapse(milliseconds: world.harness.sessionTimeoutMilliseconds / 2 + 100)
            try world.settle([one], "a session later") { $0 == [4] }
            _ = try log.makeWriter(id: id)
            try expectError("a commit of the silent member's task", .fenced) {
                try world.write(numbered(0..<1), to: topic, by: zombie)
            }
            // It was only stopped: its next poll tells it what it lost, and the group shares again.
            let patience = world.patience()
            while two.lostCount < 2, patience.isLeft { try two.poll(world.harness.pollMilliseconds) }
            try expectEqual(two.lostCount, 2, "partitions that the silent member lost")
            try world.settle([one, two], "after it came back") { $0 == [2, 2] }
            try one.leave()
            try two.leave()
        },
        ConformanceCase("a closed log's members are gone") { world in
            let (log, topic) = try world.open(topic: "group.gone", partitions: 2)
            let other = try world.open()
            let one = try world.join(log, "gone", [topic])
            let two = try world.join(other, "gone", [topic])
            try world.settle([one, two], "two members") { $0 == [1, 1] }
            other.close()
            if world.harness.features.contains(.silentDeath) {
                world.harness.elapse(milliseconds: world.harness.sessionTimeoutMilliseconds + 100)
            }
            try world.settle([one], "after the other log was closed") { $0 == [2] }
            try one.leave()
        },
        ConformanceCase("memberships are checked") { world in
            let (log, topic) = try world.open(topic: "group.checked", partitions: 2)
            try expectError("a group without a name", .invalidArgument) {
                _ = try log.join(GroupConfiguration(group: "", topics: [topic]))
            }
            try expectError("a group without topics", .invalidArgument) {
                _ = try log.join(GroupConfiguration(group: world.harness.name("checked"), topics: []))
            }
            let one = try world.join(log, "checked", [topic])
            try one.leave()
            try one.leave()
        },
    ]
}
