// SPDX-License-Identifier: Apache-2.0

/// What a VSLNet is made of. Names and defaults follow EGO4D/episodic-memory: NLQ/VSLNet/options.py, main.py.
public struct VSLNetConfiguration: Hashable, Sendable, Codable {
    /// With or without query-guided highlighting.
    public enum Architecture: String, Hashable, Sendable, Codable, CaseIterable {
        /// The whole network.
        case vslNet = "VSLNet"
        /// Without highlight layer, gating and highlight loss; `cq_concat` is kept.
        case vslBase = "VSLBase"
    }

    /// What finds start and end.
    public enum Predictor: String, Hashable, Sendable, Codable, CaseIterable {
        /// A transformer encoder of its own, applied twice.
        case transformer
        /// Two LSTMs, one on top of the other.
        case recurrent
    }

    /// What a query is when it comes in.
    public enum TextInput: Hashable, Sendable, Codable {
        /// Rows of `width` numbers from a frozen encoder, such as BERT.
        case encoded(width: Int)
        /// Ids of words and characters. Word 0 is padding, word 1 unknown, word 2 the first of `words` known vectors.
        case tokens(words: Int, wordWidth: Int, characters: Int, characterWidth: Int)
    }

    /// With or without highlighting.
    public var architecture: Architecture = .vslNet
    /// What finds start and end.
    public var predictor: Predictor = .transformer
    /// What a query is.
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
    /// What the highlight loss counts in the total: `highlight_lambda`.
    public var highlightWeight: Float = 5

    /// The official defaults for features of a width.
    public init(videoFeatureWidth: Int) { self.videoFeatureWidth = videoFeatureWidth }

    /// Says what is wrong with the settings, or nothing.
    public func problem() -> String? {
        let sizes = [
            ("video feature width", self.videoFeatureWidth), ("width", self.width), ("heads", self.heads),
            ("positions", self.positionsMax),
        ]
        for (name, size) in sizes where size < 1 { return "the \(name) must be at least 1, not \(size)" }
        if self.width % self.heads != 0 { return "the width \(self.width) does not divide into \(self.heads) heads" }
        if !(self.dropRate >= 0 && self.dropRate < 1) { return "the drop rate \(self.dropRate) is not in 0..<1" }
        switch self.text {
        case .encoded(let width):
            return width < 1 ? "the text width must be at least 1, not \(width)" : nil
        case .tokens(let words, let wordWidth, let characters, let characterWidth):
            let least = min(words, wordWidth, characters, characterWidth)
            return least < 1 ? "the vocabularies and their widths must be at least 1, not \(least)" : nil
        }
    }
}
