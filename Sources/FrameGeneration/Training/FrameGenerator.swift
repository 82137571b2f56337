// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
import Synchronization
public import Threads
public import Training

/// The denoiser as the trainer takes it: it learns the noise in latents of target frames, given the input frame's
/// latent and the words.
///
/// All random numbers follow from the run's seed, the step and the sample's place in the batch; gradients are summed in
/// a fixed tree, so that one thread and two give the same bits. Dropout of the mixing layers is off, and the moving
/// average follows each step: the official code has it follow each micro-batch.
public final class FrameGenerator: TrainableNetwork {
    /// The make.
    public let description: FrameDescription
    /// The settings of its training.
    public let preparation: FramePreparation
    /// The weights, under their official names.
    public let parameters: Parameters
    /// The gradients that `differentiate` left.
    public var gradients: FloatBuffer { self.tree.sum }
    /// The moving average of the weights that learn.
    public let carried: [CarriedTensor]
    /// The maker of its batches.
    public let loader: FrameLoader

    private let layers: DenoiserLayers
    private let schedule = NoiseSchedule()
    private let average: FloatBuffer
    private let tree: GradientTree
    private let threads: Int
    private var team: ThreadTeam?
    private var spaces: [Bool: TapeSpaces<DenoiserLayers.Ports>] = [:]
    private let emptyText: [Float]

    /// The number of threads that a network may work on.
    public static let threadsRange = 1...1024
    /// The name of the moving average in a checkpoint.
    static let averageName = "average"

    /// Creates a network.
    /// - Parameter seed: the same seed gives the same initial values.
    /// - Throws: `GenerationError` where the description has a `problem()`, or there is no memory for the weights.
    public init(
        _ description: FrameDescription, loader: FrameLoader, _ preparation: FramePreparation = .init(), seed: UInt64,
        threads: Int = 1
    ) throws {
        if let problem = description.problem() ?? preparation.problem() { throw GenerationError(problem) }
        guard Self.threadsRange.contains(threads) else {
            throw GenerationError("--threads must be at least 1, and 1024 at most, not \(threads)")
        }
        var layout = ParameterLayout()
        self.layers = Self.layers(description, in: &layout)
        self.description = description
        self.preparation = preparation
        self.loader = loader
        self.threads = threads
        // Weights, their average, two moments, and a gradient a part that is under way.
        self.parameters = try Parameters.checked(layout, seed: seed, copies: 5 + threads, "the network")
        self.tree = GradientTree(count: layout.trainedCount)
        self.average = FloatBuffer(count: layout.trainedCount)
        self.carried = [
            CarriedTensor(Self.averageName, shape: [layout.trainedCount], .average, self.average)
        ]
        self.emptyText = try loader.cache.empty()
        self.startAverage()
    }

    private static func layers(_ description: FrameDescription, in layout: inout ParameterLayout) -> DenoiserLayers {
        DenoiserLayers(description.denoiser, learnsProjections: description.learnsProjections, in: &layout)
    }

    /// The tensors that a network has.
    public static func layout(_ description: FrameDescription) -> ParameterLayout {
        var layout = ParameterLayout()
        _ = Self.layers(description, in: &layout)
        return layout
    }

    /// Begins the moving average with the weights as they are.
    public func startAverage() {
        self.average.start.update(from: self.parameters.trained.start, count: self.average.count)
    }

    /// A fresh AdamW, which decays all weights.
    public func makeOptimizer() -> Adam {
        var configuration = Adam.Configuration.adamW
        configuration.weightDecay = Float(self.preparation.weightDecay)
        return Adam(self.parameters.layout, configuration)
    }

