// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Testing

@Suite struct FairShares {
    private func members(_ ids: String..., topics: Set<String> = ["t"]) -> [FairShare.Member] {
        ids.map { FairShare.Member(id: $0, topics: topics) }
    }

    private func partitions(_ count: Int, _ topic: String = "t") -> [TopicPartition] {
        (0..<count).map { TopicPartition(topic, $0) }
    }

    private func counts(_ assignment: [TopicPartition: String]) -> [String: Int] {
        assignment.values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    @Test func freePartitionsAreSharedEvenly() {
        let assignment = FairShare.assignment(of: self.partitions(7), to: self.members("a", "b", "c"), owners: [:])
        #expect(self.counts(assignment) == ["a": 3, "b": 2, "c": 2])
    }

    @Test func noMembersOwnNothing() {
        #expect(FairShare.assignment(of: self.partitions(3), to: [], owners: [:]).isEmpty)
    }

    @Test func aNewMemberTakesNoMoreThanItsShare() {
        let owners = Dictionary(uniqueKeysWithValues: self.partitions(5).map { ($0, "a") })
        let assignment = FairShare.assignment(of: self.partitions(5), to: self.members("a", "b"), owners: owners)
        #expect(self.counts(assignment) == ["a": 3, "b": 2])
        #expect(assignment[TopicPartition("t", 0)] == "a")
        #expect(assignment[TopicPartition("t", 4)] == "b")
    }

    @Test func theDeadOwnNothing() {
        let owners = [TopicPartition("t", 0): "dead", TopicPartition("t", 1): "a"]
        let assignment = FairShare.assignment(of: self.partitions(2), to: self.members("a", "b"), owners: owners)
        #expect(assignment == [TopicPartition("t", 0): "b", TopicPartition("t", 1): "a"])
    }

    @Test func membersGetOnlyTopicsTheyWant() {
        let members = [
            FairShare.Member(id: "a", topics: ["x"]), FairShare.Member(id: "b", topics: ["x", "y"]),
            FairShare.Member(id: "c", topics: ["z"]),
        ]
        let partitions = self.partitions(4, "x") + self.partitions(2, "y") + self.partitions(1, "w")
        let assignment = FairShare.assignment(of: partitions, to: members, owners: [:])
        #expect(self.counts(assignment) == ["a": 3, "b": 3])
        #expect(assignment.allSatisfy { partition, owner in partition.topic == "x" || owner == "b" })
    }

    @Test(arguments: 0..<200)
    func assignmentsAreFairStableAndIndependentOfOrder(seed: Int) {
        var generator = SeededGenerator(state: UInt64(seed))
        let names = (0..<Int.random(in: 1...6, using: &generator)).map { "m\($0)" }
        let members = names.map { FairShare.Member(id: $0, topics: ["t"]) }
        let partitions = self.partitions(Int.random(in: 1...20, using: &generator))
        var owners: [TopicPartition: String] = [:]
        for partition in partitions {
            owners[partition] = (names + ["gone", nil]).randomElement(using: &generator) ?? nil
        }
        let assignment = FairShare.assignment(of: partitions, to: members, owners: owners)
        #expect(Set(assignment.keys) == Set(partitions))
        let counts = names.map { self.counts(assignment)[$0] ?? 0 }
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        #expect(FairShare.assignment(of: partitions, to: members, owners: assignment) == assignment)
        #expect(
            FairShare.assignment(
                of: partitions.shuffled(using: &generator), to: members.shuffled(using: &generator), owners: owners)
                == assignment)
        // As many partitions stay with their owners as the shares allow.
        let kept = partitions.count { owners[$0] != nil && assignment[$0] == owners[$0] }
        let share = (partitions.count + names.count - 1) / names.count
        let keepable = names.map { name in min(owners.values.count { $0 == name }, share - 1) }.reduce(0, +)
        #expect(kept >= keepable)
    }
}
