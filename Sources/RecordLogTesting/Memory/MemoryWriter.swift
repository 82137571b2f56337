// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Synchronization

/// Writes transactions to a `MemoryLog`.
final class MemoryWriter: TransactionalWriter {
    let id: String
    let epoch: Int64

    private struct Work {
        var turns: [String: Int] = [:]
        var isClosed = false
    }

    private let log: MemoryLog
    private let work = Mutex(Work())

    init(log: MemoryLog, id: String, epoch: Int64) {
        self.log = log
        self.id = id
        self.epoch = epoch
    }

    func state() throws(LogError) -> [StateEntry] {
        try self.checkOpen()
        return try self.log.perform(.state, self.id) { state throws(LogError) in state.entries(of: self.id) }
    }

    func commit(_ transaction: Transaction) throws(LogError) {
        try self.checkOpen()
        let now = self.log.storage.now()
        var turns = self.work.withLock { $0.turns }
        try self.log.perform(.commit, self.id) { state throws(LogError) in
            try state.commit(
                transaction, writer: self.id, epoch: self.epoch, turns: &turns, now: now,
                hasGaps: self.log.storage.hasOffsetGaps)
        }
        self.work.withLock { $0.turns = turns }
    }

    /// Removes, and commits with it.
    func remove(_ removal: Removal, committing transaction: Transaction) throws(LogError) {
        try self.checkOpen()
        let now = self.log.storage.now()
        var turns = self.work.withLock { $0.turns }
        try self.log.perform(.remove, self.id) { state throws(LogError) in
            try state.checkIdle(removal.idleGroups, now: now)
            // Checks before it changes anything.
            try state.commit(
                transaction, writer: self.id, epoch: self.epoch, turns: &turns, now: now,
                hasGaps: self.log.storage.hasOffsetGaps)
            state.remove(removal)
        }
        self.work.withLock { $0.turns = turns }
    }

    func close() { self.work.withLock { $0.isClosed = true } }

    private func checkOpen() throws(LogError) {
        if self.work.withLock({ $0.isClosed }) { throw LogError(.closed, "writer \(self.id) has been closed") }
    }
}
