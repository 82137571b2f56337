// SPDX-License-Identifier: Apache-2.0

public import Training

/// The make of a frame generator, and what it was trained beside.
public struct FrameDescription: RunSettings {
    /// The network that learns.
    public var denoiser: DenoiserConfiguration
    /// The first stage, with the scale of its latents.
    public var firstStage: FirstStageConfiguration
    /// The text encoder.
    public var textEncoder: TextEncoderConfiguration
    /// The words that are tokens; `nil` where CLIP's byte pairs are.
    public var words: FrameWords?
    /// The height and width that frames are brought to.
    public var side: Int
    /// Tells whether what makes the context of features learns, too. The official code never trains it.
    public var learnsProjections = true
    /// The hashes of the weights that do not learn.
    public var firstStageHash: String, textEncoderHash: String

    /// Puts a make together.
    public init(
        denoiser: DenoiserConfiguration, firstStage: FirstStageConfiguration, textEncoder: TextEncoderConfiguration,
        words: FrameWords?, side: Int, firstStageHash: String, textEncoderHash: String
    ) {
        self.denoiser = denoiser
        self.firstStage = firstStage
        self.textEncoder = textEncoder
        self.words = words
        self.side = side
        self.firstStageHash = firstStageHash
        self.textEncoderHash = textEncoderHash
    }

    /// The height and width of a latent.
    public var latentSide: Int { self.side / self.firstStage.reduction }

    /// The sides that frames are brought to.
    public static let sides = 8...2048

    /// Each setting in words, by the option that sets it.
    public var settings: [(name: String, value: String)] {
        let unet = self.denoiser.predictor
        return [
            ("--side", "\(self.side)"), ("--width", "\(unet.width)"), ("--factors", "\(unet.factors)"),
            ("--blocks", "\(unet.blocks)"), ("--attention", "\(unet.attention)"), ("--heads", "\(unet.heads)"),
            ("the groups of norms", "\(unet.groups)"), ("the transformers' depth", "\(unet.depth)"),
            ("--projections", self.learnsProjections ? "trained" : "official"),
            ("the conditions", "\(self.denoiser.conditions)"), ("the first stage", "\(self.firstStage)"),
            ("the text encoder", "\(self.textEncoder)"),
            ("the first stage's weights", self.firstStageHash), ("the text encoder's weights", self.textEncoderHash),
            ("the words", self.words.map { "\($0.words.count)" } ?? "CLIP's"),
        ]
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        if let problem = self.denoiser.problem() ?? self.firstStage.problem() ?? self.textEncoder.problem() {
            return problem
        }
        guard Self.sides.contains(self.side) else {
            return "--side is from \(Self.sides.lowerBound) to \(Self.sides.upperBound), not \(self.side)"
        }
        let step = max(4, self.firstStage.reduction * self.denoiser.predictor.sideStep)
        guard self.side % step == 0 else { return "--side is \(self.side), and must divide by \(step)" }
        let conditions = self.denoiser.conditions, unet = self.denoiser.predictor
        guard conditions.textTokens == self.textEncoder.positions, conditions.width == self.textEncoder.width else {
            return "the text encoder gives \(self.textEncoder.positions) rows of \(self.textEncoder.width), and the "
                + "context has \(conditions.textTokens) of \(conditions.width)"
        }
        guard unet.outputs == self.firstStage.latent, unet.inputs == 2 * self.firstStage.latent else {
            return "the first stage has latents of \(self.firstStage.latent) channels, and the network takes "
                + "\(unet.inputs) and gives \(unet.outputs)"
        }
        if let words = self.words, words.tokens != self.textEncoder.vocabulary {
            return "the text encoder knows \(self.textEncoder.vocabulary) tokens, and the words are \(words.tokens)"
        }
        return nil
    }
}

/// The settings of a frame generator's training that belong to no layer.
public struct FramePreparation: RunSettings {
    /// The share of a weight that a step of rate 1 takes away, from all weights.
    public var weightDecay = 0.01
    /// The most that the moving average keeps of itself in a step.
    public var averageDecay = 0.9999

    /// The official settings.
    public init() {}

    /// Reads settings; those that are absent have their defaults.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.weightDecay = try fields.value(.weightDecay, default: self.weightDecay)
        self.averageDecay = try fields.value(.averageDecay, default: self.averageDecay)
    }

    /// Each setting in words, by the option that sets it.
    public var settings: [(name: String, value: String)] {
        [("--weight-decay", "\(self.weightDecay)"), ("--average-decay", "\(self.averageDecay)")]
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        for (name, value) in [("--weight-decay", self.weightDecay), ("--average-decay", self.averageDecay)]
        where !(0...1 ~= value) {
            return "\(name) is from 0 to 1, not \(value)"
        }
        return nil
    }
}
