// SPDX-License-Identifier: Apache-2.0

import GRDB
import RecordLog
import Records
import Synchronization

/// The topics as the statements of this process need them: by name, with the ids of their partitions.
///
/// Another process may have deleted a remembered topic since. Ids are never used again, so statements that find nothing
/// under one know that, call `forget`, and look the name up again.
final class Catalog: Sendable {
    /// A topic and the ids of its partitions, by number.
    struct Topic: Sendable {
        var specification: TopicSpecification
        var id: Int64
        var partitionIDs: [Int64]

        /// The id of a partition.
        func id(ofPartition number: Int) throws(LogError) -> Int64 {
            guard self.partitionIDs.indices.contains(number) else {
                throw LogError(
                    .unknownTopic,
                    "topic \(self.specification.name) has no partition \(number), only 0 to \(self.partitionIDs.count - 1)"
                )
            }
            return self.partitionIDs[number]
        }
    }

    private let known = Mutex<[String: Topic]>([:])

    /// A topic, from memory where it is known.
    func topic(_ name: String, in storage: LogStorage) throws(LogError) -> Topic {
        if let topic = self.known.withLock({ $0[name] }) { return topic }
        let topic = try storage.read { db in try Self.load(name, db) }
        guard let topic else { throw Self.unknown(name) }
        self.known.withLock { $0[name] = topic }
        return topic
    }

    /// A topic as the calling transaction sees it.
    static func topic(_ name: String, _ db: Database) throws -> Topic {
        guard let topic = try self.load(name, db) else { throw self.unknown(name) }
        return topic
    }

    /// Looks a topic's name up again next time.
    func forget(_ name: String) {
        self.known.withLock { known in _ = known.removeValue(forKey: name) }
    }

    /// The error for a name that no topic has.
    static func unknown(_ name: String) -> LogError {
        LogError(.unknownTopic, "there is no topic \(name); create it first, or check the name")
    }

    /// All topics, by name.
    static func all(_ db: Database) throws -> [TopicSpecification] {
        try Row.fetchAll(db, sql: "SELECT \(self.columns) FROM topic ORDER BY name").map(self.specification)
    }

    private static func load(_ name: String, _ db: Database) throws -> Topic? {
        let statement = try db.cachedStatement(sql: "SELECT \(self.columns) FROM topic WHERE name = ?")
        guard let row = try Row.fetchOne(statement, arguments: [name]) else { return nil }
        let id = try row.integer(5)
        let partitions = try db.cachedStatement(
            sql: "SELECT id FROM topic_partition WHERE topic_id = ? ORDER BY number")
        return Topic(
            specification: try self.specification(row), id: id,
            partitionIDs: try Int64.fetchAll(partitions, arguments: [id]))
    }

    private static let columns = "name, partitions, retention_seconds, retention_bytes, record_bytes_max, id"

    /// More partitions than any topic is created with.
    private static let partitionsMax = 1 << 20

    private static func specification(_ row: Row) throws -> TopicSpecification {
        let name = try row.text(0)
        let partitions = Int(try row.integer(1))
        guard 1...Self.partitionsMax ~= partitions else {
            throw LogError(.corrupt, "topic \(name) has \(partitions) partitions; put a copy of the file back")
        }
        return TopicSpecification(
            name: name, partitions: partitions,
            retention: .init(seconds: try row.optionalInteger(2), bytes: try row.optionalInteger(3)),
            recordBytesMax: Int(try row.integer(4)))
    }
}

/// Columns as the schema has them. A damaged file may hold anything else, which is an error and not a trap.
extension Row {
    /// The integer of a column.
    func integer(_ index: Int) throws -> Int64 { try self.decode(Int64.self, atIndex: index) }

    /// The integer of a column, or `nil` for NULL.
    func optionalInteger(_ index: Int) throws -> Int? { try self.decode(Int?.self, atIndex: index) }

    /// The text of a column.
    func text(_ index: Int) throws -> String { try self.decode(String.self, atIndex: index) }
}
