// SPDX-License-Identifier: Apache-2.0

import Foundation
import NeuralNetworks
import Testing

/// Each layer against a plain version of itself. Sizes are such that whole vectors and what is left of them both occur.
@Suite struct LayerTests {
    private static func random() -> PhiloxGenerator { PhiloxGenerator(seed: 5, stream: "tests") }

    /// Masks by site for `count` elements a sample, three in four kept.
    private static func masks(_ sites: [String: Int], samples: Int) -> (Dropout, [String: [Double]]) {
        var random = PhiloxGenerator(seed: 9, stream: "masks"), bytes: [String: [UInt8]] = [:]
        for (name, count) in sites.sorted(by: { $0.key < $1.key }) {
            bytes[name] = (0..<count * samples).map { _ in random.unit() < 0.75 ? 1 : 0 }
        }
        let dropout = Dropout(rate: 0.25, source: .given(bytes))
        return (dropout, bytes.mapValues { $0.map { Double($0) / 0.75 } })
    }

    private static func linear(_ x: Plain, _ weight: Plain, _ bias: Plain?) -> Plain {
        Plain(rows: x.rows, columns: weight.rows) { row, column in
            (0..<x.columns).reduce(bias?.values[column] ?? 0) { $0 + x[row, $1] * weight[column, $1] }
        }
    }

    @Test(arguments: [(5, 7, 3), (33, 32, 48)]) func linearLayer(_ rows: Int, _ inputs: Int, _ outputs: Int) {
        var layout = ParameterLayout(), random = Self.random()
        let layer = Linear(["a"], inputs: inputs, outputs: outputs, in: &layout)
        let harness = LayerHarness(
            layout, plan: WorkspacePlan(), input: .random(rows, inputs, &random), outputColumns: outputs
        ) { x, p in Self.linear(x, p["a.weight"]!, p["a.bias"]) }
        layer.forward(harness.x, into: harness.y, harness.pass)
        layer.addBiasGradient(dy: harness.dy, harness.pass)
        layer.backward(x: harness.x, dy: harness.dy, dx: harness.dx, harness.pass)
        harness.compare()
    }

    @Test(arguments: [7, 16, 37]) func layerNorm(_ width: Int) {
        var layout = ParameterLayout(), plan = WorkspacePlan(), random = Self.random()
        let layer = LayerNorm("n", width: width, in: &layout)
        let statistics = plan.floats(2 * 6)
        let harness = LayerHarness(layout, plan: plan, input: .random(6, width, &random), outputColumns: width) {
            x, p in
            Plain(rows: x.rows, columns: width) { row, column in
                let values = (0..<width).map { x[row, $0] }
                let mean = values.reduce(0, +) / Double(width)
                let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
                return (x[row, column] - mean) / (variance + 1e-6).squareRoot() * p["n.weight"]!.values[column]
                    + p["n.bias"]!.values[column]
            }
        }
        layer.forward(harness.x, into: harness.y, statistics: harness.pass[statistics], harness.pass)
        layer.backward(
            x: harness.x, statistics: harness.pass[statistics], dy: harness.dy, dx: harness.dx, harness.pass)
        harness.compare()
    }

    @Test(arguments: [(1, 5), (2, 16), (9, 20), (13, 33)])
    func depthwiseConvolution(_ length: Int, _ channels: Int) {
        var layout = ParameterLayout(), plan = WorkspacePlan(), random = Self.random()
        let layer = DepthwiseConvolution("c", channels: channels, in: &layout)
        let scratch = plan.floats(DepthwiseConvolution.scratchCount(channels: channels))
        let harness = LayerHarness(
            layout, plan: plan, input: .random(2 * length, channels, &random), outputColumns: channels, samples: 2
        ) { x, p in
            Plain(rows: x.rows, columns: channels) { row, column in
                let first = row / length * length
                return (0..<7).reduce(0) { sum, tap in
                    let source = row + tap - 3
                    guard source >= first, source < first + length else { return sum }
                    return sum + p["c.weight"]![column, tap] * x[source, column]
                }
            }
        }
        let pass = harness.pass
        layer.forward(harness.x, into: harness.y, length: length, scratch: pass[scratch], pass)
        layer.backward(
            x: harness.x, dy: harness.dy, dx: harness.dx, length: length, scratch: pass[scratch], pass)
        harness.compare()
    }

