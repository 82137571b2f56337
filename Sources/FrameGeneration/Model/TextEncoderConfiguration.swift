// SPDX-License-Identifier: Apache-2.0

/// The make of CLIP's text encoder.
public struct TextEncoderConfiguration: Hashable, Sendable, Codable {
    /// The number of tokens that there are.
    public var vocabulary = 49408
    /// The columns of a token.
    public var width = 768
    /// The columns of a layer's inside.
    public var inner = 3072
    /// The layers.
    public var layers = 12
    /// The heads of each layer.
    public var heads = 12
    /// The tokens of a text, padded.
    public var positions = 77
    /// The token that begins a text.
    public var start = 49406
    /// The token that ends a text, and fills it up.
    public var end = 49407

    /// The sizes of ViT-L/14.
    public init() {}

    /// Says what no network can be made of, or nothing.
    public func problem() -> String? {
        let sizes = [
            ("vocabulary", self.vocabulary, 3...10_000_000), ("width", self.width, 1...16384),
            ("inner", self.inner, 1...65536), ("layers", self.layers, 1...256), ("heads", self.heads, 1...256),
            ("positions", self.positions, 2...4096), ("start", self.start, 0...max(0, self.vocabulary - 1)),
            ("end", self.end, 0...max(0, self.vocabulary - 1)),
        ]
        for (name, value, range) in sizes where !range.contains(value) {
            return "\(name) is \(value), and from \(range.lowerBound) to \(range.upperBound) is possible"
        }
        return self.width % self.heads == 0
            ? nil : "\(self.width) columns do not divide into \(self.heads) heads"
    }

    /// A text's tokens as the encoder takes them: cut so that start and end fit, and filled up with the end.
    /// - Returns: the tokens, and how many were cut off.
    public func pad(_ tokens: [Int]) -> (tokens: [Int], cut: Int) {
        let kept = tokens.prefix(self.positions - 2)
        let whole = [self.start] + kept + [self.end]
        return (
            whole + Array(repeating: self.end, count: self.positions - whole.count), tokens.count - kept.count
        )
    }
}
