// SPDX-License-Identifier: Apache-2.0

/// The make of the context: the text, then a vision-language model's features of the frame and of its own words.
public struct ConditionConfiguration: Hashable, Sendable, Codable {
    /// The columns of the context.
    public var width = 768
    /// The columns of the features; 0 where there are none, and the context is the text alone.
    public var features = 5120
    /// The rows of the frame's features.
    public var imageTokens = 256
    /// The rows of the words' features, and of the text.
    public var textTokens = 77
    /// The heads of a mixing layer.
    public var heads = 8
    /// The columns of a mixing layer's inside.
    public var inner = 2048
    /// The mixing layers.
    public var layers = 2
    /// The share of samples that lose the text alone, the frame alone, and both.
    public var dropped = 0.05

    /// The official sizes.
    public init() {}

    /// Says what no network can be made of, or nothing.
    public func problem() -> String? {
        let sizes = [
            ("width", self.width, 1...65536), ("features", self.features, 0...65536),
            ("imageTokens", self.imageTokens, 1...65536), ("textTokens", self.textTokens, 1...65536),
            ("heads", self.heads, 1...256), ("inner", self.inner, 1...65536), ("layers", self.layers, 0...64),
        ]
        for (name, value, range) in sizes where !range.contains(value) {
            return "\(name) is \(value), and from \(range.lowerBound) to \(range.upperBound) is possible"
        }
        guard 0...1.0 / 3 ~= self.dropped else { return "dropped is \(self.dropped), not a share from 0 to 1/3" }
        return self.width % self.heads == 0
            ? nil : "\(self.width) columns do not divide into \(self.heads) heads"
    }

    /// The rows of the whole context.
    public var tokens: Int { self.textTokens + (self.features > 0 ? self.imageTokens + self.textTokens : 0) }

    /// The conditions that a sample keeps by a number drawn from 0 to 1.
    public func kept(_ number: Float) -> (text: Bool, frame: Bool) {
        // Compared as the official code compares them: a Float32 with a Float32.
        let once = Float(self.dropped), twice = Float(2 * self.dropped), thrice = Float(3 * self.dropped)
        return (!(number < twice), !(number >= once && number < thrice))
    }

    /// A word's features as the network takes them: cut, or filled up with zeros.
    public func pad(_ features: [Float]) -> [Float] {
        let count = self.textTokens * self.features
        let kept = features.prefix(count)
        return kept + Array(repeating: 0, count: count - kept.count)
    }
}
