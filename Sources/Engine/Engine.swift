// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
public import Dataflow
import Foundation
public import RecordLog
public import Records
import Synchronization
import Threads
public import Topologies

/// Options of a run.
public struct RunOptions: Sendable {
    /// Ends when everything there is has been processed; otherwise follows new records until stopped.
    public var untilIdle = false
    /// Source records a second, over all stages that read from outside; `nil` is without limit.
    public var maxRate: Double?
    /// Threads that run tasks.
    public var threads = ProcessInfo.processInfo.activeProcessorCount
    /// The offsets to begin at in stages that have no committed offset; by default the first retained record.
    public var startOffsets: [TopicPartition: Offset] = [:]
    /// The offsets to stop reading at; by default the end of the log, as it grows.
    public var endOffsets: [TopicPartition: Offset] = [:]
    /// Time a process may be silent before others take its partitions.
    public var sessionTimeoutMilliseconds = 10_000
    /// Takes over the offsets of another version of a stage if its tasks hold no state.
    public var acceptsChangedTopology = false
    /// Lets data pass for which no exclusion list is known.
    public var allowUnguarded = false
    /// The hash that lineage and manifests carry; by default the topology's own. A replay from a stage on carries the
    /// whole topology's, or its samples would differ from those that it reproduces.
    public var topologyHash: String?
    /// The kind of owner that runs, in whose name topics and sets are owned.
    public var ownerKind = Owner.Kind.topology
    /// Services from outside that operators may use.
    public var services = OperatorServices()
    /// Drops records in front of stages.
    public var gate: (any InputGate)?
    /// The backend that metrics go to; by default the one that swift-metrics was bootstrapped with.
    public var metrics: (any MetricsFactory)?
    /// Is called each time that the control loop goes round: while it is, the run is alive.
    public var onBeat: @Sendable () -> Void = {}
    /// Time that a run which is to end may take, in seconds, for what it has asked and its last commits.
    public var drainSeconds = 20.0

    /// The usual way.
    public init() {}
}

/// Runs a topology over a log: joins the stages' groups, runs the tasks of the partitions that this process is given on
/// a few threads, and ends when told to or when all is done.
public final class Engine: Sendable {
    /// The progress of a stage in this process.
    public struct StageProgress: Sendable {
        /// The stage.
        public var stage: String
        /// Input records that its tasks have taken, since the beginning of their commits.
        public var recordsIn = 0
        /// Output records that its tasks have given.
        public var recordsOut = 0
        /// Records between what is finished and the end of the input, as last seen.
        public var lag = 0
        /// Records that wait for answers.
        public var inFlight = 0
        /// The fewest and the most calls to a server that these may yet make, as far as they say.
        public var callsToCome = 0...0
        /// Partitions that this process runs.
        public var tasks = 0
        /// Input records that this process has taken since the run began.
        public var taken = 0
        /// The counts that this process has committed since the run began.
        public var committed = TaskMetadata(stageHash: "")
        /// Shards that are open.
        public var openShards = 0
        /// Seconds until the first of them is closed at the latest; `nil` without such a limit.
        public var secondsToShard: Double?
    }

    let topology: Topology
    private let options: RunOptions
    private let surroundings: TaskSurroundings
    private let board: TaskBoard
    /// The ends of the retries as they were at the start: a run until idle takes those.
    private let retries = Mutex<[TopicPartition: Offset]>([:])
    let meters: EngineMeters
    private let joined = Atomic(false)

    /// Prepares a run.
    /// - Parameters:
    ///   - clock: milliseconds since 1970.
    ///   - warn: is told of trouble that the run gets over, such as a log that is away for a while.
    ///   - makeSink: makes the sink of a task that writes shards.
    public init(
        topology: Topology, log: any RecordLog, options: RunOptions,
        clock: @escaping @Sendable () -> Timestamp = { SteadyClock.now },
        warn: @escaping @Sendable (String) -> Void = { _ in }, makeSink: @escaping SinkMaker
    ) {
        let board = TaskBoard()
        self.topology = topology
        self.options = options
        self.board = board
        self.meters = EngineMeters(topology, factory: options.metrics ?? MetricsSystem.factory)
        let context = OperatorContext(
            topologyHash: options.topologyHash ?? topology.hash, allowUnguarded: options.allowUnguarded,
            services: options.services)
        self.surroundings = TaskSurroundings(
            log: log, topology: topology, context: context, clock: clock, makeSink: makeSink,
            wake: { board.wake() }, warn: warn, gate: options.gate, startOffsets: options.startOffsets,
            endOffsets: options.endOffsets,
            acceptsChangedTopology: options.acceptsChangedTopology, takesRetries: options.ownerKind == .topology,
            drainMilliseconds: Self.drainMilliseconds(options))
    }

    /// Time that a task which is to end waits for what it has asked: half of that after which others take its
    /// partition, as for a revoke, and no more than half of what the whole end may take.
    private static func drainMilliseconds(_ options: RunOptions) -> Timestamp {
        min(Timestamp(options.sessionTimeoutMilliseconds / 2), Timestamp(options.drainSeconds * 500))
    }

