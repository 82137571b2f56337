// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Shards
import TaskRooms
import Threads
import Training

/// A toy network: guesses how lively a photo is from the length of its caption and from what it remembers of the album,
/// y = weight · (x + memory) + bias + offset.
///
/// The offset is frozen and kept elsewhere; memory, a number a slot, mixes what came before in the album; the average
/// follows the weights and answers in their place. It wants whole albums in order, and plain descent with momentum.
final class LivelinessNetwork: TrainableNetwork {
    struct Description: RunSettings {
        var slots = 3
        var settings: [(name: String, value: String)] { [("--slots", "\(self.slots)")] }
        func problem() -> String? { (1...64).contains(self.slots) ? nil : "--slots is 1 to 64, not \(self.slots)" }
    }

    struct Preparation: RunSettings {
        /// The words of a caption that count as one.
        var words: Float = 10
        var settings: [(name: String, value: String)] { [("--words", "\(self.words)")] }
        func problem() -> String? { self.words >= 1 ? nil : "--words is 1 or more, not \(self.words)" }
    }

    /// A caption as the network sees it. It knows no schema: `init(of:)`, the task's, is what maps one to the other.
    struct Sample: TrainingSample {
        var id: String
        var words: Float
        var liveliness: Float
    }

    struct Loader: BatchLoading {
        var words: Float

        func batch(_ draws: [Draw<Sample>], _ key: StepKey, on team: ThreadTeam) -> [Draw<Sample>] {
            draws.map { draw in
                var scaled = draw
                scaled.sample.words /= self.words
                return scaled
            }
        }
    }

    let description: Description
    let preparation = Preparation()
    let loader: Loader
    let order = SampleOrder.sequences
    let parameters: Parameters
    let gradients: FloatBuffer
    let carried: [CarriedTensor]
    private let memory: FloatBuffer
    private let average: FloatBuffer
    private static let forgetting: Float = 0.5

    init(slots: Int) {
        self.description = Description(slots: slots)
        self.loader = Loader(words: self.preparation.words)
        let layout = Self.layout(self.description)
        self.parameters = Parameters(layout, seed: 3)
        self.gradients = FloatBuffer(count: layout.trainedCount)
        self.memory = FloatBuffer(count: slots)
        self.average = FloatBuffer(self.parameters.trained.values())
        self.carried = [
            CarriedTensor("memory", shape: [slots], .memory, self.memory),
            CarriedTensor("average", shape: [layout.trainedCount], .average, self.average),
        ]
    }

    static func layout(_ description: Description) -> ParameterLayout {
        var layout = ParameterLayout(decays: { $0 == "weight" })
        _ = layout.add("weight", [1, 1], .xavierUniform)
        _ = layout.add("bias", [1], .constant(0))
        _ = layout.add("offset", [1], .constant(0.25), isTrained: false, isStored: false)
        return layout
    }

    func makeOptimizer() -> Momentum { Momentum(self.parameters.layout) }
    func learningRate(_ step: Int, _ options: TrainingOptions) -> Double { options.learningRate }
    func startThreads() throws -> ThreadTeam { try ThreadTeam(count: 1) }

    /// The input that a slot's memory makes of a caption; memory moves on.
    private func recall(_ draw: Draw<Sample>) -> Float {
        if draw.beginsSequence { self.memory.start[draw.slot] = 0 }
        let input = draw.sample.words + self.memory.start[draw.slot]
        self.memory.start[draw.slot] = Self.forgetting * input
        return input
    }

    private func answer(_ input: Float, _ weights: FloatBuffer) -> Float {
        weights.start[0] * input + weights.start[1] + self.parameters.frozen.start[0]
    }

    func differentiate(_ batch: [Draw<Sample>], _ key: StepKey) -> StepLosses {
        self.gradients.clear()
        var sum = 0.0
        for draw in batch {
            let input = self.recall(draw), error = self.answer(input, self.parameters.trained) - draw.sample.liveliness
            sum += Double(error * error)
            self.gradients.start[0] += 2 * error * input / Float(batch.count)
            self.gradients.start[1] += 2 * error / Float(batch.count)
        }
        return StepLosses(total: sum / Double(batch.count))
    }

    func follow(step: Int) {
        for index in 0..<self.average.count {
            self.average.start[index] = 0.9 * self.average.start[index] + 0.1 * self.parameters.trained.start[index]
        }
    }

    func predict(_ batch: [Draw<Sample>]) -> [Float] { batch.map { self.answer(self.recall($0), self.average) } }

    func gaps(in validation: [Sample]) throws -> [String] {
        if validation.isEmpty { throw TrainingError(.noSamples, "there is no album to validate on") }
        return []
    }

    /// Guesses an album in slot 0, and so through its memory.
    func evaluate(_ validation: [Sample]) throws -> Verdict<Double> {
        let draws = validation.enumerated().map { Draw($1, slot: 0, beginsSequence: $0 == 0) }
        let batch = self.loader.batch(draws, StepKey(seed: 0, step: 0), on: try self.startThreads())
        let errors = zip(self.predict(batch), validation).map { Double(abs($0 - $1.liveliness)) }
        let mean = errors.reduce(0, +) / Double(errors.count)
        return Verdict(mean, score: 1 / (1 + mean))
    }
}

/// Stochastic gradient descent with momentum, and with the decay inside the gradient.
final class Momentum: Optimizer {
    static let stateNames = ["velocity"]
    private let velocity: FloatBuffer
    var state: [FloatBuffer] { [self.velocity] }
    private let decays: [Bool]

    init(_ layout: ParameterLayout) {
        self.velocity = FloatBuffer(count: layout.trainedCount)
        self.decays = layout.parameters.filter(\.isTrained).flatMap { Array(repeating: $0.decays, count: $0.count) }
    }

    static func problem(_ name: String, _ values: [Float]) -> String? { nil }

    func update(_ parameters: Parameters, gradients: FloatBuffer, clip: Float, learningRate: Double, step: Int) {
        for index in 0..<self.velocity.count {
            let weight = parameters.trained.start[index]
            let gradient = gradients.start[index] * clip + (self.decays[index] ? 1e-4 * weight : 0)
            self.velocity.start[index] = 0.9 * self.velocity.start[index] + gradient
            parameters.trained.start[index] = weight - Float(learningRate) * self.velocity.start[index]
        }
    }
}
