// SPDX-License-Identifier: Apache-2.0

public import Dataflow
public import RecordLog
import Records
public import Topologies

/// Runs a topology in memory over what waits for it, as far as that goes without waiting for an answer: nothing is
/// asked, committed or created, and nobody is fenced.
///
/// Each stage begins where its tasks stand, with their state. A partition goes through all stages before the next one
/// does, a batch at a time, so that no more than a batch a stage is held.
public final class Rehearsal {
    /// The outcome of a stage.
    public struct Outlook: Sendable {
        /// The stage.
        public var stage: String
        /// The counts of its tasks since their first commit.
        public var done: TaskMetadata
        /// Records that wait: in its topic, and those that the stages in front of it make of what waits for them.
        public var waiting = 0
        /// Of these, records that need answers which are not at hand.
        public var unanswered = 0
        /// Tells whether no more will come: every stage in front could be run to its end.
        public var isExact = true
        /// The counts of its steps over what waits, as far as that was run, by `step.reason`.
        public var counts: [String: Int] = [:]
    }

    private let topology: Topology
    private let log: any RecordLog
    private let options: RunOptions
    private let services: [String: OperatorServices]
    private let known: Set<String>
    private let limits: [SharedDeadLetterLimit]
    private var outlooks: [Outlook]

    /// Prepares a rehearsal.
    /// - Parameters:
    ///   - options: those of the run in question.
    ///   - services: what operators of a stage may use from outside, by the stage's name.
    public init(
        _ topology: Topology, log: any RecordLog, options: RunOptions, services: [String: OperatorServices]
    ) throws {
        self.topology = topology
        self.log = log
        self.options = options
        self.services = services
        self.known = Set(try log.topics().map(\.name))
        self.limits = topology.stages.map { SharedDeadLetterLimit(max: $0.maxConsecutiveDeadLetters) }
        self.outlooks = topology.stages.map { Outlook(stage: $0.name, done: TaskMetadata(stageHash: $0.hash)) }
    }

    /// Runs to the end of what can be known.
    /// - Returns: what came of each stage, in the topology's order.
    /// - Throws: the `EngineError` with which a run would be refused or end, or `LogError`.
    public func run() throws -> [Outlook] {
        try Engine.check(self.topology, log: self.log, options: self.options)
        for partition in 0..<self.topology.partitions {
            let tasks = try self.topology.stages.indices.map { try self.open($0, partition) }
            // Records that wait in a stage's topic come before those that the stages in front will add to it.
            for task in tasks.reversed() { try self.readBacklog(of: task, tasks) }
        }
        for (index, stage) in self.topology.stages.enumerated() {
            let inFront = self.topology.stages.indices.filter {
                self.topology.stages[$0].writtenTopics.contains(stage.from)
            }
            self.outlooks[index].isExact = inFront.allSatisfy {
                let reads = self.topology.stages[$0].rejects != stage.from
                return self.outlooks[$0].isExact && self.outlooks[$0].unanswered == 0 && reads
            }
        }
        return self.outlooks
    }

    // MARK: Tasks

    /// A stage over one partition.
    private final class RehearsedTask {
        let index: Int
        let stage: Stage
        let source: TopicPartition
        let chain: Chain
        /// The next record's offset; behind the log's end they are made up.
        var next: Offset
        var share = DeadLetterLimit.Share()

        init(_ index: Int, _ stage: Stage, _ source: TopicPartition, _ chain: Chain, next: Offset) {
            self.index = index
            self.stage = stage
            self.source = source
            self.chain = chain
            self.next = next
        }
    }

    private func open(_ index: Int, _ partition: Int) throws -> RehearsedTask {
        let stage = self.topology.stages[index]
        let source = TopicPartition(stage.from, partition)
        let context = OperatorContext(
            topologyHash: self.topology.hash, allowUnguarded: self.options.allowUnguarded,
            services: self.services[stage.name] ?? OperatorServices())
        let surroundings = TaskSurroundings(
            log: self.log, topology: self.topology, context: context, clock: Engine.systemClock,
            makeSink: { _, _, _, _ throws(SinkError) in throw SinkError("a rehearsal writes no shards") }, wake: {},
            warn: { _ in }, startOffsets: [:], endOffsets: [:],
            acceptsChangedTopology: self.options.acceptsChangedTopology)
        let id = StageTask.writerID(stage, source, in: surroundings)
        let stored = StoredOffset.split(try self.log.state(ofWriter: id))
        let chain = try StageTask.makeChain(stage, source, stored.operators, in: surroundings)
        guard self.known.contains(stage.from) else { return RehearsedTask(index, stage, source, chain, next: 0) }
        let (next, metadata) = try StageTask.start(stage, source, stored.committed, stored.operators, in: surroundings)
        self.outlooks[index].done.add(metadata)
        return RehearsedTask(index, stage, source, chain, next: next)
    }

    private func readBacklog(of task: RehearsedTask, _ tasks: [RehearsedTask]) throws {
        guard self.known.contains(task.stage.from) else { return }
        let end = try self.log.offsets(of: task.source).upperBound
        let reader = try self.log.makeReader(of: task.source, from: task.next)
        while task.next < end {
            var batch = try reader.read(recordsMax: StageTask.recordsMax, bytesMax: StageTask.bytesMax)
            batch.truncate(before: end)
            if batch.isEmpty { break }
            try self.process(batch, task, tasks)
        }
    }

    // MARK: Records

    private func process(_ batch: FetchedBatch, _ task: RehearsedTask, _ tasks: [RehearsedTask]) throws {
        for index in 0..<batch.count {
            self.outlooks[task.index].waiting += 1
            if task.chain.isAsynchronous {
                var pending = task.chain.begin(batch, at: index)
                // There is nothing else to do, and what is not answered now will not be.
                for request in 0..<pending.requestCount { _ = pending.answerAtOnce(request, until: nil) }
                guard pending.isComplete else {
                    self.outlooks[task.index].unanswered += 1
                    continue
                }
                task.chain.finish(pending)
            } else {
                task.chain.process(batch, at: index)
            }
            try self.keep(task.chain.takeNotes(), task)
        }
        task.next = batch.nextOffset
        try self.handOn(from: task, tasks)
    }

    /// Ends the rehearsal where a run would end.
    private func keep(_ notes: ChainNotes, _ task: RehearsedTask) throws(EngineError) {
        self.outlooks[task.index].counts.merge(notes.counts, uniquingKeysWith: +)
        if let refusal = notes.letters.first(where: { $0.kind == .refused }) {
            throw StageTask.refusal(refusal, of: task.stage, task.source)
        }
        let dead = notes.letters.first { $0.kind == .dead }
        if let row = self.limits[task.index].take(isDeadLetter: dead != nil, &task.share) {
            throw StageTask.stop(row, last: dead, of: task.stage, task.source, in: self.topology)
        }
    }

    /// Gives the output to the stages that read it.
    private func handOn(from task: RehearsedTask, _ tasks: [RehearsedTask]) throws {
        let output = task.chain.takeOutput()
        guard case .topic(let topic) = task.stage.destination, !output.isEmpty else { return }
        for reader in tasks where reader.stage.from == topic {
            let offsets = (0..<output.count).map { reader.next + Offset($0) }
            let batch = FetchedBatch(
                partition: reader.source, records: output, offsets: offsets,
                timestamps: Array(repeating: 0, count: output.count), nextOffset: reader.next + Offset(output.count))
            try self.process(batch, reader, tasks)
        }
    }
}
