// SPDX-License-Identifier: Apache-2.0

import Codecs
import ForecastGolden
import NeuralNetworks
import Records
import Testing

@testable import ActionForecasting

/// MeMViT against the official one: outputs, losses, gradients and caches, clip after clip.
@Suite struct MemoryGoldenTests {
    static func towers() throws -> [String] {
        try ForecastGolden.cases("memvit_").filter { !$0.hasPrefix("memvit_attention") }
    }

    private func runner(_ golden: EncoderCase, streams: Int) throws -> EncoderRunner {
        let configuration = try golden.configuration(streams: streams)
        #expect(configuration.problem() == nil)
        let runner = EncoderRunner(configuration)
        try golden.load(runner.parameters)
        return runner
    }

    /// The remembered keys or values of a block, oldest first, the clip before at the end.
    static func remembered(_ memory: ClipMemory, block: MemoryPlan.Block, keys: Bool) -> [[Float]] {
        let head = memory.buffer.values(0..<4)
        let places = (0..<Int(head[0])).map { ($0 + Int(head[1])) % max(memory.plan.capacity, 1) }
        return (places.map { Optional($0) } + (head[2] == 0 ? [] : [nil])).map { place in
            let count = place == nil ? block.whole : block.compressed
            return Array(UnsafeBufferPointer(start: memory.start(block, keys: keys, place), count: count))
        }
    }

    @Test(arguments: try towers()) func clipsFollowTheOfficialOnes(_ name: String) throws {
        let golden = try EncoderCase(name), streams = try #require(golden.json["batch"]?.int)
        let runner = try self.runner(golden, streams: streams), count = runner.encoder.configuration.features
        let memories = try (0..<streams).map { _ in try #require(runner.encoder.makeMemory()) }
        let weights = try golden.floats("input.loss_weight"), largest = try golden.largestGradient()
        var videos: [String: Int] = [:]
        for (clip, step) in try #require(golden.json["steps"]?.array).enumerated() {
            let names = try #require(step["video_names"]?.array).compactMap(\.string)
            let video = try golden.floats("input.clip\(clip)"), pixels = runner.encoder.pixelCount
            let expected = try golden.floats("eval.clip\(clip).out")
            runner.gradients.clear()
            var loss = 0.0, terms = 0.0
            for stream in 0..<streams {
                let number = videos[names[stream]] ?? videos.count
                videos[names[stream]] = number
                let range = stream * count..<(stream + 1) * count
                let ours = runner.run(
                    Array(video[stream * pixels..<(stream + 1) * pixels]), video: number, memory: memories[stream],
                    lossWeights: Array(weights[range]))
                EncoderCase.expect(ours, Array(expected[range]), within: 1e-4, "\(name), clip \(clip), \(stream)")
                for (value, weight) in zip(ours, weights[range]) {
                    loss += Double(value * weight)
                    terms += Double(abs(value * weight))
                }
            }
            let official = try #require(step["loss"]?.double)
            #expect(abs(loss - official) <= 1e-5 * terms, "\(name), clip \(clip)")
            try golden.compareGradients(
                runner.gradients, runner.layout, prefix: "grad.clip\(clip).", largest: largest)
            try self.compareMemory(golden, clip, memories[0], step)
        }
    }

    private func compareMemory(_ golden: EncoderCase, _ clip: Int, _ memory: ClipMemory, _ step: JSONValue) throws {
        let block = try #require(memory.plan.blocks[0])
        #expect(memory.count == step["cached_after_block0"]?.array?.count)
        #expect(memory.problem() == nil)
        for (letter, isKeys) in [("k", true), ("v", false)] {
            for (index, ours) in Self.remembered(memory, block: block, keys: isKeys).enumerated() {
                let name = "memory.clip\(clip).block0.\(letter)\(index)"
                EncoderCase.expect(ours, try golden.floats(name), within: 1e-4, "\(golden.name): \(name)")
            }
        }
    }

    @Test(arguments: try towers()) func withoutMemoryClipsAreByThemselves(_ name: String) throws {
        let golden = try EncoderCase(name), streams = try #require(golden.json["batch"]?.int)
        guard golden.file.entry("nomemory.clip1.out") != nil else { return }
        let runner = try self.runner(golden, streams: streams), pixels = runner.encoder.pixelCount
        for clip in 0..<(try #require(golden.json["steps"]?.array).count) {
            let video = try golden.floats("input.clip\(clip)"), expected = try golden.floats("nomemory.clip\(clip).out")
            let ours = (0..<streams).flatMap { runner.run(Array(video[$0 * pixels..<($0 + 1) * pixels])) }
            EncoderCase.expect(ours, expected, within: 1e-4, "\(name), clip \(clip)")
        }
    }

