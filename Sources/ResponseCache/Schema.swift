// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// What is in the file, and which version of it.
enum Schema {
    /// `PRAGMA application_id` of the file: "MlCa".
    static let applicationID: Int32 = 0x4d6c_4361
    /// `PRAGMA user_version` of the file. Raise it with any change that an older program would misread.
    static let version: Int32 = 1
    /// Fixed when the file is created. An entry of a few hundred bytes to some kilobytes fits several times.
    static let pageBytes = 8192

    /// The tables.
    ///
    /// - `entry` grows at its end: `id` is the order of storing. `codec` holds the bits that `EntryCodec` names; `base` is
    ///   the row of `base` that the request is compressed against, or 0.
    /// - `entry_key` finds an entry, and covers what statistics and pruning ask for, so that they read some 100 bytes an
    ///   entry instead of the whole file. It need not be unique: who inserts has looked for the key under the same
    ///   write lock. A damaged index can be rebuilt from the table.
    /// - `base` holds whole requests that later ones resemble: the constant part of a prompt is stored once.
    static let tables = """
        CREATE TABLE entry (
            id INTEGER PRIMARY KEY, key BLOB NOT NULL, model TEXT NOT NULL, stored_at INTEGER NOT NULL,
            answer_bytes INTEGER NOT NULL, request_bytes INTEGER, stored_bytes INTEGER NOT NULL,
            codec INTEGER NOT NULL, base INTEGER NOT NULL, answer_sum INTEGER NOT NULL,
            answer BLOB NOT NULL, request BLOB);
        CREATE INDEX entry_key ON entry (key, model, stored_at, answer_bytes, request_bytes, stored_bytes);
        CREATE TABLE base (id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, content BLOB NOT NULL);
        """

    /// Refuses a path that holds something else, before SQLite could touch it.
    static func checkHeader(of path: String) throws(CacheError) {
        guard let file = FileHandle(forReadingAtPath: path) else { return }
        defer { try? file.close() }
        let header = (try? file.read(upToCount: 100)) ?? Data()
        if header.isEmpty { return }
        guard header.count == 100, header.starts(with: Data("SQLite format 3\0".utf8)) else {
            throw CacheError(
                .corrupt,
                "\(path) is not a response cache: it does not start as a SQLite file does; move it away, or put a copy back"
            )
        }
        let identity = header[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard identity == UInt32(bitPattern: self.applicationID) else {
            throw CacheError(
                .corrupt, "\(path) is another program's SQLite database, not a response cache; move it away")
        }
    }

    /// Prepares each connection, before WAL mode is switched on.
    static func prepare(_ db: Database, path: String, options: ResponseCache.Options, isWriter: Bool) throws {
        let version = try self.fileVersion(db)
        if version > self.version {
            throw CacheError(
                .versionTooNew,
                "the response cache \(path) has format \(version), and this program knows up to \(self.version); use a "
                    + "newer program")
        }
        guard isWriter else { return }
        // These two have an effect on a file without content only. Free pages go back to the file system on request.
        try db.execute(sql: "PRAGMA page_size = \(self.pageBytes)")
        try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
        if try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0 == 0 {
            try db.execute(sql: "PRAGMA application_id = \(self.applicationID)")
        }
        // Debian's SQLite overwrites deleted content with zeros, which would make pruning as dear as writing.
        try db.execute(sql: "PRAGMA secure_delete = OFF")
        try db.execute(sql: "PRAGMA wal_autocheckpoint = \((8 << 20) / self.pageBytes)")
        try db.execute(sql: "PRAGMA journal_size_limit = \(64 << 20)")
        if let bytes = options.fileBytesMax {
            try db.execute(sql: "PRAGMA max_page_count = \(max(1, bytes / self.pageBytes))")
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
}
