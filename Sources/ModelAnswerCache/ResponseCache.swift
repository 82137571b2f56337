// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import GRDB
import Records
import SharedDatabase
import Synchronization

/// The answers of models, kept by the SHA-256 of the request: a replay asks no model again.
///
/// - The first answer that is stored under a key wins, over all threads and processes of the machine; who comes later
///   is given that one. Nothing is evicted by itself.
/// - What `insert` or `store` has returned is on the disk (`synchronous=FULL`); a process may be killed at any instant.
/// - Lookups wait for no writer (WAL mode) and need not be awaited. They, too, compare a checksum: a damaged answer
///   counts as absent, is reported, and may be stored anew.
/// - Answers that arrive together are committed together: a busy process needs one `fsync` for many.
/// - Keep the folder on a local file system: SQLite's WAL mode does not work over a network.
///
/// SQLite rather than segment files of our own: durability, the recovery of torn writes, locks between processes and an
/// index of bounded memory are there and proven, and pruning needs no compaction. What it costs, measured with answers
/// of 2 KB and requests of 4 KB in a cache of a million entries (1.27 GB, where the raw bytes are 5.9 GB), on two busy
/// cores: a lone `insert` waits for the disk and little else (455 to 1,085 a second; the disk took 470 to 970 bare
/// writes of 2 KB with `fdatasync`); from 64 threads 8,000 a second, 47 µs of processor time each; a lookup takes
/// 18 µs of processor time (20,000 to 25,000 a second on one thread beside other work), a miss 8 to 11 µs. A model
/// answers in tens of milliseconds at best: files of our own could not be noticed.
public final class ResponseCache: Sendable {
    /// Settings for opening a cache.
    public struct Options: Sendable {
        /// Opens for reading only: storing throws `.readOnly`.
        public var readOnly = false
        /// Throws `.missing` if there is no cache yet, instead of creating one.
        public var mustExist = false
        /// Time a call waits for another process's commit before it throws `.unavailable`.
        public var busyTimeoutMilliseconds = 10_000
        /// The largest size of the file, in bytes; answers beyond it throw `.storageFull`. `nil` is without limit.
        public var fileBytesMax: Int?
        /// Is told of each damaged entry that a lookup or an insertion came across; on any thread.
        public var onDamage: @Sendable (CacheKey) -> Void = { _ in }

        /// The defaults.
        public init() {}
    }

    /// Counts of what this object has done so far.
    public struct Counters: Hashable, Sendable {
        /// Lookups that found an answer.
        public var hits = 0
        /// Lookups that found none.
        public var misses = 0
        /// Answers stored.
        public var stored = 0
        /// Answers handed over for a key that had one already: calls that another process made, too.
        public var beaten = 0
        /// Callers of `answer(for:make:)` who shared the call of another.
        public var shared = 0
        /// Damaged entries met.
        public var damaged = 0
    }

    let storage: CacheStorage
    let reader: RowReader
    let flights = FlightTable()
    private let committer: Committer
    private let counts = Mutex(Counters())
    private let bases = Mutex<[Int64: Bytes]>([:])

    /// Opens the cache of a folder, creating both if they are not there yet (unless `options.readOnly`).
    ///
    /// - Throws: `.versionTooNew` if a newer program wrote it, `.corrupt` if the file is something else, `.readOnly`
    ///   if it may only be read, `.missing` if it is not there and may not be created.
    public init(folder: String, options: Options = Options()) throws(CacheError) {
        let storage = try CacheStorage(path: folder + "/answers.db", options: options)
        self.storage = storage
        self.reader = RowReader(decompressor: ZstdDecompressor())
        self.committer = try Committer(storage: storage, reader: self.reader)
    }

    /// The path of the SQLite file.
    public var path: String { self.storage.path }

    /// Counts of what this object has done so far.
    public var counters: Counters { self.counts.withLock { $0 } }

    func count(_ change: (inout Counters) -> Void) { self.counts.withLock { change(&$0) } }

    // MARK: Looking up

    /// The answer to a request, without the request; `nil` if there is none, or only a damaged one.
    ///
    /// Takes some microseconds, and a read of the disk at worst.
    public func lookup(_ key: CacheKey) throws(CacheError) -> CacheEntry? {
        let entry = try self.find(key)
        self.count { if entry == nil { $0.misses += 1 } else { $0.hits += 1 } }
        return entry
    }

    /// Tells whether there is an answer under a key, sound or damaged: for plans over many keys.
    public func contains(_ key: CacheKey) throws(CacheError) -> Bool {
        try self.storage.readStatement { db in
            let statement = try db.cachedStatement(sql: "SELECT 1 FROM entry WHERE key = ? LIMIT 1")
            return try Int.fetchOne(statement, arguments: [Data(key.bytes)]) != nil
        }
    }

