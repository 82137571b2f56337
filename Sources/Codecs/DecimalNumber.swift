// SPDX-License-Identifier: Apache-2.0

/// Reads the decimals that times are written as, several times faster than the C library and as exactly.
public enum DecimalNumber {
    /// Reads a number without sign and exponent, of at most 19 digits, as JSON writes it, and moves behind it.
    ///
    /// - Returns: the nearest double; `nil` where the text is another kind of number, or none.
    public static func scan(_ bytes: UnsafePointer<UInt8>, _ position: inout Int, _ end: Int) -> Double? {
        let start = position
        var place = start
        var digits: UInt64 = 0
        var fraction = 0
        while place < end, bytes[place] &- 0x30 < 10 {
            digits = digits &* 10 &+ UInt64(bytes[place] &- 0x30)
            place += 1
        }
        let whole = place - start
        guard whole > 0, whole == 1 || bytes[start] != 0x30 else { return nil }
        if place < end, bytes[place] == UInt8(ascii: ".") {
            place += 1
            let fractionStart = place
            while place < end, bytes[place] &- 0x30 < 10 {
                digits = digits &* 10 &+ UInt64(bytes[place] &- 0x30)
                place += 1
            }
            fraction = place - fractionStart
            guard fraction > 0 else { return nil }
        }
        // Nineteen digits fit in 64 bits. A leading zero counts as one of them, which is on the safe side.
        guard whole + fraction <= 19 else { return nil }
        if place < end, bytes[place] | 0x20 == UInt8(ascii: "e") { return nil }
        position = place
        // Exact where the digits and the power of ten are both doubles (Clinger 1990).
        if digits <= 1 << 53 { return Double(digits) / Double(Self.powersOfTen[fraction]) }
        return Self.quotient(digits, Self.powersOfTen[fraction])
    }

    /// The double nearest to the quotient of two numbers, ties to even: a division of 128 by 64 bits, whose remainder
    /// decides the rounding.
    static func quotient(_ dividend: UInt64, _ divisor: UInt64) -> Double {
        guard dividend > 0, divisor > 0 else { return 0 }
        // With the high bits of both set, the quotient of dividend · 2⁶³ by divisor has 63 or 64 bits.
        let dividendShift = dividend.leadingZeroBitCount
        let divisorShift = divisor.leadingZeroBitCount
        let scaled = dividend << UInt64(dividendShift)
        let (quotient, remainder) = (divisor << UInt64(divisorShift))
            .dividingFullWidth((high: scaled >> 1, low: scaled << 63))
        let shift = 11 - quotient.leadingZeroBitCount
        let half: UInt64 = 1 << UInt64(shift - 1)
        let rest = quotient & ((half << 1) - 1)
        var mantissa = quotient >> UInt64(shift)
        if rest > half || (rest == half && (remainder > 0 || mantissa & 1 == 1)) { mantissa += 1 }
        // At most 2⁵³, which is exact, as is the product with a power of two.
        let exponent = shift - 63 + divisorShift - dividendShift
        return Double(mantissa) * Double(bitPattern: UInt64(1023 + exponent) << 52)
    }

    /// 10⁰ … 10¹⁹, all that fit in 64 bits; each of them is a double, too.
    private static let powersOfTen: [UInt64] = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
        100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
        10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
    ]
}
