// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import RecordLog
import Records
import Synchronization
import Telemetry
import Topologies

/// The metrics of a run: the counts of its stages, and gauges that are set when somebody asks for the figures.
final class EngineMeters: Sendable {
    /// The gauges of a stage.
    private struct StageGauges {
        let tasks: Meter
        let tasksOpen: Meter
        let tasksStalled: Meter
        let tasksFenced: Meter
        let rotate: Meter
        let inFlight: Meter
        let openGroups: Meter
    }

    /// The gauges of a partition, which exist as long as this process has it.
    struct TaskGauges {
        let lagOffsets: Meter
        let lagSeconds: Meter
        let stateBytes: Meter
        let lastCommit: Meter
        let everIn: Meter
        let everOut: Meter
        let everRejects: Meter
        let everDeadLetters: Meter

        var all: [Meter] {
            [
                self.lagOffsets, self.lagSeconds, self.stateBytes, self.lastCommit, self.everIn, self.everOut,
                self.everRejects, self.everDeadLetters,
            ]
        }
    }

    /// A partition of a stage.
    struct Place: Hashable {
        var stage: String
        var partition: Int
    }

    private struct SetGauges {
        let open: Meter
        let age: Meter
        let lastPublished: Meter
    }

    /// Facts that are kept from one asking to the next.
    private struct State {
        var gauges: [Place: TaskGauges] = [:]
        var ends: [TopicPartition: Offset] = [:]
        /// The time before which the log is not asked again.
        var endsDue: ContinuousClock.Instant?
        /// The time since which a partition has lagged, where the record that does is not known.
        var laggingSince: [Place: Timestamp] = [:]
        var rates: [String: RateWindow] = [:]
    }

    private let topology: String
    private let factory: any MetricsFactory
    private let stages: [String: StageMeters]
    private let stageGauges: [String: StageGauges]
    private let setGauges: [String: SetGauges]
    private let state = Mutex(State())

    init(_ topology: Topology, factory: any MetricsFactory) {
        self.topology = topology.name
        self.factory = factory
        var stages: [String: StageMeters] = [:]
        var gauges: [String: StageGauges] = [:]
        var sets: [String: SetGauges] = [:]
        for stage in topology.stages {
            let set = stage.shardSet
            stages[stage.name] = StageMeters(topology: topology.name, stage: stage.name, set: set, factory: factory)
            func gauge(_ metric: MetricDefinition) -> Meter {
                metric.gauge(["topology": topology.name, "stage": stage.name], in: factory)
            }
            let rotate = gauge(.stageRotateSeconds)
            rotate.set(stage.rotateSeconds)
            gauges[stage.name] = StageGauges(
                tasks: gauge(.stageTasks), tasksOpen: gauge(.stageTasksOpen), tasksStalled: gauge(.stageTasksStalled),
                tasksFenced: gauge(.stageTasksFenced), rotate: rotate, inFlight: gauge(.stageInFlight),
                openGroups: gauge(.stageOpenGroups))
            if let set {
                sets[set] = SetGauges(
                    open: MetricDefinition.shardsOpen.gauge(["set": set], in: factory),
                    age: MetricDefinition.shardsOpenAge.gauge(["set": set], in: factory),
                    lastPublished: MetricDefinition.shardsLastPublished.gauge(["set": set], in: factory))
            }
        }
        self.stages = stages
        self.stageGauges = gauges
        self.setGauges = sets
    }

    /// The counts of a stage.
    func stage(_ name: String) -> StageMeters {
        guard let meters = self.stages[name] else { preconditionFailure("no stage \(name)") }
        return meters
    }

    // MARK: Gauges

    /// The ends of partitions, asked one after another; where the log does not answer, the last ones known: it would
    /// make the asker wait for each. A log that answers slowly is asked less often, for a twentieth of the time at
    /// most.
    func ends(of partitions: some Sequence<TopicPartition>, in log: any RecordLog) -> [TopicPartition: Offset] {
        let start = ContinuousClock.now
        let (known, due) = self.state.withLock { ($0.ends, $0.endsDue) }
        if let due, start < due, partitions.allSatisfy({ known[$0] != nil }) { return known }
        var found: [TopicPartition: Offset] = [:]
        do throws(LogError) {
            for partition in partitions { found[partition] = try log.offsets(of: partition).upperBound }
        } catch {}
        return self.state.withLock { state in
            state.ends.merge(found) { $1 }
            state.endsDue = start + (ContinuousClock.now - start) * 20
            return state.ends
        }
    }