    /// The whole entry under a key, with its request if that was kept: for explaining.
    public func entry(_ key: CacheKey) throws(CacheError) -> CacheEntry? {
        let reader = self.reader
        let found: (entry: CacheEntry?, met: Bool) = try self.storage.read { db in
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT \(RowReader.columns), \(RowReader.requestColumns) FROM entry WHERE key = ? ORDER BY id
                        """), arguments: [Data(key.bytes)])
            var met = false
            while let row = try rows.next() {
                met = true
                guard var entry = reader.entry(row, key: key) else { continue }
                let base = try self.base(row.integer(9), db)
                if case .sound(let request) = reader.request(row, key: key, base: base) { entry.request = request }
                return (entry, true)
            }
            return (nil, met)
        }
        if found.entry == nil, found.met { self.reportDamage([key]) }
        return found.entry
    }

    func find(_ key: CacheKey) throws(CacheError) -> CacheEntry? {
        let reader = self.reader
        let found: (entry: CacheEntry?, met: Bool) = try self.storage.readStatement { db in
            try Self.select(key, db, reader)
        }
        if found.entry == nil, found.met { self.reportDamage([key]) }
        return found.entry
    }

    /// The first sound row of a key, and whether there was any row.
    static func select(_ key: CacheKey, _ db: Database, _ reader: RowReader) throws -> (entry: CacheEntry?, met: Bool) {
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT \(RowReader.columns) FROM entry WHERE key = ? ORDER BY id"),
            arguments: [Data(key.bytes)])
        var met = false
        while let row = try rows.next() {
            met = true
            if let entry = reader.entry(row, key: key) { return (entry, true) }
        }
        return (nil, met)
    }

    /// The content of a base of requests; empty for none, `nil` if it is damaged.
    func base(_ id: Int64?, _ db: Database) throws -> Bytes? {
        guard let id else { return nil }
        if id == 0 { return [] }
        if let content = self.bases.withLock({ $0[id] }) { return content }
        guard let content = try RequestBases.read(id, db) else { return nil }
        // Their number is bounded in the file, see `RequestBases`.
        self.bases.withLock { $0[id] = content }
        return content
    }

    func reportDamage(_ keys: [CacheKey]) {
        if keys.isEmpty { return }
        self.count { $0.damaged += keys.count }
        for key in keys { self.storage.options.onDamage(key) }
    }

    // MARK: Storing

    /// Stores an answer unless its key has one, and answers the one that the cache holds; durable on return.
    ///
    /// Blocks for a commit, about a millisecond; from asynchronous code use `store`.
    /// - Throws: `.storageFull` and `.readOnly`, with nothing stored; `.invalidArgument` if the request is there and
    ///   the key is not its SHA-256; `.unavailable`.
    public func insert(_ entry: CacheEntry) throws(CacheError) -> CacheInsertion {
        let insertions = try self.insert([entry])
        guard let first = insertions.first else { throw CacheError(.failed, "\(self.path): nothing was inserted") }
        return first
    }

    /// Stores several answers in one commit, all or none, and answers what the cache holds for each.
    public func insert(_ entries: [CacheEntry]) throws(CacheError) -> [CacheInsertion] {
        let outcome = Mutex<Result<[CacheInsertion], CacheError>?>(nil)
        let done = DispatchSemaphore(value: 0)
        try self.submit(entries) { result in
            outcome.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = outcome.withLock({ $0 }) else { throw CacheError(.failed, "\(self.path): no outcome") }
        return try result.get()
    }

    /// The same as `insert`, for asynchronous code: no thread waits for the disk.
    ///
    /// An answer has been paid for, so that cancellation does not keep it from being stored.
    /// - Parameter kept: the entry of the same key, as `lookup` answers it, whose place this one takes, if it is still
    ///   there.
    public func store(
        _ entry: CacheEntry, replacing kept: CacheEntry? = nil
    ) async throws(CacheError) -> CacheInsertion {
        let result: Result<[CacheInsertion], CacheError> = await withCheckedContinuation { continuation in
            do throws(CacheError) {
                try self.submit([entry], replacing: kept) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        guard let first = try result.get().first else {
            throw CacheError(.failed, "\(self.path): nothing was inserted")
        }
        return first
    }

    private func submit(
        _ entries: [CacheEntry], replacing kept: CacheEntry? = nil,
        _ completion: @escaping @Sendable (Result<[CacheInsertion], CacheError>) -> Void
    ) throws(CacheError) {
        try self.storage.checkOpen()
        for entry in entries { try EntryCodec.check(entry) }
        self.committer.submit(entries, replacing: kept) { result, damaged in
            if case .success(let insertions) = result {
                let stored = insertions.count { $0.wasStored }
                self.count {
                    $0.stored += stored
                    $0.beaten += insertions.count - stored
                }
            }
            self.reportDamage(damaged)
            completion(result)
        }
    }

    /// Releases the file; what is being stored is stored first. Later calls throw `.closed`.
    public func close() {
        self.committer.finish()
        self.storage.close()
    }
}
