// SPDX-License-Identifier: Apache-2.0

/// Repeatable random numbers: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), with integer arithmetic and IEEE
/// basic operations alone, so that every machine draws the same values. No `log` or `cos`: those differ between
/// C libraries.
struct SeededGenerator {
    /// Independent streams of one seed, so that a change in one part of the world leaves the others alone.
    enum Stream: UInt64 {
        case inventory = 1
        case splits, video, timeline, narrations, queries, features, concepts, decks, steps, actions, actionFeatures,
            actionFrames
    }

    private var state: UInt64

    init(seed: UInt64, stream: Stream, index: Int = 0, part: Int = 0) {
        var mixed = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
        mixed = Self.mix(mixed ^ (stream.rawValue &* 0xD1B5_4A32_D192_ED03))
        mixed = Self.mix(mixed ^ (UInt64(truncatingIfNeeded: index) &* 0x8CB9_2BA7_2F3D_8DD7))
        self.state = Self.mix(mixed ^ (UInt64(truncatingIfNeeded: part) &* 0xABC9_8388_FB8F_AC03))
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The next 64 random bits.
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(self.state)
    }

    /// A number in `0..<bound`; `bound` is at least 1. The bias of the multiplication is below 2^-40 for the bounds
    /// used here.
    mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "an empty range has no random element")
        return Int(self.next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number in the closed range.
    mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + self.below(range.upperBound - range.lowerBound + 1)
    }

    /// True in `share` of 10,000 cases.
    mutating func chance(_ share: Int) -> Bool {
        self.below(10_000) < share
    }

    /// A bell-shaped number with mean 0 and variance 1: the sum of four uniform ones (Irwin-Hall), within ±3.47.
    mutating func bell() -> Float {
        let bits = self.next()
        let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
        // Each addend has mean 32767.5 and variance (2^32 - 1) / 12; the root of four such variances is 37837.2.
        return (Float(sum) - 131_070) * (1 / 37_837.227)
    }

    /// One element of a list that is not empty.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[self.below(elements.count)]
    }

    /// Fisher-Yates.
    mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for index in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(index, self.below(index + 1))
        }
    }

    /// An id in the form of Ego4D's: the letters of a random UUID (version 4), drawn from this generator.
    mutating func uid() -> String {
        let high = self.next() & ~0xF000 | 0x4000
        let low = self.next() & ~(0b11 << 62) | (0b10 << 62)
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { text.append(UInt8(ascii: "-")) }
            let word = index < 16 ? high : low
            text.append(digits[Int(word >> UInt64(60 - 4 * (index % 16)) & 0xF)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
