// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import GRDB
import Records
import SharedDatabase
import Synchronization

/// Requests that other requests are compressed against.
///
/// The requests of one topology share the constant part of its prompt, some kilobytes, and differ in the narrations at
/// the end. A request against a whole earlier one takes a tenth of what it takes alone. Only requests are stored so:
/// each answer can be read without any other row.
struct RequestBases: ~Copyable {
    /// Requests below this do not pay for a base.
    static let requestBytesMin = 512
    /// Requests above this do not become one.
    static let baseBytesMax = 64 << 10
    /// Bases in a cache; each one is there for as long as the cache, so that there is a bound on them.
    static let countMax = 200
    /// Bases that a process keeps in mind.
    static let recentMax = 8

    /// A request that others are compressed against.
    final class Base {
        let content: Bytes
        let dictionary: ZstdDictionary
        /// The row, once there is one.
        var id: Int64?

        init?(_ content: Bytes, id: Int64?) {
            guard let dictionary = ZstdDictionary(content, level: EntryCodec.level) else { return nil }
            self.content = content
            self.dictionary = dictionary
            self.id = id
        }
    }

    private var recent: [Base] = []
    private var isLoaded = false
    private var count = 0

    /// Reads the latest bases of the file, once.
    mutating func load(_ db: Database) throws {
        if self.isLoaded { return }
        self.count = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM base") ?? 0
        let ids = try Int64.fetchAll(db, sql: "SELECT id FROM base ORDER BY id DESC LIMIT \(Self.recentMax)")
        for id in ids.reversed() {
            if let content = try Self.read(id, db), let base = Base(content, id: id) { self.recent.append(base) }
        }
        self.isLoaded = true
    }

    /// The base for a request, which may be new, with the request itself as its content.
    mutating func base(for request: Bytes) -> Base? {
        guard self.isLoaded, request.count >= Self.requestBytesMin else { return nil }
        var best: (base: Base, shared: Int)?
        for base in self.recent {
            let shared = Self.sharedPrefix(base.content, request)
            if shared > best?.shared ?? 0 { best = (base, shared) }
        }
        if let best, best.shared >= request.count / 4 { return best.base }
        guard request.count <= Self.baseBytesMax, self.count < Self.countMax, let base = Base(request, id: nil) else {
            return nil
        }
        self.count += 1
        if self.recent.count == Self.recentMax { self.recent.removeFirst() }
        self.recent.append(base)
        return base
    }

    /// Forgets everything, after a transaction that failed: what it wrote is not there.
    mutating func reset() { self = RequestBases() }

    private static func sharedPrefix(_ left: Bytes, _ right: Bytes) -> Int {
        let count = min(left.count, right.count)
        return left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                var index = 0
                while index + 8 <= count,
                    left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                        == right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                { index += 8 }
                while index < count, left[index] == right[index] { index += 1 }
                return index
            }
        }
    }

    /// Stores a base that has no row yet.
    static func store(_ base: Base, _ db: Database) throws -> Int64 {
        if let id = base.id { return id }
        try db.cachedStatement(sql: "INSERT INTO base (checksum, content) VALUES (?, ?)")
            .execute(arguments: [Checksum.of(base.content), Data(base.content)])
        let id = db.lastInsertedRowID
        base.id = id
        return id
    }

    /// The content of a base; `nil` if it is damaged.
    static func read(_ id: Int64, _ db: Database) throws -> Bytes? {
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT checksum, content FROM base WHERE id = ?"), arguments: [id])
        guard let row = try rows.next() else { return nil }
        let content = row.bytes(1) ?? []
        return row.integer(0) == Checksum.of(content) ? content : nil
    }
}
