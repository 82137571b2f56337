// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records

/// The tasks of this process: who works on which, which of them wait, and how the run stands.
///
/// Threads take tasks from the board, do one step, and put them back. `@unchecked Sendable`: every stored property is
/// touched only while `condition` is locked, and a task only by the thread that has marked its slot busy.
final class TaskBoard: @unchecked Sendable {
    /// Facts about a task for the outside.
    struct Counter {
        var stage: String
        var source: TopicPartition
        var recordsIn = 0
        var recordsOut = 0
        var inFlight = 0
        /// The fewest and the most calls that its records under way may yet make.
        var callsToCome = 0...0
        var position: Offset = 0
        /// The offset that its last commit covers.
        var committed: Offset?
        /// The offset up to which its retries are done, where there are any.
        var retried: Offset?
        /// The figures that only `Engine.figures` wants.
        var detail = TaskDetail()
        /// Tells whether it has a shard open.
        var hasOpenShard = false
        /// The time at which that is closed at the latest.
        var shardDeadline: Timestamp?
    }

    /// The work of a stage in this process since the run began, over all tasks that it had.
    struct Total {
        /// Input records that were taken, those again that were taken anew after a failure.
        var taken = 0
        /// The counts that this process has committed.
        var committed = TaskMetadata(stageHash: "")
    }

    private final class Slot {
        let supervisor: TaskSupervisor
        var counter: Counter
        var isBusy = false
        /// Tells whether its last step found nothing to do; a wake does not undo that, a step does.
        var hasRested = false
        /// Tells whether its task was there after its last step.
        var isOpen = false
        /// Tells whether the partition is on its way to another owner: commit what is finished, and end.
        var isRetiring = false
        /// Tells whether nobody waits for it any more: whoever is at it ends it.
        var isAbandoned = false
        /// The time of its next step, by `SteadyClock`; `.max` while it waits to be woken.
        var due = Timestamp.min
        /// Counts wakes, so that one that comes during a step is not missed.
        var wakesSeen = 0

        init(_ supervisor: TaskSupervisor) {
            self.supervisor = supervisor
            self.counter = Counter(stage: supervisor.stage, source: supervisor.source)
        }

        func isOfSamePartition(as other: Slot) -> Bool {
            self.counter.stage == other.counter.stage && self.counter.source == other.counter.source
        }

        func isCareOf(_ stage: String, _ source: TopicPartition) -> Bool {
            !self.isAbandoned && self.counter.stage == stage && self.counter.source == source
        }
    }

    private let condition = SteadyCondition()
    private var slots: [Slot] = []
    private var nextSlot = 0
    private var wakes = 0
    private var stopping = false
    private var closed = false
    private var closingStages: Set<String> = []
    private var firstFailure: (any Error)?
    private var totals: [String: Total] = [:]

    // MARK: The run

    var isStopping: Bool { self.locked { self.stopping } }

    /// The first failure of any task.
    var failure: (any Error)? { self.locked { self.firstFailure } }

    /// Tells whether every task found nothing to do when it last looked, and none is yet to be opened.
    ///
    /// One that is looking again counts by what it found before: where each look takes its time, there is no moment at
    /// which none looks.
    var isQuiet: Bool { self.locked { self.slots.allSatisfy { $0.isOpen && $0.hasRested } } }

    /// Tells whether any task waits for an answer, which wakes it: until then there is no end to look for.
    var isAsking: Bool { self.locked { self.slots.contains { $0.counter.inFlight > 0 } } }

    /// Tells the tasks to commit what is finished and end.
    func stop() {
        self.locked {
            self.stopping = true
            self.wakeAll()
        }
    }

    /// Notes stages whose input has ended for good.
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

    /// Wakes waiting tasks: something has happened that they may have waited for.
    func wake() { self.locked { self.wakeAll() } }

    /// Closes the board: no more work will come, and threads return.
    func close() {
        self.locked {
            self.closed = true
            self.wakeAll()
        }
    }

    func counters() -> [Counter] { self.locked { self.slots.map(\.counter) } }

    /// The work of a stage's tasks, those that have ended included.
    func total(of stage: String) -> Total { self.locked { self.totals[stage] ?? Total() } }

    /// Waits until every task has ended, after `stop`.
    /// - Returns: whether they all did in time.
    func waitUntilTasksEnd(seconds: Double) -> Bool {
        let deadline = SteadyClock.now + Timestamp(seconds * 1000)
        return self.locked {
            while !self.slots.isEmpty, self.condition.wait(until: deadline) {}
            return self.slots.isEmpty
        }
    }

    // MARK: Tasks

    func add(_ supervisor: TaskSupervisor) {
        self.locked {
            self.slots.append(Slot(supervisor))
            self.wakeAll()
        }
    }

