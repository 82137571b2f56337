// SPDX-License-Identifier: Apache-2.0

/// Repeatable random numbers (SplitMix64), one sequence for each seed and case, so that a case can be made again alone.
public struct FuzzGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Begins the sequence of one case.
    public init(seed: UInt64, case number: Int) {
        self.state = Self.mix(seed ^ Self.mix(UInt64(truncatingIfNeeded: number) &+ 0x9e37_79b9_7f4a_7c15))
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mix(self.state)
    }

    /// A number in `0..<bound`, or 0 where nothing lies below the bound.
    public mutating func below(_ bound: Int) -> Int { bound > 0 ? Int.random(in: 0..<bound, using: &self) : 0 }

    /// A part of `0..<count`, short ones more often than long ones.
    mutating func range(of count: Int) -> Range<Int> {
        let start = self.below(count)
        let length = 1 + self.below(1 << self.below(12))
        return start..<min(count, start + length)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
