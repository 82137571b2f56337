// SPDX-License-Identifier: Apache-2.0

/// The make of a UNet that predicts the noise in a latent picture.
public struct NoisePredictorConfiguration: Hashable, Sendable, Codable {
    /// The channels that go in: the noisy latent's, then the input frame's.
    public var inputs = 8
    /// The channels of the noise.
    public var outputs = 4
    /// The channels of the first level.
    public var width = 320
    /// The factor of each level's channels; each level but the last halves the sides.
    public var factors = [1, 2, 4, 4]
    /// The residual blocks of a level on the way down; one more on the way up.
    public var blocks = 2
    /// The factors by which a level's sides are smaller, where it has attention. The middle always has it.
    public var attention = [1, 2, 4]
    /// The heads of each attention.
    public var heads = 8
    /// The blocks of a transformer.
    public var depth = 1
    /// The columns of the context.
    public var context = 768
    /// The groups of each norm.
    public var groups = 32

    /// The official sizes, those of Stable Diffusion 1.5 with four more channels going in.
    public init() {}

    /// Says what no network can be made of, or nothing.
    public func problem() -> String? {
        let sizes = [
            ("inputs", self.inputs, 1...1024), ("outputs", self.outputs, 1...1024), ("width", self.width, 2...4096),
            ("blocks", self.blocks, 1...16), ("heads", self.heads, 1...256), ("depth", self.depth, 1...16),
            ("context", self.context, 1...65536), ("groups", self.groups, 1...4096),
            ("the number of factors", self.factors.count, 1...8),
        ]
        for (name, value, range) in sizes where !range.contains(value) {
            return "\(name) is \(value), and from \(range.lowerBound) to \(range.upperBound) is possible"
        }
        guard self.width % 2 == 0 else { return "width is \(self.width), and sines and cosines want an even number" }
        for factor in self.factors {
            guard 1...64 ~= factor else { return "the factor \(factor) is not from 1 to 64" }
            guard self.width * factor % self.groups == 0 else {
                return "\(self.width * factor) channels do not divide into \(self.groups) groups"
            }
        }
        return self.attentionProblem() ?? self.joinProblem()
    }

    private func attentionProblem() -> String? {
        for (level, factor) in self.factors.enumerated()
        where self.attends(level) || level == self.factors.count - 1 {
            guard self.width * factor % self.heads == 0 else {
                return "\(self.width * factor) channels do not divide into \(self.heads) heads"
            }
        }
        return nil
    }

    /// Joined channels are normed too.
    private func joinProblem() -> String? {
        var stored = [self.width]
        for (level, factor) in self.factors.enumerated() {
            stored += Array(repeating: self.width * factor, count: self.blocks)
            if level < self.factors.count - 1 { stored.append(self.width * factor) }
        }
        var channels = self.width * (self.factors.last ?? 1)
        for factor in self.factors.reversed() {
            for _ in 0...self.blocks {
                let joined = channels + (stored.popLast() ?? 0)
                guard joined % self.groups == 0 else {
                    return "\(joined) joined channels do not divide into \(self.groups) groups"
                }
                channels = self.width * factor
            }
        }
        return nil
    }

    /// Tells whether a level's blocks are followed by attention.
    func attends(_ level: Int) -> Bool { self.attention.contains(1 << level) }

    /// The number by which both sides of a latent must divide.
    public var sideStep: Int { 1 << (self.factors.count - 1) }
}