    @Test(arguments: try ForecastGolden.cases("memvit_").filter { $0.hasPrefix("memvit_attention") })
    func oneAttentionFollowsTheOfficialOne(_ name: String) throws {
        let golden = try EncoderCase(name), config = try #require(golden.json["config"])
        func size(_ name: String) throws -> GridSize {
            let axes = try #require(config[name]?.array).compactMap(\.int)
            return GridSize(axes[0], axes[1], axes[2])
        }
        func number(_ name: String) throws -> Int { try #require(config[name]?.int) }
        var configuration = EncoderConfiguration(), memory = MemoryConfiguration()
        (configuration.depth, configuration.growth, configuration.width) = (1, [], try number("dim"))
        configuration.heads = try number("num_heads")
        configuration.poolKernel = try size("kernel_q")
        configuration.queryStrides = [.init(0, try size("stride_q"))]
        configuration.keyStrides = [.init(0, try size("stride_kv"))]
        (configuration.positions, configuration.poolsFirst, configuration.addsQueries) = (.relative, true, true)
        configuration.poolEpsilon = 1e-6
        memory.length = try number("attn_max_len")
        (memory.kernel, memory.stride, memory.change) = (
            try size("compress_kernel"), try size("compress_stride"), .zero
        )
        configuration.memory = memory
        let shape = BlockShape(0, try size("thw"), configuration), place = MemoryPlan(memory, [shape])
        var layout = ParameterLayout(), plan = WorkspacePlan()
        let layer = PoolingAttention("a", shape, stored: shape, configuration, memory: place.blocks[0], in: &layout)
        let cache = layer.plan(&plan, training: true), room = layer.planGradients(&plan)
        let rows = shape.tokens * shape.inputs, out = shape.queries * shape.width
        let slots = [rows, out, out, rows].map { plan.floats($0) }
        let parameters = Parameters(layout, seed: 1), gradients = FloatBuffer(count: layout.trainedCount)
        let workspace = Workspace(plan), largest = try golden.largestGradient()
        try golden.load(parameters, prefix: "a.")
        let pass = Pass(
            parameters: parameters, gradients: gradients, workspace: workspace, dropout: nil, firstSample: 0, samples: 1
        )
        let streams = try #require(golden.json["batch"]?.int)
        let memories = (0..<streams).map { _ in ClipMemory(memory, place) }
        for clip in 0..<(try #require(golden.json["steps"]?.array).count) {
            let x = try golden.floats("input.x\(clip)"), weights = try golden.floats("input.loss_weight\(clip)")
            let expected = try golden.floats("eval.out\(clip)"), dx = try golden.floats("grad.x\(clip)")
            gradients.clear()
            for stream in 0..<streams {
                for index in 0..<rows { pass[slots[0]][index] = x[stream * rows + index] }
                for index in 0..<out { pass[slots[2]][index] = weights[stream * out + index] }
                pass[slots[3]].update(repeating: 0, count: rows)
                let tokens = pass.matrix(slots[0], rows: shape.tokens, columns: shape.inputs)
                let result = pass.matrix(slots[1], rows: shape.queries, columns: shape.width)
                let recall = memories[stream].enter(video: 0)
                layer.forward(
                    tokens, into: result, recall, memory: memories[stream], cache: cache, isTraining: true, pass)
                memories[stream].leave(recall, video: 0)
                layer.backward(
                    y: tokens, dout: pass.matrix(slots[2], rows: shape.queries, columns: shape.width),
                    dy: pass.matrix(slots[3], rows: shape.tokens, columns: shape.inputs), recall, cache: cache,
                    gradients: room, pass)
                let named = "\(name), clip \(clip), stream \(stream)"
                EncoderCase.expect(
                    Array(UnsafeBufferPointer(start: pass[slots[1]], count: out)),
                    Array(expected[stream * out..<(stream + 1) * out]), within: 1e-4, named)
                EncoderCase.expect(
                    Array(UnsafeBufferPointer(start: pass[slots[3]], count: rows)),
                    Array(dx[stream * rows..<(stream + 1) * rows]), within: 1e-4 * largest, "\(named): the gradient")
            }
            try golden.compareGradients(
                gradients, layout, prefix: "grad.clip\(clip).", largest: largest, strip: "a.")
        }
    }
}