    /// Milliseconds since 1970, by the system's clock: for times that other processes read.
    public static let systemClock: @Sendable () -> Timestamp = {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(now.tv_sec) * 1000 + Timestamp(now.tv_nsec) / 1_000_000
    }

    /// Checks what a run checks before it starts: topics, and who owns what it would write. Writes nothing.
    /// - Throws: `EngineError` where a run would be refused, or `LogError`.
    public static func check(_ topology: Topology, log: any RecordLog, options: RunOptions) throws {
        try StartupChecks(
            topology: topology, log: log, ownerKind: options.ownerKind, acceptsChanges: options.acceptsChangedTopology
        ).check()
    }

    /// Asks the run to commit what is finished and end. Safe from any thread.
    public func stop() { self.board.stop() }

    /// The progress of the stages in this process.
    public func progress() -> [StageProgress] {
        let counters = self.counters
        return self.topology.stages.map { stage in
            var progress = StageProgress(stage: stage.name)
            let total = self.board.total(of: stage.name)
            progress.taken = total.taken
            progress.committed = total.committed
            let now = self.surroundings.clock()
            for counter in counters where counter.stage == stage.name {
                progress.recordsIn += counter.recordsIn
                progress.recordsOut += counter.recordsOut
                progress.inFlight += counter.inFlight
                progress.callsToCome = TaskMetadata.sum(progress.callsToCome, counter.callsToCome)
                progress.tasks += 1
                if counter.hasOpenShard { progress.openShards += 1 }
                if let deadline = counter.shardDeadline {
                    let seconds = Double(max(0, deadline - now)) / 1000
                    progress.secondsToShard = min(progress.secondsToShard ?? seconds, seconds)
                }
                if let end = try? self.surroundings.log.offsets(of: counter.source).upperBound {
                    progress.lag += Int(max(0, end - counter.position))
                }
            }
            return progress
        }
    }

    /// The tasks of this process, as they stood after their last steps.
    var counters: [TaskBoard.Counter] { self.board.counters() }

    var log: any RecordLog { self.surroundings.log }
    var now: Timestamp { self.surroundings.clock() }
    /// Tells whether all stages' groups have been joined and asked once.
    var hasJoined: Bool { self.joined.load(ordering: .acquiring) }

    /// Runs until done or stopped; blocks the caller's thread.
    /// - Throws: `EngineError` or `LogError`. What was committed stays; the rest is read again by the next run.
    public func run() throws {
        try StartupChecks(
            topology: self.topology, log: self.surroundings.log, ownerKind: self.options.ownerKind,
            acceptsChanges: self.options.acceptsChangedTopology, warn: self.surroundings.warn
        ).run()
        let retryEnds = try self.retryEnds()
        self.retries.withLock { $0 = retryEnds }
        var memberships: [StageMembership] = []
        let workers = try self.startWorkers()
        let rateLimit = self.options.maxRate.map { SharedRateLimit(perSecond: $0, now: self.surroundings.clock()) }
        let external = Set(self.topology.externalTopics)
        do {
            for stage in self.topology.stages {
                memberships.append(
                    try StageMembership(
                        stage: stage, surroundings: self.surroundings, board: self.board,
                        rateLimit: external.contains(stage.from) ? rateLimit : nil,
                        meters: self.meters.stage(stage.name),
                        sessionTimeoutMilliseconds: self.options.sessionTimeoutMilliseconds))
            }
        } catch {
            // Partitions must not wait for a member that will never work.
            for membership in memberships { membership.leave() }
            self.board.close()
            throw error
        }
        self.control(memberships)
        guard self.board.waitUntilTasksEnd(seconds: self.options.drainSeconds) else {
            self.board.close()
            throw self.board.failure ?? EngineError(.failed, Self.unfinished(self.options.drainSeconds))
        }
        for membership in memberships { membership.leave() }
        self.board.close()
        for worker in workers { worker.join() }
        if let failure = self.board.failure { throw failure }
    }

    /// Starts the threads that work on tasks. They come first: a group must not wait for a member that cannot work.
    private func startWorkers() throws(EngineError) -> [WorkerThread] {
        let count = max(1, self.options.threads)
        var workers: [WorkerThread] = []
        do throws(ThreadError) {
            for _ in 0..<count {
                let worker = try WorkerThread { [board] in board.work() }
                workers.append(worker)
            }
            // Tasks, timers and signals want some as well, while these are there.
            try ThreadProbe.require(ThreadProbe.headroom)
        } catch {
            self.board.close()
            for worker in workers { worker.join() }
            throw EngineError(.failed, "cannot run on \(count) threads: \(error.message)")
        }
        return workers
    }

    private static func unfinished(_ seconds: Double) -> String {
        "the last commits did not come to an end within \(Int(seconds)) s, so the log may be away; nothing is lost: what "
            + "was not committed is read again by the next run"
    }

    /// Time between two questions to the log whether all has been committed: it answers for every partition.
    private static let idleMilliseconds: Timestamp = 50
    /// Time between two requests to remove what topics no longer retain, to a log that does not do so by itself.
    private static let retentionMilliseconds: Timestamp = 30_000