    /// Sets the gauges of a partition.
    /// - Returns: the age of its oldest record that is not committed, in seconds.
    func set(_ task: TaskBoard.Counter, lag: Int, now: Timestamp) -> Double {
        let place = Place(stage: task.stage, partition: task.source.partition)
        let (gauges, lagSeconds) = self.state.withLock { state in
            let gauges = state.gauges[place] ?? self.makeGauges(place)
            state.gauges[place] = gauges
            guard lag > 0 else {
                state.laggingSince[place] = nil
                return (gauges, 0.0)
            }
            let since = task.detail.oldest ?? state.laggingSince[place] ?? now
            state.laggingSince[place] = since
            return (gauges, Double(max(0, now - since)) / 1000)
        }
        gauges.lagOffsets.set(lag)
        gauges.lagSeconds.set(lagSeconds)
        gauges.stateBytes.set(task.detail.stateBytes)
        gauges.lastCommit.set(Double(task.detail.lastCommit ?? 0) / 1000)
        gauges.everIn.set(task.recordsIn)
        gauges.everOut.set(task.recordsOut)
        gauges.everRejects.set(task.detail.everRejects)
        gauges.everDeadLetters.set(task.detail.everDeadLetters)
        return lagSeconds
    }

    /// Gives up the gauges of partitions that have gone: their owners tell of them now.
    func keep(only places: Set<Place>) {
        let gone = self.state.withLock { state in
            let gone = state.gauges.filter { !places.contains($0.key) }
            for place in gone.keys {
                state.gauges[place] = nil
                state.laggingSince[place] = nil
            }
            return gone.values.flatMap(\.all)
        }
        for gauge in gone { gauge.destroy() }
    }

    private func makeGauges(_ place: Place) -> TaskGauges {
        func gauge(_ metric: MetricDefinition) -> Meter {
            metric.gauge(
                ["topology": self.topology, "stage": place.stage, "partition": String(place.partition)],
                in: self.factory)
        }
        return TaskGauges(
            lagOffsets: gauge(.stageLagOffsets), lagSeconds: gauge(.stageLagSeconds),
            stateBytes: gauge(.stageStateBytes),
            lastCommit: gauge(.stageLastCommit), everIn: gauge(.stageEverIn), everOut: gauge(.stageEverOut),
            everRejects: gauge(.stageEverRejects), everDeadLetters: gauge(.stageEverDeadLetters))
    }

    /// Sets the gauges of a stage, and works out its rates.
    func set(_ figures: inout StageFigures, now: Timestamp) {
        let rates = self.state.withLock { state in
            state.rates[figures.name, default: RateWindow()]
                .add(now: now, recordsIn: figures.recordsIn, recordsOut: figures.recordsOut)
        }
        figures.rateIn = rates.recordsIn
        figures.rateOut = rates.recordsOut
        guard let gauges = self.stageGauges[figures.name] else { return }
        gauges.tasks.set(figures.tasks)
        gauges.tasksOpen.set(figures.tasksOpen)
        gauges.tasksStalled.set(figures.tasksStalled)
        gauges.tasksFenced.set(figures.tasksFenced)
        gauges.inFlight.set(figures.inFlight)
        gauges.openGroups.set(figures.openGroups)
    }

    /// Sets the gauges of a shard set.
    func set(_ figures: SetFigures, now: Timestamp) {
        guard let gauges = self.setGauges[figures.name] else { return }
        gauges.open.set(figures.open.count)
        gauges.age.set(figures.open.map(\.since).min().map { Double(max(0, now - $0)) / 1000 } ?? 0)
        gauges.lastPublished.set(Double(figures.lastPublished ?? 0) / 1000)
    }
}

/// Rates over the last ten seconds, from counts that are told now and then. Pure.
struct RateWindow {
    private static let milliseconds: Timestamp = 10_000
    private var points: [(time: Timestamp, recordsIn: Int, recordsOut: Int)] = []

    /// Takes counts, and gives the rates a second; none before a second point.
    mutating func add(now: Timestamp, recordsIn: Int, recordsOut: Int) -> (recordsIn: Double, recordsOut: Double) {
        // One point from before the window stays, so that it is covered whole.
        while self.points.count > 1, self.points[1].time <= now - Self.milliseconds { self.points.removeFirst() }
        if self.points.last.map({ $0.time < now }) ?? true { self.points.append((now, recordsIn, recordsOut)) }
        guard let first = self.points.first, first.time < now else { return (0, 0) }
        let seconds = Double(now - first.time) / 1000
        return (
            max(0, Double(recordsIn - first.recordsIn) / seconds),
            max(0, Double(recordsOut - first.recordsOut) / seconds)
        )
    }
}

extension Stage {
    /// The shard set that it writes, if it writes one.
    var shardSet: String? { if case .shards(let shards) = self.destination { shards.name } else { nil } }

    /// The seconds after which the clock closes its shards; 0 where none does.
    fileprivate var rotateSeconds: Double {
        if case .shards(let shards) = self.destination { shards.secondsMax } else { 0 }
    }
}