    /// The rate of a step: up over the warm-up, then constant, as the official one is.
    public func learningRate(_ step: Int, _ options: TrainingOptions) -> Double {
        step < options.warmupSteps
            ? options.learningRate * Double(step) / Double(options.warmupSteps) : options.learningRate
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

    /// Has the moving average follow the weights.
    public func follow(step: Int) {
        let decay = NoiseSchedule.averageDecay(step, most: self.preparation.averageDecay)
        self.average.approach(self.parameters.trained, share: Float(1 - decay))
    }

    // MARK: Passes

    /// The random part of one sample's step.
    private struct Draws {
        let time: Int
        let dropped: Float
        let latent: [Float], noise: [Float]

        init(_ stream: String, seed: UInt64, times: Int, count: Int) {
            var random = PhiloxGenerator(seed: seed, stream: stream)
            self.time = min(Int(Double(random.unit()) * Double(times)), times - 1)
            self.dropped = random.unit()
            self.latent = (0..<count).map { _ in random.normal() }
            self.noise = (0..<count).map { _ in random.normal() }
        }
    }

    private func tape(training: Bool) -> TapeSpaces<DenoiserLayers.Ports> {
        let side = self.description.latentSide
        let spaces =
            self.spaces[training]
            ?? TapeSpaces(isTraining: training) { [layers] tape in
                layers.write(height: side, width: side, withConditions: true, on: &tape)
            }
        self.spaces[training] = spaces
        return spaces
    }

    /// Computes the loss of a batch and leaves the gradients.
    public func differentiate(_ batch: FrameBatch, _ key: StepKey) throws -> StepLosses {
        let team = try self.startThreads(), count = batch.samples.count
        let draws = (0..<count).map { slot in
            Draws("frames/\(key.step)/\(slot)", seed: key.seed, times: self.schedule.count, count: self.latentCount)
        }
        let spaces = self.tape(training: true), workspaces = try spaces.take(threads: min(team.count, count))
        guard self.tree.begin(parts: count, threads: team.count) else {
            throw GenerationError(
                "there is no memory for the gradients of a sample, \(self.parameters.layout.trainedCount >> 18) MiB "
                    + "each; lower --threads or --width, or give the program more memory (`ulimit -v`)")
        }
        let losses = Mutex([Double](repeating: 0, count: count))
        let work = Work(self, spaces)
        team.run(min(team.count, count)) { [tree, parameters] thread in
            while let part = tree.take() {
                let pass = TapeSpaces<DenoiserLayers.Ports>.pass(parameters, workspaces[thread], gradients: part.buffer)
                let noise = draws[part.index].noise
                work.forward(batch.samples[part.index], draws[part.index], pass)
                let loss = DiffusionLoss.differentiate(
                    work.plan.value(work.noise, pass), noise: noise, batch: count,
                    into: work.plan.gradient(work.noise, pass))
                work.plan.backward(pass)
                losses.withLock { $0[part.index] = loss }
                tree.finish(part)
            }
        }
        return StepLosses(total: losses.withLock { $0.reduce(0, +) })
    }

    private var latentCount: Int {
        self.description.firstStage.latent * self.description.latentSide * self.description.latentSide
    }

    /// Everything that a thread needs to fill a tape with a sample.
    private struct Work: Sendable {
        let plan: TapePlan
        let ports: DenoiserLayers.Ports
        let layers: DenoiserLayers
        let schedule: NoiseSchedule
        let scale: Float
        let empty: [Float]
        var noise: TapeValue { self.ports.predictor.noise.value }

        init(_ network: FrameGenerator, _ spaces: TapeSpaces<DenoiserLayers.Ports>) {
            self.plan = spaces.plan
            self.ports = spaces.ports
            self.layers = network.layers
            self.schedule = network.schedule
            self.scale = network.description.firstStage.scale
            self.empty = network.emptyText
        }

        func forward(_ sample: FrameBatch.Sample, _ draws: Draws, _ pass: Pass) {
            let entry = sample.entry, kept = self.layers.configuration.conditions.kept(draws.dropped)
            let moments = FirstStage.Moments(
                mean: entry.mean, logVariance: entry.logVariance, height: 0, width: 0)
            let noisy = DiffusionLoss.noisy(
                moments.draw(draws.latent, scale: self.scale), noise: draws.noise, self.schedule.factors(draws.time))
            let frame = kept.frame ? entry.input : [Float](repeating: 0, count: entry.input.count)
            let text = kept.text ? entry.text : self.empty
            self.plan.value(self.ports.predictor.latent.value, pass).fill(noisy + frame)
            self.plan.value(self.ports.predictor.time, pass)
                .fill(self.layers.predictor.sinusoid(Double(draws.time)))
            if let conditions = self.ports.conditions {
                self.plan.value(conditions.text, pass).fill(text)
                if let image = conditions.image { self.plan.value(image, pass).fill(sample.features.image) }
                if let words = conditions.words { self.plan.value(words, pass).fill(sample.features.words) }
                if let factor = conditions.kept { self.plan.value(factor, pass).fill([kept.text ? 1 : 0]) }
            } else {
                self.plan.value(self.ports.predictor.context, pass).fill(text)
            }
            self.plan.forward(pass)
        }
    }

    /// The loss of each pair at noise that follows from its place in the batch.
    public func predict(_ batch: FrameBatch) throws -> [Double] { try self.losses(batch, first: 0) }

    private func losses(_ batch: FrameBatch, first: Int) throws -> [Double] {
        let team = try self.startThreads(), spaces = self.tape(training: false), count = batch.samples.count
        let workspaces = try spaces.take(threads: min(team.count, max(count, 1)))
        let losses = Mutex([Double](repeating: 0, count: count)), next = Atomic<Int>(0), work = Work(self, spaces)
        let times = self.schedule.count, size = self.latentCount
        team.run(min(team.count, count)) { [parameters] thread in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                let draws = Draws("validation/\(first + index)", seed: 0, times: times, count: size)
                let pass = TapeSpaces<DenoiserLayers.Ports>.pass(parameters, workspaces[thread])
                work.forward(batch.samples[index], draws, pass)
                let predicted = work.plan.value(work.noise, pass).values
                let sum = zip(predicted, draws.noise).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
                losses.withLock { $0[index] = sum / Double(size) }
            }
        }
        return losses.withLock { $0 }
    }

    /// All pairs can be answered whose latents are there.
    public func gaps(in validation: FrameValidation) throws -> [String] {
        guard !validation.pairs.isEmpty else {
            throw TrainingError(
                .noSamples, "there is no pair to validate on; name a file with pairs, or do not validate")
        }
        return []
    }

    /// The mean loss over the validation's pairs, each at a noise of its own that is always the same.
    public func evaluate(_ validation: FrameValidation) throws -> Verdict<NamedScores> {
        var sum = 0.0
        for start in stride(from: 0, to: validation.pairs.count, by: 32) {
            let pairs = Array(validation.pairs[start..<min(start + 32, validation.pairs.count)])
            sum += try self.losses(try validation.loader.batch(pairs), first: start).reduce(0, +)
        }
        let loss = sum / Double(validation.pairs.count)
        return Verdict(NamedScores(["loss": loss]), score: loss.isFinite ? 1 / (1 + loss) : nil)
    }
}
