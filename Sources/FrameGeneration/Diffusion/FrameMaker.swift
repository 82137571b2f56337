// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
public import Pictures

/// The settings that a made frame follows from, beside the weights.
public struct FrameSettings: Hashable, Sendable, Codable {
    /// The way from noise to a latent.
    public var sampler = Sampler.ancestral
    /// The number of steps.
    public var steps = 100
    /// The guidance.
    public var guidance = Guidance()
    /// The seed of all noise.
    public var seed: UInt64 = 0
    /// The way from numbers to bytes.
    public var output = FrameOutput.clamped

    /// The official settings, but for the output.
    public init() {}

    /// The steps that sampling may have.
    public static let stepsRange = 1...1000

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        guard Self.stepsRange.contains(self.steps) else {
            return "--steps must be at least 1, and 1000 at most, not \(self.steps)"
        }
        return self.guidance.problem()
    }
}

/// Makes frames: a first stage, a text encoder and a denoiser together. Not for use from several threads at once: it
/// has its own.
///
/// A frame's noise follows from the seed, its clip, its action and the step: what else is made, in which order and on
/// how many threads, changes nothing.
public final class FrameMaker {
    /// The make.
    public let description: FrameDescription
    /// The first stage.
    public let stage: FirstStage
    /// The text encoder.
    public let encoder: TextEncoder
    /// The denoiser.
    public let denoiser: Denoiser
    private let schedule = NoiseSchedule()
    private let empty: [Float]

    /// Creates a maker around parts with their weights, and a denoiser whose weights are still to be loaded.
    /// - Throws: `GenerationError` where the description has a `problem()`, or the parts are others than it names.
    public init(
        _ description: FrameDescription, _ stage: FirstStage, _ encoder: TextEncoder, threads: Int = 1
    ) throws {
        if let problem = description.problem() { throw GenerationError(problem) }
        guard stage.parameters.digest == description.firstStageHash else {
            throw GenerationError(
                "the first stage has other weights than the checkpoint was trained beside; name the same file")
        }
        guard encoder.parameters.digest == description.textEncoderHash else {
            throw GenerationError(
                "the text encoder has other weights than the checkpoint was trained beside; name the same file")
        }
        self.description = description
        self.stage = stage
        self.encoder = encoder
        self.denoiser = try Denoiser(
            description.denoiser, height: description.latentSide, width: description.latentSide, seed: 0,
            threads: threads)
        self.empty = try encoder.encode(encoder.configuration.pad([]).tokens)
    }

    /// Takes a checkpoint's moving average, and the projections that do not learn.
    /// - Throws: `GenerationError` or `TensorFileError` where the file lacks one.
    public func load(_ file: SafetensorsFile) throws {
        let name = "carried.\(FrameGenerator.averageName)", layout = FrameGenerator.layout(self.description)
        guard let entry = file.entry(name) else { return try self.denoiser.load(file) }
        guard entry.shape == [layout.trainedCount] else {
            throw GenerationError(
                "\(file.path) averages \(entry.shape) numbers, and the network learns \(layout.trainedCount)")
        }
        let average = try file.floats(name)
        for parameter in self.denoiser.parameters.layout.parameters {
            guard let place = layout[parameter.name] else { continue }
            self.denoiser.parameters[parameter] =
                place.isTrained
                ? Array(average[place.offset..<place.offset + place.count])
                : try file.floats(parameter.name, shape: parameter.shape)
        }
    }

    /// Makes a frame.
    /// - Parameters:
    ///   - input: the frame before the action.
    ///   - tokens: the words' tokens, without start and end.
    ///   - features: those of the frame and of the words; empty for a network that takes none.
    ///   - key: the name that noise follows from, such as `clip/action`.
    /// - Returns: the frame, of the side that the network was made for.
    public func frame(
        after input: Picture, tokens: [Int], features: (image: [Float], words: [Float]) = ([], []), key: String,
        _ settings: FrameSettings
    ) throws -> FramePixels {
        let pixels = FramePixels(input, side: self.description.side), moments = try self.stage.encode(pixels)
        let text = try self.encoder.encode(self.encoder.configuration.pad(tokens).tokens)
        let context = try self.denoiser.context(
            text: text, empty: self.empty, image: features.image, words: features.words)
        let conditions = Conditions(context: context.context, empty: context.empty, frame: moments.mean)
        let sampling = Sampling(self.schedule, settings.guidance, steps: settings.steps)
        let count = moments.mean.count
        func noise(_ step: Int) -> [Float] {
            var random = PhiloxGenerator(seed: settings.seed, stream: "\(key)/\(step)")
            return (0..<count).map { _ in random.normal() }
        }
        let initial = noise(0), latent: [Float]
        switch settings.sampler {
        case .ancestral:
            latent = try sampling.euler(
                initial: initial, conditions, noise: { noise($0 + 1) }, self.denoiser)
        case .euler: latent = try sampling.euler(initial: initial, conditions, noise: nil, self.denoiser)
        case .ddim:
            latent = try sampling.implicit(
                initial: initial, conditions, noise: { noise($0 + 1) }, self.denoiser)
        }
        let scale = self.description.firstStage.scale
        return try self.stage.decode(latent.map { $0 / scale }, height: moments.height, width: moments.width)
    }

    /// A frame through the first stage alone: the best that any network could make of it.
    public func ceiling(of frame: Picture) throws -> FramePixels {
        let moments = try self.stage.encode(FramePixels(frame, side: self.description.side))
        return try self.stage.decode(moments.mean, height: moments.height, width: moments.width)
    }

    /// A made frame as a picture of a size.
    /// - Parameter size: the height and width; those of the network where there is none.
    public static func picture(
        _ frame: FramePixels, _ output: FrameOutput, size: (height: Int, width: Int)? = nil
    ) -> Picture {
        let whole = size.map { frame.resized(height: $0.height, width: $0.width) } ?? frame
        return Picture(width: whole.width, height: whole.height, bytes: output.bytes(whole))
    }
}
