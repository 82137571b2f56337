// SPDX-License-Identifier: Apache-2.0

import Codecs
import ForecastGolden
import NeuralNetworks
import Testing

@testable import ActionForecasting

/// Encoder, aggregator and heads trained together, as the official code trains them: with MViT, and with MeMViT whose
/// memory lasts from batch to batch.
@Suite struct FullModelGoldenTests {
    private struct Model {
        let network: VideoNetwork
        let parameters: Parameters
        let gradients: FloatBuffer
        let streams: [VideoStream]
        let plan: VideoNetwork.Plan
        let workspace: Workspace
        let optimizer: Adam
        let rate: Double

        init(_ golden: EncoderCase) throws {
            let config = try #require(golden.json["config"]), rule = try #require(golden.json["optimizer"])
            let streams = try #require(golden.json["batch"]?.int)
            let encoder = try golden.configuration(streams: streams)
            let classes = try #require(config["MODEL.NUM_CLASSES"]?.array).compactMap(\.int)
            var forecast = ForecastDescription(featureWidth: 1, verbs: classes[0], nouns: classes[1])
            forecast.inputs =
                golden.file.entry("input.video")?.shape[1] ?? golden.file.entry("input.video0")?.shape[1] ?? 0
            forecast.futures =
                golden.file.entry("input.labels")?.shape[1] ?? golden.file.entry("input.labels0")?.shape[1] ?? 0
            (forecast.headDropout, forecast.transformerDropout) = (0, 0)
            let description = VideoDescription(
                encoder, forecast, memory: encoder.memory == nil ? .none : .seed, streams: streams)
            #expect(description.problem() == nil)
            let network = VideoNetwork(description)
            self.network = network
            self.parameters = Parameters(self.network.layout, seed: 1)
            self.gradients = FloatBuffer(count: self.network.layout.trainedCount)
            self.streams = (0..<streams).map { _ in VideoStream(network) }
            self.plan = self.network.plan(training: true)
            self.workspace = Workspace(self.plan.workspace)
            var configuration = Adam.Configuration()
            configuration.weightDecay = Float(try #require(rule["weight_decay"]?.double))
            self.optimizer = Adam(self.network.layout, configuration)
            self.rate = try #require(rule["lr"]?.double)
            try golden.load(self.parameters)
        }

        /// The logits of a batch and the loss, whose gradients are added up.
        func run(
            _ video: [Float], _ labels: [Int]?
        ) -> (verbs: [Float], nouns: [Float], loss: Double) {
            let make = self.network.description.forecast, pixels = self.network.encoder.pixelCount
            var result = (verbs: [Float](), nouns: [Float](), loss: 0.0)
            for sample in 0..<self.streams.count {
                func pass() -> Pass {
                    Pass(
                        parameters: self.parameters, gradients: self.gradients, workspace: self.workspace, dropout: nil,
                        firstSample: sample, samples: 1)
                }
                let head = ForecastHead.Passes(
                    head: pass(), transformer: ClipTransformer.Passes(positions: pass(), layers: pass()))
                let passes = VideoNetwork.Passes(head: head, clips: (0..<make.inputs).map { _ in pass() })
                let window = VideoNetwork.Window(
                    fill: { place, target in
                        let first = (sample * make.inputs + place) * pixels
                        for index in 0..<pixels { target[index] = video[first + index] }
                    }, ranks: Array(0..<make.inputs), begins: true, sample: sample)
                let clips = self.network.forward(window, self.streams[sample], self.plan, passes)
                let logits = ForecastNetwork.read(
                    self.network.head.logits(self.plan.head, head.head).row(0), make)
                result.verbs += logits.verbs.flatMap(\.self)
                result.nouns += logits.nouns.flatMap(\.self)
                guard let labels else { continue }
                let truth = (0..<make.futures).map { step in
                    let place = 2 * (sample * make.futures + step)
                    return Action(verb: labels[place], noun: labels[place + 1])
                }
                let loss = self.network.head.loss(
                    truth[...], batch: self.streams.count, cache: self.plan.head, head.head)
                result.loss += loss.verb + loss.noun
                self.network.backward(clips, self.plan, passes)
            }
            return result
        }

        func step(_ number: Int) {
            self.optimizer.update(
                self.parameters, gradients: self.gradients, clip: 1, learningRate: self.rate, step: number)
        }

        /// Holds the parameters against the official ones, those that rounding drives but loosely.
        func compareParameters(_ golden: EncoderCase, steps: Int) throws {
            let noise = golden.json["float64_check"]?["after_max_abs_diff"]
            for parameter in self.network.layout.parameters {
                let isNoise = noise?[parameter.name] != nil
                EncoderCase.expect(
                    self.parameters[parameter], try golden.floats("after.\(parameter.name)"),
                    within: isNoise ? Float(2 * self.rate) * Float(steps) : 2e-5, "\(golden.name): \(parameter.name)")
            }
        }
    }

