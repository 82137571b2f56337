// SPDX-License-Identifier: Apache-2.0

import Records

/// Everything that is removed together: topics, what groups have committed, and the state that writers have left.
///
/// Offsets without the state and the output that were committed with them are worth nothing: whoever went on from half
/// of them would leave records out, or write them twice.
public struct Removal: Hashable, Sendable {
    /// Topics with their records, and all groups' offsets in them.
    public var topics: [String]
    /// Groups that lose all their offsets.
    public var groups: [String]
    /// Writers' ids that lose their state. Who has one is fenced; the id's epochs go on growing.
    public var writers: [String]
    /// Groups that must have no live member, or nothing is removed.
    public var idleGroups: [String]

    /// Describes a removal; by default of nothing.
    public init(
        topics: [String] = [], groups: [String] = [], writers: [String] = [], idleGroups: [String] = []
    ) {
        self.topics = topics
        self.groups = groups
        self.writers = writers
        self.idleGroups = idleGroups
    }

    /// The error for a group that has a live member.
    public static func inUse(_ group: String, by members: [GroupDescription.Member]) -> LogError {
        let places = members.map(\.location).sorted().joined(separator: ", ")
        return LogError(.inUse, "the group \(group) is at work (\(places)): stop it first; nothing was removed")
    }
}

extension RecordLog {
    /// Removes step by step: states, which fences their writers, then offsets, then topics, and commits last. For logs
    /// that have no transaction over all of that.
    public func remove(
        _ removal: Removal, committing transaction: Transaction, by writer: any TransactionalWriter
    ) throws(LogError) {
        let groups = removal.groups.isEmpty && removal.idleGroups.isEmpty ? [] : try self.groups()
        for group in groups where removal.idleGroups.contains(group.group) && !group.members.isEmpty {
            throw Removal.inUse(group.group, by: group.members)
        }
        do throws(LogError) { try self.removeParts(removal, groups, committing: transaction, by: writer) } catch
            where error.code == .inUse
        {
            // Some of it may be gone by now, so this is no refusal.
            throw LogError(.unavailable, "\(error.message): a process has begun to work on what is half removed")
        }
    }

    private func removeParts(
        _ removal: Removal, _ groups: [GroupDescription], committing transaction: Transaction,
        by writer: any TransactionalWriter
    ) throws(LogError) {
        // An empty commit tells, before each part, whether somebody else has taken this over.
        try writer.commit(Transaction())
        for id in removal.writers { try self.removeState(ofWriter: id) }
        try writer.commit(Transaction())
        for group in groups where removal.groups.contains(group.group) {
            for commit in group.commits {
                do throws(LogError) {
                    try self.resetOffset(group: group.group, partition: commit.partition, to: nil)
                } catch  where error.code == .unknownTopic {}
            }
        }
        for topic in removal.topics {
            try writer.commit(Transaction())
            try self.deleteTopic(topic)
        }
        try writer.commit(transaction)
    }

    private func removeState(ofWriter id: String) throws(LogError) {
        let writer = try self.makeWriter(id: id)
        defer { writer.close() }
        var transaction = Transaction()
        transaction.state = try writer.state().map { StateChange(key: $0.key, value: nil) }
        if !transaction.isEmpty { try writer.commit(transaction) }
    }
}
