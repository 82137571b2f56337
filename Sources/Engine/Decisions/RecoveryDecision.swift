// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

/// Decides what becomes of a partition whose task has failed, while the partition is still this process's. Pure.
struct RecoveryDecision {
    /// The decision.
    enum Verdict: Equatable {
        /// Open a new task after some milliseconds; it takes up what was committed.
        case reopen(after: Timestamp)
        /// Nothing that a new task would get over: the run ends.
        case end
    }

    /// Failures in a row of a log that does not say that trying again helps.
    private static let brokenMax = 5
    private static let pauseMax: Timestamp = 10_000

    /// Time a group takes to notice that a member is gone.
    let sessionTimeoutMilliseconds: Timestamp
    private var failures = 0

    init(sessionTimeoutMilliseconds: Int) { self.sessionTimeoutMilliseconds = Timestamp(sessionTimeoutMilliseconds) }

    /// A commit has taken place since.
    mutating func succeeded() { self.failures = 0 }

    /// The verdict after the task was fenced.
    ///
    /// Most often the partition has moved and the group is about to say so: opening another task before then would
    /// fence the rightful owner. Only a member that still has the partition after a session timeout opens one.
    func afterFencing() -> Verdict { .reopen(after: self.sessionTimeoutMilliseconds) }

    /// The verdict after an error of the log's.
    mutating func after(_ code: LogError.Code) -> Verdict {
        self.failures += 1
        let pause = min(100 << Timestamp(min(self.failures - 1, 10)), Self.pauseMax)
        switch code {
        case .fenced: return self.afterFencing()
        case .unavailable: return .reopen(after: pause)
        // A client that cannot go on, such as a producer with a fatal error: a new one may.
        case .failed: return self.failures <= Self.brokenMax ? .reopen(after: pause) : .end
        default: return .end
        }
    }
}
