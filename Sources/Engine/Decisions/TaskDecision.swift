// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Topologies

/// Facts that a task knows when it decides what to do next.
struct TaskFacts {
    /// Facts about the sink, where the output goes to one.
    struct Sink {
        /// Tells whether it holds records that no commit covers.
        var isOpen: Bool
        /// The reason why it wants to be closed now.
        var due: RotationReason?
        /// The time at which the clock will make it want to be closed.
        var deadline: Timestamp?
    }

    /// An order to the task to end.
    enum Stop {
        /// Commit what is finished, then end; what has been asked may come back first, for a while.
        case afterCommit
        /// End at once: the partition is somebody else's.
        case atOnce
    }

    var now: Timestamp
    /// The end of the contiguous finished prefix.
    var position: Offset
    /// The offset that the last commit covers.
    var committed: Offset
    /// Tells whether records of dead letters were taken again that no commit covers.
    var hasRetried = false
    /// Finished records that no commit covers, and their output.
    var pendingRecords = 0
    var pendingBytes = 0
    /// The time at which the first of them was finished.
    var pendingSince: Timestamp?
    /// Tells whether there are records in hand that have not begun.
    var hasUnbegun = false
    /// Tells whether another record may begin: there is room in flight.
    var mayBegin = true
    /// Records that wait for answers.
    var inFlight = 0
    /// Questions that were asked and have not come back, and the time until which they may once the task is to end.
    var underWay = 0
    var drainsUntil: Timestamp?
    /// Tells whether the last read found nothing.
    var isAtEnd = false
    /// The time of the next read that the rate limit allows; `nil`: now.
    var throttledUntil: Timestamp?
    var sink: Sink?
    var stop: Stop?
    /// Tells whether the input has ended for good, so that the last shard may be closed.
    var closeAtEnd = false
}

/// The next thing that a task does.
enum TaskAction: Equatable {
    /// Begin the records in hand.
    case work
    /// Read more records.
    case read
    /// Commit the finished prefix, closing the sink for a reason if there is one.
    case commit(RotationReason?)
    /// Nothing to do before a time, or before something happens.
    case wait(until: Timestamp?)
    /// End, leaving what is not committed to the next owner.
    case stop
}

/// Decides what a task does next. Pure: it reads no clock and does no I/O.
enum TaskDecision {
    /// A record at the end of the input waits this long for company before it is committed, if the limits let it.
    private static let lingerMillisecondsMax: Timestamp = 50

    private static func linger(_ limits: CommitLimits) -> Timestamp {
        min(self.lingerMillisecondsMax, self.milliseconds(limits.seconds))
    }

    static func next(_ facts: TaskFacts, limits: CommitLimits) -> TaskAction {
        if facts.stop == .atOnce { return .stop }
        if let sink = facts.sink, let due = sink.due { return .commit(due) }
        let isDirty = facts.position > facts.committed || facts.hasRetried
        // While a shard is open its rotation decides when offsets are committed: the two go together.
        let mayCommit = isDirty && facts.sink?.isOpen != true
        if facts.stop == .afterCommit { return Self.end(facts, limits, mayCommit: mayCommit) }
        if mayCommit, Self.limitReached(facts, limits) { return .commit(nil) }
        if facts.hasUnbegun, facts.mayBegin { return .work }
        if !facts.hasUnbegun, facts.mayBegin, !facts.isAtEnd, facts.throttledUntil.map({ $0 <= facts.now }) ?? true {
            return .read
        }
        if facts.isAtEnd, facts.inFlight == 0 {
            if facts.closeAtEnd, facts.sink?.isOpen == true { return .commit(.idle) }
            if mayCommit, facts.closeAtEnd || Self.lingered(facts, limits) { return .commit(nil) }
        }
        return .wait(until: Self.deadline(facts, limits, mayCommit: mayCommit))
    }

    private static func end(_ facts: TaskFacts, _ limits: CommitLimits, mayCommit: Bool) -> TaskAction {
        guard facts.underWay > 0, let drainsUntil = facts.drainsUntil, facts.now < drainsUntil else {
            return mayCommit ? .commit(nil) : .stop
        }
        guard mayCommit else { return .wait(until: drainsUntil) }
        if Self.lingered(facts, limits) { return .commit(nil) }
        return .wait(until: min(drainsUntil, (facts.pendingSince ?? facts.now) + Self.linger(limits)))
    }

    private static func limitReached(_ facts: TaskFacts, _ limits: CommitLimits) -> Bool {
        facts.pendingRecords >= limits.records || facts.pendingBytes >= limits.bytes
            || facts.pendingSince.map { facts.now - $0 >= Self.milliseconds(limits.seconds) } ?? false
    }

    private static func lingered(_ facts: TaskFacts, _ limits: CommitLimits) -> Bool {
        facts.pendingSince.map { facts.now - $0 >= Self.linger(limits) } ?? true
    }

    private static func deadline(_ facts: TaskFacts, _ limits: CommitLimits, mayCommit: Bool) -> Timestamp? {
        var deadlines: [Timestamp] = []
        if mayCommit, let since = facts.pendingSince {
            let atEnd = facts.isAtEnd && facts.inFlight == 0
            deadlines.append(since + (atEnd ? Self.linger(limits) : Self.milliseconds(limits.seconds)))
        }
        if let throttled = facts.throttledUntil, !facts.hasUnbegun { deadlines.append(throttled) }
        if let rotation = facts.sink?.deadline { deadlines.append(rotation) }
        return deadlines.min()
    }

    private static func milliseconds(_ seconds: Double) -> Timestamp { Timestamp((seconds * 1000).rounded(.up)) }
}
