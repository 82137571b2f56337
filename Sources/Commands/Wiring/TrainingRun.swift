// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import DurableFiles
import Foundation
import MomentLocalization
import MomentQueries
import NeuralNetworks
import Records
import Shards
import Synchronization
import Training
import VideoAnnotations

/// Options for the course of a run, shared by `train` and `finetune`.
struct RunLengthArguments: ParsableArguments {
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
    var batchSize = 32

    @Option(help: "The highest learning rate, above 0 and at most 1000. The official 1e-4 is for 70,000 steps.")
    var learningRate = 5e-4

    @Option(help: "The share of the steps in which the rate rises from zero, 0 to 1.")
    var warmup = 0.0

    @Option(help: "The most that the gradients' norm may be, above 0.")
    var clipNorm: Float = 1

    @Option(help: "Seed of every random number.")
    var seed: UInt64 = 12345

    @Option(
        help: ArgumentHelp(
            "fixed drops windows of which up to 1/30 s lies in their clip, and widens short ones to a feature's slot; official "
                + "collapses both."))
    var targets = TargetRule.fixed

    @Option(
        name: .customLong("validate"),
        help: ArgumentHelp("Annotations to validate on, such as nlq_val.json.", valueName: "file"))
    var validation: String?

    @Option(help: ArgumentHelp("Steps between validations, 1 or more.", valueName: "n"))
    var validateEvery = 1000

    @Option(help: ArgumentHelp("Steps between checkpoints, 1 or more.", valueName: "n"))
    var checkpointEvery = 500

    @Option(help: ArgumentHelp("Checkpoints to keep, beside the best one, 1 or more.", valueName: "n"))
    var keep = 3

    @Option(help: ArgumentHelp("Steps between lines of metrics, 1 or more.", valueName: "n"))
    var logEvery = 10

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

    func preparation(text: String, layout: FeatureLayout) -> MomentPreparation {
        var preparation = MomentPreparation(text: text)
        preparation.targets = self.targets
        preparation.layout = layout
        return preparation
    }

    func schedule() throws -> MomentTrainer.Schedule {
        var schedule = MomentTrainer.Schedule()
        schedule.checkpointSteps = self.checkpointEvery
        schedule.validationSteps = self.validateEvery
        if let validation {
            schedule.validation = try GroundTruth(try Annotations.read(validation).split, path: validation)
        }
        return schedule
    }
}

/// Runs a trainer with progress, metrics and signals.
final class TrainingRun {
    private let arguments: RunLengthArguments
    private let progress = ProgressReporter()
    private var metrics: RunMetrics?
    private var lastLook: ContinuousClock.Instant?
    private let stop = StopFlag()
    private var started = ContinuousClock.now
    private var firstStep: Int?

    init(_ arguments: RunLengthArguments) { self.arguments = arguments }

    /// Tells whether it was asked to stop.
    var stopping: Bool { self.stop.isSet }

