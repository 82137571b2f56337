// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Threads
import Training

/// A toy network: guesses how lively a photo is from the length of its caption and from what it remembers of the album,
/// y = weight · (x + memory) + bias.
///
/// Memory, a number a slot, mixes what came before in the album. It wants whole albums in order, and descent with
/// momentum.
final class LivelinessNetwork: TrainableNetwork {
    struct Description: RunSettings {
        var slots = 3
        var settings: [(name: String, value: String)] { [("--slots", "\(self.slots)")] }
        func problem() -> String? { (1...64).contains(self.slots) ? nil : "--slots is 1 to 64, not \(self.slots)" }
    }

    /// Captions need none.
    struct Preparation: RunSettings {
        var settings: [(name: String, value: String)] { [] }
        func problem() -> String? { nil }
    }

    /// A caption as the network sees it, its length in tens of words. It knows no schema: `init(of:)`, the task's, is
    /// what maps one to the other.
    struct Sample: TrainingSample {
        var id: String
        var words: Float
        var liveliness: Float
    }

    /// A batch is its draws: there is nothing to prepare.
    struct Loader: BatchLoading {
        func batch(_ draws: [Draw<Sample>], _ key: StepKey, on team: ThreadTeam) -> [Draw<Sample>] { draws }
    }

    let description: Description
    let preparation = Preparation()
    let loader = Loader()
    let order = SampleOrder.sequences
    let parameters: Parameters
    let gradients: FloatBuffer
    let carried: [CarriedTensor]
    private let memory: FloatBuffer
    private static let forgetting: Float = 0.5

    init(slots: Int) {
        self.description = Description(slots: slots)
        let layout = Self.layout(self.description)
        self.parameters = Parameters(layout, seed: 3)
        self.gradients = FloatBuffer(count: layout.trainedCount)
        self.memory = FloatBuffer(count: slots)
        self.carried = [CarriedTensor("memory", shape: [slots], .memory, self.memory)]
    }

    static func layout(_ description: Description) -> ParameterLayout {
        var layout = ParameterLayout(decays: { $0 == "weight" })
        _ = layout.add("weight", [1, 1], .xavierUniform)
        _ = layout.add("bias", [1], .constant(0))
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

    private func answer(_ input: Float) -> Float {
        self.parameters.trained.start[0] * input + self.parameters.trained.start[1]
    }

    func differentiate(_ batch: [Draw<Sample>], _ key: StepKey) -> StepLosses {
        self.gradients.clear()
        var sum = 0.0
        for draw in batch {
            let input = self.recall(draw), error = self.answer(input) - draw.sample.liveliness
            sum += Double(error * error)
            self.gradients.start[0] += 2 * error * input / Float(batch.count)
            self.gradients.start[1] += 2 * error / Float(batch.count)
        }
        return StepLosses(total: sum / Double(batch.count))
    }

    func predict(_ batch: [Draw<Sample>]) -> [Float] { batch.map { self.answer(self.recall($0)) } }

    func gaps(in validation: [Sample]) throws -> [String] {
        if validation.isEmpty { throw TrainingError(.noSamples, "there is no album to validate on") }
        return []
    }

    /// Guesses an album in slot 0, and so through its memory.
    func evaluate(_ validation: [Sample]) -> Verdict<NamedScores> {
        let draws = validation.enumerated().map { Draw($1, slot: 0, beginsSequence: $0 == 0) }
        let errors = zip(self.predict(draws), validation).map { Double(abs($0 - $1.liveliness)) }
        let mean = errors.reduce(0, +) / Double(errors.count)
        return Verdict(NamedScores(["error": mean]), score: 1 / (1 + mean))
    }
}