    @Test(arguments: try ForecastGolden.cases("lta_mvit_"))
    func theBaselineIsTheOfficialOne(_ name: String) throws {
        let golden = try EncoderCase(name), model = try Model(golden)
        let video = try golden.floats("input.video"), labels = try golden.file.integers("input.labels")
        let losses = try #require(golden.json["optimizer"]?["loss_before_each_step"]?.array).compactMap(\.double)
        for (step, official) in losses.enumerated() {
            model.gradients.clear()
            let result = model.run(video, labels)
            #expect(abs(result.loss - official) <= 1e-5 * official, "\(name), step \(step)")
            if step == 0 {
                EncoderCase.expect(result.verbs, try golden.floats("eval.logits_verb"), within: 1e-4, name)
                EncoderCase.expect(result.nouns, try golden.floats("eval.logits_noun"), within: 1e-4, name)
                try golden.compareGradients(
                    model.gradients, model.network.layout, prefix: "grad.", largest: try golden.largestGradient())
            }
            model.step(step + 1)
        }
        try model.compareParameters(golden, steps: losses.count)
        let last = try #require(golden.json["optimizer"]?["loss_after_3"]?.double)
        #expect(abs(model.run(video, labels).loss - last) <= 1e-4 * last)
    }

    @Test(arguments: try ForecastGolden.cases("lta_memvit_"))
    func memoryLastsFromBatchToBatchAsTheSeeds(_ name: String) throws {
        let golden = try EncoderCase(name), model = try Model(golden), largest = try golden.largestGradient()
        let steps = try #require(golden.json["steps"]?.array)
        for (step, official) in steps.enumerated() {
            let video = try golden.floats("input.video\(step)"),
                labels = try golden.file.integers("input.labels\(step)")
            model.gradients.clear()
            let result = model.run(video, labels), loss = try #require(official["loss"]?.double)
            #expect(abs(result.loss - loss) <= 1e-5 * loss, "\(name), step \(step)")
            for (ours, kind) in [(result.verbs, "verb"), (result.nouns, "noun")] {
                EncoderCase.expect(
                    ours, try golden.floats("train.step\(step).logits_\(kind)"), within: 1e-4, "\(name), step \(step)")
            }
            try golden.compareGradients(
                model.gradients, model.network.layout, prefix: "grad.step\(step).", largest: largest)
            #expect(
                model.streams.allSatisfy {
                    $0.problem() == nil && $0.memory?.count == official["cached_after"]?.array?.count
                })
            model.step(step + 1)
        }
        try model.compareParameters(golden, steps: steps.count)
        for stream in model.streams { stream.memory?.clear() }
        let after = model.run(try golden.floats("input.video0"), nil)
        EncoderCase.expect(after.verbs, try golden.floats("eval_after.logits_verb"), within: 1e-4, "\(name), after")
        EncoderCase.expect(after.nouns, try golden.floats("eval_after.logits_noun"), within: 1e-4, "\(name), after")
    }
}
