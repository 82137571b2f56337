// SPDX-License-Identifier: Apache-2.0

import GRDB
public import RecordLog
import Records

extension EmbeddedLog {
    /// The ids that writers have had, in order.
    public func writerIDs() throws(LogError) -> [String] {
        try self.storage.readStatement { db in try String.fetchAll(db, sql: "SELECT name FROM writer ORDER BY name") }
    }

    /// Removes all of it in the one SQL transaction that commits. The records' rows are removed after it, by whoever
    /// works on the log next if this process ends before: nothing leads to them any more.
    public func remove(
        _ removal: Removal, committing transaction: Transaction, by writer: any TransactionalWriter
    ) throws(LogError) {
        guard let writer = writer as? EmbeddedWriter else {
            throw LogError(.invalidArgument, "the writer \(writer.id) is another log's")
        }
        for topic in removal.topics { self.storage.catalog.forget(topic) }
        let now = self.storage.options.monotonicNow()
        let folder = MemberLock.folder(of: self.path)
        try writer.commit(transaction) { db in
            for group in removal.idleGroups { try Self.requireIdle(group, now: now, folder: folder, db) }
            for group in removal.groups {
                for table in ["group_offset", "lease", "member"] {
                    try db.execute(sql: "DELETE FROM \(table) WHERE group_name = ?", arguments: [group])
                }
            }
            for id in removal.writers {
                try db.execute(
                    sql: "DELETE FROM state WHERE writer_id = (SELECT id FROM writer WHERE name = ?)", arguments: [id])
                try db.execute(sql: "UPDATE writer SET epoch = epoch + 1 WHERE name = ?", arguments: [id])
            }
            for topic in removal.topics { try Self.delete(topic: topic, db) }
        }
        for topic in removal.topics { self.storage.catalog.forget(topic) }
        try self.removeDoomedRows()
    }

    private static func requireIdle(_ group: String, now: Int64, folder: String, _ db: Database) throws {
        let living = try GroupTables.members(of: group, db).filter { member in
            !member.isExpired(now: now) && !MemberLock.isDead(folder: folder, memberID: member.id)
        }
        if living.isEmpty { return }
        throw Removal.inUse(group, by: living.map { .init(id: $0.id, location: $0.location, partitions: []) })
    }
}
