// SPDX-License-Identifier: Apache-2.0

internal import Dataflow
internal import Foundation
internal import RecordLog
internal import Records

/// The tasks of this process: who works on which, which of them wait, and how the run stands.
///
/// Threads take tasks from the board, do one step, and put them back. `@unchecked Sendable`: every stored property is
/// touched only while `condition` is locked, and a task only by the thread that has marked its slot busy.
final class TaskBoard: @unchecked Sendable {
    /// What the outside may know of a task.
    struct Counter {
        var stage: String
        var source: TopicPartition
        var recordsIn = 0
        var recordsOut = 0
        var inFlight = 0
        var position: Offset = 0
    }

    private final class Slot {
        let task: StageTask
        var counter: Counter
        var isBusy = false
        /// When the task wants its next step; far off while it waits to be woken.
        var due = Date.distantPast
        /// Counts wakes, so that one that comes during a step is not missed.
        var wakesSeen = 0

        init(_ task: StageTask) {
            self.task = task
            self.counter = Counter(stage: task.stage.name, source: task.source, position: task.prefix.position)
        }
    }

    private let condition = NSCondition()
    private var slots: [Slot] = []
    private var nextSlot = 0
    private var wakes = 0
    private var stopping = false
    private var closed = false
    private var closingStages: Set<String> = []
    private var firstFailure: (any Error)?

    // MARK: The run

    var isStopping: Bool { self.locked { self.stopping } }

    /// The first failure of any task.
    var failure: (any Error)? { self.locked { self.firstFailure } }

    /// Whether every task waits for something.
    var isQuiet: Bool {
        self.locked {
            let now = Date()
            return self.slots.allSatisfy { !$0.isBusy && $0.due > now }
        }
    }

    /// Tasks commit what is finished and end.
    func stop() {
        self.locked {
            self.stopping = true
            self.wakeAll()
        }
    }

    /// Stages whose input has ended for good.
    func close(stages: Set<String>) {
        self.locked {
            guard !stages.isSubset(of: self.closingStages) else { return }
            self.closingStages.formUnion(stages)
            self.wakeAll()
        }
    }

    /// Notes a failure, which ends the run.
    func fail(_ error: any Error) {
        self.locked {
            if self.firstFailure == nil { self.firstFailure = error }
            self.stopping = true
            self.wakeAll()
        }
    }

    /// Something has happened that waiting tasks may have waited for.
    func wake() { self.locked { self.wakeAll() } }

    /// No more work will come: threads return.
    func close() {
        self.locked {
            self.closed = true
            self.wakeAll()
        }
    }

    func counters() -> [Counter] { self.locked { self.slots.map(\.counter) } }

    /// Waits until every task has ended, after `stop`.
    func waitUntilTasksEnd() {
        self.locked { while !self.slots.isEmpty { self.condition.wait() } }
    }

    // MARK: Tasks

    func add(_ task: StageTask) {
        self.locked {
            self.slots.append(Slot(task))
            self.wakeAll()
        }
    }

    /// Takes the task of a partition off the board, once no thread is at it.
    func remove(stage: String, source: TopicPartition) -> StageTask? {
        self.locked {
            while let slot = self.slots.first(where: { $0.task.stage.name == stage && $0.task.source == source }) {
                if !slot.isBusy {
                    self.slots.removeAll { $0 === slot }
                    self.condition.broadcast()
                    return slot.task
                }
                self.condition.wait()
            }
            return nil
        }
    }

    /// Works until the board is closed: what each thread of the engine does.
    func work() {
        while let slot = self.claim() {
            let (stop, closeAtEnd) = self.locked {
                (self.stopping, self.closingStages.contains(slot.task.stage.name))
            }
            var outcome: StageTask.Outcome?
            var failure: (any Error)?
            do {
                outcome = try slot.task.step(stop: stop ? .afterCommit : nil, closeAtEnd: closeAtEnd)
            } catch {
                failure = error
            }
            self.release(slot, outcome)
            if let failure { self.fail(failure) }
        }
    }

    /// The next task that is due; waits for one; `nil` once the board is closed.
    private func claim() -> Slot? {
        self.locked {
            while !self.closed {
                let now = Date()
                for offset in self.slots.indices {
                    let slot = self.slots[(self.nextSlot + offset) % self.slots.count]
                    guard !slot.isBusy, slot.due <= now else { continue }
                    self.nextSlot = (self.nextSlot + offset + 1) % self.slots.count
                    slot.isBusy = true
                    slot.wakesSeen = self.wakes
                    return slot
                }
                let next = self.slots.filter { !$0.isBusy }.map(\.due).min() ?? .distantFuture
                _ = self.condition.wait(until: min(next, now.addingTimeInterval(1)))
            }
            return nil
        }
    }

    private func release(_ slot: Slot, _ outcome: StageTask.Outcome?) {
        self.locked {
            slot.isBusy = false
            slot.counter.recordsIn = slot.task.metadata.recordsIn
            slot.counter.recordsOut = slot.task.metadata.recordsOut
            slot.counter.position = slot.task.prefix.position
            slot.counter.inFlight = slot.task.questions?.count ?? 0
            switch outcome {
            case .progressed?: slot.due = .distantPast
            case .waiting(let until)?:
                let due = until.map { Date(timeIntervalSince1970: Double($0) / 1000) } ?? .distantFuture
                slot.due = self.wakes == slot.wakesSeen ? due : .distantPast
            case .stopped?, .lost?, nil: self.slots.removeAll { $0 === slot }
            }
            self.condition.broadcast()
        }
    }

    private func wakeAll() {
        self.wakes += 1
        for slot in self.slots { slot.due = .distantPast }
        self.condition.broadcast()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        self.condition.lock()
        defer { self.condition.unlock() }
        return body()
    }
}
