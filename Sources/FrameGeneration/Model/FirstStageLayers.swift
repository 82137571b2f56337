// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// The first stage: frames to latents and back. It holds no numbers.
public struct FirstStageLayers: Sendable {
    /// The settings.
    public let configuration: FirstStageConfiguration
    private let encoder: Tower, decoder: Tower
    private let quantize: ImageConvolution, unquantize: ImageConvolution

    /// Attention of one head over all cells.
    private struct CellAttention: Sendable {
        let norm: GroupNorm
        let query: Dense, key: Dense, value: Dense, out: Dense

        init(_ name: String, channels: Int, groups: Int, in layout: inout ParameterLayout) {
            let shape = [channels, channels, 1, 1]
            self.norm = GroupNorm("\(name).norm", channels: channels, groups: groups, epsilon: 1e-6, in: &layout)
            self.query = Dense("\(name).q", inputs: channels, outputs: channels, shape: shape, in: &layout)
            let key = Dense("\(name).k", inputs: channels, outputs: channels, shape: shape, in: &layout)
            self.key = Dense(
                weight: key.weight, bias: key.bias, inputs: channels, outputs: channels, biasLearns: false)
            self.value = Dense("\(name).v", inputs: channels, outputs: channels, shape: shape, in: &layout)
            self.out = Dense("\(name).proj_out", inputs: channels, outputs: channels, shape: shape, in: &layout)
        }

        func write(_ x: TapeImage, on tape: inout Tape) -> TapeImage {
            let tokens = tape.transpose(tape.normalize(self.norm, x).value)
            let query = tape.dense(self.query, tokens), key = tape.dense(self.key, tokens)
            let value = tape.dense(self.value, tokens)
            let out = tape.dense(self.out, tape.attend(query: query, key: key, value: value, heads: 1))
            return tape.add(TapeImage(tape.transpose(out), height: x.height, width: x.width), x)
        }
    }

    private struct Level: Sendable {
        var blocks: [ResidualBlock] = []
        var attention: [CellAttention] = []
        var resizing: ImageConvolution?
    }

    /// The encoder, or the decoder.
    private struct Tower: Sendable {
        let enter: ImageConvolution
        /// In the order in which they are passed.
        let levels: [Level]
        let middle: [ResidualBlock], attention: CellAttention
        let norm: GroupNorm
        let leave: ImageConvolution
        let isDecoder: Bool

        init(
            _ configuration: FirstStageConfiguration, decodes: Bool, prefix: String, in layout: inout ParameterLayout
        ) {
            let c = configuration, widest = c.width * (c.factors.last ?? 1)
            let name = prefix + (decodes ? "decoder" : "encoder")
            self.isDecoder = decodes
            self.enter = ImageConvolution(
                "\(name).conv_in", channels: decodes ? c.moments : c.channels, outputs: decodes ? widest : c.width,
                in: &layout)
            var channels = decodes ? widest : c.width
            var levels: [Level] = []
            for number in decodes ? Array(c.factors.indices.reversed()) : Array(c.factors.indices) {
                let place = "\(name).\(decodes ? "up" : "down").\(number)", outputs = c.width * c.factors[number]
                var level = Level()
                for block in 0..<c.blocks + (decodes ? 1 : 0) {
                    level.blocks.append(
                        ResidualBlock(
                            "\(place).block.\(block)", .autoencoder, inputs: channels, outputs: outputs,
                            groups: c.groups, in: &layout))
                    channels = outputs
                    if c.attends(number) {
                        level.attention.append(
                            CellAttention("\(place).attn.\(block)", channels: channels, groups: c.groups, in: &layout))
                    }
                }
                if decodes, number > 0 {
                    level.resizing = ImageConvolution(
                        "\(place).upsample.conv", channels: channels, outputs: channels, in: &layout)
                } else if !decodes, number < c.factors.count - 1 {
                    level.resizing = ImageConvolution(
                        "\(place).downsample.conv", channels: channels, outputs: channels, step: 2, before: 0,
                        after: 1, in: &layout)
                }
                levels.append(level)
            }
            self.levels = levels
            func block(_ number: Int, _ layout: inout ParameterLayout) -> ResidualBlock {
                ResidualBlock(
                    "\(name).mid.block_\(number)", .autoencoder, inputs: widest, outputs: widest, groups: c.groups,
                    in: &layout)
            }
            let first = block(1, &layout)
            self.attention = CellAttention("\(name).mid.attn_1", channels: widest, groups: c.groups, in: &layout)
            self.middle = [first, block(2, &layout)]
            self.norm = GroupNorm(
                "\(name).norm_out", channels: channels, groups: c.groups, epsilon: 1e-6, in: &layout)
            self.leave = ImageConvolution(
                "\(name).conv_out", channels: channels, outputs: decodes ? c.channels : 2 * c.moments, in: &layout)
        }

        func write(_ x: TapeImage, on tape: inout Tape) -> TapeImage {
            var h = tape.convolve(self.enter, x)
            if self.isDecoder { h = self.writeMiddle(h, &tape) }
            for level in self.levels {
                for (number, block) in level.blocks.enumerated() {
                    h = block.write(h, on: &tape)
                    if number < level.attention.count { h = level.attention[number].write(h, on: &tape) }
                }
                if let resizing = level.resizing {
                    h = tape.convolve(resizing, self.isDecoder ? tape.double(h) : h)
                }
            }
            if !self.isDecoder { h = self.writeMiddle(h, &tape) }
            return tape.convolve(self.leave, tape.activate(.silu, tape.normalize(self.norm, h)))
        }

        private func writeMiddle(_ x: TapeImage, _ tape: inout Tape) -> TapeImage {
            let h = self.attention.write(self.middle[0].write(x, on: &tape), on: &tape)
            return self.middle[1].write(h, on: &tape)
        }
    }

    /// Adds the parameters under their official names, behind `prefix`.
    /// - Precondition: the configuration has no `problem()`.
    public init(
        _ configuration: FirstStageConfiguration, prefix: String = "first_stage_model.",
        in layout: inout ParameterLayout
    ) {
        precondition(configuration.problem() == nil, configuration.problem() ?? "")
        self.configuration = configuration
        self.encoder = Tower(configuration, decodes: false, prefix: prefix, in: &layout)
        self.decoder = Tower(configuration, decodes: true, prefix: prefix, in: &layout)
        self.quantize = ImageConvolution(
            "\(prefix)quant_conv", channels: 2 * configuration.moments, outputs: 2 * configuration.latent, kernel: 1,
            in: &layout)
        self.unquantize = ImageConvolution(
            "\(prefix)post_quant_conv", channels: configuration.latent, outputs: configuration.moments, kernel: 1,
            in: &layout)
    }

    /// The moments of a frame's latent: its mean, then the logarithm of its variance.
    /// - Precondition: the sides divide by `configuration.reduction`.
    public func encode(_ frame: TapeImage, on tape: inout Tape) -> TapeImage {
        tape.convolve(self.quantize, self.encoder.write(frame, on: &tape))
    }

    /// The frame of a latent, which is not scaled.
    public func decode(_ latent: TapeImage, on tape: inout Tape) -> TapeImage {
        self.decoder.write(tape.convolve(self.unquantize, latent), on: &tape)
    }
}
