// SPDX-License-Identifier: Apache-2.0

import Glibc
public import NeuralNetworks

/// The first stage with its weights: frames to latents and back, one at a time. Not for use from several threads at
/// once.
public final class FirstStage {
    /// The settings.
    public var configuration: FirstStageConfiguration { self.layers.configuration }
    /// The weights, under their official names.
    public let parameters: Parameters
    private let layers: FirstStageLayers

    private struct Size: Hashable {
        var height: Int, width: Int
        var isEncoder: Bool
    }

    private struct Ports {
        let from: TapeImage, to: TapeImage
    }

    private var spaces: [Size: TapeSpaces<Ports>] = [:]

    /// Creates one with random weights.
    /// - Throws: `GenerationError` where the configuration has a `problem()`, or there is no memory.
    public init(_ configuration: FirstStageConfiguration, seed: UInt64) throws(GenerationError) {
        if let problem = configuration.problem() { throw GenerationError("the first stage: \(problem)") }
        var layout = ParameterLayout()
        self.layers = FirstStageLayers(configuration, in: &layout)
        self.parameters = try Parameters.checked(layout, seed: seed, copies: 1, "the first stage")
    }

    /// Creates one around weights that something else trains.
    init(_ layers: FirstStageLayers, _ parameters: Parameters) {
        self.layers = layers
        self.parameters = parameters
    }

    /// Takes the weights of a file.
    /// - Throws: `GenerationError` or `TensorFileError` where the file lacks one.
    public func load(_ file: SafetensorsFile) throws {
        try self.parameters.load(file, prefix: "first_stage_model.")
    }

    /// The distribution of a frame's latent.
    public struct Moments: Sendable {
        /// The mean, (channels, cells), not scaled: what conditions the network.
        public let mean: [Float]
        /// The logarithm of the variance, held from −30 to 20.
        public let logVariance: [Float]
        /// The latent's lines, and the cells of each.
        public let height: Int, width: Int

        /// A draw, scaled: what the denoiser learns to make.
        /// - Parameter noise: of deviation 1, as many numbers as the mean has.
        public func draw(_ noise: [Float], scale: Float) -> [Float] {
            self.mean.indices.map { index in
                scale * (self.mean[index] + Float(exp(0.5 * Double(self.logVariance[index]))) * noise[index])
            }
        }
    }

    /// The distribution of a frame's latent.
    /// - Throws: `GenerationError` where the sides do not divide.
    public func encode(_ frame: FramePixels) throws(GenerationError) -> Moments {
        let step = self.configuration.reduction
        guard frame.height % step == 0, frame.width % step == 0, frame.height > 0, frame.width > 0 else {
            throw GenerationError(
                "a frame of \(frame.height) × \(frame.width) does not divide by \(step); scale it first")
        }
        let (out, ports) = try self.run(
            Size(height: frame.height, width: frame.width, isEncoder: true), frame.values)
        let half = out.count / 2
        return Moments(
            mean: Array(out[..<half]), logVariance: out[half...].map { min(max($0, -30), 20) },
            height: ports.to.height, width: ports.to.width)
    }

    /// The frame of a latent that is not scaled.
    public func decode(_ latent: [Float], height: Int, width: Int) throws(GenerationError) -> FramePixels {
        let (out, ports) = try self.run(Size(height: height, width: width, isEncoder: false), latent)
        return FramePixels(height: ports.to.height, width: ports.to.width, values: out)
    }

    private func run(_ size: Size, _ input: [Float]) throws(GenerationError) -> ([Float], Ports) {
        let spaces = self.spaces[size] ?? self.write(size)
        self.spaces[size] = spaces
        let pass = TapeSpaces<Ports>.pass(self.parameters, try spaces.take(threads: 1)[0])
        spaces.plan.value(spaces.ports.from.value, pass).fill(input)
        spaces.plan.forward(pass)
        return (spaces.plan.value(spaces.ports.to.value, pass).values, spaces.ports)
    }

    private func write(_ size: Size) -> TapeSpaces<Ports> {
        let configuration = self.configuration
        return TapeSpaces(isTraining: false) { [layers] tape in
            let from = tape.input(
                channels: size.isEncoder ? configuration.channels : configuration.latent, height: size.height,
                width: size.width)
            let to = size.isEncoder ? layers.encode(from, on: &tape) : layers.decode(from, on: &tape)
            tape.keep(to.value)
            return Ports(from: from, to: to)
        }
    }
}
