// SPDX-License-Identifier: Apache-2.0

public import Records

/// Assigns owners to partitions, for logs that share out the partitions of a consumer group themselves.
///
/// Pure, so that every member computes the same answer from the same facts, and sticky, so that a partition moves only
/// where the shares would otherwise differ by more than one.
public enum FairShare {
    /// A live member of a group.
    public struct Member: Hashable, Sendable {
        /// The member's name.
        public var id: String
        /// The topics it wants partitions of.
        public var topics: Set<String>

        /// Describes a member.
        public init(id: String, topics: Set<String>) {
            self.id = id
            self.topics = topics
        }
    }

    /// The owner that each partition should have.
    ///
    /// Partitions keep their owner if it is alive and wants them; free ones go to the member that has least; then, as
    /// long as one member has two more than another that wants one of them, the last such partition moves. Ties are
    /// broken by name, so the result does not depend on the order of the arguments, and assigning again what was
    /// assigned changes nothing.
    ///
    /// - Parameter owners: who owns what now; members that are not in `members` count as dead.
    /// - Returns: the owner of each partition that any member wants.
    public static func assignment(
        of partitions: [TopicPartition], to members: [Member], owners: [TopicPartition: String]
    ) -> [TopicPartition: String] {
        let members = members.sorted { $0.id < $1.id }
        let partitions = partitions.sorted()
        var owned: [String: [TopicPartition]] = [:]
        for member in members { owned[member.id] = [] }
        var wanted: [String: Set<String>] = [:]
        for member in members { wanted[member.id] = member.topics }
        var free: [TopicPartition] = []
        for partition in partitions {
            if let owner = owners[partition], wanted[owner]?.contains(partition.topic) == true {
                owned[owner, default: []].append(partition)
            } else {
                free.append(partition)
            }
        }
        for partition in free {
            let candidates = members.filter { $0.topics.contains(partition.topic) }
            let least = candidates.min { self.count(owned, $0.id) < self.count(owned, $1.id) }
            if let least { owned[least.id, default: []].append(partition) }
        }
        while let (partition, from, to) = self.move(members, owned) {
            owned[from]?.removeAll { $0 == partition }
            owned[to, default: []].append(partition)
        }
        var result: [TopicPartition: String] = [:]
        for (member, partitions) in owned {
            for partition in partitions { result[partition] = member }
        }
        return result
    }

    /// The next move that evens the shares: from the richest that can give to the poorest that wants.
    private static func move(
        _ members: [Member], _ owned: [String: [TopicPartition]]
    ) -> (TopicPartition, from: String, to: String)? {
        let byShare = members.sorted { self.count(owned, $0.id) < self.count(owned, $1.id) }
        for rich in byShare.reversed() {
            for poor in byShare where self.count(owned, poor.id) + 1 < self.count(owned, rich.id) {
                let movable = owned[rich.id, default: []].filter { poor.topics.contains($0.topic) }
                if let last = movable.max() { return (last, rich.id, poor.id) }
            }
        }
        return nil
    }

    private static func count(_ owned: [String: [TopicPartition]], _ member: String) -> Int {
        owned[member]?.count ?? 0
    }
}
