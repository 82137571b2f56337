// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import Records

/// The contents of a cache in numbers.
public struct CacheStatistics: Hashable, Sendable {
    /// The entries of one model, or of all.
    public struct Group: Hashable, Sendable {
        /// The number of entries.
        public var entries = 0
        /// Bytes of the answers as they came.
        public var answerBytes = 0
        /// Bytes of the requests that were kept, as they were.
        public var requestBytes = 0
        /// Bytes of both, compressed.
        public var storedBytes = 0
        /// Time at which the first entry was stored, in milliseconds since 1970; `nil` without entries.
        public var oldest: Timestamp?
        /// Time at which the last entry was stored.
        public var newest: Timestamp?

        /// No entries.
        public init() {}

        mutating func add(_ other: Group) {
            self.entries += other.entries
            self.answerBytes += other.answerBytes
            self.requestBytes += other.requestBytes
            self.storedBytes += other.storedBytes
            self.oldest = [self.oldest, other.oldest].compactMap(\.self).min()
            self.newest = [self.newest, other.newest].compactMap(\.self).max()
        }
    }

    /// All entries.
    public var total = Group()
    /// By the model's name.
    public var models: [String: Group] = [:]
    /// The size of the files, in bytes, with the room that pruned entries left.
    public var fileBytes = 0
}

/// The findings of a verification.
public struct CacheVerification: Hashable, Sendable {
    /// The entries that were looked at.
    public var entries = 0
    /// The keys of entries whose answer is damaged; they count as absent.
    public var damagedAnswers: [CacheKey] = []
    /// The keys of entries whose answer is sound but whose request is damaged: they are used, and cannot be explained.
    public var damagedRequests: [CacheKey] = []
    /// Entries so damaged that not even the key is known.
    public var unreadable = 0
    /// SQLite's complaints about the structure of the file; empty if it has none.
    public var structure: [String] = []

    /// Tells whether nothing is wrong.
    public var isSound: Bool {
        self.damagedAnswers.isEmpty && self.damagedRequests.isEmpty && self.unreadable == 0 && self.structure.isEmpty
    }
}

