// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import FrameGeneration
import MomentQueries
import TaskRooms
import Training

/// The part of a frame generator that is trained.
enum FrameStage: String, ExpressibleByArgument, CaseIterable {
    /// The autoencoder between frames and latents.
    case first
    /// The denoiser, which makes latents.
    case frames
}

/// The training of what makes the context of features.
enum ProjectionTraining: String, ExpressibleByArgument, CaseIterable {
    /// They learn with the denoiser.
    case trained
    /// They keep their first values, as in the official code.
    case official
}

/// `millrace train-frames`
struct TrainFramesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train-frames", abstract: "Train a network that makes the frame in which an action is under way.",
        discussion: """
            A latent diffusion model that is told the frame before an action and words about it, as LEGO has it. \
            First the autoencoder between frames and latents is trained (--stage first), then the denoiser. Latents \
            and words are encoded once and kept in the run's folder. Each word of the training set is a token, and a \
            text encoder with random weights reads them. Kill it anywhere: the same command goes on, and ends with \
            the same bits.

            EXAMPLES
              millrace train-frames --stage first --steps 2000 \\
                  --pairs world/lego/ego4d_train.json \\
                  --frames world/lego/train --output runs/stage
              millrace train-frames --first-stage runs/stage/best.safetensors \\
                  --pairs world/lego/ego4d_train.json \\
                  --frames world/lego/train \\
                  --steps 5000 --output runs/frames
            """)

    @Option(help: "The part that is trained: first, or frames.")
    var stage = FrameStage.frames

    @Option(help: ArgumentHelp("The pairs, LEGO's form, such as ego4d_train.json.", valueName: "file"))
    var pairs: String

    @Option(name: .customLong("validate"), help: ArgumentHelp("Pairs to validate on.", valueName: "file"))
    var validationPairs: String?

    @Option(help: ArgumentHelp("The folder of their frames, if it is another.", valueName: "dir"))
    var validateFrames: String?

    @Option(help: ArgumentHelp("A checkpoint of --stage first, or the official weights.", valueName: "file"))
    var firstStage: String?

    @Option(help: "The projections of features: trained, or official, which keeps them as they begin.")
    var projections = ProjectionTraining.trained

    @Option(help: "The share of a weight that a step of rate 1 takes away, 0 to 1.")
    var weightDecay = 0.01

    @Option(help: "The most that the moving average of the weights keeps of itself in a step, 0 to 1.")
    var averageDecay = 0.9999

    @Option(
        help: ArgumentHelp(
            "Threads, up to 1024; by default as many as cores. They change the speed, not the result.", valueName: "n"))
    var threads: Int?

    /// A run's defaults: nothing is clipped.
    enum Defaults: RunDefaults {
        static let defaults: TrainingOptions = {
            var options = TrainingOptions(source: "pairs", steps: 1)
            options.batchSize = 16
            options.learningRate = 1e-3
            options.warmup = 0.02
            options.clipNorm = 1e30
            return options
        }()
    }

    @OptionGroup(title: "Run") var length: RunLengthArguments<Defaults>
    @OptionGroup(title: "Data") var data: PairArguments
    @OptionGroup(title: "Network") var network: FrameNetworkArguments
    @OptionGroup(title: "First stage, with --stage first") var autoencoder: FirstStageArguments
    @OptionGroup(title: "Options of every command") var logs: LogOptions

    private var preparation: FramePreparation {
        var preparation = FramePreparation()
        (preparation.weightDecay, preparation.averageDecay) = (self.weightDecay, self.averageDecay)
        return preparation
    }

    func validate() throws {
        if let threads { try OptionRange.check("--threads", threads, FrameGenerator.threadsRange) }
        if let problem = self.preparation.problem() { throw ValidationError(problem) }
        if self.stage == .frames, self.firstStage == nil {
            throw ValidationError("Give --first-stage, a checkpoint of a run with --stage first.")
        }
        if self.stage == .first, self.firstStage != nil {
            throw ValidationError("--first-stage goes with --stage frames: with --stage first it is what is trained.")
        }
        if self.validateFrames != nil, self.validationPairs == nil {
            throw ValidationError("--validate-frames goes with --validate.")
        }
        try OptionRange.check("--side", self.network.side, FrameDescription.sides)
    }

    private var threadCount: Int { max(1, self.threads ?? ProcessInfo.processInfo.activeProcessorCount) }

    private var validationFolder: FrameFolder {
        var folder = self.data.folder
        folder.path = self.validateFrames ?? folder.path
        return folder
    }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            try MatrixKernels.prepare()
            let pairs = try PairArguments.pairs(self.pairs)
            let validation = try self.validationPairs.map { try PairArguments.pairs($0) }
            switch self.stage {
            case .first: try self.trainFirst(pairs, validation)
            case .frames: try self.trainFrames(pairs, validation)
            }
        }
    }

    private func trainFirst(_ pairs: [FramePair], _ validation: [FramePair]?) throws {
        let description = FirstStageDescription(
            self.autoencoder.configuration(groups: self.network.groups, side: self.network.side),
            side: self.network.side, divergence: self.autoencoder.divergence)
        if let problem = description.problem() { throw CommandFailure(.usage, problem) }
        let network = try FirstStageTrainer(
            description, self.data.folder, self.preparation, seed: self.length.seed, threads: self.threadCount)
        let options = self.length.options(source: "frames of pairs:" + (try FileHash.sha256(self.pairs)))
        let frames = Self.frames(pairs)
        if let validation, self.validateFrames ?? self.data.frames != self.data.frames {
            throw CommandFailure(
                .usage,
                "a first stage is validated on frames of its own folder; leave out --validate-frames, or --validate "
                    + "(\(validation.count) pairs)")
        }
        let held = validation.map { Array(Self.frames($0).prefix(64)) }
        let parts = self.length.parts(network, options, validation: held)
        try self.finish(try Trainer(parts, source: FixedSource(frames, options: options)), frames.count, "frames")
    }

    /// Each frame once, in the pairs' order.
    private static func frames(_ pairs: [FramePair]) -> [FrameName] {
        var known: Set<String> = []
        return pairs.flatMap { [$0.input, $0.target] }.filter { known.insert($0).inserted }.map { FrameName($0) }
    }

    private func trainFrames(_ pairs: [FramePair], _ validation: [FramePair]?) throws {
        let (stage, isOfficial) = try FirstStage.read(self.firstStage ?? "")
        let words = FrameWords(of: pairs.map(\.text)), configuration = self.network.encoder(words)
        if let problem = configuration.problem() { throw CommandFailure(.usage, problem) }
        let encoder = try TextEncoder(configuration, seed: FrameSet.encoderSeed)
        let features = try self.data.folder.featureSizes(of: pairs[0])
        var description = FrameDescription(
            denoiser: self.network.denoiser(stage.configuration, configuration, features: features),
            firstStage: stage.configuration, textEncoder: configuration, words: words, side: self.network.side,
            firstStageHash: stage.parameters.digest, textEncoderHash: encoder.parameters.digest)
        description.learnsProjections = self.projections == .trained
        if let problem = description.problem() { throw CommandFailure(.usage, problem) }
        let set = FrameSet(stage: stage, encoder: encoder, words: words, side: self.network.side)
        let cache = try self.cache(set, pairs, self.data.folder, "latents.safetensors")
        if !isOfficial { description.firstStage.scale = 1 / cache.deviation }
        let conditions = description.denoiser.conditions
        let network = try FrameGenerator(
            description, loader: FrameLoader(cache, self.data.folder, conditions), self.preparation,
            seed: self.length.seed, threads: self.threadCount)
        let held = try validation.map { pairs in
            let cache = try self.cache(set, pairs, self.validationFolder, "latents-validation.safetensors")
            return FrameValidation(
                pairs.enumerated().map { PlacedPair($0.element, place: $0.offset) },
                FrameLoader(cache, self.validationFolder, conditions))
        }
        let options = self.length.options(source: "pairs:\(cache.key)")
        let parts = self.length.parts(network, options, validation: held)
        let placed = pairs.enumerated().map { PlacedPair($0.element, place: $0.offset) }
        try self.finish(try Trainer(parts, source: FixedSource(placed, options: options)), pairs.count, "pairs")
    }

    private func cache(
        _ set: FrameSet, _ pairs: [FramePair], _ folder: FrameFolder, _ name: String
    ) throws -> LatentCache {
        let progress = ProgressReporter()
        defer { progress.finish() }
        return try set.cache(pairs, folder, in: self.length.output, named: name) { done in
            progress.show { _ in "encoding: \(done) of \(pairs.count) pairs" }
        }
    }

    private func finish<Network: TrainableNetwork>(_ trainer: Trainer<Network>, _ count: Int, _ what: String) throws {
        let run = try self.length.run("train-frames", on: self.pairs), outcome = try run.run(trainer)
        if outcome == .finished, run.didNothing {
            try Results.line("this run did nothing: all \(self.length.steps) steps were done before")
        }
        try Results.line(
            "\(outcome == .finished ? "trained" : "stopped after") \(trainer.step) of \(self.length.steps) steps on "
                + "\(count) \(what); checkpoints are in \(self.length.output)")
        if outcome == .stopped { try Results.line("the same command goes on from here") }
    }
}
