// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import GRDB
import RecordLog
import Records
import SharedDatabase
import Synchronization

/// Commits transactions under one id, as long as no later writer has it.
final class EmbeddedWriter: TransactionalWriter {
    let id: String
    let epoch: Int64

    private struct Work: ~Copyable {
        let compressor: ZstdCompressor
        /// The partition that the next record without a key goes to, by topic.
        var turns: [String: Int] = [:]
        var isClosed = false
    }

    private let storage: LogStorage
    private let rowID: Int64
    private let work: Mutex<Work>

    /// Takes the id over: every earlier writer with it is fenced once this returns.
    init(storage: LogStorage, id: String) throws(LogError) {
        let compressor: ZstdCompressor
        do throws(ZstdError) {
            compressor = try ZstdCompressor(level: RowEncoder.level)
        } catch {
            throw LogError(.failed, "rows cannot be compressed: \(error)")
        }
        let (rowID, epoch) = try storage.write { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    INSERT INTO writer (name, epoch) VALUES (?, 1)
                    ON CONFLICT (name) DO UPDATE SET epoch = epoch + 1 RETURNING id, epoch
                    """,
                arguments: [id])
            guard let row else { throw LogError(.failed, "\(storage.path): no epoch for writer \(id)") }
            return (try row.integer(0), try row.integer(1))
        }
        self.storage = storage
        self.id = id
        self.rowID = rowID
        self.epoch = epoch
        self.work = Mutex(Work(compressor: compressor))
    }

    func state() throws(LogError) -> [StateEntry] {
        try self.checkOpen()
        return try self.storage.readStatement { db in try Self.state(ofRow: self.rowID, db) }
    }

    /// The state that an id has left; of an id that no writer has had, none.
    static func state(of id: String, in storage: LogStorage) throws(LogError) -> [StateEntry] {
        try storage.readStatement { db in
            let statement = try db.cachedStatement(sql: "SELECT id FROM writer WHERE name = ?")
            guard let rowID = try Int64.fetchOne(statement, arguments: [id]) else { return [] }
            return try Self.state(ofRow: rowID, db)
        }
    }

    /// The state of a row of the table of writers.
    private static func state(ofRow rowID: Int64, _ db: Database) throws -> [StateEntry] {
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT key, value FROM state WHERE writer_id = ? ORDER BY key"),
            arguments: [rowID])
        var entries: [StateEntry] = []
        while let row = try rows.next() {
            let key = try row.withUnsafeData(atIndex: 0) { Bytes($0 ?? Data()) }
            let value = try row.withUnsafeData(atIndex: 1) { Bytes($0 ?? Data()) }
            entries.append(StateEntry(key: key, value: value))
        }
        return entries
    }

    func commit(_ transaction: Transaction) throws(LogError) { try self.commit(transaction) { _ in } }

    /// Commits a transaction, and with it what else belongs to it.
    /// - Parameter alongside: runs under the write lock, once it is known that the id is still this writer's.
    func commit(_ transaction: Transaction, alongside: (Database) throws -> Void) throws(LogError) {
        try self.checkOpen()
        if !transaction.offsets.isEmpty, transaction.group == nil {
            throw LogError(.invalidArgument, "writer \(self.id) commits offsets without naming the group")
        }
        // A topic may have been deleted and created again since its ids were remembered; once is enough to learn that.
        for attempt in 1...2 {
            let plan = try self.work.withLock { (work) throws(LogError) -> CommitPlan in
                try CommitPlan(transaction, self.storage, turns: &work.turns, compressor: work.compressor)
            }
            let missing = try self.storage.write { db in try self.apply(plan, transaction, alongside, db) }
            guard let missing else { return }
            self.storage.catalog.forget(missing)
            if attempt == 2 { throw Catalog.unknown(missing) }
        }
    }

    func close() {
        self.work.withLock { work in work.isClosed = true }
    }

    private func checkOpen() throws(LogError) {
        if self.work.withLock({ $0.isClosed }) { throw LogError(.closed, "writer \(self.id) has been closed") }
        try self.storage.checkOpen()
    }

    /// The part of a commit that runs under the write lock.
    /// - Returns: a topic that has been deleted, in which case nothing was written.
    private func apply(
        _ plan: CommitPlan, _ transaction: Transaction, _ alongside: (Database) throws -> Void, _ db: Database
    ) throws -> String? {
        let epoch = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT epoch FROM writer WHERE id = ?"), arguments: [self.rowID])
        guard epoch == self.epoch else {
            throw LogError(
                .fenced,
                """
                writer \(self.id) of epoch \(self.epoch) has been replaced by epoch \(epoch ?? 0): its task runs \
                elsewhere, nothing of this commit was written
                """)
        }
        var places: [PartitionPlace] = []
        for part in plan.parts {
            guard let place = try PartitionPlace.load(id: part.partitionID, db) else { return part.topic }
            places.append(place)
        }
        for offset in plan.offsets {
            guard try PartitionPlace.load(id: offset.partitionID, db) != nil else { return offset.topic }
        }
        let now = self.storage.options.now()
        for (part, place) in zip(plan.parts, places) { try self.append(part, at: place, now: now, db) }
        if let group = transaction.group {
            let statement = try db.cachedStatement(sql: GroupTables.commitOffset)
            for offset in plan.offsets {
                try statement.execute(arguments: [
                    group, offset.partitionID, offset.committed.offset, offset.committed.metadata, now,
                ])
            }
        }
        try self.changeState(transaction.state, db)
        try alongside(db)
        return nil
    }

    private func append(_ part: CommitPlan.Part, at place: PartitionPlace, now: Timestamp, _ db: Database) throws {
        let insertion = try db.cachedStatement(
            sql: """
                INSERT INTO batch (partition_id, base_offset, count, time, codec, raw_bytes, checksum, payload)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """)
        let time = max(now, place.lastTime)
        var next = place.nextOffset
        var bytes = 0
        for row in part.rows {
            let checksum = Schema.rowChecksum(
                payloadHash: row.payloadHash, partitionID: place.id, baseOffset: next, count: row.count, time: time,
                codec: row.codec.rawValue, rawBytes: row.rawBytes)
            try insertion.execute(arguments: [
                place.id, next, row.count, time, row.codec.rawValue, row.rawBytes, checksum, row.payload,
            ])
            next += Offset(row.count)
            bytes += row.payload.count
        }
        let update = try db.cachedStatement(
            sql: """
                UPDATE topic_partition SET next_offset = ?, last_time = ?, stored_bytes = stored_bytes + ? WHERE id = ?
                """)
        try update.execute(arguments: [next, time, bytes, place.id])
    }

    private func changeState(_ changes: [StateChange], _ db: Database) throws {
        if changes.isEmpty { return }
        // An empty Data is bound as NULL, and x'' takes its place.
        let setting = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO state (writer_id, key, value) VALUES (?, ifnull(?, x''), ifnull(?, x''))")
        let removal = try db.cachedStatement(
            sql: "DELETE FROM state WHERE writer_id = ? AND key = ifnull(?, x'')")
        for change in changes {
            if let value = change.value {
                try setting.execute(arguments: [self.rowID, Data(change.key), Data(value)])
            } else {
                try removal.execute(arguments: [self.rowID, Data(change.key)])
            }
        }
    }
}
