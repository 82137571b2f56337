// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// The memory of an encoder: the keys and values of the clips before, compressed, which the blocks attend to as well.
public struct MemoryConfiguration: Hashable, Sendable, Codable {
    /// The choice of remembered clips.
    public enum Sampler: Hashable, Sendable, Codable {
        /// All of them.
        case all
        /// Every n-th, counted back from the clip at hand: with 2 the clip before is never among them.
        case gap(Int)
    }

    /// The fate of remembered clips when another video begins.
    public enum Change: String, Hashable, Sendable, Codable, CaseIterable {
        /// They become zeros, and are attended to: their keys and values are the projections' biases.
        case zero
        /// They are forgotten.
        case drop
        /// They stay, and are closed to attention.
        case mask
    }

    /// The choice of clips.
    public var sampler = Sampler.all
    /// The clips that are attended to, the one at hand among them.
    public var length = 3
    /// The blocks that do not remember.
    public var excluded: [Int] = []
    /// The window of compression.
    public var kernel = GridSize(7, 3, 3)
    /// Its stride.
    public var stride = GridSize(4, 2, 2)
    /// The fate of the clips of another video.
    public var change = Change.mask

    /// All clips, closed to attention where they are another video's.
    public init() {}

    /// The remembered clips that are attended to at most.
    var entries: Int { self.length - 1 }

    /// The clips that are kept, the one before uncompressed among them.
    var kept: Int {
        switch self.sampler {
        case .all: self.length - 1
        case .gap(let gap): (self.length - 1) * gap
        }
    }

    /// The clips attended to out of `count` that are there, oldest first; the last is the clip before.
    func selection(of count: Int) -> [Int] {
        switch self.sampler {
        case .all: Array(0..<count)
        case .gap(let gap): Array(Swift.stride(from: count - count / gap * gap, to: count, by: gap))
        }
    }

    /// Says what is out of range, or nothing.
    func problem(_ encoder: EncoderConfiguration) -> String? {
        guard encoder.poolsFirst else { return "an encoder with memory pools tokens before it projects them" }
        guard (2...64).contains(self.length) else {
            return "the memory's length is 2 to 64 clips, the one at hand among them, not \(self.length)"
        }
        if case .gap(let gap) = self.sampler, !(1...64).contains(gap) {
            return "the memory takes every clip, or every 64th at most, not every \(gap)th"
        }
        guard self.kernel.axes.allSatisfy({ (1...15).contains($0) }),
            self.stride.axes.allSatisfy({ (1...16).contains($0) })
        else { return "the memory's kernel is 1 to 15, and its stride 1 to 16, along each axis" }
        guard self.excluded.allSatisfy({ (0..<encoder.depth).contains($0) }) else {
            return "blocks without memory are 0 to \(encoder.depth - 1), not \(self.excluded)"
        }
        return nil
    }
}
