// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Dispatch
import Engine
import Foundation
import ModelCalls
import Synchronization
import Topologies

/// Shows how far a running engine is.
final class ProgressWatcher: @unchecked Sendable {
    // @unchecked: `rates` is touched on `queue` only, the rest does not change.
    private let isStopped = Atomic(false)
    private let engine: Engine
    private let topology: Topology
    private let models: ModelRun
    private let board: OpenShardBoard?
    private let reporter: ProgressReporter
    private let queue = DispatchQueue(label: "millrace.progress")
    private let timer: any DispatchSourceTimer
    private var rates: [String: WorkingRate] = [:]

    /// Prepares to show.
    /// - Parameter board: is told when open shards close.
    init(
        engine: Engine, topology: Topology, models: ModelRun, board: OpenShardBoard?, reporter: ProgressReporter
    ) {
        self.engine = engine
        self.board = board
        self.topology = topology
        self.models = models
        self.reporter = reporter
        self.timer = DispatchSource.makeTimerSource(queue: self.queue)
    }

    func start() {
        self.timer.schedule(deadline: .now() + 0.5, repeating: 0.5)
        self.timer.setEventHandler { [weak self] in self?.show() }
        self.timer.resume()
    }

    /// Shows nothing more. A look that is under way may wait for a log that is away, so it is not waited for.
    func stop() {
        self.timer.cancel()
        self.isStopped.store(true, ordering: .releasing)
        self.board?.clear()
    }

    private func show() {
        let stages = self.engine.progress()
        if self.isStopped.load(ordering: .acquiring) { return }
        self.board?.show(stages)
        let wait = self.models.longestWait
        let rows = stages.map { self.row($0, isServerAway: wait != nil) }
        self.reporter.show { _, columns in
            if self.isStopped.load(ordering: .acquiring) { return nil }
            return ProgressRows(stages: rows, serverWait: wait?.text).fitting(columns)
        }
    }

    /// Takes the stage's figures into its rates, also where nothing is shown just now.
    private func row(_ progress: Engine.StageProgress, isServerAway: Bool) -> ProgressRows.Stage {
        let stage = self.topology.stages.first { $0.name == progress.stage }
        let wait = StageWait(
            hasPartitions: progress.tasks > 0, waiting: progress.lag, inFlight: progress.inFlight,
            isServerAway: isServerAway && stage?.asks == true, openShards: progress.openShards,
            secondsToShard: progress.secondsToShard, topic: stage?.from ?? "")
        var rate = self.rates[progress.stage] ?? WorkingRate()
        rate.add(progress.taken, at: self.reporter.elapsed, isWaiting: wait.isIdle)
        self.rates[progress.stage] = rate
        return ProgressRows.Stage(
            name: progress.stage, records: progress.taken, rate: rate.rate, waiting: progress.lag,
            inFlight: progress.inFlight, callsToCome: progress.callsToCome,
            secondsLeft: rate.secondsLeft(progress.lag), wait: wait.text)
    }
}

extension Stage {
    /// Tells whether the stage has a step that waits for answers.
    fileprivate var asks: Bool { self.steps.contains { $0.overload.isAsynchronous } }
}

/// A stage's reason to wait, by how it stands.
struct StageWait: Hashable {
    var hasPartitions: Bool
    var waiting: Int
    var inFlight: Int
    /// Tells whether the stage asks a model server, and it does not answer.
    var isServerAway: Bool
    var openShards: Int
    /// Seconds until the first open shard is closed at the latest.
    var secondsToShard: Double?
    /// The topic that it reads.
    var topic: String

    /// Tells whether nothing can be done at the moment, so that the time is no measure of the work.
    var isIdle: Bool { !self.hasPartitions || self.isServerAway || self.waiting <= 0 && self.inFlight == 0 }

    /// The reason in words; `nil` while the stage works.
    var text: String? {
        if !self.hasPartitions { return "waits for partitions: other processes have all" }
        if self.isServerAway { return "waits for the model server" }
        guard self.waiting <= 0, self.inFlight == 0 else { return nil }
        guard self.openShards > 0 else { return "waits for records in `\(self.topic)`" }
        let shards = self.openShards == 1 ? "1 shard open" : "\(self.openShards) shards open"
        guard let seconds = self.secondsToShard else { return "\(shards), closed by its rotation or at the end" }
        return "\(shards), the oldest closes in \(ProgressReporter.duration(seconds))"
    }
}
