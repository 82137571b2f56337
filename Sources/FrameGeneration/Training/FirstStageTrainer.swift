// SPDX-License-Identifier: Apache-2.0

import Glibc
public import NeuralNetworks
import Synchronization
public import Threads
public import Training

/// The make of a first stage that is trained.
public struct FirstStageDescription: RunSettings {
    /// The first stage.
    public var firstStage: FirstStageConfiguration
    /// The height and width that frames are brought to.
    public var side: Int
    /// The weight of the divergence from the normal distribution, beside the mean square of what is missed.
    public var divergence: Double

    /// Puts a make together.
    public init(_ firstStage: FirstStageConfiguration, side: Int, divergence: Double = 1e-6) {
        self.firstStage = firstStage
        self.side = side
        self.divergence = divergence
    }

    /// Each setting in words, by the option that sets it.
    public var settings: [(name: String, value: String)] {
        [
            ("--side", "\(self.side)"), ("--divergence", "\(self.divergence)"),
            ("the first stage", "\(self.firstStage)"),
        ]
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        if let problem = self.firstStage.problem() { return problem }
        guard FrameDescription.sides.contains(self.side), self.side % self.firstStage.reduction == 0 else {
            return "--side is \(self.side), and must divide by \(self.firstStage.reduction)"
        }
        return self.divergence >= 0 && self.divergence <= 1
            ? nil : "--divergence is from 0 to 1, not \(self.divergence)"
    }
}

/// A frame that a first stage learns from.
public struct FrameName: TrainingSample, Hashable {
    /// The file, relative to the set's folder.
    public var id: String

    /// Names a frame.
    public init(_ id: String) { self.id = id }
}

/// Reads frames.
public struct FramePixelLoader: BatchLoading {
    let folder: FrameFolder
    let side: Int

    /// Describes a loader.
    public init(_ folder: FrameFolder, side: Int) {
        self.folder = folder
        self.side = side
    }

    /// The frames of a step.
    /// - Throws: `GenerationError` where one is missing or damaged.
    public func batch(_ draws: [Draw<FrameName>], _ key: StepKey, on team: ThreadTeam) throws -> [FramePixels] {
        try draws.map { FramePixels(try self.folder.picture($0.sample.id), side: self.side) }
    }
}

/// The first stage as the trainer takes it: it learns to give frames back through latents, by the mean square of what
/// it misses and a little divergence from the normal distribution. The official one was trained elsewhere, against a
/// critic too.
public final class FirstStageTrainer: TrainableNetwork {
    /// The make.
    public let description: FirstStageDescription
    /// The settings of its training.
    public let preparation: FramePreparation
    /// The weights, under their official names.
    public let parameters: Parameters
    /// The gradients that `differentiate` left.
    public var gradients: FloatBuffer { self.tree.sum }
    /// The maker of its batches.
    public let loader: FramePixelLoader

    private let layers: FirstStageLayers
    private let tree: GradientTree
    private let threads: Int
    private var team: ThreadTeam?

    /// The values that are filled and read.
    private struct Ports: Sendable {
        let frame: TapeImage, noise: TapeValue, moments: TapeImage, decoded: TapeImage
    }

    private lazy var spaces: TapeSpaces<Ports> = TapeSpaces(isTraining: true) { tape in
        let layers = self.layers, description = self.description
        let side = description.side, latent = side / description.firstStage.reduction
        let frame = tape.input(channels: description.firstStage.channels, height: side, width: side)
        let moments = layers.encode(frame, on: &tape)
        let noise = tape.input(rows: description.firstStage.latent, columns: latent * latent)
        let decoded = layers.decode(tape.draw(moments, noise: noise), on: &tape)
        tape.keep(moments.value, wantsGradient: true)
        tape.keep(decoded.value, wantsGradient: true)
        return Ports(frame: frame, noise: noise, moments: moments, decoded: decoded)
    }

    /// Creates a network.
    /// - Parameter seed: the same seed gives the same initial values.
    /// - Throws: `GenerationError` where the description has a `problem()`, or there is no memory for the weights.
    public init(
        _ description: FirstStageDescription, _ folder: FrameFolder, _ preparation: FramePreparation = .init(),
        seed: UInt64, threads: Int = 1
    ) throws(GenerationError) {
        if let problem = description.problem() ?? preparation.problem() { throw GenerationError(problem) }
        guard FrameGenerator.threadsRange.contains(threads) else {
            throw GenerationError("--threads must be at least 1, and 1024 at most, not \(threads)")
        }
        var layout = ParameterLayout()
        self.layers = FirstStageLayers(description.firstStage, in: &layout)
        self.description = description
        self.preparation = preparation
        self.loader = FramePixelLoader(folder, side: description.side)
        self.threads = threads
        self.parameters = try Parameters.checked(layout, seed: seed, copies: 4 + threads, "the first stage")
        self.tree = GradientTree(count: layout.trainedCount)
    }

    /// The tensors that a network has.
    public static func layout(_ description: FirstStageDescription) -> ParameterLayout {
        var layout = ParameterLayout()
        _ = FirstStageLayers(description.firstStage, in: &layout)
        return layout
    }

    /// The first stage around these weights.
    public private(set) lazy var stage = FirstStage(self.layers, self.parameters)

