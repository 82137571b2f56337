// SPDX-License-Identifier: Apache-2.0

import Records

/// Tracks how far a task has got: what is finished without a gap, and what of it no commit covers.
struct FinishedPrefix {
    /// The end of the contiguous finished prefix.
    private(set) var position: Offset
    /// The offset that the last commit covers.
    private(set) var committed: Offset
    private(set) var pendingRecords = 0
    private(set) var pendingSince: Timestamp?

    init(committed: Offset) {
        self.position = committed
        self.committed = committed
    }

    /// The next record in order is finished; reading goes on at `next`.
    mutating func finish(next: Offset, now: Timestamp) {
        precondition(next > self.position, "records finish in order")
        self.position = next
        self.pendingRecords += 1
        if self.pendingSince == nil { self.pendingSince = now }
    }

    /// There is nothing between the position and `next` but what the log keeps for itself.
    mutating func pass(to next: Offset) { self.position = max(self.position, next) }

    /// A commit covers the prefix as it stood.
    mutating func commit(_ position: Offset) {
        precondition(position >= self.committed && position <= self.position, "a commit covers finished records only")
        self.committed = position
        self.pendingRecords = 0
        self.pendingSince = nil
    }
}
