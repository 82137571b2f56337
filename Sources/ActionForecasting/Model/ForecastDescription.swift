// SPDX-License-Identifier: Apache-2.0

public import Training

/// A way to make one vector of those of a window's clips.
public enum Aggregator: String, CaseIterable, Hashable, Sendable, Codable {
    /// One after another, in time order.
    case concat
    /// Their mean.
    case mean
    /// A transformer over the clips, of which the last position is taken.
    case transformer
}

/// The make of a network that forecasts actions from features of clips. Without a number that was said otherwise it is
/// the official baseline's (EGO4D/forecasting: models/lta_models.py).
public struct ForecastDescription: RunSettings {
    /// The features of a clip.
    public var featureWidth: Int
    /// The columns that each clip's features are projected to.
    public var width = 2048
    /// The clips that are seen, N.
    public var inputs = 2
    /// The actions that are told ahead, Z.
    public var futures = 20
    /// The verbs of the taxonomy.
    public var verbs: Int
    /// The nouns of the taxonomy.
    public var nouns: Int
    /// The digest of the taxonomy that the labels are places in; empty where none is known.
    public var taxonomy = ""
    /// The way in which clips are put together.
    public var aggregator = Aggregator.concat
    /// The transformer's heads, which divide the width.
    public var heads = 8
    /// The transformer's layers.
    public var layers = 6
    /// The columns within the transformer's layers.
    public var feedForward = 2048
    /// The share dropped before both ends' layers.
    public var headDropout = 0.5
    /// The share dropped within the transformer; of its positions twice as much.
    public var transformerDropout = 0.1

    /// The official baseline, for features and a taxonomy.
    public init(featureWidth: Int, verbs: Int, nouns: Int) {
        self.featureWidth = featureWidth
        self.verbs = verbs
        self.nouns = nouns
    }

    /// Reads a make; what an older checkpoint does not have has its default.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            featureWidth: try fields.decode(Int.self, forKey: .featureWidth),
            verbs: try fields.decode(Int.self, forKey: .verbs), nouns: try fields.decode(Int.self, forKey: .nouns))
        self.width = try fields.value(.width, default: self.width)
        self.inputs = try fields.value(.inputs, default: self.inputs)
        self.futures = try fields.value(.futures, default: self.futures)
        self.taxonomy = try fields.value(.taxonomy, default: self.taxonomy)
        self.aggregator = try fields.value(.aggregator, default: self.aggregator)
        self.heads = try fields.value(.heads, default: self.heads)
        self.layers = try fields.value(.layers, default: self.layers)
        self.feedForward = try fields.value(.feedForward, default: self.feedForward)
        self.headDropout = try fields.value(.headDropout, default: self.headDropout)
        self.transformerDropout = try fields.value(.transformerDropout, default: self.transformerDropout)
    }

    /// The logits of a step: those of the verbs, then those of the nouns.
    public var classes: Int { self.verbs + self.nouns }
    /// The columns of a window's one vector.
    public var aggregatedWidth: Int { self.aggregator == .concat ? self.inputs * self.width : self.width }

    /// The most clips or actions of a window.
    public static let windowRange = 1...256
    /// The sizes of taxonomies.
    public static let labelsRange = 1...1_000_000

    /// Each setting in words, by the option that sets it.
    public var settings: [(name: String, value: String)] {
        [
            ("the features of a clip", "\(self.featureWidth)"), ("--width", "\(self.width)"),
            ("the windows' inputs", "\(self.inputs)"), ("the windows' futures", "\(self.futures)"),
            ("the verbs of --taxonomy", "\(self.verbs)"), ("the nouns of --taxonomy", "\(self.nouns)"),
            ("--taxonomy", self.taxonomy), ("--aggregator", self.aggregator.rawValue),
            ("--heads", "\(self.heads)"), ("--layers", "\(self.layers)"), ("--feed-forward", "\(self.feedForward)"),
            ("--dropout", "\(self.headDropout)"), ("--transformer-dropout", "\(self.transformerDropout)"),
        ]
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        let numbers = [
            ("the features of a clip", self.featureWidth, 1...65_536), ("--width", self.width, 1...16_384),
            ("the windows' inputs", self.inputs, Self.windowRange),
            ("the windows' futures", self.futures, Self.windowRange),
            ("the verbs of --taxonomy", self.verbs, Self.labelsRange),
            ("the nouns of --taxonomy", self.nouns, Self.labelsRange), ("--heads", self.heads, 1...1024),
            ("--layers", self.layers, 1...64), ("--feed-forward", self.feedForward, 1...65_536),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            return "\(name) must be at least \(range.lowerBound), and \(range.upperBound) at most, not \(value)"
        }
        if self.aggregator == .transformer {
            if self.width % self.heads != 0 { return "--heads must divide --width \(self.width), not \(self.heads)" }
            if self.width % 2 != 0 { return "--width must be even for a transformer, not \(self.width)" }
        }
        for (name, rate) in [("--dropout", self.headDropout), ("--transformer-dropout", self.transformerDropout)]
        where !(rate >= 0 && rate < 1) {
            return "\(name) is from 0 to below 1, not \(rate)"
        }
        if self.transformerDropout >= 0.5 {
            return "--transformer-dropout is below 0.5, not \(self.transformerDropout)"
        }
        // The largest product: as many floats as a buffer's address can hold without overflow, and no machine more.
        let decoder = Double(self.aggregatedWidth) * Double(self.classes) * Double(self.futures)
        if decoder > 4e9 {
            return "the heads have \(Int(decoder)) weights, more than 4000000000; lower --width"
        }
        return nil
    }
}
