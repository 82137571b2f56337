// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Topologies

@testable import Engine

/// One process of a simulation: its own handle on the log, its tasks, and the faults to come.
final class SimulatedProcess {
    let log: MemoryLog
    private let topology: Topology
    private let disk: SimulatedShardStorage
    private let clock: SimulatedClock
    private var tasks: [StageTask] = []
    private var members: [any GroupMember] = []
    private let fate = Fate()
    /// Tells whether its end is a power cut, which takes what was not synchronised.
    var losesDisk = false

    /// Past and coming events, shared with the log's fault injector.
    private final class Fate: Sendable {
        struct State {
            var commits = 0
            var killAt: (commit: Int, side: LogOperation.Side)?
            var failAt: Int?
            var freezeAt: Int?
            var isDead = false
        }

        let state = Mutex(State())
    }

    init(log: MemoryLog, topology: Topology, disk: SimulatedShardStorage, clock: SimulatedClock) {
        self.log = log
        self.topology = topology
        self.disk = disk
        self.clock = clock
        let fate = self.fate
        log.inject { (operation) throws(LogError) in
            guard operation.kind == .commit else { return }
            let verdict = fate.state.withLock { state -> LogError? in
                let number = state.commits
                if operation.side == .after { state.commits += 1 }
                if let kill = state.killAt, kill.commit == number, kill.side == operation.side {
                    state.isDead = true
                    return LogError(.closed, "killed \(operation.side) commit \(number)")
                }
                if operation.side == .before, state.failAt == number {
                    state.failAt = nil
                    return LogError(.unavailable, "busy")
                }
                return nil
            }
            if let verdict { throw verdict }
        }
    }

    var isDead: Bool { self.fate.state.withLock { $0.isDead } }
    /// Tells whether it is to be stopped now: between two steps, with whatever it has not committed.
    var isFrozen: Bool { self.fate.state.withLock { state in state.freezeAt.map { state.commits >= $0 } ?? false } }

    func kill(atCommit commit: Int, side: LogOperation.Side) {
        self.fate.state.withLock { $0.killAt = (commit, side) }
    }
    func failCommit(_ commit: Int) { self.fate.state.withLock { $0.failAt = commit } }
    func freeze(atCommit commit: Int) { self.fate.state.withLock { $0.freezeAt = commit } }
    func thaw() { self.fate.state.withLock { $0.freezeAt = nil } }

    // MARK: Work

    /// Joins the groups and opens a task for every partition.
    func start() throws {
        try StartupChecks(topology: self.topology, log: self.log).run()
        let surroundings = self.surroundings()
        for stage in self.topology.stages {
            let member = try self.log.join(
                GroupConfiguration(group: surroundings.group(of: stage), topics: [stage.from]))
            self.members.append(member)
            let inFlight = try Chain(stage, surroundings.context).inFlightMax
            let shared = StageTask.Shared(
                stage: stage, rateLimit: nil,
                inFlight: inFlight > 0 ? InFlightLimit(inFlightMax: inFlight, tasks: 1) : nil,
                meters: StageMeters(
                    topology: self.topology.name, stage: stage.name, set: nil, factory: NOOPMetricsHandler.instance))
            let assigned = Assigned()
            for _ in 0..<5 { try member.poll(timeoutMilliseconds: 0, assigned) }
            guard assigned.partitions.count == self.topology.partitions else {
                throw SimulationFailure("\(stage.name) was assigned \(assigned.partitions) only")
            }
            for partition in assigned.partitions {
                self.tasks.append(
                    try StageTask.open(shared, source: partition, in: surroundings))
            }
        }
    }

    private final class Assigned: AssignmentHandler {
        var partitions: [TopicPartition] = []
        func assigned(_ partitions: [TopicPartition]) { self.partitions += partitions }
        func revoked(_ partitions: [TopicPartition]) {}
        func lost(_ partitions: [TopicPartition]) {}
    }

    private func surroundings() -> TaskSurroundings {
        let (log, disk, clock) = (self.log, self.disk, self.clock)
        return TaskSurroundings(
            log: log, topology: self.topology, context: OperatorContext(topologyHash: self.topology.hash),
            clock: { clock.now },
            makeSink: { (shards, partition, epoch, hash) throws(SinkError) in
                do throws(ShardError) {
                    let manifest = try Manifest(reading: shards.name, from: log)
                    try Sweep.run(
                        disk, name: shards.name, partition: partition, epoch: epoch, listed: manifest.files)
                    return try ShardSink(
                        storage: disk,
                        options: ShardSinkOptions(
                            name: shards.name, partition: partition, epoch: epoch,
                            nextSequence: manifest.nextSequence(ofPartition: partition),
                            limits: RotationLimits(
                                samples: shards.samplesMax, uncompressedBytes: shards.bytesMax,
                                seconds: shards.secondsMax > 0 ? shards.secondsMax : nil),
                            topologyHash: hash, frameBytes: 200)
                    ) { () throws(ShardError) in try Manifest(reading: shards.name, from: log).files }
                } catch {
                    throw error.sinkError
                }
            },
            wake: {}, warn: { _ in }, startOffsets: [:], endOffsets: [:], acceptsChangedTopology: false)
    }

    /// Lets one task have its turn.
    func step(_ number: Int, closing: Set<String>) throws {
        guard !self.tasks.isEmpty else { return }
        let index = number % self.tasks.count
        let task = self.tasks[index]
        switch try task.step(stop: nil, closeAtEnd: closing.contains(task.stage.name)) {
        case .lost, .stopped: self.tasks.remove(at: index)
        case .progressed, .waiting: break
        }
    }

    /// Ends every task, as the engine does when it hears that its partitions are another's.
    func lose() {
        for task in self.tasks { task.end() }
        self.tasks.removeAll()
    }

    /// Tells whether all is done, and which stages may close their last shard.
    func idle() throws -> (isComplete: Bool, closing: Set<String>) {
        var progress: [IdleDecision.Progress] = []
        for stage in self.topology.stages {
            let upstream = self.topology.stages.filter { $0.writtenTopics.contains(stage.from) }.map(\.name)
            var isDone = true
            for number in 0..<self.topology.partitions {
                let partition = TopicPartition(stage.from, number)
                let range = try self.log.offsets(of: partition)
                let committed = try self.log.committedOffset(group: "numbers.\(stage.name)", partition: partition)
                if (committed?.offset ?? range.lowerBound) < range.upperBound { isDone = false }
            }
            progress.append(IdleDecision.Progress(stage: stage.name, upstream: upstream, isCommittedToEnd: isDone))
        }
        let verdict = IdleDecision.decide(progress)
        return (verdict.isComplete, verdict.closing)
    }
}
