// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Threads
import Training

/// A network that has nothing to do with any other: it predicts the next number of a sequence from the number and from
/// what it remembers, y = weight · (x + memory) + bias + offset.
///
/// Its offset is frozen and kept elsewhere; memory, a number a slot, mixes what came; the average follows the weights.
/// Its optimizer is plain descent with momentum, its rate is constant, its samples come as whole sequences.
final class ToyNetwork: TrainableNetwork {
    struct Description: RunSettings {
        var slots = 3
        var settings: [(name: String, value: String)] { [("--slots", "\(self.slots)")] }
        func problem() -> String? { (1...64).contains(self.slots) ? nil : "--slots is 1 to 64, not \(self.slots)" }
    }

    struct Preparation: RunSettings {
        var scale: Float = 1
        var settings: [(name: String, value: String)] { [("--scale", "\(self.scale)")] }
        func problem() -> String? { nil }
    }

    struct Sample: TrainingSample {
        var id: String
        var x: Float
        var y: Float
    }

    struct Loader: BatchLoading {
        var scale: Float

        func batch(_ draws: [Draw<Sample>], _ key: StepKey, on team: ThreadTeam) -> [Draw<Sample>] {
            draws.map { draw in
                var scaled = draw
                scaled.sample.x *= self.scale
                return scaled
            }
        }
    }

    let description = Description()
    let preparation = Preparation()
    let loader = Loader(scale: 1)
    let order = SampleOrder.sequences
    let parameters: Parameters
    let gradients: FloatBuffer
    let carried: [CarriedTensor]
    private let memory: FloatBuffer
    let average: FloatBuffer
    private let forgetting: Float = 0.5

    init(offset: Float = 0.25) {
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

    static func layout(_ description: Description) -> ParameterLayout {
        var layout = ParameterLayout(decays: { $0 == "weight" })
        _ = layout.add("weight", [1, 1], .xavierUniform)
        _ = layout.add("bias", [1], .constant(0))
        _ = layout.add("offset", [1], .constant(0), isTrained: false, isStored: false)
        return layout
    }

    func makeOptimizer() -> Momentum { Momentum(self.parameters.layout) }
    func learningRate(_ step: Int, _ options: TrainingOptions) -> Double { options.learningRate }
    func startThreads() throws -> ThreadTeam { try ThreadTeam(count: 1) }

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

    func differentiate(_ batch: [Draw<Sample>], _ key: StepKey) -> StepLosses {
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

    func follow(step: Int) {
        for index in 0..<self.average.count {
            self.average.start[index] = 0.9 * self.average.start[index] + 0.1 * self.parameters.trained.start[index]
        }
    }

    func predict(_ batch: [Draw<Sample>]) -> [Float] { batch.map { self.answer(self.recall($0), self.average) } }

    func gaps(in validation: [Sample]) throws -> [String] {
        if validation.isEmpty { throw TrainingError(.noSamples, "there is nothing to validate on") }
        return []
    }

    /// Goes through the validation sequence in slot 0, and so through its memory.
    func evaluate(_ validation: [Sample]) -> Verdict<Double> {
        let draws = validation.enumerated().map { Draw($1, slot: 0, beginsSequence: $0 == 0) }
        let errors = zip(self.predict(draws), validation).map { Double(abs($0 - $1.y)) }
        let mean = errors.reduce(0, +) / Double(errors.count)
        return Verdict(mean, score: 1 / (1 + mean))
    }
}

/// Stochastic gradient descent with momentum, and with the decay inside the gradient.
final class Momentum: Optimizer {
    static let stateNames = ["velocity"]
    let velocity: FloatBuffer
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
