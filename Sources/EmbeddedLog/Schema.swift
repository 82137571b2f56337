// SPDX-License-Identifier: Apache-2.0

import SharedDatabase

/// The contents of the file, and their version.
enum Schema {
    /// The largest row before compression; SQLite takes values of up to 1,000,000,000 bytes.
    static let rowBytesMax = 640 << 20
    /// The largest record, key, value and headers together, that a topic may be created for.
    static let recordBytesMax = 512 << 20

    /// The tables.
    ///
    /// - `topic_partition.id` and `topic.id` are never used again, so that a writer's or reader's stale id finds
    ///   nothing rather than another topic's data.
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

    /// The file as it is created and recognised; raise the version with any change that an older program would misread.
    static func format(pageBytes: Int) -> DatabaseFormat {
        // "MlRc"
        DatabaseFormat(
            name: "EmbeddedLog", applicationID: 0x4d6c_5263, version: 1, tables: self.tables, table: "topic",
            pageBytes: pageBytes)
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
