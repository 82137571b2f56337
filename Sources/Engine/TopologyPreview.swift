// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Dataflow
import Dispatch
import RecordLog
public import Records
import Synchronization
public import Topologies

/// Runs records through all stages of a topology in memory, until enough has come out of it: no log, nothing kept.
///
/// Each record goes as far as it comes before the next one does, so that a model is asked about no more of them than
/// are shown. Used from one thread, which waits for answers; `stop` is for any.
public final class TopologyPreview {
    /// The fate of what a stage made, or was given.
    public enum Verdict: String, Sendable {
        /// It came out at the end of the topology.
        case kept
        /// A step rejected it.
        case rejected
        /// It could not be used.
        case dead = "dead-letter"
    }

    /// Something that came out, or fell out on the way.
    public struct Row: Sendable {
        /// The stage.
        public var stage: String
        /// The fate.
        public var verdict: Verdict
        /// The step and its reason, `validate.too-short`; `nil` for what was kept.
        public var reason: String?
        /// The reason in a sentence.
        public var message: String?
        /// The record, or what was rejected, as JSON.
        public var value: Bytes
    }

    /// The work of a stage.
    public struct StageCount: Sendable {
        /// The stage.
        public var stage: String
        /// Records that it was given and looked at.
        public var taken = 0
        /// Records that it made.
        public var given = 0
        /// Records about which something was asked.
        public var asked = 0
        /// Records that wanted an answer, and nothing was asked.
        public var unanswered = 0
        /// Records that were not looked at: enough had come out.
        public var left = 0
        /// Counts by `step.reason`: of what was dropped, rejects and dead letters included.
        public var counts: [String: Int] = [:]
    }

    /// The rows so far, in the order in which they came.
    public private(set) var rows: [Row] = []
    /// The work of each stage, in the topology's order.
    public private(set) var stages: [StageCount]

    private let topology: Topology
    private let chains: [Chain]
    private let rowsMax: Int
    private let mayAsk: Bool
    private let halt = Halt()

    /// The end that any thread may bring about.
    private final class Halt: Sendable {
        private struct State {
            var isStopped = false
            var work: Task<Void, Never>?
        }

        private let state = Mutex(State())

        var isStopped: Bool { self.state.withLock { $0.isStopped } }

        func stop() {
            self.state.withLock { state in
                state.isStopped = true
                state.work?.cancel()
            }
        }

        /// Takes the work that is waited for, which ends with the rest.
        func begin(_ work: Task<Void, Never>) {
            self.state.withLock { state in
                state.work = work
                if state.isStopped { work.cancel() }
            }
        }
    }

    /// Prepares a preview.
    /// - Parameters:
    ///   - options: those of the run in question: its services, and what it lets pass.
    ///   - rowsMax: rows that are enough, and the most records that anything is asked about.
    ///   - mayAsk: whether anything is asked at all; what is answered without waiting is answered either way.
    /// - Throws: what a step finds wrong with its configuration, as `EngineError`.
    public init(_ topology: Topology, options: RunOptions, rowsMax: Int, mayAsk: Bool) throws(EngineError) {
        self.topology = topology
        self.rowsMax = rowsMax
        self.mayAsk = mayAsk
        self.stages = topology.stages.map { StageCount(stage: $0.name) }
        let context = OperatorContext(
            topologyHash: topology.hash, allowUnguarded: options.allowUnguarded, services: options.services)
        var chains: [Chain] = []
        for stage in topology.stages {
            do throws(ConfigurationError) {
                chains.append(try Chain(stage, context))
            } catch {
                throw EngineError(.unfit, "stage `\(stage.name)`: \(error.message)")
            }
        }
        self.chains = chains
    }

    /// Tells whether enough has come out, or `stop` was called.
    public var isFull: Bool {
        self.rows.count >= self.rowsMax || self.asked >= self.rowsMax || self.halt.isStopped
    }