    @Test(arguments: [(3, 8, 2, 2), (17, 16, 1, 13), (9, 12, 3, 5), (9, 40, 2, 6)])
    func multiHeadAttention(_ length: Int, _ width: Int, _ heads: Int, _ valid: Int) {
        var layout = ParameterLayout(), plan = WorkspacePlan(), sites = DropoutSites(), random = Self.random()
        let layer = MultiHeadAttention(
            query: "q", key: "k", value: "v", width: width, heads: heads, in: &layout)
        let cache = layer.plan(&plan, samples: 2, length: length)
        let scratch = plan.floats(layer.scratchCount(length: length))
        let bias = plan.floats(2 * length), dprojected = plan.floats(2 * length * 3 * width)
        let site = sites.add("drop")
        let (dropout, masks) = Self.masks(["drop": layer.probabilityCount(length: length)], samples: 2)
        let padded = (length + 15) / 16 * 16, mask = masks["drop"]!
        let harness = LayerHarness(
            layout, plan: plan, input: .random(2 * length, width, &random), outputColumns: width, samples: 2,
            dropout: dropout
        ) { x, p in
            let q = Self.linear(x, p["q.weight"]!, p["q.bias"]), k = Self.linear(x, p["k.weight"]!, p["k.bias"])
            let v = Self.linear(x, p["v.weight"]!, p["v.bias"]), head = width / heads
            var out = Plain(rows: x.rows, columns: width) { _, _ in 0 }
            for sample in 0..<2 {
                // The second sample has padding.
                let keys = sample == 0 ? length : valid
                for index in 0..<heads {
                    for i in 0..<length {
                        let scores = (0..<keys).map { j in
                            (0..<head).reduce(0) {
                                $0 + q[sample * length + i, index * head + $1]
                                    * k[sample * length + j, index * head + $1]
                            } / Double(head).squareRoot()
                        }
                        let sum = scores.reduce(0) { $0 + exp($1) }
                        for j in 0..<keys {
                            let kept = mask[((sample * heads + index) * length + i) * padded + j]
                            for c in index * head..<(index + 1) * head {
                                out[sample * length + i, c] += exp(scores[j]) / sum * kept * v[sample * length + j, c]
                            }
                        }
                    }
                }
            }
            return out
        }
        let pass = harness.pass
        for place in 0..<2 * length { pass[bias][place] = place - length >= valid ? -1e30 : 0 }
        layer.forward(
            harness.x, into: harness.y, length: length, bias: pass[bias], site: site, cache: cache,
            scratch: pass[scratch], pass)
        layer.backward(
            u: harness.x, dout: harness.dy, du: harness.dx,
            dprojected: pass.matrix(dprojected, rows: 2 * length, columns: 3 * width), length: length, cache: cache,
            scratch: pass[scratch], pass)
        // The gradient of the key bias is a sum of terms that cancel; Float32 leaves about 1e-6 of their size.
        harness.compare()
    }

