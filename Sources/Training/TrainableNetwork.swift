// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
public import Threads

/// A network that `Trainer` can train, and what it trains on.
///
/// The trainer knows steps, segments and checkpoints; the network knows everything else. The trainer relies on this, so
/// that a run that is killed anywhere ends with the same bits:
///
/// - `loader` makes a batch from samples and the step's key alone, whatever was loaded before and on however many
///   threads; a batch may be made ahead of its step.
/// - `differentiate` depends on the batch, the key, the parameters and the carried state alone.
/// - All that lasts from step to step is in `parameters`, in `carried`, or in the optimizer.
///
/// ```swift
/// let parts = Trainer.Parts(network: network, options: options, folder: folder, schedule: .init())
/// let trainer = try Trainer(parts, source: FixedSource(samples, options: options))
/// let outcome = try trainer.run(isStopping: { false }, onEvent: { events.append($0) })
/// ```
public protocol TrainableNetwork: AnyObject {
    /// The make of the network, and what it knows from its first start on: its sizes, a vocabulary.
    associatedtype Description: RunSettings
    /// The preparation of its samples, as far as that decides the bits.
    associatedtype Preparation: RunSettings
    /// The maker of batches.
    associatedtype Loader: BatchLoading
    /// Its answer to one sample.
    associatedtype Prediction
    /// The optimizer that moves its parameters.
    associatedtype Rule: Optimizer
    /// A set to validate it on.
    associatedtype Validation
    /// The result of a validation.
    associatedtype Scores: ValidationScores

    /// The make of this network.
    var description: Description { get }
    /// The preparation of its samples.
    var preparation: Preparation { get }
    /// The parameters of a network of a description: which are trained, which decay, and which frozen ones a checkpoint
    /// names by their digest alone. Asked for a description that has no `problem()`, before any memory is taken.
    static func layout(_ description: Description) -> ParameterLayout
    /// The parameters' values.
    var parameters: Parameters { get }
    /// The gradients that `differentiate` left, in the order of `parameters.trained`.
    var gradients: FloatBuffer { get }
    /// The state that lasts from step to step and no gradient moves: memory, averages. Always the same tensors, in the
    /// same places.
    var carried: [CarriedTensor] { get }
    /// The order that it wants its samples in.
    var order: SampleOrder { get }
    /// The maker of its batches.
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

    /// Tells what of the validation set it cannot answer, a line a reason.
    /// - Throws: `TrainingError.Code.noSamples` where that is all of it: the best would be chosen from nothing.
    func gaps(in validation: Validation) throws -> [String]
    /// Answers the validation set.
    func evaluate(_ validation: Validation) throws -> Verdict<Scores>
}

extension TrainableNetwork {
    /// A value that it trains on.
    public typealias Sample = Loader.Sample

    /// Nothing, unless the network says otherwise.
    public var carried: [CarriedTensor] { [] }
    /// Each sample by itself, unless the network says otherwise.
    public var order: SampleOrder { .singles }
    /// Does nothing.
    public func follow(step: Int) {}
}

/// Settings that a checkpoint keeps and a run is resumed with. A field that an older checkpoint does not have is read
/// as its default.
public protocol RunSettings: Hashable, Sendable, Codable {
    /// Each setting in words, by the option that sets it.
    var settings: [(name: String, value: String)] { get }
    /// Says what is out of range, or nothing. What it lets pass can be computed with.
    func problem() -> String?
}

/// A value that a network trains on.
public protocol TrainingSample: Sendable {
    /// Its name in messages.
    var id: String { get }
}

/// Makes batches. Used ahead of the step, and on any thread.
public protocol BatchLoading: Sendable {
    /// A value that goes into a batch.
    associatedtype Sample: TrainingSample
    /// A batch.
    associatedtype Batch: Sendable

    /// Makes the batch of a step: a function of the samples and the key. What comes from a cache has the same bits as
    /// what is computed anew.
    /// - Parameter team: threads to work on; they change nothing in the result.
    func batch(_ draws: [Draw<Sample>], _ key: StepKey, on team: ThreadTeam) throws -> Batch
}

/// The key that all random numbers of a step follow from.
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
    /// The loss that is minimised.
    public var total: Double
    /// Its parts by name, in the order in which they are told.
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
    /// Its writer.
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
    /// Its writer.
    public let kind: Kind
    /// Its place.
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

/// The result of a validation, and what the best checkpoint is chosen by.
public struct Verdict<Scores: Sendable>: Sendable {
    /// The scores.
    public var scores: Scores
    /// The measure of the best checkpoint, 0 to 1, more is better; `nil` where nothing was answered.
    public var score: Double?

    /// Describes a verdict.
    public init(_ scores: Scores, score: Double?) {
        self.scores = scores
        self.score = score
    }
}
