// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// A permutation of the numbers below a count, as a function: nothing is stored, and any place can be asked for.
///
/// A Feistel network whose round function is Philox, over the next power of four; numbers beyond the count are walked
/// on until one lies below it (Black & Rogaway 2002, "Ciphers with arbitrary finite domains").
public struct Permutation: Sendable {
    private static let rounds: UInt32 = 6

    /// The number of places.
    public let count: Int
    private let key: UInt64
    private let stream: UInt32
    private let halfBits: Int

    /// Describes a permutation.
    /// - Parameters:
    ///   - count: how many numbers, at least one.
    ///   - key: the seed.
    ///   - stream: which of a seed's permutations; the numbers of two streams have nothing to do with each other.
    public init(count: Int, key: UInt64, stream: UInt32) {
        precondition(count > 0, "a permutation of something")
        self.count = count
        self.key = key
        self.stream = stream
        let bits = Int.bitWidth - (count - 1).leadingZeroBitCount
        self.halfBits = max(1, (bits + 1) / 2)
    }

    /// The number at a place of the permutation.
    public subscript(_ place: Int) -> Int {
        precondition(place >= 0 && place < self.count, "place \(place) of \(self.count)")
        let mask = UInt64(1) << UInt64(self.halfBits) - 1
        var value = UInt64(place)
        repeat {
            var left = value >> UInt64(self.halfBits)
            var right = value & mask
            for round in 0..<Self.rounds {
                let block = Philox.block(
                    (UInt32(truncatingIfNeeded: right), UInt32(truncatingIfNeeded: right >> 32), round, self.stream),
                    key: self.key)
                (left, right) = (right, left ^ (UInt64(block.0) | UInt64(block.1) << 32) & mask)
            }
            value = left << UInt64(self.halfBits) | right
        } while value >= UInt64(self.count)
        return Int(value)
    }
}

/// The draw of a segment's samples: a function of the seed, the segment's number, and how many samples there were
/// before and within its prefix. Nothing else decides it, so a resumed run draws the same.
public struct SegmentDraw: Hashable, Sendable {
    /// The seed of the run.
    public var seed: UInt64
    /// The segment's number.
    public var segment: Int
    /// The samples that the previous segment's prefix had.
    public var old: Int
    /// The samples that this segment's prefix has beyond those.
    public var new: Int
    /// The share of draws that goes to new samples, where there are both.
    public var newShare: Double

    /// Describes the draws of a segment.
    public init(seed: UInt64, segment: Int, old: Int, new: Int, newShare: Double) {
        self.seed = seed
        self.segment = segment
        self.old = old
        self.new = new
        self.newShare = newShare
    }

    /// The sample of a draw, counted over the segment from zero.
    ///
    /// New and old samples take turns by the share; each kind is walked through in random order, and none of them comes
    /// a second time before all of its kind have come once.
    public func sample(_ draw: Int) -> Int {
        precondition(self.old + self.new > 0, "there is a sample to draw")
        if self.new == 0 { return self.walk(draw, count: self.old, kind: 0) }
        if self.old == 0 { return self.walk(draw, count: self.new, kind: 1) }
        let before = Int((Double(draw) * self.newShare).rounded(.down))
        let after = Int((Double(draw + 1) * self.newShare).rounded(.down))
        return after > before
            ? self.old + self.walk(before, count: self.new, kind: 1)
            : self.walk(draw - before, count: self.old, kind: 0)
    }

    private func walk(_ turn: Int, count: Int, kind: UInt32) -> Int {
        let round = UInt32(truncatingIfNeeded: turn / count)
        // Segment, kind and round in 32 bits: enough rounds for a segment, enough segments for a run.
        let stream = UInt32(truncatingIfNeeded: self.segment) << 12 ^ round << 1 ^ kind
        return Permutation(count: count, key: self.seed, stream: stream)[turn % count]
    }
}

/// The order of a data set that is all there: epochs, each a permutation of its own, one after the other.
public struct EpochDraw: Hashable, Sendable {
    /// The seed of the run.
    public var seed: UInt64
    /// The number of samples.
    public var count: Int

    /// Describes an order.
    public init(seed: UInt64, count: Int) {
        self.seed = seed
        self.count = count
    }

    /// The sample of a draw, counted over the run from zero.
    public func sample(_ draw: Int) -> Int {
        let epoch = UInt32(truncatingIfNeeded: draw / self.count)
        return Permutation(count: self.count, key: self.seed, stream: epoch | 1 << 31)[draw % self.count]
    }
}
