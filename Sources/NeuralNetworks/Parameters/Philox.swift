// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): random numbers as a function of a key and a counter.
public enum Philox {
    /// The 128 bits of one counter.
    public static func block(
        _ counter: (UInt32, UInt32, UInt32, UInt32), key: UInt64
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var (c0, c1, c2, c3) = counter
        var (key0, key1) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        for _ in 0..<10 {
            let product0 = UInt64(c0) * 0xD251_1F53, product1 = UInt64(c2) * 0xCD9E_8D57
            c0 = UInt32(truncatingIfNeeded: product1 >> 32) ^ c1 ^ key0
            c1 = UInt32(truncatingIfNeeded: product1)
            c2 = UInt32(truncatingIfNeeded: product0 >> 32) ^ c3 ^ key1
            c3 = UInt32(truncatingIfNeeded: product0)
            key0 &+= 0x9E37_79B9
            key1 &+= 0xBB67_AE85
        }
        return (c0, c1, c2, c3)
    }
}

/// A stream of Philox numbers under a seed and a name.
public struct PhiloxGenerator: RandomNumberGenerator, Sendable {
    private let seed: UInt64
    private let stream: UInt64
    private var position: UInt64 = 0

    /// Creates the stream that belongs to a seed and a name.
    public init(seed: UInt64, stream: String) {
        self.seed = seed
        // FNV-1a: names to streams, the same on every machine.
        self.stream = stream.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        let block = Philox.block(
            (
                UInt32(truncatingIfNeeded: self.position), UInt32(truncatingIfNeeded: self.position >> 32),
                UInt32(truncatingIfNeeded: self.stream), UInt32(truncatingIfNeeded: self.stream >> 32)
            ), key: self.seed)
        self.position += 1
        return UInt64(block.0) | UInt64(block.1) << 32
    }

    /// A number from 0 (included) to 1 (excluded), of 24 bits.
    public mutating func unit() -> Float { Float(self.next() >> 40) * 0x1p-24 }

    /// A number of the normal distribution with mean 0 and deviation 1, by Box and Muller.
    public mutating func normal() -> Float {
        let radius = (-2 * log(1 - Double(self.unit()))).squareRoot()
        return Float(radius * cos(2 * .pi * Double(self.unit())))
    }
}