    /// Lets the tasks of partitions commit what is finished and end, and waits for that, but no longer than a time:
    /// then they are left to themselves, and their next owners fence them.
    func retire(stage: String, sources: [TopicPartition], seconds: Double) {
        let deadline = SteadyClock.now + Timestamp(seconds * 1000)
        self.locked {
            let leaving = self.slots.filter { slot in sources.contains { slot.isCareOf(stage, $0) } }
            for slot in leaving { slot.isRetiring = true }
            self.wakeAll()
            func areGone() -> Bool { leaving.allSatisfy { slot in !self.slots.contains { $0 === slot } } }
            while !areGone(), self.condition.wait(until: deadline) {}
            leaving.forEach(self.abandon)
        }
    }

    /// Ends the tasks of partitions that are another's already.
    func abandon(stage: String, sources: [TopicPartition]) {
        self.locked {
            self.slots.filter { slot in sources.contains { slot.isCareOf(stage, $0) } }.forEach(self.abandon)
        }
    }

    /// Leaves ending it to the next thread that comes by: that may take a while, and the caller has a group to answer.
    private func abandon(_ slot: Slot) {
        slot.isAbandoned = true
        slot.due = .min
        self.condition.broadcast()
    }

    /// Works until the board is closed; each thread of the engine runs this.
    func work() {
        while let slot = self.claim() {
            let (stop, closeAtEnd, isAbandoned) = self.locked {
                (
                    self.stopping || slot.isRetiring, self.closingStages.contains(slot.counter.stage), slot.isAbandoned
                )
            }
            if isAbandoned {
                slot.supervisor.end()
                self.release(slot, .lost)
                continue
            }
            do {
                self.release(slot, try slot.supervisor.step(stop: stop ? .afterCommit : nil, closeAtEnd: closeAtEnd))
            } catch {
                self.fail(error)
                self.release(slot, nil)
            }
        }
    }

    /// The next task that is due; waits for one; `nil` once the board is closed.
    private func claim() -> Slot? {
        self.locked {
            while !self.closed {
                let now = SteadyClock.now
                if let slot = self.nextDue(now) {
                    slot.isBusy = true
                    slot.wakesSeen = self.wakes
                    return slot
                }
                let next = self.slots.filter { !$0.isBusy && !self.hasFormer($0) }.map(\.due).min() ?? .max
                _ = self.condition.wait(until: min(next, now + 1000))
            }
            return nil
        }
    }

    /// The next slot that is due: one whose group waits for its end before all others, which take their turns. Where
    /// each has always something to do, a turn comes only after as many steps as there are tasks.
    private func nextDue(_ now: Timestamp) -> Slot? {
        func isDue(_ slot: Slot) -> Bool { !slot.isBusy && slot.due <= now && !self.hasFormer(slot) }
        if let leaving = self.slots.first(where: { ($0.isRetiring || $0.isAbandoned) && isDue($0) }) { return leaving }
        for offset in self.slots.indices {
            let slot = self.slots[(self.nextSlot + offset) % self.slots.count]
            guard isDue(slot) else { continue }
            self.nextSlot = (self.nextSlot + offset + 1) % self.slots.count
            return slot
        }
        return nil
    }

    /// Tells whether a partition that was lost and came back still has its earlier task, say in a commit that takes its
    /// time. With two tasks of one partition in one process, only the log could tell their commits apart.
    private func hasFormer(_ slot: Slot) -> Bool {
        self.slots.first { $0.isOfSamePartition(as: slot) } !== slot
    }

    private func release(_ slot: Slot, _ outcome: StageTask.Outcome?) {
        self.locked {
            slot.isBusy = false
            if case .waiting? = outcome { slot.hasRested = true } else { slot.hasRested = false }
            let wasOpen = slot.isOpen
            slot.isOpen = slot.supervisor.task != nil
            slot.counter.detail.isOpen = slot.isOpen
            slot.counter.detail.stall = slot.supervisor.stall
            if let committed = slot.supervisor.takeCommitted() {
                self.totals[slot.counter.stage, default: Total()].committed.add(committed)
            }
            if let task = slot.supervisor.task {
                if wasOpen {
                    self.totals[slot.counter.stage, default: Total()].taken += max(
                        0, task.metadata.recordsIn - slot.counter.recordsIn)
                }
                slot.counter.hasOpenShard = task.sink?.isOpen ?? false
                slot.counter.shardDeadline = task.sink?.deadline
                slot.counter.recordsIn = task.metadata.recordsIn
                slot.counter.recordsOut = task.metadata.recordsOut
                slot.counter.position = task.prefix.position
                slot.counter.committed = task.prefix.committed
                slot.counter.retried = task.retries?.settled
                slot.counter.inFlight = task.questions?.count ?? 0
                slot.counter.callsToCome = task.chain.callsToCome
                slot.counter.detail.take(task)
            }
            switch outcome {
            case .progressed?: slot.due = .min
            case .waiting(let until)?:
                slot.due = self.wakes == slot.wakesSeen && !slot.isAbandoned ? until ?? .max : .min
            case .stopped?, .lost?, nil: self.slots.removeAll { $0 === slot }
            }
            self.condition.broadcast()
        }
    }

    private func wakeAll() {
        self.wakes += 1
        for slot in self.slots { slot.due = .min }
        self.condition.broadcast()
    }

    private func locked<Result>(_ body: () -> Result) -> Result { self.condition.withLock(body) }
}
