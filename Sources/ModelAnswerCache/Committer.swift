// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dispatch
import Foundation
import GRDB
import Records
import SharedDatabase
import Synchronization

/// Commits the answers of all threads, those that wait together in one transaction.
///
/// A commit takes an `fsync`, whatever is in it. While one is under way, the next answers gather; so the more arrive,
/// the more share one.
final class Committer: Sendable {
    typealias Completion = @Sendable (Result<[CacheInsertion], CacheError>, _ damaged: [CacheKey]) -> Void

    /// The answers in one commit: other processes wait for it.
    private static let batchEntriesMax = 512
    private static let batchBytesMax = 8 << 20

    private struct Submission: Sendable {
        var entries: [CacheEntry]
        /// An entry whose place the new one of its key takes.
        var replaced: CacheEntry?
        var completion: Completion

        var bytes: Int { self.entries.reduce(0) { $0 + $1.answer.count + ($1.request?.count ?? 0) } }
    }

    private struct Inbox: Sendable {
        var waiting: [Submission] = []
        var isRunning = false
    }

    private struct Work: ~Copyable {
        let compressor: ZstdCompressor
        var bases = RequestBases()
    }

    private let storage: CacheStorage
    private let reader: RowReader
    private let queue = DispatchQueue(label: "millrace.response-cache", qos: .userInitiated)
    private let inbox = Mutex(Inbox())
    /// Used by the queue alone; the lock is never waited for.
    private let work: Mutex<Work>

    init(storage: CacheStorage, reader: RowReader) throws(CacheError) {
        let compressor: ZstdCompressor
        do throws(ZstdError) {
            compressor = try ZstdCompressor(level: EntryCodec.level)
        } catch {
            throw CacheError(.failed, "answers cannot be compressed: \(error)")
        }
        self.storage = storage
        self.reader = reader
        self.work = Mutex(Work(compressor: compressor))
    }

    /// Takes answers over, to be committed all or none; calls back from the queue.
    ///
    /// - Parameter replaced: an entry whose place the new one of its key takes.
    func submit(_ entries: [CacheEntry], replacing replaced: CacheEntry? = nil, completion: @escaping Completion) {
        let submission = Submission(entries: entries, replaced: replaced, completion: completion)
        let mustStart = self.inbox.withLock { inbox in
            inbox.waiting.append(submission)
            defer { inbox.isRunning = true }
            return !inbox.isRunning
        }
        if mustStart { self.queue.async { self.run() } }
    }

    /// Waits until everything that was submitted is committed.
    func finish() { self.queue.sync {} }

    private func run() {
        while let batch = self.nextBatch() {
            let (results, damaged) = self.commit(batch)
            for (submission, result) in zip(batch, results) {
                submission.completion(result, damaged.filter { key in submission.entries.contains { $0.key == key } })
            }
        }
    }

    /// Returns the batch that comes next; `nil` if there is none, and the queue is at rest.
    private func nextBatch() -> [Submission]? {
        self.inbox.withLock { inbox in
            var count = 0
            var entries = 0
            var bytes = 0
            while count < inbox.waiting.count, entries < Self.batchEntriesMax, bytes < Self.batchBytesMax {
                entries += inbox.waiting[count].entries.count
                bytes += inbox.waiting[count].bytes
                count += 1
            }
            if count == 0 {
                inbox.isRunning = false
                return nil
            }
            let batch = Array(inbox.waiting.prefix(count))
            inbox.waiting.removeFirst(count)
            return batch
        }
    }

    private func commit(_ batch: [Submission]) -> ([Result<[CacheInsertion], CacheError>], damaged: [CacheKey]) {
        do throws(CacheError) {
            let (insertions, damaged) = try self.work.withLock { (work) throws(CacheError) in
                do throws(CacheError) {
                    return try self.write(batch, &work)
                } catch let error where error.code == .corrupt {
                    // A damaged row need not fit its index any more, and cannot be replaced then. Rebuild it, once.
                    work.bases.reset()
                    try self.storage.withoutTransaction { db in try db.execute(sql: "REINDEX entry_key") }
                    return try self.write(batch, &work)
                }
            }
            return (insertions.map { .success($0) }, damaged)
        } catch {
            self.work.withLock { $0.bases.reset() }
            return (batch.map { _ in .failure(error) }, [])
        }
    }

    private func write(
        _ batch: [Submission], _ work: inout Work
    ) throws(CacheError) -> ([[CacheInsertion]], damaged: [CacheKey]) {
        // Reads the bases the first time, and compresses, before the lock that other processes wait for.
        var bases = RequestBases()
        swap(&bases, &work.bases)
        try self.storage.readStatement { db in try bases.load(db) }
        var encoded: [[EntryCodec.Encoded]] = []
        for submission in batch {
            encoded.append(
                submission.entries.map { EntryCodec.encode($0, compressor: work.compressor, bases: &bases) })
        }
        swap(&bases, &work.bases)
        let rows = zip(encoded, batch.map(\.replaced))
        var damaged: [CacheKey] = []
        let insertions = try self.storage.write { db in
            damaged = []
            return try rows.map { rows, replaced in
                try rows.map { try self.write($0, replacing: replaced, db, &damaged) }
            }
        }
        return (insertions, damaged)
    }

    private func write(
        _ encoded: EntryCodec.Encoded, replacing replaced: CacheEntry?, _ db: Database, _ damaged: inout [CacheKey]
    ) throws -> CacheInsertion {
        let entry = encoded.entry
        let (winner, met) = try ResponseCache.select(entry.key, db, self.reader)
        if let winner, winner != replaced { return CacheInsertion(entry: winner, wasStored: false) }
        let key = Data(entry.key.bytes)
        if met {
            if winner == nil { damaged.append(entry.key) }
            try db.cachedStatement(sql: "DELETE FROM entry WHERE key = ?").execute(arguments: [key])
        }
        let base = try encoded.base.map { try RequestBases.store($0, db) } ?? 0
        // An empty Data is bound as NULL, and x'' takes its place.
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO entry (key, model, stored_at, answer_bytes, request_bytes, stored_bytes, codec, base,
                    answer_sum, answer, request)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ifnull(?, x''), ?)
                """)
        try statement.execute(arguments: [
            key, entry.model, entry.storedAt, entry.answer.count, entry.request?.count,
            encoded.answer.count + (encoded.request?.count ?? 0), encoded.codec, base, encoded.answerSum,
            encoded.answer, encoded.request,
        ])
        return CacheInsertion(entry: entry, wasStored: true)
    }
}
