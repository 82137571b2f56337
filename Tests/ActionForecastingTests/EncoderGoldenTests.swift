// SPDX-License-Identifier: Apache-2.0

import Codecs
import ForecastGolden
import NeuralNetworks
import Testing

@testable import ActionForecasting

/// MViT against the official one's outputs and gradients.
@Suite struct EncoderGoldenTests {
    private func runner(_ golden: EncoderCase, training: Bool = true) throws -> EncoderRunner {
        let configuration = try golden.configuration(streams: 1)
        #expect(configuration.problem() == nil)
        let runner = EncoderRunner(configuration, training: training)
        try golden.load(runner.parameters)
        return runner
    }

    @Test(arguments: try ForecastGolden.cases("mvit_"))
    func outputsAndGradientsAreTheOfficialOnes(_ name: String) throws {
        let golden = try EncoderCase(name), runner = try self.runner(golden)
        let video = try golden.floats("input.video"), weights = try golden.floats("input.loss_weight")
        let expected = try golden.floats("eval.out"), count = runner.encoder.configuration.features
        let largest = try golden.largestGradient()
        var loss = 0.0, terms = 0.0
        for sample in 0..<expected.count / count {
            let pixels = runner.encoder.pixelCount, range = sample * count..<(sample + 1) * count
            let ours = runner.run(
                Array(video[sample * pixels..<(sample + 1) * pixels]), lossWeights: Array(weights[range]))
            EncoderCase.expect(ours, Array(expected[range]), within: 1e-4, "\(name), sample \(sample)")
            for (value, weight) in zip(ours, weights[range]) {
                loss += Double(value * weight)
                terms += Double(abs(value * weight))
            }
            guard sample == 0 else { continue }
            try self.compareTrace(golden, runner)
            EncoderCase.expect(
                runner.values(runner.dpixels, pixels), try golden.floats("grad.input.video"), within: 1e-4 * largest,
                "\(name): the gradient at the pixels")
        }
        let official = try #require(golden.json["loss"]?.double)
        #expect(abs(loss - official) <= 1e-5 * terms)
        try golden.compareGradients(runner.gradients, runner.layout, prefix: "grad.", largest: largest)
    }

    private func compareTrace(_ golden: EncoderCase, _ runner: EncoderRunner) throws {
        for index in runner.encoder.blocks.indices {
            let theirs = try golden.floats("trace.block\(index)")
            EncoderCase.expect(
                runner.values(runner.cache.tokens[index + 1], theirs.count), theirs, within: 1e-4,
                "\(golden.name), block \(index)")
        }
    }

    /// Without training, blocks share their room, and scores and inner layers are computed some rows at a time.
    @Test(arguments: try ForecastGolden.cases("mvit_"))
    func inferenceGivesTheSame(_ name: String) throws {
        let golden = try EncoderCase(name)
        let video = try golden.floats("input.video")
        let training = try self.runner(golden), inference = try self.runner(golden, training: false)
        let clip = Array(video[0..<training.encoder.pixelCount])
        EncoderCase.expect(inference.run(clip), training.run(clip), within: 1e-5, name)
    }

    @Test func theLargeModelHasThePublishedSizes() {
        var layout = ParameterLayout(), sites = DropoutSites()
        let configuration = EncoderConfiguration()
        #expect(configuration.problem() == nil)
        let encoder = VideoEncoder(configuration, in: &layout, sites: &sites)
        let head = layout.parameters.filter { $0.name.contains("head") }.reduce(0) { $0 + $1.count }
        #expect(abs(Double(layout.trainedCount - head) / 1e6 - 36.3) < 0.05)
        let shapes = encoder.blocks.map(\.shape)
        // Keys come of the finer grid where queries are pooled.
        let keys = [393, 1569, 393, 1569] + Array(repeating: 393, count: 10) + [1569, 393]
        #expect(shapes.map(\.keys) == keys)
        #expect(shapes.map(\.outputs) == [192, 192] + Array(repeating: 384, count: 11) + [768, 768, 768])
        #expect(shapes.map(\.heads) == [1, 2, 2] + Array(repeating: 4, count: 11) + [8, 8])
        #expect(shapes[14].queryGrid == GridSize(8, 7, 7) && shapes[1].queryGrid == GridSize(8, 28, 28))
    }

    @Test func sizesOutOfRangeAreRefused() {
        func problem(_ change: (inout EncoderConfiguration) -> Void) -> String? {
            var configuration = EncoderConfiguration()
            change(&configuration)
            return configuration.problem()
        }
        #expect(problem { $0.depth = 0 }?.contains("depth") == true)
        #expect(problem { $0.side = .max }?.contains("side") == true)
        #expect(problem { $0.heads = 7 }?.contains("heads") == true)
        #expect(problem { $0.width = .min }?.contains("width") == true)
        #expect(problem { $0.patchKernel.time = 0 }?.contains("patchKernel") == true)
        #expect(problem { $0.patchStride.height = -1 }?.contains("patchStride") == true)
        #expect(problem { ($0.side, $0.queryStrides[0].stride.width) = (96, 3) }?.contains("alike") == true)
        #expect(problem { $0.queryStrides[0].block = 99 }?.contains("block") == true)
        #expect(problem { $0.dropPath = 1 }?.contains("dropPath") == true)
        #expect(problem { $0.dropPath = .nan }?.contains("dropPath") == true)
        #expect(problem { $0.poolsFirst = true }?.contains("pooled before") == true)
        #expect(problem { $0.memory = MemoryConfiguration() }?.contains("memory") == true)
        #expect(problem { $0.isCausal = true } == nil)
    }

    /// A path that is dropped leaves the shortcut alone; its gradient is zero.
    @Test func droppedPathsHaveNoGradient() throws {
        let golden = try EncoderCase("mvit_tiny"), runner = try self.runner(golden)
        var configuration = runner.encoder.configuration
        configuration.dropPath = 0.9
        let dropping = EncoderRunner(configuration)
        try golden.load(dropping.parameters)
        let video = Array(try golden.floats("input.video")[0..<runner.encoder.pixelCount])
        let step = try #require(
            (0..<200).first { step in
                DropPath(key: 1, step: UInt32(step)).factor(rate: 0.9, site: 6, sample: 0) == 0
                    && DropPath(key: 1, step: UInt32(step)).factor(rate: 0.9, site: 7, sample: 0) == 0
            })
        let pass = dropping.pass
        video.withUnsafeBufferPointer { pixels in
            var clip = VideoEncoder.Clip(pixels: pixels.baseAddress!, paths: DropPath(key: 1, step: UInt32(step)))
            let features = pass.matrix(dropping.features, rows: 1, columns: configuration.features)
            dropping.encoder.forward(&clip, into: features, cache: dropping.cache, pass)
            dropping.encoder.backward(clip, dfeatures: features, cache: dropping.cache, pass)
        }
        for parameter in dropping.layout.parameters where parameter.name.hasPrefix("blocks.3.attn") {
            let gradient = dropping.gradients.values(parameter.offset..<parameter.offset + parameter.count)
            #expect(gradient.allSatisfy { $0 == 0 }, "\(parameter.name)")
        }
        let head = try #require(dropping.layout["head.projection.bias"])
        #expect(dropping.gradients.values(head.offset..<head.offset + head.count).contains { $0 != 0 })
    }
}
