// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import Records

/// The choice of entries to remove.
public enum CachePruning: Hashable, Sendable {
    /// Those stored before a moment, in milliseconds since 1970, of a model, or both; everything if both are `nil`.
    case entries(before: Timestamp?, model: String?)
    /// Those whose answer is damaged. Damaged requests of sound answers are dropped, the answers stay.
    case damaged
}

/// Counts of what pruning did, or would do.
public struct CachePruningReport: Hashable, Sendable {
    /// Entries removed.
    public var entries = 0
    /// Compressed bytes of them.
    public var storedBytes = 0
    /// Damaged requests dropped from entries that stay.
    public var requests = 0
    /// Tells whether it was stopped on the way; what is counted is done.
    public var wasStopped = false
}

extension ResponseCache {
    /// Removes entries, a few hundred in a transaction, so that others go on meanwhile, and gives their room back to
    /// the file system.
    ///
    /// May be stopped or killed at any time; what is removed then stays removed, and the rest is whole.
    /// - Parameters:
    ///   - isDryRun: only counts.
    ///   - progress: is told the entries removed so far; answers `false` to stop.
    public func prune(
        _ pruning: CachePruning, isDryRun: Bool = false, progress: (Int) -> Bool = { _ in true }
    ) throws(CacheError) -> CachePruningReport {
        var report = CachePruningReport()
        switch pruning {
        case .entries(let before, let model):
            let condition = Condition(before: before, model: model)
            try self.remove(condition, isDryRun, &report, progress)
        case .damaged:
            try self.removeDamaged(isDryRun, &report, progress)
        }
        if !isDryRun, !report.wasStopped, report.entries > 0 { try self.giveBackRoom() }
        return report
    }

    private struct Condition {
        var sql = "1"
        var arguments = StatementArguments()

        init(before: Timestamp?, model: String?) {
            if let before {
                self.sql += " AND stored_at < ?"
                self.arguments += [before]
            }
            if let model {
                self.sql += " AND model = ?"
                self.arguments += [model]
            }
        }
    }

    private func remove(
        _ condition: Condition, _ isDryRun: Bool, _ report: inout CachePruningReport, _ progress: (Int) -> Bool
    ) throws(CacheError) {
        let candidates: [(id: Int64, bytes: Int)] = try self.storage.readStatement { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT id, stored_bytes FROM entry INDEXED BY entry_key WHERE \(condition.sql)",
                arguments: condition.arguments)
            var found: [(id: Int64, bytes: Int)] = []
            while let row = try rows.next() {
                if let id = row.integer(0) { found.append((id, Int(row.integer(1) ?? 0))) }
            }
            // In the order of the table: neighbours lie on one page.
            return found.sorted { $0.id < $1.id }
        }
        if isDryRun {
            report.entries = candidates.count
            report.storedBytes = candidates.reduce(0) { $0 + $1.bytes }
            return
        }
        for start in stride(from: 0, to: candidates.count, by: 256) {
            let batch = candidates[start..<min(start + 256, candidates.count)]
            let removed: [Int] = try self.storage.write { db in
                // The condition once more: the row may be another entry's by now.
                let statement = try db.cachedStatement(sql: "DELETE FROM entry WHERE id = ? AND \(condition.sql)")
                return try batch.compactMap { candidate in
                    try statement.execute(arguments: [candidate.id] + condition.arguments)
                    return db.changesCount > 0 ? candidate.bytes : nil
                }
            }
            report.entries += removed.count
            report.storedBytes += removed.reduce(0, +)
            guard progress(report.entries) else {
                report.wasStopped = true
                return
            }
        }
    }

    private func removeDamaged(
        _ isDryRun: Bool, _ report: inout CachePruningReport, _ progress: (Int) -> Bool
    ) throws(CacheError) {
        var rows: [Int64] = []
        var requests: [CacheKey] = []
        var seen = 0
        var wasStopped = false
        try self.walk { item in
            seen += 1
            switch item {
            case .damaged(let id, _): rows.append(id)
            case .sound(_, .damaged(let key)): requests.append(key)
            case .sound: break
            }
            wasStopped = seen % 256 == 0 && !progress(report.entries)
            return !wasStopped
        }
        report.wasStopped = wasStopped
        if wasStopped { return }
        report.entries = rows.count
        report.requests = requests.count
        if isDryRun || rows.isEmpty && requests.isEmpty { return }
        let (ids, keys) = (rows, requests)
        do throws(CacheError) {
            try self.removeRows(ids, requestsOf: keys)
        } catch let error where error.code == .corrupt {
            // A damaged row need not fit its index any more, and cannot be removed then. Rebuild it, once.
            try self.storage.withoutTransaction { db in try db.execute(sql: "REINDEX entry_key") }
            try self.removeRows(ids, requestsOf: keys)
        }
    }

    private func removeRows(_ ids: [Int64], requestsOf keys: [CacheKey]) throws(CacheError) {
        try self.storage.write { db in
            for id in ids {
                let row = try Row.fetchOne(
                    db, sql: "SELECT \(RowReader.columns) FROM entry WHERE id = ?", arguments: [id])
                // Somebody may have stored it anew since.
                guard let row, self.reader.entry(row) == nil else { continue }
                try db.execute(sql: "DELETE FROM entry WHERE id = ?", arguments: [id])
            }
            for key in keys {
                try db.execute(
                    sql: """
                        UPDATE entry SET request = NULL, request_bytes = NULL, base = 0, stored_bytes = length(answer)
                        WHERE key = ?
                        """, arguments: [Data(key.bytes)])
            }
        }
    }

    private func giveBackRoom() throws(CacheError) {
        // In steps, each its own transaction, so that others need not wait for all of it.
        var free = Int.max
        while true {
            let left = try self.storage.withoutTransaction { db in
                try db.execute(sql: "PRAGMA incremental_vacuum(500)")
                return try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
            }
            if left == 0 || left >= free { break }
            free = left
        }
        // Cuts the file if nobody is reading; otherwise the next checkpoint does.
        try self.storage.withoutTransaction { db in _ = try? db.checkpoint(.passive) }
    }
}
