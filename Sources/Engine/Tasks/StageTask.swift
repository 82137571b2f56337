// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records
import Synchronization
import Topologies

/// One stage over one partition: reads, runs the chain, and commits output, offsets, state and dead letters together.
///
/// `TaskDecision` decides what to do next; this is the shell that does it. A task is used by one thread at a time.
final class StageTask {
    /// The outcome of a step.
    enum Outcome: Equatable {
        /// There may be more to do at once.
        case progressed
        /// Nothing to do before a time, or before the task is woken.
        case waiting(until: Timestamp?)
        /// The task has ended as it was told.
        case stopped
        /// Another owner has the partition.
        case lost
    }

    let stage: Stage
    let source: TopicPartition
    let surroundings: TaskSurroundings
    let chain: Chain
    let sink: (any RecordSink)?
    let writer: any TransactionalWriter
    private let reader: any PartitionReader
    private let rateLimit: SharedRateLimit?
    let envelope: DeadLetterEnvelope
    private let gate: (any InputGate)?
    private let endOffset: Offset?
    let takesRetries: Bool
    /// Records of dead letters to take again, where there is a topic of them.
    var retries: RetrySource?
    /// The time of the next look for such.
    var retriesDue: Timestamp

    var prefix: FinishedPrefix
    var metadata: TaskMetadata
    let meters: StageMeters
    var measure: TaskMeasure
    let limit: SharedDeadLetterLimit
    var limitShare = DeadLetterLimit.Share()
    private var batch: FetchedBatch
    private var cursor = 0
    /// The offset of the input to read on at.
    private(set) var nextOffset: Offset
    private var isAtEnd = false
    /// The time of the next read: put off by the rate limit, or because what is known to be there has yet to arrive.
    private var throttledUntil: Timestamp?
    /// Tells whether the input has ended for good, so that the end must be known and not only seen.
    private(set) var isClosing = false
    /// A commit or a read that the log could not take just now.
    var unfinished: Unfinished?
    var deadLetters = RecordBatch()
    var rejects = RecordBatch()
    private var failed = false
    /// The time, read once a step and every few hundred records: reading the clock costs as much as a filter does.
    var now: Timestamp
    var questions: QuestionQueue?
    /// The time until which what is asked may come back; `nil` before the task is told to end.
    private var drainsUntil: Timestamp?

    /// Records read at a time: enough to make a batch worthwhile, few enough that a step stays short.
    static let recordsMax = 4_096
    static let bytesMax = 4 << 20
    /// Time to wait for records that are known to be on their way.
    private static let arrivalMilliseconds: Timestamp = 5

    init(
        _ shared: Shared, source: TopicPartition, surroundings: TaskSurroundings, writer: any TransactionalWriter,
        reader: any PartitionReader, chain: Chain, sink: (any RecordSink)?, committed: Offset,
        retries: RetrySource? = nil, metadata: TaskMetadata, state: [StateEntry]
    ) {
        let stage = shared.stage
        self.stage = stage
        self.source = source
        self.surroundings = surroundings
        self.writer = writer
        self.reader = reader
        self.chain = chain
        self.sink = sink
        self.rateLimit = shared.rateLimit
        self.envelope = DeadLetterEnvelope(topology: surroundings.topology.name, stage: stage.name)
        self.gate = surroundings.gate.flatMap { $0.guards(stage.inputType) ? $0 : nil }
        self.endOffset = surroundings.endOffsets[source]
        self.prefix = FinishedPrefix(committed: committed)
        self.metadata = metadata
        self.meters = shared.meters
        self.measure = TaskMeasure(metadata, state: state)
        self.limit = shared.deadLetters
        self.batch = FetchedBatch(partition: source, nextOffset: committed)
        self.nextOffset = committed
        self.takesRetries = surroundings.takesRetries
        self.retries = retries
        self.now = surroundings.clock()
        self.retriesDue = self.now
        self.questions = shared.inFlight.map { QuestionQueue(limit: $0, wake: surroundings.wake) }
    }

