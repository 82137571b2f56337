// SPDX-License-Identifier: Apache-2.0

import Training
import VideoFeatures

/// The settings of a VSLNet. Names and defaults follow EGO4D/episodic-memory: NLQ/VSLNet/options.py, main.py.
public struct VSLNetConfiguration: Hashable, Sendable, Codable {
    /// With or without query-guided highlighting.
    public enum Architecture: String, Hashable, Sendable, Codable, CaseIterable {
        /// The whole network.
        case vslNet = "VSLNet"
        /// Without highlight layer, gating and highlight loss; `cq_concat` is kept.
        case vslBase = "VSLBase"
    }

    /// The part that finds start and end.
    public enum Predictor: String, Hashable, Sendable, Codable, CaseIterable {
        /// A transformer encoder of its own, applied twice.
        case transformer
        /// Two LSTMs, one on top of the other.
        case recurrent
    }

    /// The form in which a query comes in.
    public enum TextInput: Hashable, Sendable, Codable {
        /// Rows of `width` numbers from a frozen encoder, such as BERT.
        case encoded(width: Int)
        /// Ids of words and characters. Word 0 is padding, word 1 unknown, word 2 the first of `words` known vectors.
        case tokens(words: Int, wordWidth: Int, characters: Int, characterWidth: Int)
    }

    /// With or without highlighting.
    public var architecture: Architecture = .vslNet
    /// The part that finds start and end.
    public var predictor: Predictor = .transformer
    /// The form of a query.
    public var text: TextInput = .encoded(width: 768)
    /// The columns of the video features.
    public var videoFeatureWidth: Int
    /// The columns within the network: `dim`.
    public var width = 128
    /// The heads of each attention.
    public var heads = 8
    /// The most video bins, or query tokens, that have a position: `max_pos_len`.
    public var positionsMax = 128
    /// The share that dropout drops.
    public var dropRate = 0.2
    /// The weight of the highlight loss in the total: `highlight_lambda`.
    public var highlightWeight: Float = 5

    /// The official defaults for features of a width.
    public init(videoFeatureWidth: Int) { self.videoFeatureWidth = videoFeatureWidth }

    /// Reads settings; those that are absent have their defaults.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(videoFeatureWidth: try fields.decode(Int.self, forKey: .videoFeatureWidth))
        self.architecture = try fields.value(.architecture, default: self.architecture)
        self.predictor = try fields.value(.predictor, default: self.predictor)
        self.text = try fields.value(.text, default: self.text)
        self.width = try fields.value(.width, default: self.width)
        self.heads = try fields.value(.heads, default: self.heads)
        self.positionsMax = try fields.value(.positionsMax, default: self.positionsMax)
        self.dropRate = try fields.value(.dropRate, default: self.dropRate)
        self.highlightWeight = try fields.value(.highlightWeight, default: self.highlightWeight)
    }

    /// The range of `width`: at the most, one matrix takes 64 MiB.
    public static let widthRange = 1...4096
    /// The range of `positionsMax`: five spans want three bins, and attention is quadratic in positions.
    public static let positionsRange = 3...8192
    /// The range for the numbers of known words and characters.
    public static let vocabularyRange = 1...(1 << 24)
    /// The range of `highlightWeight`.
    public static let highlightRange: ClosedRange<Float> = 0...1e6

    /// Says what is wrong with the settings, or nothing. What it lets pass can be multiplied and laid out.
    public func problem() -> String? {
        var sizes = [
            ("number of features a moment", self.videoFeatureWidth, 1...FeatureFile.columnsMax),
            ("width (--dim)", self.width, Self.widthRange),
            ("number of heads (--heads)", self.heads, 1...Self.widthRange.upperBound),
            ("number of positions (--max-pos-len)", self.positionsMax, Self.positionsRange),
        ]
        switch self.text {
        case .encoded(let width): sizes.append(("width of the encoded text", width, 1...FeatureFile.columnsMax))
        case .tokens(let words, let wordWidth, let characters, let characterWidth):
            sizes += [
                ("number of known words", words, Self.vocabularyRange),
                ("width of the word vectors", wordWidth, 1...FeatureFile.columnsMax),
                ("number of known characters", characters, Self.vocabularyRange),
                ("width of the character vectors", characterWidth, Self.widthRange),
            ]
        }
        for (name, size, range) in sizes where !range.contains(size) {
            return "the \(name) must be at least \(range.lowerBound), and \(range.upperBound) at most, not \(size)"
        }
        if self.width % self.heads != 0 {
            return "the width (--dim) \(self.width) does not divide into \(self.heads) heads (--heads)"
        }
        if !(self.dropRate >= 0 && self.dropRate < 1) {
            return "the share that is dropped (--dropout) is from 0 to below 1, not \(self.dropRate)"
        }
        if !Self.highlightRange.contains(self.highlightWeight) {
            return
                "the weight of the highlight loss (--highlight-lambda) is from 0 to \(Int(Self.highlightRange.upperBound)), "
                + "not \(self.highlightWeight)"
        }
        return nil
    }

    /// Each setting in words, by the option that sets it.
    var settings: [(name: String, value: String)] {
        let text =
            switch self.text {
            case .encoded(let width): "\(width) columns of an encoder"
            case .tokens(let words, let wordWidth, let characters, let characterWidth):
                "\(words) words of \(wordWidth) columns and \(characters) characters of \(characterWidth)"
            }
        return [
            ("--model", self.architecture.rawValue), ("--predictor", self.predictor.rawValue), ("--text", text),
            ("the number of features a moment", "\(self.videoFeatureWidth)"), ("--dim", "\(self.width)"),
            ("--heads", "\(self.heads)"), ("--max-pos-len", "\(self.positionsMax)"), ("--dropout", "\(self.dropRate)"),
            ("--highlight-lambda", "\(self.highlightWeight)"),
        ]
    }
}
