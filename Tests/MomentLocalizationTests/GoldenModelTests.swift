// SPDX-License-Identifier: Apache-2.0

import Foundation
import MomentLocalization
import NeuralNetworks
import Testing
import VideoFeatures

/// The network against the official implementation's outputs, gradients and optimizer steps.
@Suite struct GoldenModelTests {
    private static let cases = (try? GoldenCase.all()) ?? []

    /// Softmax ignores these biases: their true gradient is zero, what is stored is rounding, and Adam amplifies it.
    private static func isInvisible(_ name: String) -> Bool {
        name.hasSuffix("attention_block.key.conv1d.bias") || name.hasSuffix("start_block.2.conv1d.bias")
            || name.hasSuffix("end_block.2.conv1d.bias")
    }

    @Test func thereAreCases() throws { #expect(try !GoldenCase.all().isEmpty) }

    @Test(arguments: cases) func outputsAreTheOfficialOnes(_ golden: GoldenCase) throws {
        let batch = try golden.batch(), predictions = try golden.model().predict(batch)
        let width = try golden.shape("eval.start_logits")[1]
        let starts = try golden.file.floats("eval.start_logits"), ends = try golden.file.floats("eval.end_logits")
        Self.compare(predictions.map(\.startLogits), starts, width, batch)
        Self.compare(predictions.map(\.endLogits), ends, width, batch)
        if golden.file.entry("eval.highlight") != nil {
            Self.compare(predictions.map(\.highlight), try golden.file.floats("eval.highlight"), width, batch)
        }
        let topStarts = try golden.file.integers("eval.top5_start"), topEnds = try golden.file.integers("eval.top5_end")
        #expect(predictions.flatMap { $0.spans.map(\.start) } == topStarts)
        #expect(predictions.flatMap { $0.spans.map(\.end) } == topEnds)
    }

    /// Within 1e-4 of the largest entry that is no padding; masked beyond.
    private static func compare(_ ours: [[Float]], _ theirs: [Float], _ width: Int, _ batch: Batch) {
        let rows = batch.samples.indices.map { index in
            Array(theirs[index * width..<index * width + batch.samples[index].video.rows])
        }
        let largest = rows.joined().map(abs).max() ?? 0
        for (our, their) in zip(ours, rows) {
            #expect(our.count >= their.count)
            for (a, b) in zip(our, their) { #expect(abs(a - b) <= 1e-4 * largest) }
            #expect(our.dropFirst(their.count).allSatisfy { $0 < -1e29 })
        }
    }

    @Test(arguments: cases) func firstGradientsAreTheOfficialOnes(_ golden: GoldenCase) throws {
        let model = try golden.model()
        _ = try model.differentiate(try golden.batch(), dropout: try golden.dropout(step: 0))
        for parameter in model.layout.parameters where parameter.isTrained {
            let ours = model.gradients.values(parameter.offset..<parameter.offset + parameter.count)
            if Self.isInvisible(parameter.name) {
                #expect(ours.allSatisfy { abs($0) < 1e-6 }, "\(parameter.name): \(ours.map(abs).max() ?? 0)")
                continue
            }
            let theirs = try golden.file.floats("grad.\(parameter.name)")
            let largest = theirs.map(abs).max() ?? 0
            let worst = zip(ours, theirs).map { abs($0 - $1) }.max() ?? 0
            #expect(worst <= 1e-4 * largest, "\(parameter.name): \(worst) beside \(largest)")
        }
    }

    @Test(arguments: cases) func trainingFollowsTheOfficialSteps(_ golden: GoldenCase) throws {
        let model = try golden.model(), batch = try golden.batch(), config = golden.description.config
        var settings = Adam.Configuration.adamW
        settings.beta1 = golden.description.optimizer.betas[0]
        settings.beta2 = golden.description.optimizer.betas[1]
        settings.epsilon = golden.description.optimizer.eps
        settings.weightDecay = golden.description.optimizer.weight_decay
        let optimizer = Adam(model.layout, settings)
        let schedule = WarmupSchedule(
            .line, peak: config.init_lr, warmupSteps: Int(Double(config.num_train_steps) * config.warmup_proportion),
            steps: config.num_train_steps)
        for step in 0..<golden.description.steps {
            let losses = try model.differentiate(batch, dropout: try golden.dropout(step: step))
            for (ours, theirs) in zip(
                [losses.location, losses.highlight, losses.total], golden.description.losses[step])
            {
                #expect(abs(ours - theirs) <= 2e-3 * abs(theirs), "step \(step)")
            }
            let (norm, clip) = GradientClipping.measure(
                model.gradients, normMax: golden.description.optimizer.clip_norm)
            if step == 0 { #expect(abs(norm - golden.description.grad_norms[0]) <= 1e-4 * norm) }
            let rate = schedule.rate(step)
            #expect(abs(rate - golden.description.learning_rates[step]) < 1e-12)
            optimizer.update(
                model.parameters, gradients: model.gradients, clip: clip, learningRate: rate, step: step + 1)
        }
        try Self.compareWeights(golden, model)
    }

    private static func compareWeights(_ golden: GoldenCase, _ model: VSLNet) throws {
        func norm(_ a: [Float], _ b: [Float]) -> Double {
            zip(a, b).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }.squareRoot()
        }
        for parameter in model.layout.parameters where !self.isInvisible(parameter.name) {
            let before = try golden.file.floats("weights.\(parameter.name)")
            guard parameter.isTrained else {
                #expect(model.parameters[parameter] == before, "\(parameter.name) is frozen")
                continue
            }
            let after = try golden.file.floats("after.\(parameter.name)")
            let (distance, way) = (norm(model.parameters[parameter], after), norm(after, before))
            #expect(distance <= 0.01 * way, "\(parameter.name): \(distance) beside \(way)")
        }
    }

    @Test(arguments: cases) func weightsComeBackFromAFile(_ golden: GoldenCase) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "weights-\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let model = try golden.model(), other = VSLNet(model.configuration, seed: 2)
        try Data(SafetensorsWriter.bytes(model.weights(prefix: "weights."))).write(to: URL(fileURLWithPath: path))
        try other.loadWeights(SafetensorsFile(path: path), prefix: "weights.")
        #expect(other.parameters.trained.values() == model.parameters.trained.values())
        #expect(other.parameters.frozen.values() == model.parameters.frozen.values())
        // A file of another architecture is refused, and changes nothing.
        var configuration = model.configuration
        configuration.architecture = configuration.architecture == .vslNet ? .vslBase : .vslNet
        let different = VSLNet(configuration, seed: 2), before = different.parameters.trained.values()
        #expect(throws: TensorFileError.self) {
            try different.loadWeights(SafetensorsFile(path: path), prefix: "weights.")
        }
        #expect(different.parameters.trained.values() == before)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let golden = try #require(Self.cases.first { !$0.usesTokens }), model = try golden.model()
        var samples = try golden.batch().samples
        samples[1].target?.end = 99
        #expect(throws: ModelError.self) { try model.differentiate(Batch(samples), dropout: nil) }
        samples[1].target = nil
        #expect(throws: ModelError.self) { try model.differentiate(Batch(samples), dropout: nil) }
        #expect(try model.predict(Batch(samples)).count == samples.count)
        samples[0].video = FeatureMatrix(rows: 1, columns: 3, values: [1, 2, 3])
        #expect(throws: ModelError.self) { try model.predict(Batch(samples)) }
        #expect(throws: ModelError.self) { try model.predict(Batch([])) }
        #expect(throws: ModelError.self) { try model.predict(Batch([samples[1]], videoLength: 1000)) }
    }

    @Test(arguments: cases) func threadsDoNotChangeABit(_ golden: GoldenCase) throws {
        let samples = try golden.batch().samples
        let batch = Batch((0..<11).map { samples[$0 % samples.count] })
        let dropout = Dropout(rate: 0.2, source: .random(key: 7, step: 3))
        let one = try golden.model(threads: 1), two = try golden.model(threads: 2)
        let losses = (try one.differentiate(batch, dropout: dropout), try two.differentiate(batch, dropout: dropout))
        #expect(losses.0 == losses.1)
        #expect(one.gradients.values() == two.gradients.values())
        #expect(try one.predict(batch) == two.predict(batch))
    }
}
