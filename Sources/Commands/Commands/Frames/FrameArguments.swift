// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import Codecs
import Foundation
public import FrameGeneration
import TaskRooms

extension Sampler: ExpressibleByArgument {}
extension FrameOutput: ExpressibleByArgument {}

/// The set of pairs that a command works on.
struct PairArguments: ParsableArguments {
    @Option(help: ArgumentHelp("The folder of the pairs' frames: PNG, or binary PPM.", valueName: "dir"))
    var frames: String

    @Option(
        help: ArgumentHelp(
            "The folder of a vision-language model's features of input frames, .npy files under the frames' names.",
            valueName: "dir"))
    var imageFeatures: String?

    @Option(help: ArgumentHelp("The same of its words.", valueName: "dir"))
    var textFeatures: String?

    func validate() throws {
        if (self.imageFeatures == nil) != (self.textFeatures == nil) {
            throw ValidationError("--image-features and --text-features go together.")
        }
    }

    var folder: FrameFolder {
        FrameFolder(path: self.frames, imageFeatures: self.imageFeatures, textFeatures: self.textFeatures)
    }

    /// The pairs of a file, of which there is one at least.
    static func pairs(_ path: String) throws -> [FramePair] {
        let pairs = try FramePair.list(try UserFile.contents(path), path: path)
        guard !pairs.isEmpty else {
            throw CommandFailure(.usage, "\(path) holds no pair; name a file such as ego4d_train.json")
        }
        return pairs
    }
}

/// Whole numbers with commas between them.
struct NumberList: ExpressibleByArgument, Hashable, CustomStringConvertible {
    var numbers: [Int]

    init(_ numbers: [Int]) { self.numbers = numbers }

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard !parts.isEmpty, parts.count <= 64, !parts.contains(nil) else { return nil }
        self.numbers = parts.compactMap(\.self)
    }

    var description: String { self.numbers.map(String.init).joined(separator: ",") }
    var defaultValueDescription: String { self.description }
}

/// The sizes of the networks.
struct FrameNetworkArguments: ParsableArguments {
    @Option(help: ArgumentHelp("The height and width that frames are brought to, 8 to 2048.", valueName: "n"))
    var side = 32

    @Option(help: ArgumentHelp("The channels of the first level, up to 4096; the official 320.", valueName: "n"))
    var width = 32

    @Option(help: ArgumentHelp("The factor of each level's channels; the official 1,2,4,4.", valueName: "n,…"))
    var factors = NumberList([1, 2])

    @Option(help: ArgumentHelp("Residual blocks of a level, 1 to 16; the official 2.", valueName: "n"))
    var blocks = 1

    @Option(
        help: ArgumentHelp(
            "The factors by which a level's sides are smaller, where it has attention; the official 1,2,4.",
            valueName: "n,…"))
    var attention = NumberList([1, 2])

    @Option(help: ArgumentHelp("Heads of each attention; the official 8.", valueName: "n"))
    var heads = 4

    @Option(help: ArgumentHelp("Groups of each norm; the official 32.", valueName: "n"))
    var groups = 8

    @Option(help: ArgumentHelp("Tokens of a text, 2 to 4096; CLIP's 77.", valueName: "n"))
    var textTokens = 16

    @Option(help: ArgumentHelp("Columns of the context; CLIP's 768.", valueName: "n"))
    var textWidth = 64

    /// The denoiser for a first stage and a text encoder.
    /// - Parameter features: the rows and columns of the frames' features; `nil` where there are none.
    func denoiser(
        _ stage: FirstStageConfiguration, _ encoder: TextEncoderConfiguration, features: (rows: Int, columns: Int)?
    ) -> DenoiserConfiguration {
        var predictor = NoisePredictorConfiguration(), conditions = ConditionConfiguration()
        (predictor.inputs, predictor.outputs) = (2 * stage.latent, stage.latent)
        (predictor.width, predictor.factors) = (self.width, self.factors.numbers)
        (predictor.blocks, predictor.attention) = (self.blocks, self.attention.numbers)
        (predictor.heads, predictor.groups, predictor.context) = (self.heads, self.groups, encoder.width)
        (conditions.width, conditions.textTokens) = (encoder.width, encoder.positions)
        conditions.features = features?.columns ?? 0
        conditions.imageTokens = features?.rows ?? 1
        conditions.heads = self.heads
        conditions.inner = min(2048, 4 * encoder.width)
        return DenoiserConfiguration(predictor, conditions)
    }

    /// A text encoder with random weights, over whole words.
    func encoder(_ words: FrameWords) -> TextEncoderConfiguration {
        var encoder = TextEncoderConfiguration()
        (encoder.vocabulary, encoder.start, encoder.end) = (words.tokens, words.start, words.end)
        (encoder.width, encoder.inner) = (self.textWidth, 4 * self.textWidth)
        (encoder.layers, encoder.heads, encoder.positions) = (1, self.heads, self.textTokens)
        return encoder
    }
}

/// The sizes of a first stage that is trained.
struct FirstStageArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Channels of the first stage's first level; the official 128.", valueName: "n"))
    var stageWidth = 16

    @Option(
        help: ArgumentHelp(
            "The factor of each of its levels' channels; each but the last halves the sides; the official 1,2,4,4.",
            valueName: "n,…"))
    var stageFactors = NumberList([1, 2, 4])

    @Option(help: "The weight of the divergence from the normal distribution, 0 to 1.")
    var divergence = 1e-6

    func configuration(groups: Int, side: Int) -> FirstStageConfiguration {
        var stage = FirstStageConfiguration()
        (stage.width, stage.factors, stage.blocks) = (self.stageWidth, self.stageFactors.numbers, 1)
        (stage.side, stage.groups, stage.scale) = (side, groups, 1)
        return stage
    }
}