    /// Records about which something was asked, over all stages.
    private var asked: Int { self.stages.map(\.asked).max() ?? 0 }

    /// Takes no more, and waits for no answer any longer.
    public var stop: @Sendable () -> Void { { [halt = self.halt] in halt.stop() } }

    /// Runs records of a topic from outside through the stages that read it.
    /// - Throws: `EngineError` where a step refuses to go on.
    public func take(_ records: RecordBatch, of topic: String) throws(EngineError) {
        for index in self.topology.stages.indices where self.topology.stages[index].from == topic {
            try self.process(records, index)
        }
    }

    private func process(_ records: RecordBatch, _ stage: Int) throws(EngineError) {
        let chain = self.chains[stage]
        let batch = FetchedBatch(
            partition: TopicPartition(self.topology.stages[stage].from, 0), records: records,
            offsets: (0..<records.count).map { Offset($0) },
            timestamps: Array(repeating: 0, count: records.count), nextOffset: Offset(records.count))
        for index in 0..<batch.count {
            if self.isFull {
                self.stages[stage].left += batch.count - index
                return
            }
            self.stages[stage].taken += 1
            if chain.isAsynchronous {
                guard let record = self.answered(chain.begin(batch, at: index), stage) else { continue }
                chain.finish(record)
            } else {
                chain.process(batch, at: index)
            }
            try self.note(chain.takeNotes(), stage)
            try self.handOn(chain.takeOutput(), from: stage)
        }
    }

    /// Waits for the answers to a record's questions, where any may be asked.
    private func answered(_ record: PendingRecord, _ stage: Int) -> PendingRecord? {
        var record = record
        let waiting = (0..<record.requestCount).filter { !record.answerAtOnce($0, until: nil) }
        guard !waiting.isEmpty else { return record }
        guard self.mayAsk else {
            self.stages[stage].unanswered += 1
            return nil
        }
        self.stages[stage].asked += 1
        for index in waiting {
            let work = record.takeWork(index)
            let done = DispatchSemaphore(value: 0)
            let box = ReplyBox()
            let task = Task {
                let answer = try? await work()
                box.reply.withLock { $0 = answer }
                done.signal()
            }
            self.halt.begin(task)
            done.wait()
            guard let answer = box.reply.withLock({ $0 }) else { return nil }
            record.take(answer, for: index)
        }
        return record
    }

    private final class ReplyBox: Sendable {
        let reply = Mutex<PendingReply?>(nil)
    }

    private func note(_ notes: ChainNotes, _ stage: Int) throws(EngineError) {
        self.stages[stage].counts.merge(notes.counts, uniquingKeysWith: +)
        for letter in notes.letters {
            if letter.kind == .refused {
                throw EngineError(
                    .failed,
                    "stage `\(self.stages[stage].stage)`: \(letter.step): \(letter.reason): \(letter.message)")
            }
            let reason = "\(letter.step).\(letter.reason)"
            self.stages[stage].counts[reason, default: 0] += 1
            self.rows.append(
                Row(
                    stage: self.stages[stage].stage, verdict: letter.kind == .rejected ? .rejected : .dead,
                    reason: reason, message: letter.message, value: letter.value ?? []))
        }
    }

    /// Gives the output to the stages that read it, or shows it where nobody does.
    private func handOn(_ output: RecordBatch, from stage: Int) throws(EngineError) {
        guard !output.isEmpty else { return }
        self.stages[stage].given += output.count
        var readers: [Int] = []
        if case .topic(let topic) = self.topology.stages[stage].destination {
            readers = self.topology.stages.indices.filter { self.topology.stages[$0].from == topic }
        }
        for reader in readers { try self.process(output, reader) }
        guard readers.isEmpty else { return }
        for index in 0..<output.count {
            self.rows.append(
                Row(
                    stage: self.stages[stage].stage, verdict: .kept, reason: nil, message: nil,
                    value: output.value(at: index) ?? []))
        }
    }
}