    /// Does one thing: a batch's worth of work, a read, a commit; or says what it waits for.
    ///
    /// A log that is away for a while is waited for: the work done stays, and the same commit is tried again.
    /// - Throws: `LogError`, `SinkError` or `EngineError`; nothing that was not committed counts.
    func step(stop: TaskFacts.Stop?, closeAtEnd: Bool) throws -> Outcome {
        precondition(!self.failed, "a task that failed is not used again")
        self.isAtEnd = false
        self.isClosing = closeAtEnd
        if stop != nil { self.beginEnd() }
        do {
            if let unfinished, stop == nil || unfinished.commit != nil {
                if self.surroundings.clock() < unfinished.due { return .waiting(until: unfinished.due) }
                if let commit = unfinished.commit { return try self.finish(commit) }
            }
            while true {
                try self.takeAnswers()
                switch TaskDecision.next(self.facts(stop: stop, closeAtEnd: closeAtEnd), limits: self.stage.commit) {
                case .work:
                    try self.work()
                    return .progressed
                case .read:
                    if let due = try self.readOrPutOff() { return .waiting(until: due) }
                case .commit(let reason): return try self.commit(reason)
                case .wait(let until): return .waiting(until: until)
                case .stop:
                    self.end()
                    return .stopped
                }
            }
        } catch let error as LogError where error.code == .fenced {
            self.failed = true
            self.end()
            return .lost
        } catch {
            self.failed = true
            // The next owner sweeps its predecessor's open shard: a sink that fails may only have lost its partition.
            let isLost = error is SinkError && self.isFenced
            self.end()
            if isLost { return .lost }
            throw error
        }
    }

    /// Asks nothing more, once. Unsent calls are cancelled by that; those that are paid for are worth a wait.
    private func beginEnd() {
        guard self.drainsUntil == nil else { return }
        self.drainsUntil = self.surroundings.clock() + self.surroundings.drainMilliseconds
        self.questions?.stopAsking()
    }

    /// Tells whether a later owner has the partition; a commit of nothing finds out.
    private var isFenced: Bool {
        do throws(LogError) {
            try self.writer.commit(Transaction())
            return false
        } catch {
            return error.code == .fenced
        }
    }

    /// Leaves everything that is not committed to the next owner.
    ///
    /// A later owner swept when it took over, and nobody would come for what was published after that.
    func end() {
        self.questions?.cancel()
        if let sink = self.sink {
            sink.abandon()
            if sink.mayHaveLeftovers, self.isFenced { sink.removeLeftovers() }
        }
        self.writer.close()
    }

    private func facts(stop: TaskFacts.Stop?, closeAtEnd: Bool) -> TaskFacts {
        self.now = self.surroundings.clock()
        var facts = TaskFacts(now: self.now, position: self.prefix.position, committed: self.prefix.committed)
        facts.hasRetried = self.retries?.uncommitted != nil
        facts.pendingRecords = self.prefix.pendingRecords + (self.retries?.prefix.pendingRecords ?? 0)
        facts.pendingBytes = self.sink == nil ? self.chain.outputByteCount : 0
        facts.pendingSince = [self.prefix.pendingSince, self.retries?.prefix.pendingSince].compactMap { $0 }.min()
        facts.hasUnbegun = self.cursor < self.batch.count
        facts.mayBegin = self.questions?.mayBegin ?? true
        facts.inFlight = self.questions?.count ?? 0
        facts.underWay = self.questions?.underWay ?? 0
        facts.drainsUntil = self.drainsUntil
        facts.isAtEnd = self.isAtEnd
        facts.throttledUntil = self.throttledUntil
        facts.stop = stop
        facts.closeAtEnd = closeAtEnd
        if let sink = self.sink {
            facts.sink = TaskFacts.Sink(
                isOpen: sink.isOpen, due: sink.rotationDue(now: self.now), deadline: sink.deadline)
        }
        return facts
    }

    // MARK: Reading

    /// Reads, or answers when to try again.
    private func readOrPutOff() throws(LogError) -> Timestamp? {
        do throws(LogError) {
            try self.read()
            self.unfinished = nil
            return nil
        } catch  where error.isRetriable {
            return self.putOff(nil, error)
        }
    }

    private func read() throws(LogError) {
        self.throttledUntil = nil
        if let retries = try self.readRetries() {
            self.batch = retries
            self.cursor = 0
            return
        }
        var count = min(Self.recordsMax, self.stage.commit.records)
        if let rateLimit {
            count = min(count, rateLimit.available(now: self.now))
            guard count > 0 else {
                self.throttledUntil = rateLimit.nextTime(now: self.now)
                return
            }
        }
        if let endOffset, self.nextOffset >= endOffset {
            self.isAtEnd = true
            return
        }
        self.batch = try self.reader.readArrived(recordsMax: count, bytesMax: Self.bytesMax)
        self.cursor = 0
        if let endOffset { self.batch.truncate(before: endOffset) }
        self.nextOffset = self.batch.nextOffset
        if self.batch.isEmpty {
            let end = self.isClosing ? try self.surroundings.log.offsets(of: self.source).upperBound : 0
            if min(end, self.endOffset ?? end) > self.batch.nextOffset {
                self.throttledUntil = self.now + Self.arrivalMilliseconds
            } else {
                self.isAtEnd = true
            }
            if self.questions?.isEmpty ?? true { self.prefix.pass(to: self.batch.nextOffset) }
        }
        rateLimit?.take(self.batch.count)
        self.measure.read(self.batch)
        self.meters.read(bytes: self.batch.records.byteCount)
    }

