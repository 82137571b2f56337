// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Topologies

/// A partition that this process has been given: opens its task, and opens it again after a failure that a new task
/// gets over. Used by one thread at a time.
final class TaskSupervisor {
    let stage: String
    let source: TopicPartition
    private let surroundings: TaskSurroundings
    private let open: () throws -> StageTask
    private(set) var task: StageTask?
    private var recovery: RecoveryDecision
    private var reopenAt: Timestamp = 0
    private var committed: Offset?
    private let meters: StageMeters
    /// The thing that it waits for before the task is opened anew: the log, or the group that goes to its successor.
    private(set) var stall: Stall?
    /// The counts as the last commit left them.
    private var counts = TaskMetadata(stageHash: "")
    /// The counts of commits that nobody has taken note of.
    private var uncounted: TaskMetadata?

    init(_ shared: StageTask.Shared, source: TopicPartition, sessionTimeout: Int, in surroundings: TaskSurroundings) {
        self.stage = shared.stage.name
        self.source = source
        self.meters = shared.meters
        self.surroundings = surroundings
        self.recovery = RecoveryDecision(sessionTimeoutMilliseconds: sessionTimeout)
        self.open = { try StageTask.open(shared, source: source, in: surroundings) }
    }

    /// Does one thing: opens the task, or lets it take a step.
    /// - Throws: what a new task would not get over.
    func step(stop: TaskFacts.Stop?, closeAtEnd: Bool) throws -> StageTask.Outcome {
        do {
            guard let task else { return try self.openIfDue(stop: stop) }
            let outcome = try task.step(stop: stop, closeAtEnd: closeAtEnd)
            if outcome == .lost {
                self.task = nil
                self.meters.refused(.commit, .fenced)
                return stop == nil ? self.apply(self.recovery.afterFencing(), .fenced, "it was fenced") : .lost
            }
            if task.prefix.committed != self.committed {
                self.committed = task.prefix.committed
                self.recovery.succeeded()
                self.stall = nil
                // Nothing is done between a commit and the end of its step.
                self.uncounted = task.metadata.since(self.counts)
                self.counts = task.metadata
            }
            return outcome
        } catch let error as LogError {
            return try self.recover(from: error, error.code, error.message, stop: stop)
        } catch let error as SinkError {
            self.meters.refused(error)
            guard error.isRetriable else { throw error }
            return try self.recover(from: error, .unavailable, error.message, stop: stop)
        }
    }

    /// The counts of a commit that was made since the last call.
    func takeCommitted() -> TaskMetadata? {
        defer { self.uncounted = nil }
        return self.uncounted
    }

    /// Leaves everything that is not committed to the next owner.
    func end() {
        self.task?.end()
        self.task = nil
    }

    private func openIfDue(stop: TaskFacts.Stop?) throws -> StageTask.Outcome {
        if stop != nil { return .stopped }
        if self.surroundings.clock() < self.reopenAt { return .waiting(until: self.reopenAt) }
        let task = try self.open()
        self.committed = task.prefix.committed
        self.counts = task.metadata
        self.task = task
        self.stall = nil
        return .progressed
    }

    private func recover(
        from error: any Error, _ code: LogError.Code, _ message: String, stop: TaskFacts.Stop?
    ) throws -> StageTask.Outcome {
        if error is LogError { self.meters.refused(self.task == nil ? .open : .commit, code) }
        self.task = nil
        let verdict = self.recovery.after(code)
        guard stop == nil, verdict != .end else { throw error }
        return self.apply(verdict, code, message)
    }

    private func apply(
        _ verdict: RecoveryDecision.Verdict, _ code: LogError.Code, _ reason: String
    ) -> StageTask.Outcome {
        guard case .reopen(let pause) = verdict else { return .stopped }
        self.stall = code == .fenced ? .fenced : .log
        self.meters.restarted(code.label)
        self.surroundings.warn(
            "stage `\(self.stage)`: the task of \(self.source) starts anew from its last commit in \(pause) ms: \(reason)"
        )
        self.reopenAt = self.surroundings.clock() + pause
        return .waiting(until: self.reopenAt)
    }
}