    /// A fresh AdamW.
    public func makeOptimizer() -> Adam {
        var configuration = Adam.Configuration.adamW
        configuration.weightDecay = Float(self.preparation.weightDecay)
        return Adam(self.parameters.layout, configuration)
    }

    /// The rate of a step: up over the warm-up, then down along a cosine.
    public func learningRate(_ step: Int, _ options: TrainingOptions) -> Double {
        WarmupSchedule(.cosine, peak: options.learningRate, warmupSteps: options.warmupSteps, steps: options.steps)
            .rate(step)
    }

    /// Starts the threads that steps use, unless they are there.
    @discardableResult public func startThreads() throws -> ThreadTeam {
        if let team = self.team { return team }
        do throws(ThreadError) {
            let team = try ThreadTeam(count: self.threads)
            self.team = team
            return team
        } catch {
            throw GenerationError("cannot work on \(self.threads) threads: \(error.message)")
        }
    }

    /// Computes the losses of a batch and leaves the gradients.
    public func differentiate(_ batch: [FramePixels], _ key: StepKey) throws -> StepLosses {
        let team = try self.startThreads(), count = batch.count, spaces = self.spaces
        let workspaces = try spaces.take(threads: min(team.count, count))
        guard self.tree.begin(parts: count, threads: team.count) else {
            throw GenerationError("there is no memory for the gradients of a frame; lower --threads or --stage-width")
        }
        let losses = Mutex([(missed: Double, divergence: Double)](repeating: (0, 0), count: count))
        let weight = self.description.divergence
        team.run(min(team.count, count)) { [tree, parameters, plan = spaces.plan, ports = spaces.ports] thread in
            while let part = tree.take() {
                let pass = TapeSpaces<Ports>.pass(parameters, workspaces[thread], gradients: part.buffer)
                let frame = batch[part.index].values
                var random = PhiloxGenerator(seed: key.seed, stream: "stage/\(key.step)/\(part.index)")
                plan.value(ports.frame.value, pass).fill(frame)
                plan.value(ports.noise, pass).fill(
                    (0..<ports.noise.rows * ports.noise.columns).map { _ in random.normal() })
                plan.forward(pass)
                let missed = DiffusionLoss.differentiate(
                    plan.value(ports.decoded.value, pass), noise: frame, batch: count,
                    into: plan.gradient(ports.decoded.value, pass))
                let divergence = Self.divergence(
                    plan.value(ports.moments.value, pass), weight: weight / Double(count),
                    into: plan.gradient(ports.moments.value, pass))
                plan.backward(pass)
                losses.withLock { $0[part.index] = (missed, divergence / Double(count)) }
                tree.finish(part)
            }
        }
        let sum = losses.withLock { $0.reduce((0.0, 0.0)) { ($0.0 + $1.missed, $0.1 + $1.divergence) } }
        return StepLosses(
            total: sum.0 + weight * sum.1, parts: ["reconstruction": sum.0, "divergence": sum.1])
    }

    /// The divergence of a frame's latent from the normal distribution, summed over the latent, and its gradient.
    private static func divergence(_ moments: Matrix, weight: Double, into gradient: Matrix) -> Double {
        let half = moments.count / 2
        var sum = 0.0
        for index in 0..<half {
            let mean = Double(moments.start[index]), raw = moments.start[half + index]
            let logarithm = Double(min(max(raw, -30), 20))
            sum += 0.5 * (mean * mean + exp(logarithm) - 1 - logarithm)
            gradient.start[index] = Float(weight * mean)
            gradient.start[half + index] = -30...20 ~= raw ? Float(weight * 0.5 * (exp(logarithm) - 1)) : 0
        }
        return sum
    }

    /// The frames as they come back, by their latents' means.
    public func predict(_ batch: [FramePixels]) throws -> [FramePixels] {
        let stage = self.stage
        return try batch.map { frame in
            let moments = try stage.encode(frame)
            return try stage.decode(moments.mean, height: moments.height, width: moments.width)
        }
    }

    /// All frames can be answered.
    public func gaps(in validation: [FrameName]) throws -> [String] {
        guard !validation.isEmpty else {
            throw TrainingError(.noSamples, "there is no frame to validate on; name others, or do not validate")
        }
        return []
    }

    /// The mean peak signal-to-noise ratio of frames that come back, in decibels: the ceiling of all that is made
    /// through these latents.
    public func evaluate(_ validation: [FrameName]) throws -> Verdict<NamedScores> {
        var sum = 0.0
        for name in validation {
            let frame = FramePixels(try self.loader.folder.picture(name.id), side: self.description.side)
            sum += try self.predict([frame])[0].signalToNoise(of: frame)
        }
        let mean = sum / Double(validation.count)
        return Verdict(NamedScores(["psnr": mean]), score: mean.isFinite ? max(0, mean / (mean + 20)) : nil)
    }
}

extension FramePixels {
    /// The peak signal-to-noise ratio against another frame, clamped, in decibels, 100 at most.
    public func signalToNoise(of other: FramePixels) -> Double {
        let squares = zip(self.values, other.values).reduce(0.0) { sum, pair in
            let difference = Double(min(max(pair.0, -1), 1) - min(max(pair.1, -1), 1)) / 2
            return sum + difference * difference
        }
        let mean = squares / Double(max(self.values.count, 1))
        return mean > 1e-10 ? -10 * log10(mean) : 100
    }
}
