// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
public import Threads
public import Training

/// A network that has nothing to do with any other: it predicts the next number of a sequence from the number and from
/// what it remembers, y = weight · (x + memory) + bias + offset.
///
/// Its offset is frozen and kept elsewhere; memory, a number a slot, mixes what came; the average follows the weights.
/// Its optimizer is plain descent with momentum, its rate is constant, its samples come as whole sequences.
public final class ToyNetwork: TrainableNetwork {
    /// Its make.
    public struct Description: RunSettings {
        /// The number of slots that remember.
        public var slots = 3
        /// Each setting by its option.
        public var settings: [(name: String, value: String)] { [("--slots", "\(self.slots)")] }
        /// Says what is out of range.
        public func problem() -> String? {
            (1...64).contains(self.slots) ? nil : "--slots is 1 to 64, not \(self.slots)"
        }
    }

    /// The preparation of its samples: none.
    public struct Preparation: RunSettings {
        /// Each setting by its option.
        public var settings: [(name: String, value: String)] { [] }
        /// Says what is out of range.
        public func problem() -> String? { nil }
    }

    /// A number, and the one to predict from it.
    public struct Sample: TrainingSample {
        /// Its name.
        public var id: String
        /// The number.
        public var x: Float
        /// The next one.
        public var y: Float

        /// Describes a sample.
        public init(id: String, x: Float, y: Float) {
            self.id = id
            self.x = x
            self.y = y
        }
    }

    /// Hands draws on as they are.
    public struct Loader: BatchLoading {
        /// Is called with the key of each batch that is made.
        public var onBatch: @Sendable (StepKey) throws -> Void = { _ in }

        /// The draws.
        public func batch(_ draws: [Draw<Sample>], _ key: StepKey, on team: ThreadTeam) throws -> [Draw<Sample>] {
            try self.onBatch(key)
            return draws
        }
    }

    /// Its make.
    public let description = Description()
    /// The preparation of its samples.
    public let preparation = Preparation()
    /// The maker of its batches.
    public var loader = Loader()
    /// Whole sequences.
    public let order = SampleOrder.sequences
    /// Weight, bias and offset.
    public let parameters: Parameters
    /// The gradients of weight and bias.
    public let gradients: FloatBuffer
    /// Memory and average.
    public let carried: [CarriedTensor]
    private let memory: FloatBuffer
    private let average: FloatBuffer
    private let forgetting: Float = 0.5
    private let threads: Int

    /// Makes a network.
    /// - Parameter threads: the threads of the team that it gives the trainer; it computes on one.
    public init(offset: Float = 0.25, threads: Int = 1) {
        self.threads = threads
        let layout = Self.layout(self.description)
        self.parameters = Parameters(layout, seed: 3)
        self.gradients = FloatBuffer(count: layout.trainedCount)
        self.memory = FloatBuffer(count: self.description.slots)
        self.average = FloatBuffer(self.parameters.trained.values())
        self.carried = [
            CarriedTensor("memory", shape: [self.description.slots], .memory, self.memory),
            CarriedTensor("average", shape: [layout.trainedCount], .average, self.average),
        ]
        layout["offset"].map { self.parameters[$0] = [offset] }
    }

    /// Its parameters; the offset is frozen.
    public static func layout(_ description: Description) -> ParameterLayout {
        var layout = ParameterLayout(decays: { $0 == "weight" })
        _ = layout.add("weight", [1, 1], .xavierUniform)
        _ = layout.add("bias", [1], .constant(0))
        _ = layout.add("offset", [1], .constant(0), isTrained: false, isStored: false)
        return layout
    }

    /// Descent with momentum.
    public func makeOptimizer() -> Momentum { Momentum(self.parameters.layout) }
    /// The same for all steps.
    public func learningRate(_ step: Int, _ options: TrainingOptions) -> Double { options.learningRate }
    /// A new team.
    public func startThreads() throws -> ThreadTeam { try ThreadTeam(count: self.threads) }

    /// The input that a slot's memory makes of a number; memory moves on.
    private func recall(_ draw: Draw<Sample>) -> Float {
        if draw.beginsSequence { self.memory.start[draw.slot] = 0 }
        let input = draw.sample.x + self.memory.start[draw.slot]
        self.memory.start[draw.slot] = self.forgetting * input
        return input
    }

    private func answer(_ input: Float, _ weights: FloatBuffer) -> Float {
        weights.start[0] * input + weights.start[1] + self.parameters.frozen.start[0]
    }

    /// The mean square error, and its gradients.
    public func differentiate(_ batch: [Draw<Sample>], _ key: StepKey) -> StepLosses {
        self.gradients.clear()
        var sum = 0.0
        for draw in batch {
            let input = self.recall(draw), error = self.answer(input, self.parameters.trained) - draw.sample.y
            sum += Double(error * error)
            self.gradients.start[0] += 2 * error * input / Float(batch.count)
            self.gradients.start[1] += 2 * error / Float(batch.count)
        }
        return StepLosses(total: sum / Double(batch.count), parts: ["square": sum / Double(batch.count)])
    }

    /// Lets the average follow the weights.
    public func follow(step: Int) {
        for index in 0..<self.average.count {
            self.average.start[index] = 0.9 * self.average.start[index] + 0.1 * self.parameters.trained.start[index]
        }
    }

    /// Answers with the averaged weights.
    public func predict(_ batch: [Draw<Sample>]) -> [Float] { batch.map { self.answer(self.recall($0), self.average) } }

    /// None; there must be something to validate on.
    public func gaps(in validation: [Sample]) throws -> [String] {
        if validation.isEmpty { throw TrainingError(.noSamples, "there is nothing to validate on") }
        return []
    }

    /// Goes through the validation sequence in slot 0, and so through its memory.
    public func evaluate(_ validation: [Sample]) -> Verdict<NamedScores> {
        let draws = validation.enumerated().map { Draw($1, slot: 0, beginsSequence: $0 == 0) }
        let errors = zip(self.predict(draws), validation).map { Double(abs($0 - $1.y)) }
        let mean = errors.reduce(0, +) / Double(errors.count)
        return Verdict(NamedScores(["error": mean]), score: 1 / (1 + mean))
    }
}
