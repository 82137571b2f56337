// SPDX-License-Identifier: Apache-2.0

import GRDB
import RecordLog
import Records

/// Removes rows that a topic no longer retains, whole rows only and a bounded number in one transaction.
enum Retention {
    /// The rows removed in one transaction: up to 64 MiB before compression.
    static let rowsMax = 64

    /// The offset below which everything may go, or `nil` where everything is still retained.
    ///
    /// A row goes once it is older than the topic's time, or, oldest first, while the partition takes more bytes than
    /// it may; by size, the newest row stays whatever it takes.
    static func expiredOffset(
        of place: PartitionPlace, by retention: TopicSpecification.Retention, now: Timestamp, _ db: Database
    ) throws -> Offset? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT base_offset, count, time, length(payload) FROM batch
                WHERE partition_id = ? AND base_offset < ? ORDER BY base_offset LIMIT \(self.rowsMax)
                """)
        var bytes = place.storedBytes
        var end: Offset?
        let rows = try Row.fetchCursor(statement, arguments: [place.id, place.nextOffset])
        while let row = try rows.next() {
            let base = try row.integer(0)
            let count = try row.integer(1)
            let time = try row.integer(2)
            let length = try row.integer(3)
            let isNewest = base &+ count >= place.nextOffset
            let isOld = retention.seconds.map { Self.hasPassed(time, seconds: $0, now: now) } ?? false
            let isTooMuch = retention.bytes.map { bytes > Int64($0) && !isNewest } ?? false
            guard isOld || isTooMuch else { break }
            bytes -= length
            end = base &+ count
        }
        return end
    }

    /// Tells whether so many seconds have passed; a time without bounds, which a damaged row may have, does not trap.
    private static func hasPassed(_ time: Timestamp, seconds: Int, now: Timestamp) -> Bool {
        let (milliseconds, isForever) = Int64(seconds).multipliedReportingOverflow(by: 1000)
        let (end, isNever) = time.addingReportingOverflow(milliseconds)
        return !isForever && !isNever && end <= now
    }

    /// Removes rows that lie wholly below an offset, and moves the partition's first offset there.
    /// - Returns: whether none are left.
    static func removeRows(below end: Offset, of place: PartitionPlace, _ db: Database) throws -> Bool {
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, base_offset + count, length(payload) FROM batch
                WHERE partition_id = ? AND base_offset < ? ORDER BY base_offset LIMIT \(self.rowsMax)
                """)
        var ids: [Int64] = []
        var bytes: Int64 = 0
        var first = place.firstOffset
        for row in try Row.fetchAll(statement, arguments: [place.id, end]) {
            let next = try row.integer(1)
            guard next <= end else { break }
            ids.append(try row.integer(0))
            bytes += try row.integer(2)
            first = max(first, next)
        }
        let deletion = try db.cachedStatement(sql: "DELETE FROM batch WHERE id = ?")
        for id in ids { try deletion.execute(arguments: [id]) }
        let update = try db.cachedStatement(
            sql: "UPDATE topic_partition SET first_offset = ?, stored_bytes = stored_bytes - ? WHERE id = ?")
        try update.execute(arguments: [first, bytes, place.id])
        return ids.count < self.rowsMax
    }

    /// Removes rows of deleted topics.
    /// - Returns: whether none are left.
    static func removeDoomedRows(_ db: Database) throws -> Bool {
        guard let id = try Int64.fetchOne(db, sql: "SELECT partition_id FROM doomed LIMIT 1") else { return true }
        try db.execute(
            sql: """
                DELETE FROM batch
                WHERE id IN (SELECT id FROM batch WHERE partition_id = ? LIMIT \(self.rowsMax))
                """,
            arguments: [id])
        if db.changesCount == 0 {
            try db.execute(sql: "DELETE FROM doomed WHERE partition_id = ?", arguments: [id])
        }
        return false
    }
}