    @Test(arguments: [(1, 3, 4), (5, 16, 16), (4, 6, 21)])
    func lstm(_ length: Int, _ inputs: Int, _ width: Int) {
        var layout = ParameterLayout(), plan = WorkspacePlan(), random = Self.random()
        let layer = LSTM("l", inputs: inputs, width: width, in: &layout)
        let cache = layer.plan(&plan, samples: 2, length: length)
        let harness = LayerHarness(
            layout, plan: plan, input: .random(2 * length, inputs, &random), outputColumns: width, samples: 2
        ) { x, p in
            let sums = Self.linear(x, p["l.weight_ih_l0"]!, p["l.bias_ih_l0"]), weight = p["l.weight_hh_l0"]!
            var out = Plain(rows: x.rows, columns: width) { _, _ in 0 }
            func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
            for sample in 0..<2 {
                var hidden = [Double](repeating: 0, count: width), cell = hidden
                for step in 0..<length {
                    let row = sample * length + step
                    let gates = (0..<4 * width).map { gate in
                        (0..<width).reduce(sums[row, gate] + p["l.bias_hh_l0"]!.values[gate]) {
                            $0 + hidden[$1] * weight[gate, $1]
                        }
                    }
                    for c in 0..<width {
                        cell[c] =
                            sigmoid(gates[width + c]) * cell[c] + sigmoid(gates[c]) * tanh(gates[2 * width + c])
                        hidden[c] = sigmoid(gates[3 * width + c]) * tanh(cell[c])
                        out[row, c] = hidden[c]
                    }
                }
            }
            return out
        }
        layer.forward(harness.x, into: harness.y, length: length, cache: cache, harness.pass)
        layer.backward(
            x: harness.x, dy: harness.dy, dx: harness.dx, length: length, cache: cache, harness.pass)
        harness.compare()
    }

    @Test(arguments: [1, 2, 4]) func characterConvolution(_ kernel: Int) {
        var layout = ParameterLayout(), plan = WorkspacePlan(), random = Self.random()
        let words = 5, characters = 6, inputs = 3, channels = 7
        let layer = CharacterConvolution("c", inputs: inputs, channels: channels, kernel: kernel, in: &layout)
        let cache = layer.plan(&plan, words: words, characters: characters)
        let harness = LayerHarness(
            layout, plan: plan, input: .random(words * characters, inputs, &random), outputColumns: channels,
            outputRows: words
        ) { x, p in
            Plain(rows: words, columns: channels) { word, channel in
                (0...characters - kernel).map { character in
                    var sum = p["c.bias"]!.values[channel]
                    for input in 0..<inputs {
                        for tap in 0..<kernel {
                            sum +=
                                p["c.weight"]![channel, input * kernel + tap]
                                * x[word * characters + character + tap, input]
                        }
                    }
                    return max(sum, 0)
                }.max()!
            }
        }
        layer.forward(harness.x, into: harness.y, characters: characters, cache: cache, harness.pass)
        layer.backward(
            x: harness.x, dy: harness.dy, dx: harness.dx, characters: characters, cache: cache, harness.pass)
        harness.compare()
    }

    @Test func embeddingWithPaddingAndPositions() {
        var layout = ParameterLayout(), random = Self.random()
        let layer = Embedding("e", rows: 6, width: 5, paddingIndex: 0, in: &layout)
        let ids: [Int32] = [3, 0, 5, 3]
        let harness = LayerHarness(
            layout, plan: WorkspacePlan(), input: .random(4, 5, &random), outputColumns: 5, samples: 2
        ) { x, p in
            // Row 0 has no gradient: the plain version does not read it from the parameter.
            Plain(rows: 4, columns: 5) { row, column in ids[row] == 0 ? 0 : p["e.weight"]![Int(ids[row]), column] }
        }
        harness.parameters[layer.weight] = harness.parameters[layer.weight].enumerated().map { $0 < 5 ? 0 : $1 }
        ids.withUnsafeBufferPointer {
            layer.forward($0, into: harness.y, harness.pass)
            layer.backward($0, dy: harness.dy, harness.pass)
        }
        harness.compare(checkingInput: false)
    }

    @Test func positionsAreAddedToEachSequence() {
        var layout = ParameterLayout(), random = Self.random()
        let layer = Embedding("e", rows: 3, width: 5, in: &layout)
        let harness = LayerHarness(
            layout, plan: WorkspacePlan(), input: .random(4, 5, &random), outputColumns: 5, samples: 2
        ) { x, p in Plain(rows: 4, columns: 5) { x[$0, $1] + p["e.weight"]![$0 % 2, $1] } }
        layer.addPositions(harness.x, into: harness.y, length: 2, harness.pass)
        layer.addPositionGradient(harness.dy, length: 2, harness.pass)
        harness.compare(checkingInput: false)
    }
}
