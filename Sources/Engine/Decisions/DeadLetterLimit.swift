// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts input records of a stage that end as dead letters in a row, over all its tasks in a process: a few are the
/// data's fault, a hundred are the topology's. Pure.
struct DeadLetterLimit {
    /// The part of a row that a task holds and has not committed.
    struct Share: Equatable {
        fileprivate(set) var row = 0
        fileprivate(set) var records = 0
    }

    let max: Int
    private(set) var inARow = 0
    /// The number of records of the row that are committed.
    private(set) var committed = 0
    private var row = 0

    init(max: Int) { self.max = max }

    /// Tells whether the stage is to stop.
    var isReached: Bool { self.inARow >= self.max }

    /// Takes an input record, of whichever task.
    /// - Returns: whether the limit is reached; once it is, no further record counts.
    mutating func take(isDeadLetter: Bool, _ share: inout Share) -> Bool {
        if self.isReached { return true }
        guard isDeadLetter else {
            if self.inARow > 0 { (self.inARow, self.committed, self.row) = (0, 0, self.row + 1) }
            return false
        }
        self.inARow += 1
        if share.row != self.row { share = Share(row: self.row) }
        share.records += 1
        return self.isReached
    }

    /// A task is about to commit what it has finished.
    /// - Returns: whether it may; not what belongs to a row that has reached the limit.
    mutating func commit(_ share: inout Share) -> Bool {
        let isOfRow = share.row == self.row && share.records > 0
        if isOfRow, self.isReached { return false }
        if isOfRow { self.committed += share.records }
        share.records = 0
        return true
    }
}

/// A limit that the tasks of a stage share.
final class SharedDeadLetterLimit: Sendable {
    private let limit: Mutex<DeadLetterLimit>
    private let holdsRow = Atomic(false)

    init(max: Int) { self.limit = Mutex(DeadLetterLimit(max: max)) }

    /// Tells whether there is a row: most records are no dead letters and follow none, and need no lock.
    var hasRow: Bool { self.holdsRow.load(ordering: .relaxed) }

    /// Takes an input record.
    /// - Returns: the row, where its limit is reached.
    func take(isDeadLetter: Bool, _ share: inout DeadLetterLimit.Share) -> DeadLetterLimit? {
        if !isDeadLetter, !self.hasRow { return nil }
        return self.limit.withLock { limit in
            let isReached = limit.take(isDeadLetter: isDeadLetter, &share)
            self.holdsRow.store(limit.inARow > 0, ordering: .relaxed)
            return isReached ? limit : nil
        }
    }

    /// A task is about to commit what it has finished.
    /// - Returns: whether it may.
    func commit(_ share: inout DeadLetterLimit.Share) -> Bool {
        share.records == 0 ? true : self.limit.withLock { $0.commit(&share) }
    }
}
