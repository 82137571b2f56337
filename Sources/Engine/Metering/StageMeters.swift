// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import RecordLog
import Records
import Synchronization
import Telemetry

/// The counts of one stage in this process: in swift-metrics, and beside it for the figures that the process tells.
///
/// Its tasks share it, and speak to it at reads, commits and failures: nothing here is called for a record.
final class StageMeters: Sendable {
    /// The things that a commit covers.
    struct Commit {
        var recordsIn = 0
        var recordsOut = 0
        var bytesOut = 0
        /// Rejected values and dead letters by reason, and other counts of the steps by `step.reason`.
        var rejects: [String: Int] = [:]
        var deadLetters: [String: Int] = [:]
        var drops: [String: Int] = [:]
        /// Time that it took, in seconds.
        var seconds = 0.0
        /// The age of its oldest record, in seconds.
        var oldestSeconds: Double?
        /// The shard that it published: why it was closed, and how many seconds it was open.
        var shard: (reason: String, seconds: Double)?
    }

    /// Counts since the start of this process.
    struct Tally {
        var recordsIn = 0
        var recordsOut = 0
        var rejects: [String: Int] = [:]
        var deadLetters: [String: Int] = [:]
        var drops: [String: Int] = [:]
        var published: [String: Int] = [:]
        var lastPublished: Timestamp?
    }

    private struct State {
        var tally = Tally()
        var counters: [String: Counter] = [:]
    }

    private let topology: String
    private let stage: String
    private let set: String?
    private let factory: any MetricsFactory
    private let recordsIn: Counter
    private let recordsOut: Counter
    private let bytesIn: Counter
    private let bytesOut: Counter
    private let commits: Counter
    private let commitSeconds: Recorder
    private let latencySeconds: Recorder
    private let rotationSeconds: Recorder?
    private let state = Mutex(State())

    /// - Parameter set: the shard set that the stage writes, if it writes one.
    init(topology: String, stage: String, set: String?, factory: any MetricsFactory) {
        let labels = ["topology": topology, "stage": stage]
        self.topology = topology
        self.stage = stage
        self.set = set
        self.factory = factory
        self.recordsIn = MetricDefinition.stageRecordsIn.counter(labels, in: factory)
        self.recordsOut = MetricDefinition.stageRecordsOut.counter(labels, in: factory)
        self.bytesIn = MetricDefinition.stageBytesIn.counter(labels, in: factory)
        self.bytesOut = MetricDefinition.stageBytesOut.counter(labels, in: factory)
        self.commits = MetricDefinition.stageCommits.counter(labels, in: factory)
        self.commitSeconds = MetricDefinition.stageCommitSeconds.histogram(labels, in: factory)
        self.latencySeconds = MetricDefinition.stageLatencySeconds.histogram(labels, in: factory)
        self.rotationSeconds = set.map {
            MetricDefinition.shardsRotationSeconds.histogram(["set": $0], in: factory)
        }
    }

    /// Counts since the start of this process.
    var tally: Tally { self.state.withLock { $0.tally } }

    /// A batch was read.
    func read(bytes: Int) { if bytes > 0 { self.bytesIn.increment(by: bytes) } }

    /// A commit succeeded.
    func committed(_ commit: Commit, now: Timestamp) {
        self.recordsIn.increment(by: commit.recordsIn)
        self.recordsOut.increment(by: commit.recordsOut)
        self.bytesOut.increment(by: commit.bytesOut)
        self.commits.increment()
        self.commitSeconds.record(commit.seconds)
        if let oldest = commit.oldestSeconds { self.latencySeconds.record(max(0, oldest)) }
        if let shard = commit.shard { self.rotationSeconds?.record(shard.seconds) }
        self.state.withLock { state in
            state.tally.recordsIn += commit.recordsIn
            state.tally.recordsOut += commit.recordsOut
            state.tally.rejects.merge(commit.rejects, uniquingKeysWith: +)
            state.tally.deadLetters.merge(commit.deadLetters, uniquingKeysWith: +)
            state.tally.drops.merge(commit.drops, uniquingKeysWith: +)
            for (reason, count) in commit.rejects { self.count(.stageRejects, reason, count, &state) }
            for (reason, count) in commit.deadLetters { self.count(.stageDeadLetters, reason, count, &state) }
            for (reason, count) in commit.drops { self.count(.stageDrops, reason, count, &state) }
            guard let shard = commit.shard, let set = self.set else { return }
            state.tally.published[shard.reason, default: 0] += 1
            state.tally.lastPublished = now
            self.count(.shardsPublished, ["set": set, "reason": shard.reason], 1, &state)
        }
    }

    /// A task starts anew.
    func restarted(_ reason: String) { self.state.withLock { self.count(.taskRestarts, reason, 1, &$0) } }

    /// The log refused something.
    func refused(_ operation: MeteredOperation, _ code: LogError.Code) {
        self.state.withLock { state in
            self.count(.logErrors, ["operation": operation.rawValue, "code": code.label], 1, &state)
            if code == .storageFull { self.count(.storageErrors, ["reason": "full"], 1, &state) }
        }
    }

    /// The storage of shards refused something.
    func refused(_ error: SinkError) {
        self.state.withLock { state in
            self.count(.storageErrors, ["reason": error.isStorageFull ? "full" : "failed"], 1, &state)
        }
    }

    private func count(_ metric: MetricDefinition, _ reason: String, _ number: Int, _ state: inout State) {
        self.count(
            metric, ["topology": self.topology, "stage": self.stage, "reason": reason], number, &state)
    }

    /// Counters by reason are made when the reason first comes, and kept.
    private func count(
        _ metric: MetricDefinition, _ labels: [String: String], _ number: Int, _ state: inout State
    ) {
        let key = metric.name + metric.labels.map { "\u{0}" + (labels[$0] ?? "") }.joined()
        let counter = state.counters[key] ?? metric.counter(labels, in: self.factory)
        state.counters[key] = counter
        counter.increment(by: number)
    }
}

/// The calls of the log that are counted where they are refused.
enum MeteredOperation: String {
    case read
    case commit
    case open
    case poll
}

extension LogError.Code {
    /// The code as a label: words with hyphens.
    var label: String {
        switch self {
        case .unknownTopic: "unknown-topic"
        case .topicConflict: "topic-conflict"
        case .fenced: "fenced"
        case .offsetOutOfRange: "offset-out-of-range"
        case .recordTooLarge: "record-too-large"
        case .unavailable: "unavailable"
        case .storageFull: "storage-full"
        case .readOnly: "read-only"
        case .corrupt: "corrupt"
        case .versionTooNew: "version-too-new"
        case .inUse: "in-use"
        case .invalidArgument: "invalid-argument"
        case .closed: "closed"
        case .failed: "failed"
        }
    }
}
