// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// Two convolutions behind norms, and what goes around them; the time is added between the two.
struct ResidualBlock: Sendable {
    let inputs: Int, outputs: Int
    private let norms: [GroupNorm]
    private let convolutions: [ImageConvolution]
    private let time: Dense?
    private let skip: ImageConvolution?

    /// The names of the parts, which differ from network to network.
    struct Names {
        var norms: [String], convolutions: [String]
        var time: String?
        var skip: String

        /// Those of the UNet.
        static let unet = Names(
            norms: ["in_layers.0", "out_layers.0"], convolutions: ["in_layers.2", "out_layers.3"],
            time: "emb_layers.1", skip: "skip_connection")
        /// Those of the first stage, which knows no time.
        static let autoencoder = Names(
            norms: ["norm1", "norm2"], convolutions: ["conv1", "conv2"], time: nil, skip: "nin_shortcut")
    }

    /// - Parameter time: the columns of the time's vector; 0 where there is none.
    init(
        _ name: String, _ names: Names, inputs: Int, outputs: Int, groups: Int, time: Int = 0,
        in layout: inout ParameterLayout
    ) {
        let epsilon: Float = names.time == nil ? 1e-6 : 1e-5
        self.inputs = inputs
        self.outputs = outputs
        let first = GroupNorm(
            "\(name).\(names.norms[0])", channels: inputs, groups: groups, epsilon: epsilon, in: &layout)
        let inner = ImageConvolution(
            "\(name).\(names.convolutions[0])", channels: inputs, outputs: outputs, in: &layout)
        self.time = names.time.map { Dense("\(name).\($0)", inputs: time, outputs: outputs, in: &layout) }
        let second = GroupNorm(
            "\(name).\(names.norms[1])", channels: outputs, groups: groups, epsilon: epsilon, in: &layout)
        // With time the block starts as its shortcut alone, as the official UNet does.
        let outer = ImageConvolution(
            "\(name).\(names.convolutions[1])", channels: outputs, outputs: outputs,
            startsAtZero: names.time != nil, in: &layout)
        self.norms = [first, second]
        self.convolutions = [inner, outer]
        self.skip =
            inputs == outputs
            ? nil
            : ImageConvolution("\(name).\(names.skip)", channels: inputs, outputs: outputs, kernel: 1, in: &layout)
    }

    /// - Parameter time: SiLU of the time's vector.
    func write(_ x: TapeImage, time: TapeValue? = nil, on tape: inout Tape) -> TapeImage {
        var h = tape.convolve(self.convolutions[0], tape.activate(.silu, tape.normalize(self.norms[0], x)))
        if let time, let layer = self.time { h = tape.add(h, shifts: tape.dense(layer, time)) }
        h = tape.convolve(self.convolutions[1], tape.activate(.silu, tape.normalize(self.norms[1], h)))
        return tape.add(self.skip.map { tape.convolve($0, x) } ?? x, h)
    }
}
