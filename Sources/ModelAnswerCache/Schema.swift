// SPDX-License-Identifier: Apache-2.0

import SharedDatabase

/// The contents of the file, and their version.
enum Schema {
    /// The tables.
    ///
    /// - `entry` grows at its end: `id` is the order of storing. `codec` holds the bits that `EntryCodec` and
    ///   `Omissions` name; `base`
    ///   is the row of `base` that the request is compressed against, or 0.
    /// - `entry_key` finds an entry, and covers what statistics and pruning ask for, so that they read some 100 bytes
    ///   an entry instead of the whole file. It need not be unique: who inserts has looked for the key under the same
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

    /// The file as it is created and recognised; raise the version with any change that an older program would misread.
    /// An entry of a few hundred bytes to some kilobytes fits several times into a page.
    static let format = DatabaseFormat(
        // "MlCa"
        name: "ResponseCache", applicationID: 0x4d6c_4361, version: 1, tables: tables, table: "base", pageBytes: 8192,
        givesPagesBack: true)
}
