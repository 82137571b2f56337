// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records
public import Telemetry
public import Topologies

/// The figures of a run in this process.
public struct EngineFigures: Sendable {
    /// The topology as a graph.
    public var graph: Telemetry.TopologyGraph
    /// Its stages.
    public var stages: [StageFigures]
    /// The shard sets that it writes.
    public var sets: [SetFigures]
    /// Stages that wait for the log.
    public var waits: [WaitFigures]
    /// Tells whether it is assigned and committing, or why it is not.
    public var readiness: Health.Readiness
}

extension Engine {
    /// The figures as they are now; sets the gauges of the metrics too. To be asked once a second or so, from one
    /// thread: it asks the log for the ends of the partitions, which takes a while where that is away.
    public func figures() -> EngineFigures {
        let counters = self.counters
        let now = self.now
        let ends = self.meters.ends(of: Set(counters.map(\.source)), in: self.log)
        var figures = EngineFigures(
            graph: Telemetry.TopologyGraph(self.topology), stages: [], sets: [], waits: [], readiness: .starting)
        for stage in self.topology.stages {
            let tasks = counters.filter { $0.stage == stage.name }
            figures.stages.append(self.figures(of: stage, tasks, ends, now: now))
            if let set = self.set(of: stage, tasks, now: now) { figures.sets.append(set) }
            if let wait = self.wait(of: stage, tasks, now: now) { figures.waits.append(wait) }
        }
        self.meters.keep(
            only: Set(counters.map { EngineMeters.Place(stage: $0.stage, partition: $0.source.partition) }))
        figures.readiness = self.readiness(counters)
        return figures
    }

    private func figures(
        of stage: Stage, _ tasks: [TaskBoard.Counter], _ ends: [TopicPartition: Offset], now: Timestamp
    ) -> StageFigures {
        var figures = StageFigures(name: stage.name)
        let tally = self.meters.stage(stage.name).tally
        figures.recordsIn = tally.recordsIn
        figures.recordsOut = tally.recordsOut
        figures.rejects = tally.rejects
        figures.deadLetters = tally.deadLetters
        figures.drops = tally.drops
        figures.tasks = tasks.count
        for task in tasks {
            figures.everIn += task.recordsIn
            figures.everOut += task.recordsOut
            figures.everRejects += task.detail.everRejects
            figures.everDeadLetters += task.detail.everDeadLetters
            figures.inFlight += task.inFlight
            figures.openGroups += task.detail.openGroups
            figures.tasksOpen += task.detail.isOpen ? 1 : 0
            figures.tasksStalled += task.detail.stall == .log ? 1 : 0
            figures.tasksFenced += task.detail.stall == .fenced ? 1 : 0
            figures.lastCommit = [figures.lastCommit, task.detail.lastCommit].compactMap { $0 }.max()
            // A task that is not open yet knows no offset.
            guard let committed = task.committed else { continue }
            let lag = Int(max(0, (ends[task.source] ?? committed) - committed))
            figures.lagOffsets += lag
            figures.lagSeconds = max(figures.lagSeconds, self.meters.set(task, lag: lag, now: now))
        }
        self.meters.set(&figures, now: now)
        return figures
    }

    private func set(of stage: Stage, _ tasks: [TaskBoard.Counter], now: Timestamp) -> SetFigures? {
        guard let name = stage.shardSet else { return nil }
        let tally = self.meters.stage(stage.name).tally
        var figures = SetFigures(name: name)
        figures.published = tally.published
        figures.lastPublished = tally.lastPublished
        figures.open = tasks.compactMap { task in
            task.detail.shardSince.map {
                .init(partition: task.source.partition, since: $0, deadline: task.detail.shardDeadline)
            }
        }.sorted { $0.partition < $1.partition }
        self.meters.set(figures, now: now)
        return figures
    }

    private func wait(of stage: Stage, _ tasks: [TaskBoard.Counter], now: Timestamp) -> WaitFigures? {
        let stalled = tasks.filter { $0.detail.stall != nil }
        guard let reason = stalled.reason else { return nil }
        let since = stalled.map { $0.detail.lastCommit ?? now }.min() ?? now
        return WaitFigures(
            stalled.contains { $0.detail.stall == .log } ? .log : .other, subject: stage.name, since: since,
            message: "\(stalled.count) of \(tasks.count) tasks \(reason); their last commit was then")
    }

    /// Assigned and committing: each partition that this process has been given is open, and the log takes its commits.
    /// A process to which none was given, because others have them all, is ready to take over.
    private func readiness(_ counters: [TaskBoard.Counter]) -> Health.Readiness {
        if !self.hasJoined { return .starting }
        let stalled = counters.filter { $0.detail.stall != nil }
        if let reason = stalled.reason { return .unready("\(stalled.count) of \(counters.count) tasks \(reason)") }
        let opening = counters.count { !$0.detail.isOpen }
        if opening > 0 { return .unready("\(opening) of \(counters.count) tasks are being opened") }
        return .ready
    }
}

extension [TaskBoard.Counter] {
    /// The reason why these tasks try again, behind their number; `nil` where none does.
    fileprivate var reason: String? {
        let stalls = Set(self.compactMap(\.detail.stall))
        if stalls.isEmpty { return nil }
        if stalls == [.fenced] { return "were fenced and wait for their group" }
        return stalls == [.log] ? "wait for the log" : "wait for the log, or were fenced"
    }
}

extension Telemetry.TopologyGraph {
    /// The graph of a topology.
    public init(_ topology: Topology) {
        self.init(
            name: topology.name, partitions: topology.partitions, deadLetters: topology.deadLetterTopic,
            stages: topology.stages.map { stage in
                var topic: String?
                if case .topic(let name) = stage.destination { topic = name }
                return Node(
                    name: stage.name, steps: stage.steps.map(\.name), from: stage.from, topic: topic,
                    set: stage.shardSet, rejects: stage.rejects)
            })
    }
}
