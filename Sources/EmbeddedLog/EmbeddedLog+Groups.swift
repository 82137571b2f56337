// SPDX-License-Identifier: Apache-2.0

import GRDB
public import RecordLog
public import Records

extension EmbeddedLog {
    /// The offset that a group committed for a partition.
    public func committedOffset(
        group: String, partition: TopicPartition
    ) throws(LogError) -> CommittedOffset? {
        try self.storage.read { db in
            let id = try Catalog.topic(partition.topic, db).id(ofPartition: partition.partition)
            let statement = try db.cachedStatement(
                sql: "SELECT next_offset, metadata FROM group_offset WHERE group_name = ? AND partition_id = ?")
            guard let row = try Row.fetchOne(statement, arguments: [group, id]) else { return nil }
            return CommittedOffset(try row.integer(0), metadata: try row.text(1))
        }
    }

    /// Sets what a group has committed for a partition, or forgets it.
    public func resetOffset(
        group: String, partition: TopicPartition, to committed: CommittedOffset?
    ) throws(LogError) {
        if group.isEmpty { throw LogError(.invalidArgument, "a group needs a name") }
        if let committed, committed.offset < 0 {
            throw LogError(.invalidArgument, "offset \(committed.offset) of \(partition) cannot be committed")
        }
        let now = self.storage.options.now()
        try self.storage.write { db in
            let id = try Catalog.topic(partition.topic, db).id(ofPartition: partition.partition)
            if let committed {
                try db.execute(
                    sql: GroupTables.commitOffset,
                    arguments: [group, id, committed.offset, committed.metadata, now])
            } else {
                try db.execute(
                    sql: "DELETE FROM group_offset WHERE group_name = ? AND partition_id = ?", arguments: [group, id])
            }
        }
    }

    /// The groups known, with their members and offsets.
    public func groups() throws(LogError) -> [GroupDescription] {
        let now = self.storage.options.monotonicNow()
        let folder = MemberLock.folder(of: self.path)
        return try self.storage.read { db in
            var groups: [String: GroupDescription] = [:]
            var names: [Int64: TopicPartition] = [:]
            let partitions = try Row.fetchAll(
                db, sql: "SELECT p.id, t.name, p.number FROM topic t JOIN topic_partition p ON p.topic_id = t.id")
            for row in partitions {
                names[try row.integer(0)] = TopicPartition(try row.text(1), Int(try row.integer(2)))
            }
            var owned: [String: [TopicPartition]] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT partition_id, member_id FROM lease") {
                if let partition = names[try row.integer(0)] { owned[try row.text(1), default: []].append(partition) }
            }
            for member in try GroupTables.members(of: nil, db)
            where !member.isExpired(now: now) && !MemberLock.isDead(folder: folder, memberID: member.id) {
                groups[member.group, default: GroupDescription(group: member.group, members: [], commits: [])]
                    .members.append(
                        .init(
                            id: member.id, location: member.location,
                            partitions: owned[member.id, default: []].sorted()))
            }
            let offsets = try Row.fetchAll(
                db, sql: "SELECT group_name, partition_id, next_offset, metadata, time FROM group_offset")
            for row in offsets {
                guard let partition = names[try row.integer(1)] else { continue }
                let group = try row.text(0)
                groups[group, default: GroupDescription(group: group, members: [], commits: [])].commits.append(
                    .init(
                        partition: partition,
                        committed: CommittedOffset(try row.integer(2), metadata: try row.text(3)),
                        time: try row.integer(4)))
            }
            return groups.values.sorted { $0.group < $1.group }.map { group in
                var group = group
                group.members.sort { $0.id < $1.id }
                group.commits.sort { $0.partition < $1.partition }
                return group
            }
        }
    }
}