extension ResponseCache {
    /// Counts what is there. Reads the index only.
    public func statistics() throws(CacheError) -> CacheStatistics {
        var statistics: CacheStatistics = try self.storage.read { db in
            var statistics = CacheStatistics()
            for model in try String.fetchAll(db, sql: "SELECT DISTINCT model FROM entry INDEXED BY entry_key") {
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT COUNT(*), SUM(answer_bytes), SUM(request_bytes), SUM(stored_bytes), MIN(stored_at),
                            MAX(stored_at) FROM entry INDEXED BY entry_key WHERE model = ?
                        """, arguments: [model])
                guard let row else { continue }
                var group = CacheStatistics.Group()
                group.entries = Int(row.integer(0) ?? 0)
                group.answerBytes = Int(row.integer(1) ?? 0)
                group.requestBytes = Int(row.integer(2) ?? 0)
                group.storedBytes = Int(row.integer(3) ?? 0)
                group.oldest = row.integer(4)
                group.newest = row.integer(5)
                statistics.models[model] = group
                statistics.total.add(group)
            }
            return statistics
        }
        for suffix in ["", "-wal"] {
            var status = stat()
            if stat(self.path + suffix, &status) == 0 { statistics.fileBytes += Int(status.st_size) }
        }
        return statistics
    }

    // MARK: Verifying

    /// Reads every entry and compares its checksums, and looks through the structure of the file.
    ///
    /// Others may use the cache meanwhile.
    /// - Parameter progress: is told the entries read so far, now and then; answers `false` to stop.
    public func verify(progress: (Int) -> Bool = { _ in true }) throws(CacheError) -> CacheVerification {
        var verification = CacheVerification()
        verification.structure = try self.structureProblems()
        var damaged: [Int64: CacheKey?] = [:]
        try self.walk { item in
            switch item {
            case .sound(_, let request):
                verification.entries += 1
                if case .damaged(let key) = request { verification.damagedRequests.append(key) }
            case .damaged(let id, let key):
                verification.entries += 1
                damaged.updateValue(key, forKey: id)
            }
            return verification.entries % 256 != 0 || progress(verification.entries)
        }
        if !damaged.isEmpty { try self.correctKeys(&damaged) }
        verification.damagedAnswers = damaged.values.compactMap(\.self).sorted()
        verification.unreadable = damaged.values.count { $0 == nil }
        return verification
    }

    /// Returns the faults that SQLite finds in the pages and the index.
    private func structureProblems() throws(CacheError) -> [String] {
        let found: [String]
        do throws(CacheError) {
            found = try self.storage.readStatement { db in try String.fetchAll(db, sql: "PRAGMA integrity_check(20)") }
        } catch let error where error.code == .corrupt {
            return [error.message]
        }
        return found == ["ok"] ? [] : found
    }

    /// The keys by which damaged rows are found are those of the index; a row's own may be what is damaged.
    private func correctKeys(_ damaged: inout [Int64: CacheKey?]) throws(CacheError) {
        let ids = Set(damaged.keys)
        let keys: [Int64: CacheKey] =
            (try? self.storage.readStatement { db in
                var keys: [Int64: CacheKey] = [:]
                let rows = try Row.fetchCursor(db, sql: "SELECT id, key FROM entry INDEXED BY entry_key")
                while let row = try rows.next() {
                    if let id = row.integer(0), ids.contains(id), let key = RowReader.key(row) { keys[id] = key }
                }
                return keys
            }) ?? [:]
        for (id, key) in keys { damaged[id] = key }
    }

    // MARK: Walking

    /// The first entry, in the order of storing, that matches; its request is in it if that was kept.
    /// Reads all before it.
    public func first(where isIt: (CacheEntry) -> Bool) throws(CacheError) -> CacheEntry? {
        var found: CacheEntry?
        try self.walk { item in
            if case .sound(let entry, _) = item, isIt(entry) { found = entry }
            return found == nil
        }
        return found
    }

    /// A row as a walk over all of them meets it.
    enum Item {
        case sound(CacheEntry, RequestState)
        case damaged(id: Int64, CacheKey?)
    }

    /// A walk's knowledge of an entry's request, which is in the entry if it is sound.
    enum RequestState {
        case present
        case damaged(CacheKey)
    }

    /// Visits all entries that are there at the start, in the order of storing, a few at a time, so that no transaction
    /// stays open. Rows that SQLite cannot reach are passed over: `verify` learns of them from the structure.
    /// - Parameter visit: answers `false` to stop.
    func walk(_ visit: (Item) throws -> Bool) throws(CacheError) {
        let batch: Int64 = 64
        guard let end = try self.lastID() else { return }
        var next: Int64? = Int64.min
        var unreadable = 0
        while let start = next, start <= end {
            let items: [Item]
            do throws(CacheError) {
                (items, next) = try self.items(from: start, through: end, limit: batch)
            } catch let error where error.code == .corrupt {
                // Look for what is readable beyond, one by one; a damaged last id must not make that endless.
                (items, next) = self.readableItems(from: max(start, 1), through: end, limit: batch)
                unreadable = items.isEmpty ? unreadable + Int(batch) : 0
                if unreadable > 1_000_000 { return }
            }
            for item in items {
                do {
                    if try !visit(item) { return }
                } catch {
                    throw CacheError(error, path: self.path)
                }
            }
        }
    }

    private func lastID() throws(CacheError) -> Int64? {
        do throws(CacheError) {
            return try self.storage.readStatement { db in try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM entry") }
        } catch let error where error.code == .corrupt {
            return try self.storage.readStatement { db in
                try Int64.fetchOne(db, sql: "SELECT MAX(id + 0) FROM entry INDEXED BY entry_key")
            }
        }
    }

    /// Up to `limit` rows, and the id to go on from; `nil` past the end.
    private func items(from: Int64, through end: Int64, limit: Int64) throws(CacheError) -> ([Item], next: Int64?) {
        try self.storage.read { db in
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT \(RowReader.columns), \(RowReader.requestColumns) FROM entry WHERE id BETWEEN ? AND ?
                        ORDER BY id LIMIT ?
                        """), arguments: [from, end, limit])
            var items: [Item] = []
            var last = end
            while let row = try rows.next() {
                last = row.integer(0) ?? last
                items.append(try self.item(row, last, db))
            }
            return (items, items.count < limit || last >= end ? nil : last + 1)
        }
    }

    private func readableItems(from: Int64, through end: Int64, limit: Int64) -> ([Item], next: Int64?) {
        var items: [Item] = []
        var id = from
        for _ in 0..<limit {
            // Entries that throw are passed over.
            if let found = try? self.items(from: id, through: id, limit: 1).0 { items += found }
            if id >= end { return (items, nil) }
            id += 1
        }
        return (items, id)
    }

    private func item(_ row: Row, _ id: Int64, _ db: Database) throws -> Item {
        guard var entry = self.reader.entry(row) else { return .damaged(id: id, RowReader.key(row)) }
        switch self.reader.request(row, key: entry.key, base: try self.base(row.integer(9), db)) {
        case .none: return .sound(entry, .present)
        case .damaged: return .sound(entry, .damaged(entry.key))
        case .sound(let request):
            entry.request = request
            return .sound(entry, .present)
        }
    }
}
