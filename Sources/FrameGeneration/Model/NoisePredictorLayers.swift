// SPDX-License-Identifier: Apache-2.0

import Glibc
public import NeuralNetworks

/// The UNet: a noisy latent, the time and a context to the noise. It holds no numbers.
public struct NoisePredictorLayers: Sendable {
    /// The settings.
    public let configuration: NoisePredictorConfiguration
    private let time: [Dense]
    private let enter: ImageConvolution
    private let down: [Part], middle: [Part], up: [Part]
    private let norm: GroupNorm
    private let leave: ImageConvolution

    /// One numbered entry of the official lists.
    private struct Part: Sendable {
        let name: String
        var residual: ResidualBlock?
        var transformer: SpatialTransformer?
        var resizing: ImageConvolution?
    }

    /// The values of a tape that are filled and read.
    public struct Ports: Sendable {
        /// The noisy latent, then the input frame's.
        public let latent: TapeImage
        /// Sines and cosines of the time, from `sinusoid`.
        public let time: TapeValue
        /// The context.
        public let context: TapeValue
        /// The noise.
        public let noise: TapeImage
        /// Values on the way, by their official names, where they were asked for.
        public var taps: [String: TapeValue] = [:]
    }

    /// Adds the parameters under their official names, behind `prefix`.
    /// - Precondition: the configuration has no `problem()`.
    public init(
        _ configuration: NoisePredictorConfiguration, prefix: String = "model.diffusion_model.",
        in layout: inout ParameterLayout
    ) {
        precondition(configuration.problem() == nil, configuration.problem() ?? "")
        let width = configuration.width, wide = 4 * width
        self.configuration = configuration
        let first = Dense("\(prefix)time_embed.0", inputs: width, outputs: wide, in: &layout)
        self.time = [first, Dense("\(prefix)time_embed.2", inputs: wide, outputs: wide, in: &layout)]
        self.enter = ImageConvolution(
            "\(prefix)input_blocks.0.0", channels: configuration.inputs, outputs: width, in: &layout)
        var builder = Builder(configuration, prefix, layout)
        self.down = builder.down()
        self.middle = builder.middle()
        self.up = builder.up()
        layout = builder.layout
        self.norm = GroupNorm(
            "\(prefix)out.0", channels: width * configuration.factors[0], groups: configuration.groups, epsilon: 1e-5,
            in: &layout)
        self.leave = ImageConvolution(
            "\(prefix)out.2", channels: width * configuration.factors[0], outputs: configuration.outputs,
            startsAtZero: true, in: &layout)
    }

    /// Follows the channels from level to level.
    private struct Builder {
        let configuration: NoisePredictorConfiguration
        let prefix: String
        var layout: ParameterLayout
        var channels: Int
        var stored: [Int]

        init(_ configuration: NoisePredictorConfiguration, _ prefix: String, _ layout: ParameterLayout) {
            self.configuration = configuration
            self.prefix = prefix
            self.layout = layout
            self.channels = configuration.width
            self.stored = [configuration.width]
        }

        mutating func residual(_ name: String, to outputs: Int, joined: Int = 0) -> ResidualBlock {
            defer { self.channels = outputs }
            return ResidualBlock(
                self.prefix + name, .unet, inputs: self.channels + joined, outputs: outputs,
                groups: self.configuration.groups, time: 4 * self.configuration.width, in: &self.layout)
        }

        mutating func transformer(_ name: String) -> SpatialTransformer {
            SpatialTransformer(
                self.prefix + name, channels: self.channels, self.configuration, in: &self.layout)
        }

        mutating func down() -> [Part] {
            var parts: [Part] = []
            for (level, factor) in self.configuration.factors.enumerated() {
                for _ in 0..<self.configuration.blocks {
                    let name = "input_blocks.\(parts.count + 1)"
                    var part = Part(name: name)
                    part.residual = self.residual("\(name).0", to: factor * self.configuration.width)
                    if self.configuration.attends(level) { part.transformer = self.transformer("\(name).1") }
                    parts.append(part)
                    self.stored.append(self.channels)
                }
                guard level < self.configuration.factors.count - 1 else { continue }
                let name = "input_blocks.\(parts.count + 1)"
                var part = Part(name: name)
                part.resizing = ImageConvolution(
                    "\(self.prefix)\(name).0.op", channels: self.channels, outputs: self.channels, step: 2,
                    in: &self.layout)
                parts.append(part)
                self.stored.append(self.channels)
            }
            return parts
        }