    /// Trains, and looks for shards between steps.
    func run(_ trainer: MomentTrainer, look: () throws -> Void = {}) throws -> TrainingOutcome {
        let interrupts = Interrupts("stopping: writing a checkpoint; once more to stop now") { [stop] in stop.set() }
        defer { interrupts.cancel() }
        self.started = ContinuousClock.now
        var failure: (any Error)?
        let outcome = try trainer.run(
            isStopping: { self.stopping || failure != nil },
            onEvent: { event in
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
        Console.debug(
            "\(sight.commit.entry.file): \(sight.commit.entry.samples) samples, \(sight.usable) usable, seen "
                + "\(latency) ms after its commit")
        try? self.openMetrics().write { json in
            json.field("event", "shard")
            json.field("file", sight.commit.entry.file)
            json.field("samples", sight.commit.entry.samples)
            json.field("usable", sight.usable)
            json.field("latency_ms", latency)
        }
    }

    private func openMetrics() throws -> RunMetrics {
        if let metrics = self.metrics { return metrics }
        let metrics = try RunMetrics(folder: self.arguments.output)
        self.metrics = metrics
        return metrics
    }

    private func handle(_ event: TrainingEvent<Scores>, options: TrainingOptions) throws {
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
            try self.openMetrics().write { json in
                json.field("event", "segment")
                json.field("segment", segment.segment)
                json.field("step", segment.firstStep)
                json.field("shards", segment.shards)
                json.field("samples", usable)
            }
        case .step(let step): try self.handle(step, options: options)
        case .unanswerable(let lines):
            for line in lines { Console.warning("\(line): each counts as missed in every validation") }
        case .validated(let step, let scores):
            Console.info("step \(step): \(Self.words(scores))")
            try self.openMetrics().validated(step, scores)
        case .saved(let step, let isBest):
            Console.debug("step \(step): checkpoint written\(isBest ? ", the best so far" : "")")
        }
    }

    private func handle(_ step: TrainingStep, options: TrainingOptions) throws {
        let first = self.firstStep ?? step.step - 1
        self.firstStep = first
        if step.step % max(self.arguments.logEvery, 1) == 0 || step.step == options.steps {
            try self.openMetrics().step(step)
        }
        self.progress.show { _ in
            let rate = Double(step.step - first) / max((ContinuousClock.now - self.started).seconds, 1e-9)
            let left = Double(options.steps - step.step) / max(rate, 1e-9)
            return String(
                format: "step %d of %d (%.0f %%), loss %.4f, %.1f samples/s, %@ left", step.step, options.steps,
                Double(step.step) / Double(options.steps) * 100, step.losses.total, rate * Double(options.batchSize),
                ProgressReporter.duration(left))
        }
    }

    static func words(_ scores: Scores) -> String {
        let recalls = [(1, 0.3), (1, 0.5), (5, 0.3), (5, 0.5)].map { topK, threshold in
            String(
                format: "R%d@%.1f %.2f", topK, threshold, (scores.recall(topK: topK, threshold: threshold) ?? 0) * 100)
        }
        return recalls.joined(separator: ", ") + String(format: ", mIoU %.2f", scores.meanOverlap * 100)
            + " of \(scores.queries) queries"
    }
}

/// The files that a run's figures go to: JSON Lines and TensorBoard's.
final class RunMetrics {
    private let path: String
    private let handle: FileHandle
    private let events: EventFile

    init(folder: String) throws {
        try UserFile.reporting { () throws(FileFailure) in try Folder.create(folder, isPrivate: false) }
        let path = folder + "/metrics.jsonl"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else {
            throw CommandFailure(.failed, FileFailure("write", path, number: errno).message)
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        self.path = path
        self.handle = handle
        self.events = try EventFile(folder: folder)
    }

    func write(_ body: (inout JSONWriter) -> Void) throws {
        var json = JSONWriter()
        json.beginObject()
        json.field("time", (Date().timeIntervalSince1970 * 1000).rounded() / 1000)
        body(&json)
        json.endObject()
        do {
            try self.handle.write(contentsOf: Data(json.bytes + [0x0a]))
        } catch {
            throw CommandFailure(.failed, FileFailure(of: error, "write", self.path).message)
        }
    }

    func step(_ step: TrainingStep) throws {
        try self.write { json in
            json.field("event", "step")
            json.field("step", step.step)
            json.field("loss", step.losses.total)
            for loss in step.losses.parts {
                json.key(text: loss.name + "_loss")
                json.value(loss.value)
            }
            json.field("gradient_norm", Double(step.gradientNorm))
            json.field("learning_rate", step.learningRate)
        }
        try self.events.add(
            [("loss/total", step.losses.total)] + step.losses.parts.map { ("loss/" + $0.name, $0.value) }
                + [("gradient_norm", Double(step.gradientNorm)), ("learning_rate", step.learningRate)],
            step: step.step)
    }

    func validated(_ step: Int, _ scores: Scores) throws {
        let values = zip(scores.metrics, scores.recall).map { ("validation/R\($0.topK)@\($0.threshold)", $1) }
        try self.write { json in
            json.field("event", "validation")
            json.field("step", step)
            for (name, value) in values {
                json.key(text: name)
                json.value(value)
            }
            json.field("mean_iou", scores.meanOverlap)
        }
        try self.events.add(values + [("validation/mIoU", scores.meanOverlap)], step: step)
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
