// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
public import Threads

/// A network that `Trainer` can train, and what it trains on.
///
/// The trainer knows steps, segments, checkpoints and learning rates; the network knows everything else. What the trainer
/// relies on, so that a run that is killed anywhere ends with the same bits:
///
/// - `loader` makes a batch from samples and the step's key alone, whatever was loaded before and on however many
///   threads; a batch may be made ahead of its step.
/// - `differentiate` depends on the batch, the key, the parameters and the carried state alone.
/// - All that lasts from step to step is in `parameters`, in `carried`, or in the optimizer.
///
/// ```swift
/// let parts = Trainer.Parts(network: network, options: options, folder: folder, schedule: .init())
/// let trainer = try Trainer(parts, source: FixedSource(samples, options: options))
/// let outcome = try trainer.run(isStopping: { false }, onEvent: { print($0) })
/// ```
public protocol TrainableNetwork: AnyObject {
    /// What the network is made of and what it knows from its first start on, such as its sizes and a vocabulary.
    associatedtype Description: RunSettings
    /// How its samples are prepared, as far as that decides the bits.
    associatedtype Preparation: RunSettings
    /// What makes batches.
    associatedtype Loader: BatchLoading
    /// What it says about one sample.
    associatedtype Prediction
    /// What moves its parameters.
    associatedtype Rule: Optimizer
    /// What it is validated on.
    associatedtype Validation
    /// What a validation comes to.
    associatedtype Scores: Sendable

    /// What the network is made of.
    var description: Description { get }
    /// How its samples are prepared.
    var preparation: Preparation { get }
    /// The parameters of a network of a description: which are trained, which decay, and which frozen ones a checkpoint
    /// names by their digest alone. Asked for a description that has no `problem()`, before any memory is taken.
    static func layout(_ description: Description) -> ParameterLayout
    /// The parameters' values.
    var parameters: Parameters { get }
    /// The gradients that `differentiate` left, in the order of `parameters.trained`.
    var gradients: FloatBuffer { get }
    /// What lasts from step to step and no gradient moves: memory, running averages. Always the same tensors, in the
    /// same places.
    var carried: [CarriedTensor] { get }
    /// In which order it wants its samples.
    var order: SampleOrder { get }
    /// What makes its batches.
    var loader: Loader { get }

    /// Creates a fresh optimizer for its parameters.
    func makeOptimizer() -> Rule
    /// The learning rate of a step, 0 for the first.
    func learningRate(_ step: Int, _ options: TrainingOptions) -> Double
    /// Starts the threads that it and its loader work on, unless they are there.
    func startThreads() throws -> ThreadTeam
    /// Computes a batch's losses and leaves the gradients; memory moves on.
    func differentiate(_ batch: Loader.Batch, _ key: StepKey) throws -> StepLosses
    /// Follows the parameters after the optimizer has moved them: averages do.
    /// - Parameter step: the number of steps taken, 1 after the first.
    func follow(step: Int)
    /// Answers a batch. Memory may move on; the trainer puts it back after an evaluation.
    func predict(_ batch: Loader.Batch) throws -> [Prediction]

    /// What of the validation set it cannot answer, a line a reason.
    /// - Throws: `TrainingError.Code.noSamples` where that is all of it: a best checkpoint would be chosen from nothing.
    func gaps(in validation: Validation) throws -> [String]
    /// Answers the validation set.
    func evaluate(_ validation: Validation) throws -> Verdict<Scores>
}

extension TrainableNetwork {
    /// What it trains on.
    public typealias Sample = Loader.Sample

    /// Nothing, unless the network says otherwise.
    public var carried: [CarriedTensor] { [] }
    /// Each sample by itself, unless the network says otherwise.
    public var order: SampleOrder { .singles }
    /// Does nothing.
    public func follow(step: Int) {}
}

/// Settings that a checkpoint keeps and a run is resumed with. A field that older checkpoints do not have is read as its
/// default.
public protocol RunSettings: Hashable, Sendable, Codable {
    /// Each setting in words, by the option that sets it.
    var settings: [(name: String, value: String)] { get }
    /// Says what is out of range, or nothing. What it lets pass can be computed with.
    func problem() -> String?
}

/// A value that a network trains on.
public protocol TrainingSample: Sendable {
    /// What it is called in messages.
    var id: String { get }
}

/// Makes batches. Used ahead of the step, and on any thread.
public protocol BatchLoading: Sendable {
    /// What it makes them from.
    associatedtype Sample: TrainingSample
    /// What it makes.
    associatedtype Batch: Sendable

    /// Makes the batch of a step: a function of the samples and the key. What comes from a cache has the same bits as
    /// what is computed anew.
    /// - Parameter team: threads to work on; they change nothing in the result.
    func batch(_ draws: [Draw<Sample>], _ key: StepKey, on team: ThreadTeam) throws -> Batch
}

/// What all random numbers of a step follow from.
public struct StepKey: Hashable, Sendable {
    /// The run's seed.
    public var seed: UInt64
    /// The step, 0 for the first.
    public var step: Int

    /// Describes a step.
    public init(seed: UInt64, step: Int) {
        self.seed = seed
        self.step = step
    }
}

/// The losses of a step.
public struct StepLosses: Hashable, Sendable {
    /// What is minimised.
    public var total: Double
    /// What it is made of, by name, in the order in which it is told.
    public var parts: [Part]

    /// One of several losses.
    public struct Part: Hashable, Sendable {
        /// Its name, such as `location`.
        public var name: String
        /// Its value, before any weight in the total.
        public var value: Double
    }

    /// Describes losses.
    public init(total: Double, parts: KeyValuePairs<String, Double> = [:]) {
        self.total = total
        self.parts = parts.map { Part(name: $0.key, value: $0.value) }
    }
}

/// A tensor that lasts from step to step and that no gradient moves.
public struct CarriedTensor: Sendable {
    /// Who writes it.
    public enum Kind: Hashable, Sendable {
        /// Any pass through the network. The trainer puts it back after an evaluation.
        case memory
        /// `TrainableNetwork.follow` alone.
        case average
    }

    /// Its name in a checkpoint, without `carried.`
    public let name: String
    /// Its dimensions, the slowest first; they fill the buffer.
    public let shape: [Int]
    /// Who writes it.
    public let kind: Kind
    /// Where it lies.
    public let buffer: FloatBuffer

    /// Describes a tensor that fills a buffer.
    public init(_ name: String, shape: [Int], _ kind: Kind, _ buffer: FloatBuffer) {
        precondition(shape.reduce(1, *) == buffer.count, "\(name) fills its buffer")
        self.name = name
        self.shape = shape
        self.kind = kind
        self.buffer = buffer
    }
}

/// What a validation came to.
public struct Verdict<Scores: Sendable>: Sendable {
    /// The scores.
    public var scores: Scores
    /// What the best checkpoint is chosen by, 0 to 1, more is better; `nil` where nothing was answered.
    public var score: Double?

    /// Describes a verdict.
    public init(_ scores: Scores, score: Double?) {
        self.scores = scores
        self.score = score
    }
}
