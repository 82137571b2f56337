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

    init(_ shared: StageTask.Shared, source: TopicPartition, sessionTimeout: Int, in surroundings: TaskSurroundings) {
        self.stage = shared.stage.name
        self.source = source
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
                return stop == nil ? self.apply(self.recovery.afterFencing(), "it was fenced") : .lost
            }
            if task.prefix.committed != self.committed {
                self.committed = task.prefix.committed
                self.recovery.succeeded()
            }
            return outcome
        } catch let error as LogError {
            return try self.recover(from: error, error.code, error.message, stop: stop)
        } catch let error as SinkError where error.isRetriable {
            return try self.recover(from: error, .unavailable, error.message, stop: stop)
        }
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
        self.task = task
        return .progressed
    }

    private func recover(
        from error: any Error, _ code: LogError.Code, _ message: String, stop: TaskFacts.Stop?
    ) throws -> StageTask.Outcome {
        self.task = nil
        let verdict = self.recovery.after(code)
        guard stop == nil, verdict != .end else { throw error }
        return self.apply(verdict, message)
    }

    private func apply(_ verdict: RecoveryDecision.Verdict, _ reason: String) -> StageTask.Outcome {
        guard case .reopen(let pause) = verdict else { return .stopped }
        self.surroundings.warn(
            "stage `\(self.stage)`: the task of \(self.source) starts anew from its last commit in \(pause) ms: \(reason)"
        )
        self.reopenAt = self.surroundings.clock() + pause
        return .waiting(until: self.reopenAt)
    }
}
