// SPDX-License-Identifier: Apache-2.0

import Codecs

/// Numbers that look random and are the same on every run and machine: drawn from the SHA-256 of a JSON list of what
/// they are for.
struct Draws: Hashable, Sendable {
    private var state: UInt64

    /// Begins a series for something.
    init(_ parts: [String]) {
        var json = JSONWriter()
        json.beginArray()
        for part in parts { json.value(part) }
        json.endArray()
        self.state = UInt64(ContentHash.sha256(json.bytes).prefix(16), radix: 16) ?? 0
    }

    /// The next 64 bits (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    mutating func next() -> UInt64 {
        self.state = self.state &+ 0x9e37_79b9_7f4a_7c15
        var bits = self.state
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }

    /// A number below a bound of at least 1, by the high half of a product.
    mutating func below(_ bound: Int) -> Int { Int(self.next().multipliedFullWidth(by: UInt64(max(bound, 1))).high) }

    /// A number of a closed range.
    mutating func integer(in range: ClosedRange<Int>) -> Int {
        let (width, overflow) = range.upperBound.subtractingReportingOverflow(range.lowerBound)
        return range.lowerBound + self.below(overflow || width == .max ? .max : width + 1)
    }
}
