// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

/// A member of a group in a `MemoryLog.Storage`.
struct MemoryMember {
    var id: String
    var group: String
    var topics: Set<String>
    var sessionTimeoutMilliseconds: Int
    var heartbeat: Timestamp
    /// The log, hence the process, that it belongs to.
    var handle: Int

    func isExpired(now: Timestamp) -> Bool { now - self.heartbeat > Int64(self.sessionTimeoutMilliseconds) }
}

extension MemoryState {
    mutating func join(
        _ configuration: GroupConfiguration, handle: Int, now: Timestamp
    ) throws(LogError) -> String {
        guard !configuration.group.isEmpty, !configuration.topics.isEmpty,
            configuration.sessionTimeoutMilliseconds > 0
        else {
            throw LogError(
                .invalidArgument, "a group member needs the name of its group, a topic and a session timeout")
        }
        for topic in configuration.topics { _ = try self.topic(topic) }
        let id = "member-\(self.makeID())"
        self.enroll(id, configuration, handle: handle, now: now)
        return id
    }

    mutating func enroll(_ id: String, _ configuration: GroupConfiguration, handle: Int, now: Timestamp) {
        self.members[id] = MemoryMember(
            id: id, group: configuration.group, topics: Set(configuration.topics),
            sessionTimeoutMilliseconds: configuration.sessionTimeoutMilliseconds, heartbeat: now, handle: handle)
        self.change()
    }

    mutating func removeMember(_ id: String) {
        guard let member = self.members.removeValue(forKey: id) else { return }
        self.leases[member.group] = self.leases[member.group]?.filter { $0.value != id }
        self.change()
    }

    /// Notes that a member lives, and buries those of its group that do not.
    /// - Returns: `nil` where the member itself was buried.
    mutating func beat(_ id: String, now: Timestamp) -> MemoryMember? {
        guard let member = self.members[id] else { return nil }
        self.members[id]?.heartbeat = now
        for other in self.members.values where other.group == member.group && other.id != id {
            if other.isExpired(now: now) { self.removeMember(other.id) }
        }
        return member
    }

    /// The assignment that a member's group should have.
    func target(of member: MemoryMember) -> [TopicPartition: String] {
        let members = self.members.values.filter { $0.group == member.group }
        var partitions: [TopicPartition] = []
        for name in Set(members.flatMap(\.topics)) {
            for number in 0..<(self.topics[name]?.partitions.count ?? 0) {
                partitions.append(TopicPartition(name, number))
            }
        }
        return FairShare.assignment(
            of: partitions, to: members.map { .init(id: $0.id, topics: $0.topics) },
            owners: self.leases[member.group] ?? [:])
    }

    func leases(of member: String, in group: String) -> Set<TopicPartition> {
        Set((self.leases[group] ?? [:]).filter { $0.value == member }.keys)
    }

    mutating func release(_ partitions: [TopicPartition], of member: String, in group: String) {
        for partition in partitions where self.leases[group]?[partition] == member {
            self.leases[group]?[partition] = nil
        }
        self.change()
    }

    /// Gives a member what is free and should be its own, or is its own without its knowing: the answer that said so
    /// may have been lost.
    mutating func take(_ member: MemoryMember, known: Set<TopicPartition>) -> [TopicPartition] {
        let leases = self.leases[member.group] ?? [:]
        let free = self.target(of: member).filter { partition, owner in
            owner == member.id
                && (leases[partition] == nil || leases[partition] == member.id && !known.contains(partition))
        }.keys.sorted()
        if free.isEmpty { return [] }
        for partition in free { self.leases[member.group, default: [:]][partition] = member.id }
        self.change()
        return free
    }

    func groups(now: Timestamp) -> [GroupDescription] {
        var groups: [String: GroupDescription] = [:]
        for member in self.members.values where !member.isExpired(now: now) {
            groups[member.group, default: GroupDescription(group: member.group, members: [], commits: [])].members
                .append(
                    .init(
                        id: member.id, location: "memory:\(member.handle)",
                        partitions: self.leases(of: member.id, in: member.group).sorted()))
        }
        for (group, commits) in self.commits where !commits.isEmpty {
            groups[group, default: GroupDescription(group: group, members: [], commits: [])].commits =
                commits.map { .init(partition: $0.key, committed: $0.value.committed, time: $0.value.time) }
                .sorted { $0.partition < $1.partition }
        }
        return groups.values.sorted { $0.group < $1.group }.map { group in
            var group = group
            group.members.sort { $0.id < $1.id }
            return group
        }
    }
}