        mutating func middle() -> [Part] {
            var first = Part(name: "middle_block.0"), second = Part(name: "middle_block.1")
            var third = Part(name: "middle_block.2")
            first.residual = self.residual(first.name, to: self.channels)
            second.transformer = self.transformer(second.name)
            third.residual = self.residual(third.name, to: self.channels)
            return [first, second, third]
        }

        mutating func up() -> [Part] {
            var parts: [Part] = []
            for (level, factor) in self.configuration.factors.enumerated().reversed() {
                for number in 0...self.configuration.blocks {
                    let name = "output_blocks.\(parts.count)"
                    var part = Part(name: name)
                    part.residual = self.residual(
                        "\(name).0", to: factor * self.configuration.width, joined: self.stored.popLast() ?? 0)
                    if self.configuration.attends(level) { part.transformer = self.transformer("\(name).1") }
                    if level > 0, number == self.configuration.blocks {
                        let place = part.transformer == nil ? 1 : 2
                        part.resizing = ImageConvolution(
                            "\(self.prefix)\(name).\(place).conv", channels: self.channels, outputs: self.channels,
                            in: &self.layout)
                    }
                    parts.append(part)
                }
            }
            return parts
        }
    }

    /// Sines and cosines of a time, which need not be whole: cosines first.
    public func sinusoid(_ time: Double) -> [Float] {
        let half = self.configuration.width / 2
        let angles = (0..<half).map { time * exp(-log(10_000) * Double($0) / Double(half)) }
        return angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
    }

    /// Writes the network down for latents of a size.
    /// - Parameters:
    ///   - context: the context, where it is on the tape; otherwise an input of `tokens` rows.
    ///   - keepsTaps: whether values on the way can be read, for tests.
    /// - Precondition: the sides divide by `configuration.sideStep`.
    public func write(
        height: Int, width: Int, context: TapeValue? = nil, tokens: Int = 0, keepsTaps: Bool = false,
        on tape: inout Tape
    ) -> Ports {
        let step = self.configuration.sideStep
        precondition(height % step == 0 && width % step == 0, "\(height) × \(width) does not divide by \(step)")
        let latent = tape.input(channels: self.configuration.inputs, height: height, width: width)
        let sinusoid = tape.input(rows: 1, columns: self.configuration.width)
        let context = context ?? tape.input(rows: tokens, columns: self.configuration.context)
        var kept: [(String, TapeValue)] = []
        let embedding = tape.dense(self.time[1], tape.activate(.silu, tape.dense(self.time[0], sinusoid)))
        kept.append(("time_embed", embedding))
        let time = tape.activate(.silu, embedding)
        func pass(_ part: Part, _ x: TapeImage, isUp: Bool = false) -> TapeImage {
            var h = x
            if let residual = part.residual { h = residual.write(h, time: time, on: &tape) }
            if let transformer = part.transformer {
                h = transformer.write(
                    h, context: context, taps: { kept.append(("\(part.name).\($0)", $1)) }, on: &tape)
            }
            if let resizing = part.resizing { h = tape.convolve(resizing, isUp ? tape.double(h) : h) }
            kept.append((part.name, h.value))
            return h
        }
        var h = tape.convolve(self.enter, latent)
        kept.append(("input_blocks.0", h.value))
        var stored = [h]
        for part in self.down {
            h = pass(part, h)
            stored.append(h)
        }
        for part in self.middle { h = pass(part, h) }
        kept.append(("middle_block", h.value))
        for part in self.up { h = pass(part, tape.join(h, stored.removeLast()), isUp: true) }
        let noise = tape.convolve(self.leave, tape.activate(.silu, tape.normalize(self.norm, h)))
        tape.keep(noise.value, wantsGradient: true)
        var ports = Ports(latent: latent, time: sinusoid, context: context, noise: noise)
        if keepsTaps {
            for (name, value) in kept {
                tape.keep(value)
                ports.taps[name] = value
            }
        }
        return ports
    }
}
