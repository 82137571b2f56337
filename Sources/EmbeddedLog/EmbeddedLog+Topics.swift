// SPDX-License-Identifier: Apache-2.0

import GRDB
public import RecordLog
public import Records

extension EmbeddedLog {
    /// Creates a topic, or checks that the one of that name has as many partitions.
    public func createTopic(_ specification: TopicSpecification) throws(LogError) {
        try Self.check(specification)
        if let known = try? self.storage.catalog.topic(specification.name, in: self.storage),
            known.specification.partitions == specification.partitions
        {
            // Known may be outdated, where another process has deleted the topic.
            if try self.topics().contains(where: { $0.name == specification.name }) { return }
            self.storage.catalog.forget(specification.name)
        }
        try self.storage.write { db in
            let partitions = try Int.fetchOne(
                db, sql: "SELECT partitions FROM topic WHERE name = ?", arguments: [specification.name])
            if let partitions {
                guard partitions == specification.partitions else {
                    throw LogError(
                        .topicConflict,
                        """
                        topic \(specification.name) exists with \(partitions) partitions, not \
                        \(specification.partitions); the number is fixed when a topic is created: \
                        ask for \(partitions), or use another topic or home
                        """)
                }
                return
            }
            try db.execute(
                sql: """
                    INSERT INTO topic (name, partitions, retention_seconds, retention_bytes, record_bytes_max)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [
                    specification.name, specification.partitions, specification.retention.seconds,
                    specification.retention.bytes, specification.recordBytesMax,
                ])
            let id = db.lastInsertedRowID
            for number in 0..<specification.partitions {
                try db.execute(
                    sql: "INSERT INTO topic_partition (topic_id, number) VALUES (?, ?)", arguments: [id, number])
            }
        }
    }

    /// All topics, by name.
    public func topics() throws(LogError) -> [TopicSpecification] {
        try self.storage.readStatement { db in try Catalog.all(db) }
    }

    /// Removes a topic with its records and the offsets that groups committed for it.
    public func deleteTopic(_ name: String) throws(LogError) {
        self.storage.catalog.forget(name)
        try self.storage.write { db in
            try Self.delete(topic: name, db)
        }
        try self.removeDoomedRows()
    }

    /// Takes a topic out of the tables; its rows are left to be removed a few at a time.
    static func delete(topic name: String, _ db: Database) throws {
        guard let id = try Int64.fetchOne(db, sql: "SELECT id FROM topic WHERE name = ?", arguments: [name]) else {
            return
        }
        let partitions = "(SELECT id FROM topic_partition WHERE topic_id = ?)"
        try db.execute(sql: "INSERT INTO doomed SELECT id FROM topic_partition WHERE topic_id = ?", arguments: [id])
        try db.execute(sql: "DELETE FROM group_offset WHERE partition_id IN \(partitions)", arguments: [id])
        try db.execute(sql: "DELETE FROM lease WHERE partition_id IN \(partitions)", arguments: [id])
        try db.execute(sql: "DELETE FROM topic_partition WHERE topic_id = ?", arguments: [id])
        try db.execute(sql: "DELETE FROM topic WHERE id = ?", arguments: [id])
    }

    /// Removes the records below an offset.
    public func deleteRecords(of partition: TopicPartition, before offset: Offset) throws(LogError) {
        let isDone = try self.storage.write { db in
            let place = try PartitionPlace.load(partition, db)
            if offset <= place.firstOffset { return true }
            guard offset <= place.nextOffset else {
                throw LogError(
                    .offsetOutOfRange(place.range),
                    "\(partition) ends at offset \(place.nextOffset); its records before \(offset) cannot be deleted")
            }
            try db.execute(
                sql: "UPDATE topic_partition SET first_offset = ? WHERE id = ?", arguments: [offset, place.id])
            return false
        }
        if isDone { return }
        var isFinished = false
        while !isFinished {
            isFinished = try self.storage.write { db in
                guard let place = try? PartitionPlace.load(partition, db) else { return true }
                return try Retention.removeRows(below: place.firstOffset, of: place, db)
            }
        }
    }

    /// The first offset that is retained, and the one past the last.
    public func offsets(of partition: TopicPartition) throws(LogError) -> Range<Offset> {
        try self.storage.read { db in try PartitionPlace.load(partition, db).range }
    }

    /// The first offset whose record was appended at or after a time; the end where there is none.
    public func offset(of partition: TopicPartition, notBefore time: Timestamp) throws(LogError) -> Offset {
        try self.storage.read { db in
            let place = try PartitionPlace.load(partition, db)
            let statement = try db.cachedStatement(
                sql: """
                    SELECT base_offset, count, time FROM batch
                    WHERE partition_id = ? AND base_offset <= ? ORDER BY base_offset DESC LIMIT 1
                    """)
            // Rows are in order of time as well, so the first of them that is late enough is found by halving: no
            // index by time has to be kept up with each commit.
            var low = place.firstOffset
            var high = place.nextOffset
            while low < high {
                let middle = low + (high - low) / 2
                guard let row = try Row.fetchOne(statement, arguments: [place.id, middle]) else { break }
                let base = try row.integer(0)
                let count = try row.integer(1)
                let rowTime = try row.integer(2)
                if rowTime < time {
                    // A damaged row may hold any numbers.
                    low = max(base &+ count, middle + 1)
                } else {
                    high = max(base, place.firstOffset)
                }
            }
            return min(low, place.nextOffset)
        }
    }

    /// Removes what topics no longer retain.
    public func enforceRetention() throws(LogError) {
        try self.removeDoomedRows()
        for topic in try self.topics() where topic.retention.seconds != nil || topic.retention.bytes != nil {
            for number in 0..<topic.partitions {
                let partition = TopicPartition(topic.name, number)
                let now = self.storage.options.now()
                var isFinished = false
                while !isFinished {
                    // Looks first: most of the time there is nothing to remove, and no need for the write lock.
                    let isDue = try self.storage.read { db in
                        guard let place = try? PartitionPlace.load(partition, db) else { return false }
                        return try Retention.expiredOffset(of: place, by: topic.retention, now: now, db) != nil
                    }
                    if !isDue { break }
                    isFinished = try self.storage.write { db in
                        guard let place = try? PartitionPlace.load(partition, db),
                            let end = try Retention.expiredOffset(of: place, by: topic.retention, now: now, db)
                        else { return true }
                        return try Retention.removeRows(below: end, of: place, db)
                    }
                }
            }
        }
    }

    /// Removes what deleted topics have left, a few rows at a time so that writers get their turns.
    func removeDoomedRows() throws(LogError) {
        let isDue = try self.storage.readStatement { db in
            try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM doomed)") ?? false
        }
        var isFinished = !isDue
        while !isFinished {
            isFinished = try self.storage.write { db in try Retention.removeDoomedRows(db) }
        }
    }

    private static func check(_ specification: TopicSpecification) throws(LogError) {
        guard TopicSpecification.isValid(name: specification.name) else {
            throw LogError(
                .invalidArgument,
                "a topic cannot be named “\(specification.name)”: letters, digits, '.', '_' and '-', 249 at most")
        }
        guard (1...10_000).contains(specification.partitions) else {
            throw LogError(
                .invalidArgument,
                "topic \(specification.name) cannot have \(specification.partitions) partitions: from 1 to 10,000")
        }
        guard (1...Schema.recordBytesMax).contains(specification.recordBytesMax) else {
            throw LogError(
                .invalidArgument,
                """
                topic \(specification.name) cannot take records of \(specification.recordBytesMax) bytes: from 1 to \
                \(Schema.recordBytesMax)
                """)
        }
        guard (specification.retention.seconds ?? 0) >= 0, (specification.retention.bytes ?? 0) >= 0 else {
            throw LogError(.invalidArgument, "topic \(specification.name) cannot retain less than nothing")
        }
    }
}

/// The bounds of a partition.
struct PartitionPlace: Sendable {
    var id: Int64
    var firstOffset: Offset
    var nextOffset: Offset
    var lastTime: Timestamp
    var storedBytes: Int64

    var range: Range<Offset> { self.firstOffset..<self.nextOffset }

    /// Finds a partition by name.
    static func load(_ partition: TopicPartition, _ db: Database) throws -> PartitionPlace {
        let topic = try Catalog.topic(partition.topic, db)
        guard let place = try self.load(id: topic.id(ofPartition: partition.partition), db) else {
            throw Catalog.unknown(partition.topic)
        }
        return place
    }

    /// Finds a partition by id; `nil` where its topic has been deleted.
    static func load(id: Int64, _ db: Database) throws -> PartitionPlace? {
        let statement = try db.cachedStatement(
            sql: "SELECT first_offset, next_offset, last_time, stored_bytes FROM topic_partition WHERE id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [id]) else { return nil }
        let first = try row.integer(0)
        let next = try row.integer(1)
        guard first >= 0, first <= next, next <= 1 << 62 else {
            throw LogError(.corrupt, "partition \(id) of \(db.description) begins at \(first) and ends at \(next)")
        }
        return try PartitionPlace(
            id: id, firstOffset: first, nextOffset: next, lastTime: row.integer(2),
            storedBytes: max(0, row.integer(3)))
    }
}

extension LogStorage {
    /// A topic, looked up afresh where the one remembered has been deleted.
    func currentTopic(_ name: String) throws(LogError) -> Catalog.Topic {
        let topic = try self.catalog.topic(name, in: self)
        let exists = try self.readStatement { db in
            let statement = try db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM topic WHERE id = ?)")
            return try Bool.fetchOne(statement, arguments: [topic.id]) ?? false
        }
        if exists { return topic }
        self.catalog.forget(name)
        return try self.catalog.topic(name, in: self)
    }
}
