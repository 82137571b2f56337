// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Testing

@testable import FrameGeneration

/// Single layers, forward and backward, against the official ones.
@Suite struct OpsGoldenTests {
    /// A layer on a tape: its inputs as they are in the file, batch after batch, and its output.
    private struct Layer {
        var inputs: [TapeValue]
        var output: TapeValue
    }

    /// Puts a layer of the file's sizes on a tape.
    private func write(
        _ op: String, _ golden: LegoCase, _ layout: inout ParameterLayout, _ tape: inout Tape
    ) throws -> Layer {
        let shape = try golden.shape("input.\(op).x0")
        func weight(_ name: String) throws -> [Int] { try golden.shape("weights.\(op).\(name)") }
        func image() -> TapeImage {
            tape.input(channels: shape[1], height: shape[2], width: shape[3], wantsGradient: true)
        }
        func tokens(_ name: String = "x0") throws -> TapeValue {
            let shape = try golden.shape("input.\(op).\(name)")
            return tape.input(rows: shape[shape.count - 2], columns: shape[shape.count - 1], wantsGradient: true)
        }
        func convolved(
            _ name: String, _ change: (TapeImage, inout Tape) -> TapeImage, step: Int = 1, isVAE: Bool = false
        ) throws -> Layer {
            let size = try weight("\(name)weight"), x = image()
            let layer = ImageConvolution(
                "\(op).\(name)".trimmed, channels: size[1], outputs: size[0], kernel: size[2], step: step,
                before: isVAE ? 0 : nil, after: isVAE ? 1 : nil, in: &layout)
            return Layer(inputs: [x.value], output: tape.convolve(layer, change(x, &tape)).value)
        }
        switch op {
        case "conv1x1", "conv3x3": return try convolved("", { x, _ in x })
        case "downsample_unet": return try convolved("op.", { x, _ in x }, step: 2)
        case "downsample_vae": return try convolved("conv.", { x, _ in x }, step: 2, isVAE: true)
        case "upsample": return try convolved("conv.", { $1.double($0) })
        case "silu", "gelu_erf":
            let x = try tokens()
            return Layer(inputs: [x], output: tape.activate(op == "silu" ? .silu : .gelu, x))
        case "groupnorm32_eps1e5", "groupnorm32_eps1e6":
            let x = image()
            let layer = GroupNorm(
                op, channels: shape[1], groups: 32, epsilon: op.hasSuffix("5") ? 1e-5 : 1e-6, in: &layout)
            return Layer(inputs: [x.value], output: tape.normalize(layer, x).value)
        case "layernorm":
            let x = try tokens()
            return Layer(
                inputs: [x],
                output: tape.normalize(LayerNorm(op, width: x.columns, epsilon: 1e-5, in: &layout), x))
        case "geglu":
            let x = try tokens()
            let layer = Dense("\(op).proj", inputs: x.columns, outputs: try weight("proj.weight")[0], in: &layout)
            return Layer(inputs: [x], output: tape.geglu(tape.dense(layer, x)))
        case "feedforward":
            let x = try tokens(), wide = try weight("net.0.proj.weight")[0]
            let first = Dense("\(op).net.0.proj", inputs: x.columns, outputs: wide, in: &layout)
            let second = Dense("\(op).net.2", inputs: wide / 2, outputs: x.columns, in: &layout)
            return Layer(inputs: [x], output: tape.dense(second, tape.geglu(tape.dense(first, x))))
        case "self_attention", "cross_attention":
            let x = try tokens(), context = op == "cross_attention" ? try tokens("x1") : x
            func part(_ name: String, _ input: TapeValue, hasBias: Bool = false) throws -> TapeValue {
                let outputs = try weight("\(name).weight")[0]
                return tape.dense(
                    Dense("\(op).\(name)", inputs: input.columns, outputs: outputs, hasBias: hasBias, in: &layout),
                    input)
            }
            let query = try part("to_q", x), key = try part("to_k", context), value = try part("to_v", context)
            let heads = try #require(golden.config["heads"]?[op]?.int)
            let seen = tape.attend(query: query, key: key, value: value, heads: heads)
            return Layer(
                inputs: op == "cross_attention" ? [x, context] : [x],
                output: try part("to_out.0", seen, hasBias: true))
        default:
            Issue.record("\(golden.name) has a layer that is not known here: \(op)")
            throw GenerationError(op)
        }
    }

    @Test(arguments: try LegoGolden.cases("ops"))
    func layersAreTheOfficialOnes(_ name: String) throws {
        let golden = try LegoCase(name)
        let ops = golden.file.names.filter { $0.hasPrefix("eval.") }.map { String($0.dropFirst(5)) }
        #expect(ops.count >= 14)
        for op in ops {
            var layout = ParameterLayout(), tape = Tape(isTraining: true)
            let layer = try self.write(op, golden, &layout, &tape)
            tape.keep(layer.output, wantsGradient: true)
            let runner = TapeRunner(layout, tape)
            try golden.load(runner.parameters)
            let size = layer.inputs[0].rows * layer.inputs[0].columns
            let batch = try golden.shape("input.\(op).x0").reduce(1, *) / size
            var output: [Float] = [], gradients = layer.inputs.map { _ in [Float]() }
            for sample in 0..<batch {
                func part(_ name: String, _ value: TapeValue) throws -> [Float] {
                    let count = value.rows * value.columns
                    return Array(try golden.floats("input.\(op).\(name)")[sample * count..<(sample + 1) * count])
                }
                for (index, input) in layer.inputs.enumerated() {
                    runner.fill(input, try part("x\(index)", input))
                }
                runner.plan.forward(runner.pass)
                output += runner.values(layer.output)
                runner.fillGradient(layer.output, try part("upstream", layer.output))
                runner.plan.backward(runner.pass)
                for (index, input) in layer.inputs.enumerated() { gradients[index] += runner.gradient(input) }
            }
            try golden.expect(output, "eval.\(op)")
            for (index, gradient) in gradients.enumerated() { try golden.expect(gradient, "grad.\(op).x\(index)") }
            for parameter in layout.parameters {
                try golden.expect(runner.gradient(parameter), "grad.\(parameter.name)")
            }
        }
    }
}

extension String {
    fileprivate var trimmed: String { self.hasSuffix(".") ? String(self.dropLast()) : self }
}
