// SPDX-License-Identifier: Apache-2.0

/// The make of the first stage: an autoencoder between frames and latents.
public struct FirstStageConfiguration: Hashable, Sendable, Codable {
    /// The channels of a frame.
    public var channels = 3
    /// The channels of the first level.
    public var width = 128
    /// The factor of each level's channels; each level but the last halves the sides.
    public var factors = [1, 2, 4, 4]
    /// The residual blocks of a level of the encoder; the decoder has one more.
    public var blocks = 2
    /// The channels that the encoder's two halves, mean and logarithm of the variance, have each.
    public var moments = 4
    /// The channels of a latent.
    public var latent = 4
    /// The sides for which `attention` is told.
    public var side = 256
    /// The sides at which a level has attention. The middle always has it.
    public var attention: [Int] = []
    /// The groups of each norm.
    public var groups = 32
    /// The factor of a latent that is drawn, so that its deviation is near 1.
    public var scale: Float = 0.18215

    /// The official sizes, those of Stable Diffusion 1.5.
    public init() {}

    /// Says what no network can be made of, or nothing.
    public func problem() -> String? {
        let sizes = [
            ("channels", self.channels, 1...16), ("width", self.width, 1...2048), ("blocks", self.blocks, 1...16),
            ("moments", self.moments, 1...256), ("latent", self.latent, 1...256), ("side", self.side, 1...16384),
            ("groups", self.groups, 1...2048), ("the number of factors", self.factors.count, 1...8),
        ]
        for (name, value, range) in sizes where !range.contains(value) {
            return "\(name) is \(value), and from \(range.lowerBound) to \(range.upperBound) is possible"
        }
        for factor in self.factors {
            guard 1...64 ~= factor else { return "the factor \(factor) is not from 1 to 64" }
            guard self.width * factor % self.groups == 0 else {
                return "\(self.width * factor) channels do not divide into \(self.groups) groups"
            }
        }
        guard self.width % self.groups == 0 else {
            return "\(self.width) channels do not divide into \(self.groups) groups"
        }
        return self.scale.isFinite && self.scale > 0 ? nil : "the scale is \(self.scale), not above 0"
    }

    /// Tells whether a level's blocks are followed by attention.
    func attends(_ level: Int) -> Bool { self.attention.contains(self.side >> level) }

    /// The number by which a latent's sides are smaller than a frame's.
    public var reduction: Int { 1 << (self.factors.count - 1) }
}
