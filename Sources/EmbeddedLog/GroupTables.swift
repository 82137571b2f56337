// SPDX-License-Identifier: Apache-2.0

import GRDB
import RecordLog
import Records

/// The statements about consumer groups.
enum GroupTables {
    /// Sets what a group has consumed: group, partition id, offset, metadata, time.
    static let commitOffset = """
        INSERT OR REPLACE INTO group_offset (group_name, partition_id, next_offset, metadata, time)
        VALUES (?, ?, ?, ?, ?)
        """

    /// A row of the table `member`.
    struct Member: Sendable {
        var id: String
        var group: String
        var topics: Set<String>
        var location: String
        var sessionTimeoutMilliseconds: Int64
        var heartbeat: Int64

        /// Tells whether its session has ended. A heartbeat from the future is one from before the machine's restart.
        func isExpired(now: Int64) -> Bool {
            now &- self.heartbeat > self.sessionTimeoutMilliseconds
                || self.heartbeat &- now > self.sessionTimeoutMilliseconds
        }
    }

    /// A group as one transaction sees it.
    struct Snapshot: Sendable {
        var members: [Member]
        /// The holder of each partition, the dead included.
        var owners: [TopicPartition: String]
        /// The partitions of all topics that a member wants.
        var partitions: [TopicPartition: Int64]
    }

    /// Reads what a member needs to know about its group, and the partitions of some more topics.
    static func snapshot(of group: String, _ db: Database) throws -> Snapshot {
        let members = try self.members(of: group, db)
        var partitions: [TopicPartition: Int64] = [:]
        var names: [Int64: TopicPartition] = [:]
        let statement = try db.cachedStatement(
            sql: """
                SELECT p.id, p.number FROM topic t JOIN topic_partition p ON p.topic_id = t.id WHERE t.name = ?
                """)
        for topic in members.reduce(into: Set<String>(), { $0.formUnion($1.topics) }) {
            for row in try Row.fetchAll(statement, arguments: [topic]) {
                let partition = TopicPartition(topic, Int(try row.integer(1)))
                let id = try row.integer(0)
                partitions[partition] = id
                names[id] = partition
            }
        }
        var owners: [TopicPartition: String] = [:]
        let leases = try db.cachedStatement(sql: "SELECT partition_id, member_id FROM lease WHERE group_name = ?")
        for row in try Row.fetchAll(leases, arguments: [group]) {
            if let partition = names[try row.integer(0)] { owners[partition] = try row.text(1) }
        }
        return Snapshot(members: members, owners: owners, partitions: partitions)
    }

    /// The members of a group, or of all.
    static func members(of group: String?, _ db: Database) throws -> [Member] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, group_name, topics, location, session_timeout, heartbeat FROM member
                WHERE ?1 IS NULL OR group_name = ?1
                """)
        return try Row.fetchAll(statement, arguments: [group]).map { row in
            Member(
                id: try row.text(0), group: try row.text(1),
                topics: Set(try row.text(2).split(separator: ",").map(String.init)), location: try row.text(3),
                sessionTimeoutMilliseconds: try row.integer(4), heartbeat: try row.integer(5))
        }
    }

    /// Writes a member, and with it a heartbeat.
    static func save(_ member: Member, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO member (id, group_name, topics, location, session_timeout, heartbeat)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                member.id, member.group, member.topics.sorted().joined(separator: ","), member.location,
                member.sessionTimeoutMilliseconds, member.heartbeat,
            ])
    }

    /// Removes a member and what it holds.
    static func remove(memberID: String, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM lease WHERE member_id = ?", arguments: [memberID])
        try db.execute(sql: "DELETE FROM member WHERE id = ?", arguments: [memberID])
    }

    /// Gives a partition that nobody holds to a member.
    static func lease(_ partitionID: Int64, group: String, to memberID: String, _ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO lease (group_name, partition_id, member_id) VALUES (?, ?, ?)",
            arguments: [group, partitionID, memberID])
    }

    /// Takes a partition from the member that holds it.
    static func release(_ partitionID: Int64, group: String, memberID: String, _ db: Database) throws {
        try db.execute(
            sql: "DELETE FROM lease WHERE group_name = ? AND partition_id = ? AND member_id = ?",
            arguments: [group, partitionID, memberID])
    }
}
