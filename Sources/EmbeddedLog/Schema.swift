// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecordLog

/// What is in the file, and which version of it.
enum Schema {
    /// `PRAGMA application_id` of the file: "MlRc".
    static let applicationID: Int32 = 0x4d6c_5263
    /// `PRAGMA user_version` of the file. Raise it with any change that an older program would misread.
    static let version: Int32 = 1
    /// The largest row before compression; SQLite takes values of up to 1,000,000,000 bytes.
    static let rowBytesMax = 640 << 20
    /// The largest record, key, value and headers together, that a topic may be created for.
    static let recordBytesMax = 512 << 20

    /// The tables.
    ///
    /// - `topic_partition.id` and `topic.id` are never used again, so that a writer's or reader's stale id finds nothing
    ///   rather than another topic's data.
    /// - `batch.checksum` covers the payload and the other columns (`rowChecksum`).
    /// - `doomed` lists partitions of deleted topics whose rows are still to be removed, a few at a time.
    static let tables = """
        CREATE TABLE topic (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
            retention_seconds INTEGER, retention_bytes INTEGER, record_bytes_max INTEGER NOT NULL);
        CREATE TABLE topic_partition (
            id INTEGER PRIMARY KEY AUTOINCREMENT, topic_id INTEGER NOT NULL, number INTEGER NOT NULL,
            first_offset INTEGER NOT NULL DEFAULT 0, next_offset INTEGER NOT NULL DEFAULT 0,
            last_time INTEGER NOT NULL DEFAULT 0, stored_bytes INTEGER NOT NULL DEFAULT 0,
            UNIQUE (topic_id, number));
        CREATE TABLE batch (
            id INTEGER PRIMARY KEY, partition_id INTEGER NOT NULL, base_offset INTEGER NOT NULL,
            count INTEGER NOT NULL, time INTEGER NOT NULL, codec INTEGER NOT NULL, raw_bytes INTEGER NOT NULL,
            checksum INTEGER NOT NULL, payload BLOB NOT NULL);
        CREATE UNIQUE INDEX batch_offset ON batch (partition_id, base_offset);
        CREATE TABLE doomed (partition_id INTEGER PRIMARY KEY);
        CREATE TABLE writer (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL);
        CREATE TABLE state (
            writer_id INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (writer_id, key))
            WITHOUT ROWID;
        CREATE TABLE group_offset (
            group_name TEXT NOT NULL, partition_id INTEGER NOT NULL, next_offset INTEGER NOT NULL,
            metadata TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (group_name, partition_id)) WITHOUT ROWID;
        CREATE TABLE member (
            id TEXT PRIMARY KEY, group_name TEXT NOT NULL, topics TEXT NOT NULL, location TEXT NOT NULL,
            session_timeout INTEGER NOT NULL, heartbeat INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE lease (
            group_name TEXT NOT NULL, partition_id INTEGER NOT NULL, member_id TEXT NOT NULL,
            PRIMARY KEY (group_name, partition_id)) WITHOUT ROWID;
        """

    /// Refuses a path that holds something else, before SQLite could touch it.
    ///
    /// A new log has its `application_id` written before WAL mode is switched on, so the main file of one always shows
    /// it, whatever the WAL holds.
    /// - Throws: `LogError` `.corrupt` where the file is no SQLite file or another program's.
    static func checkHeader(of path: String) throws(LogError) {
        guard let file = FileHandle(forReadingAtPath: path) else { return }
        defer { try? file.close() }
        let header = (try? file.read(upToCount: 100)) ?? Data()
        if header.isEmpty { return }
        guard header.count == 100, header.starts(with: Data("SQLite format 3\0".utf8)) else {
            throw LogError(
                .corrupt,
                "\(path) is not a log: it does not start as a SQLite file does; name another path, or put a copy back")
        }
        let identity = header[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard identity == UInt32(bitPattern: self.applicationID) else {
            throw LogError(.corrupt, "\(path) is another program's SQLite database, not a log; name another path")
        }
    }

    /// Prepares each connection, before WAL mode is switched on.
    static func prepare(_ db: Database, path: String, options: EmbeddedLog.Options, isWriter: Bool) throws {
        try self.refuseNewer(db, path)
        guard isWriter else { return }
        // Has an effect on a file without content only.
        try db.execute(sql: "PRAGMA page_size = \(options.pageBytes)")
        let identity = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if identity == 0 {
            try db.execute(sql: "PRAGMA application_id = \(self.applicationID)")
        }
        let pageBytes = max(512, try Int.fetchOne(db, sql: "PRAGMA page_size") ?? options.pageBytes)
        // Debian's SQLite overwrites deleted content with zeros, which would make retention as dear as writing.
        try db.execute(sql: "PRAGMA secure_delete = OFF")
        try db.execute(sql: "PRAGMA wal_autocheckpoint = \(max(1, options.checkpointBytes / pageBytes))")
        try db.execute(sql: "PRAGMA journal_size_limit = \(options.walBytesMax)")
        if let bytes = options.fileBytesMax {
            try db.execute(sql: "PRAGMA max_page_count = \(max(1, bytes / pageBytes))")
        }
    }

    /// Makes commits durable, and creates the tables where they are not there yet.
    static func setUp(_ db: Database) throws {
        // GRDB switches to NORMAL together with WAL, which loses the latest commits at a power cut.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        if try self.fileVersion(db) != 0 { return }
        try db.inTransaction(.immediate) {
            // Another process may have been first.
            if try self.fileVersion(db) == 0 {
                try db.execute(sql: self.tables)
                try db.execute(sql: "PRAGMA user_version = \(self.version)")
            }
            return .commit
        }
    }

    private static func fileVersion(_ db: Database) throws -> Int32 {
        try Int32.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    }

    private static func refuseNewer(_ db: Database, _ path: String) throws {
        let version = try self.fileVersion(db)
        if version > self.version {
            throw LogError(
                .versionTooNew,
                "\(path) has format \(version), and this program knows up to \(self.version); use a newer program")
        }
    }

    /// The checksum of a row: of its payload's and of all it says about it.
    static func rowChecksum(
        payloadHash: UInt64, partitionID: Int64, baseOffset: Int64, count: Int, time: Int64, codec: Int, rawBytes: Int
    ) -> Int64 {
        Int64(
            bitPattern: XXH64.hash([
                payloadHash, UInt64(bitPattern: partitionID), UInt64(bitPattern: baseOffset),
                UInt64(bitPattern: Int64(count)), UInt64(bitPattern: time), UInt64(bitPattern: Int64(codec)),
                UInt64(bitPattern: Int64(rawBytes)),
            ]))
    }
}