    // MARK: Work

    private func work() throws {
        if self.questions != nil { return try self.ask() }
        // A local copy: asking `self` for the batch record by record would count its references each time.
        let batch = self.batch
        let gate = self.activeGate
        while self.cursor < batch.count {
            let before = OutputMark(self.chain)
            if let reason = gate?.reasonToDrop(batch, at: self.cursor) {
                self.chain.leaveOut(reason)
            } else {
                self.chain.process(batch, at: self.cursor)
            }
            try self.finishRecord(in: batch, at: self.cursor, outputsBefore: before)
            self.cursor += 1
            if self.cursor & 255 == 0 { self.now = self.surroundings.clock() }
            // The sink closes shards between input records only, and the commit must stand at the same record.
            if self.isRotationDue { return }
        }
    }

    /// The gate, where it has anything to drop.
    private var activeGate: (any InputGate)? {
        guard let gate, !gate.isIdle else { return nil }
        return gate
    }

    private var isRotationDue: Bool { self.sink?.rotationDue(now: self.now) != nil }

    /// The time that a task spends on kept answers before it looks again at whether it is to stop.
    private static let askingMax = Duration.milliseconds(10)

    /// Begins records while there is room, and finishes those whose answers are all there.
    ///
    /// A stage may have any number of kept answers to walk through, for one record and for many: the task comes back
    /// after a while, and a record that is not done by then goes on in a task of its own.
    private func ask() throws {
        let gate = self.activeGate
        let deadline = ContinuousClock.now + Self.askingMax
        while self.cursor < self.batch.count, self.questions?.mayBegin == true {
            let pending =
                if let reason = gate?.reasonToDrop(self.batch, at: self.cursor) {
                    self.chain.leaveOut(reason, offset: self.batch.offsets[self.cursor])
                } else {
                    self.chain.begin(self.batch, at: self.cursor)
                }
            self.questions?.begin(pending, batch: self.batch, index: self.cursor, until: deadline)
            self.cursor += 1
            try self.takeAnswers()
            if self.isRotationDue || ContinuousClock.now >= deadline { return }
        }
    }

    private func takeAnswers() throws {
        self.questions?.takeReplies()
        // A shard may be due from the time before: what is finished behind it goes into the next one.
        while !self.isRotationDue, let finished = self.questions?.popFinished() {
            let before = OutputMark(self.chain)
            self.chain.finish(finished.pending)
            try self.finishRecord(in: finished.batch, at: finished.index, outputsBefore: before)
        }
    }

    /// Everything that an input record led to is in the chain: hand it on, and move the finished prefix past it.
    private func finishRecord(in batch: FetchedBatch, at index: Int, outputsBefore: OutputMark) throws {
        let offset = batch.offsets[index]
        let isRetry = self.retries != nil && batch.partition != self.source
        let oversized = self.oversizedOutputs(since: outputsBefore, origin: offset)
        if !isRetry { self.metadata.recordsIn += 1 }
        let outputs = self.chain.outputCount - outputsBefore.count
        self.metadata.recordsOut += outputs
        if self.chain.hasNotes || !oversized.isEmpty {
            var notes = self.chain.takeNotes()
            notes.letters += oversized
            try self.keep(notes, batch: batch, outputs: outputs)
        } else if !isRetry {
            try self.count(nil)
        }
        if let sink = self.sink, self.chain.outputCount > 0 {
            self.measure.bytesOut += self.chain.outputByteCount
            if self.measure.shardSince == nil { self.measure.shardSince = self.now }
            // A shard lies between offsets of the input.
            try sink.append(self.chain.takeOutput(), origin: isRetry ? max(0, self.prefix.position - 1) : offset)
        }
        if isRetry { return self.finishRetry(in: batch, at: index) }
        let isLast = index == batch.count - 1
        self.prefix.finish(next: isLast ? batch.nextOffset : offset + 1, now: self.now)
    }
}

extension InputGate {
    /// The reason why a record is to be dropped; one without a key never is.
    fileprivate func reasonToDrop(_ batch: FetchedBatch, at index: Int) -> String? {
        batch.records.key(at: index).flatMap(self.reasonToDrop)
    }
}
