// SPDX-License-Identifier: Apache-2.0

/// Choices that look random and are the same on every run and machine: FNV-1a, 64 bits, with splitmix64 on top.
public struct StableHash: Sendable {
    @usableFromInline var state: UInt64 = 0xcbf2_9ce4_8422_2325

    /// Hashes some texts, in their order; two lists of texts have one hash only by chance.
    @inlinable
    public init(_ parts: String...) {
        for part in parts {
            for byte in part.utf8 { self.take(byte) }
            self.take(0xff)
        }
    }

    @inlinable
    mutating func take(_ byte: UInt8) { self.state = (self.state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    /// The next 64 bits (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    @inlinable
    public mutating func next() -> UInt64 {
        self.state = self.state &+ 0x9e37_79b9_7f4a_7c15
        var bits = self.state
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }

    /// The hash of the parts, as long as nothing has been drawn.
    @inlinable
    public var value: UInt64 { self.state }

    /// A number below a bound of at least 1, by the high half of a product.
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        Int(self.next().multipliedFullWidth(by: UInt64(max(bound, 1))).high)
    }

    /// A number from 0 to below 1, of 53 bits.
    @inlinable
    public mutating func share() -> Double { Double(self.next() >> 11) * 0x1p-53 }
}
