// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import NeuralNetworks
import Shards
import Synchronization
import TaskRooms
import Telemetry
import Training

/// Options for the course of a run, whatever the network; what is not given is as the network has it.
struct RunLengthArguments<Subject: RunDefaults>: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of the run: checkpoints, plan, metrics. A run that is there is gone on with.", valueName: "dir")
    )
    var output: String

    @Option(
        help: ArgumentHelp(
            "The steps in all, up to 1000000000; the learning rate falls to zero with the last.", valueName: "n"))
    var steps: Int

    @Option(help: ArgumentHelp("Samples of a step, up to 4096.", valueName: "n"))
    var batchSize = Subject.defaults.batchSize

    @Option(help: "The highest learning rate, above 0 and at most 1000. The official 1e-4 is for 70,000 steps.")
    var learningRate = Subject.defaults.learningRate

    @Option(help: "The share of the steps in which the rate rises from zero, 0 to 1.")
    var warmup = Subject.defaults.warmup

    @Option(help: "The most that the gradients' norm may be, above 0.")
    var clipNorm = Subject.defaults.clipNorm

    @Option(help: "Seed of every random number.")
    var seed = Subject.defaults.seed

    @Option(help: ArgumentHelp("Steps between validations, 1 or more.", valueName: "n"))
    var validateEvery = 1000

    @Option(help: ArgumentHelp("Steps between checkpoints, 1 or more.", valueName: "n"))
    var checkpointEvery = 500

    @Option(help: ArgumentHelp("Checkpoints to keep, beside the best one, 1 or more.", valueName: "n"))
    var keep = 3

    @Option(help: ArgumentHelp("Steps between lines of metrics, 1 or more.", valueName: "n"))
    var logEvery = 10

    @OptionGroup(title: "Status server") var http: HTTPArguments

    func validate() throws {
        if let problem = self.options(source: "").problem() {
            throw ValidationError(problem)
        }
        for (name, value) in [
            ("--validate-every", self.validateEvery), ("--checkpoint-every", self.checkpointEvery),
            ("--log-every", self.logEvery), ("--keep", self.keep),
        ] { try OptionRange.check(name, value, TrainingOptions.stepsRange) }
    }

    func options(source: String) -> TrainingOptions {
        var options = TrainingOptions(source: source, steps: self.steps)
        options.batchSize = self.batchSize
        options.learningRate = self.learningRate
        options.warmup = self.warmup
        options.clipNorm = self.clipNorm
        options.seed = self.seed
        return options
    }

    /// The parts of a run of a network.
    func parts<Network: TrainableNetwork>(
        _ network: Network, _ options: TrainingOptions, validation: Network.Validation?
    ) -> Trainer<Network>.Parts {
        var schedule = Trainer<Network>.Schedule()
        schedule.checkpointSteps = self.checkpointEvery
        schedule.validationSteps = self.validateEvery
        schedule.validation = validation
        return Trainer<Network>.Parts(
            network: network, options: options, folder: CheckpointFolder(path: self.output, keep: self.keep),
            schedule: schedule)
    }

    /// A run in the folder that these options name.
    /// - Parameters:
    ///   - role: the command.
    ///   - set: the set that it trains on.
    ///   - exchange: where its figures go; a command without a home has nowhere to tell them.
    ///   - home: the home that its page shows.
    func run(
        _ role: String, on set: String, exchange: (any FigureExchange)? = nil, home: Home? = nil
    ) throws -> TrainingRun {
        let http = try self.http.options()
        let pulse = Pulse(
            role: role, name: set, path: self.output, exchange: exchange,
            stillSecondsMax: TrainingRun.stillSecondsMax)
        let meters = TrainerMeters(
            trainer: role, set: set, steps: self.steps, batchSize: self.batchSize, factory: pulse.registry)
        let serving = try http.map { try StatusServing($0, of: pulse, home: home) }
        return TrainingRun(folder: self.output, logEvery: self.logEvery, meters, pulse, serving)
    }
}

/// Runs a trainer with progress, metrics and signals.
final class TrainingRun {
    private let folder: String
    private let logEvery: Int
    private let progress = ProgressReporter()
    private var metrics: RunMetrics?
    private var lastLook: ContinuousClock.Instant?
    private let stop = StopFlag()
    /// Steps a second, without the time that samples are waited for.
    private var rate = WorkingRate()
    private var lastStep: Int?
    /// The wait that was told of last.
    private var want: String?
    private let meters: TrainerMeters
    private let pulse: Pulse
    private let serving: StatusServing?

    /// A validation, or the reading of a large set, may take so long: nothing beats meanwhile.
    static let stillSecondsMax = 3_600.0

    /// Describes a run.
    /// - Parameter logEvery: the steps between lines of metrics.
    init(folder: String, logEvery: Int, _ meters: TrainerMeters, _ pulse: Pulse, _ serving: StatusServing? = nil) {
        self.serving = serving
        self.meters = meters
        self.pulse = pulse
        self.folder = folder
        self.logEvery = logEvery
    }