    /// Time that a look at memberships and tasks may wait for the log to change, which ends the wait. A run that looks
    /// for its own end looks often; one that waits for a model, or goes on for days, should cost next to nothing.
    private var lookMilliseconds: Int { self.options.untilIdle && !self.board.isAsking ? 20 : 100 }

    /// Keeps the memberships alive and watches for the end, until there is one.
    private func control(_ memberships: [StageMembership]) {
        var retentionDue = self.surroundings.clock()
        var idleDue = retentionDue
        while !self.board.isStopping {
            self.options.onBeat()
            do throws(LogError) {
                if self.surroundings.clock() >= retentionDue {
                    try self.surroundings.log.enforceRetention()
                    retentionDue = self.surroundings.clock() + Self.retentionMilliseconds
                }
                for membership in memberships { try membership.poll() }
                self.joined.store(true, ordering: .releasing)
                self.surroundings.log.awaitAppend(timeoutMilliseconds: self.lookMilliseconds)
                if self.options.untilIdle, self.surroundings.clock() >= idleDue, self.board.isQuiet {
                    idleDue = self.surroundings.clock() + Self.idleMilliseconds
                    let verdict = IdleDecision.decide(try self.idleProgress())
                    self.board.close(stages: verdict.closing)
                    if verdict.isComplete {
                        try self.checkNothingIsUndecided()
                        self.board.stop()
                    }
                }
            } catch {
                // A log that is away comes back; tasks say so.
                if !error.isRetriable { self.board.fail(error) }
            }
            self.board.wake()
        }
    }

    /// The end of a partition is the last stable offset: behind it there may be commits that only an open transaction,
    /// a killed ingest's for one, hides for a while.
    /// - Throws: `LogError.Code.unavailable` where there is one.
    private func checkNothingIsUndecided() throws(LogError) {
        for stage in self.topology.stages {
            for number in 0..<self.topology.partitions {
                let partition = TopicPartition(stage.from, number)
                try self.surroundings.log.awaitDecisions(on: partition, timeoutMilliseconds: 0)
            }
        }
    }

    private func idleProgress() throws(LogError) -> [IdleDecision.Progress] {
        var progress: [IdleDecision.Progress] = []
        for stage in self.topology.stages {
            let upstream = self.topology.stages.filter { $0.writtenTopics.contains(stage.from) }.map(\.name)
            progress.append(
                IdleDecision.Progress(
                    stage: stage.name, upstream: upstream, isCommittedToEnd: try self.isCommittedToEnd(stage)))
        }
        return progress
    }

    private func isCommittedToEnd(_ stage: Stage) throws(LogError) -> Bool {
        let group = self.surroundings.group(of: stage)
        // Of this process's own tasks it knows; the group says the rest.
        let own = self.board.counters().filter { $0.stage == stage.name }
        for number in 0..<self.topology.partitions {
            let partition = TopicPartition(stage.from, number)
            let range = try self.surroundings.log.offsets(of: partition)
            let end = min(range.upperBound, self.options.endOffsets[partition] ?? range.upperBound)
            let start = max(range.lowerBound, self.options.startOffsets[partition] ?? range.lowerBound)
            let known = own.first { $0.source == partition }?.committed
            if let known, known >= end { continue }
            let committed = try self.surroundings.log.committedOffset(group: group, partition: partition)
            if (committed?.offset ?? start) < end { return false }
        }
        return try self.hasTakenRetries(stage, own)
    }

    /// Tells whether the records of dead letters that were there to be taken again at the start have been.
    private func hasTakenRetries(_ stage: Stage, _ own: [TaskBoard.Counter]) throws(LogError) -> Bool {
        for (partition, end) in self.retries.withLock({ $0 }) where partition.topic == self.retryTopic(of: stage) {
            let known = own.first { $0.source.partition == partition.partition }?.retried
            if let known, known >= end { continue }
            let taken = try RetryOffset.taken(partition, in: self.surroundings.log)
            if taken >= end { continue }
            // There may be nothing but the log's own.
            let next = try self.surroundings.log.makeReader(of: partition, from: taken).read(recordsMax: 1, bytesMax: 1)
            if let offset = next.offsets.first, offset < end { return false }
        }
        return true
    }

    private func retryTopic(of stage: Stage) -> String {
        ReservedTopics.retries(of: self.topology.name, stage: stage.name)
    }

    /// The ends of the retries as they are now.
    private func retryEnds() throws(LogError) -> [TopicPartition: Offset] {
        guard self.surroundings.takesRetries else { return [:] }
        let topics = Set(self.topology.stages.map(self.retryTopic))
        var ends: [TopicPartition: Offset] = [:]
        for topic in try self.surroundings.log.topics() where topics.contains(topic.name) {
            for number in 0..<min(topic.partitions, self.topology.partitions) {
                let partition = TopicPartition(topic.name, number)
                ends[partition] = try self.surroundings.log.offsets(of: partition).upperBound
            }
        }
        return ends
    }
}