    /// Tells whether it found all steps done before.
    var didNothing: Bool { self.lastStep == nil }

    /// Tells whether it was asked to stop.
    var stopping: Bool { self.stop.isSet }

    /// Trains, and looks for shards between steps.
    func run<Network: TrainableNetwork>(
        _ trainer: Trainer<Network>, look: () throws -> Void = {}
    ) throws -> TrainingOutcome {
        let interrupts = Interrupts("stopping: writing a checkpoint; once more to stop now") { [stop, pulse] in
            pulse.end()
            stop.set()
        }
        defer { interrupts.cancel() }
        self.pulse.start { [meters, pulse] figures in
            figures.trainers = [meters.figures]
            figures.waits = pulse.wait.map { [$0] } ?? []
        }
        defer {
            self.serving?.stop()
            self.pulse.stop()
        }
        var failure: (any Error)?
        let outcome = try trainer.run(
            isStopping: { self.stopping || failure != nil },
            onEvent: { event in
                self.meters.take(event)
                self.pulse.works()
                do {
                    try self.handle(event, options: trainer.options)
                    let now = ContinuousClock.now
                    if let lastLook = self.lastLook, now - lastLook < .milliseconds(200) { return }
                    self.lastLook = now
                    try look()
                } catch {
                    failure = error
                }
            })
        self.progress.finish()
        if let failure { throw failure }
        return outcome
    }

    /// A shard was first seen.
    func saw(_ sight: ShardSight) {
        let latency = Int(Date().timeIntervalSince1970 * 1000) - Int(sight.commit.time)
        self.meters.saw(afterSeconds: Double(latency) / 1000)
        Console.debug(
            "\(sight.commit.entry.file): \(sight.commit.entry.samples) samples, \(sight.usable) usable, seen "
                + "\(latency) ms after its commit")
        try? self.openMetrics().saw(sight, latency: latency)
    }

    /// Tells what is waited for: once in the log, and in the progress for as long as it lasts.
    /// - Parameters:
    ///   - want: what is waited for.
    ///   - outlook: when it may come.
    func waits(_ want: String, outlook: () -> String) {
        self.meters.waits()
        self.pulse.waits(.shards, for: want)
        if want != self.want { Console.info("waiting \(want); \(outlook())") }
        self.want = want
        if let lastStep { self.rate.add(lastStep, at: self.progress.elapsed, isWaiting: true) }
        self.progress.show(rows: { _, _ in ["waiting \(want)", outlook()] })
    }

    private func openMetrics() throws -> RunMetrics {
        if let metrics = self.metrics { return metrics }
        let metrics = try RunMetrics(folder: self.folder)
        self.metrics = metrics
        return metrics
    }

    private func handle(_ event: TrainingEvent<some ValidationScores>, options: TrainingOptions) throws {
        switch event {
        case .resumed(let step, let other):
            Console.info("going on from step \(step) of \(options.steps), with OpenBLAS's kernels for \(BLAS.coreType)")
            if let other {
                Console.warning(
                    "that checkpoint was written on another kind of machine (\(other)); the result will not have the same bits"
                )
            }
        case .segment(let segment, let usable):
            Console.debug(
                "segment \(segment.segment) from step \(segment.firstStep): \(segment.shards) shards, \(usable) samples"
            )
            try self.openMetrics().segment(segment, usable: usable)
        case .step(let step): try self.handle(step, options: options)
        case .unanswerable(let lines):
            for line in lines { Console.warning("\(line): each counts as missed in every validation") }
        case .validated(let step, let scores):
            Console.info("step \(step): \(scores.words)")
            try self.openMetrics().validated(step: step, scores)
        case .saved(let step, let isBest):
            Console.debug("step \(step): checkpoint written\(isBest ? ", the best so far" : "")")
        }
    }

    private func handle(_ step: TrainingStep, options: TrainingOptions) throws {
        if self.lastStep == nil { self.rate.add(step.step, at: self.progress.elapsed) }
        self.lastStep = step.step
        self.rate.add(step.step, at: self.progress.elapsed)
        if step.step % max(self.logEvery, 1) == 0 || step.step == options.steps {
            try self.openMetrics().step(step)
        }
        self.progress.show { _ in
            String(
                format: "step %d of %d (%.0f %%), loss %.4f, %.1f samples/s%@", step.step, options.steps,
                Double(step.step) / Double(options.steps) * 100, step.losses.total,
                self.rate.rate * Double(options.batchSize), self.rate.left(options.steps - step.step))
        }
    }
}

/// A flag that a signal sets.
final class StopFlag: Sendable {
    private let flag = Atomic(false)

    /// Tells whether it was set.
    var isSet: Bool { self.flag.load(ordering: .relaxed) }

    /// Sets it.
    func set() { self.flag.store(true, ordering: .relaxed) }
}
