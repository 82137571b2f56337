// SPDX-License-Identifier: Apache-2.0

/// A number as text and JSON write it: decimal digits, and the power of ten that they are times. No sign.
///
/// Its double is found several times faster than by the C library, and is the same.
public struct DecimalNumber: Hashable, Sendable {
    /// The reason why bytes are no number.
    enum Damage: Error {
        /// A digit belongs where the scan came to a halt.
        case noDigit
        /// The number starts with a zero that says nothing.
        case leadingZero
    }

    /// The digits as one number, modulo 2⁶⁴.
    private(set) var digits: UInt64 = 0
    /// The number of digits; 19 fit in 64 bits. A leading zero counts as one of them, which is on the safe side.
    private(set) var count = 0
    /// The power of ten.
    private(set) var exponent = 0
    /// Tells whether the number has neither fraction nor exponent.
    private(set) var isWhole = true

    /// The most digits that `digits` holds for certain.
    private static let countMax = 19
    /// Whole numbers up to here are doubles, all of them.
    private static let exactMax: UInt64 = 1 << 53
    /// A written exponent of more digits stands for this, which no double comes near.
    private static let exponentMax = 1_000_000

    /// Reads a number at a position, as JSON writes it but for its sign, and moves behind it.
    ///
    /// - Returns: the nearest double; `nil`, without a move, where the text is no such number, or one that only a
    ///   general algorithm can tell the double of.
    public static func scan(_ bytes: UnsafePointer<UInt8>, _ position: inout Int, _ end: Int) -> Double? {
        var place = position
        guard let value = try? DecimalNumber(scanning: bytes, &place, end).value else { return nil }
        position = place
        return value
    }

    /// Scans `digits[.digits][e[±]digits]`, and moves behind it, or to where it is damaged.
    @inline(__always)
    init(scanning bytes: UnsafePointer<UInt8>, _ position: inout Int, _ end: Int) throws(Damage) {
        let start = position
        self.count = try Self.scanDigits(bytes, &position, end, into: &self.digits)
        if self.count > 1, bytes[start] == UInt8(ascii: "0") { throw .leadingZero }
        if position < end, bytes[position] == UInt8(ascii: ".") {
            position += 1
            self.isWhole = false
            let fraction = try Self.scanDigits(bytes, &position, end, into: &self.digits)
            self.count += fraction
            self.exponent = -fraction
        }
        if position < end, bytes[position] | 0x20 == UInt8(ascii: "e") {
            self.isWhole = false
            self.exponent += try Self.scanExponent(bytes, &position, end)
        }
    }

    @inline(__always)
    private static func scanDigits(
        _ bytes: UnsafePointer<UInt8>, _ position: inout Int, _ end: Int, into number: inout UInt64
    ) throws(Damage) -> Int {
        let start = position
        while position < end {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            number = number &* 10 &+ UInt64(digit)
            position += 1
        }
        if position == start { throw .noDigit }
        return position - start
    }

    private static func scanExponent(
        _ bytes: UnsafePointer<UInt8>, _ position: inout Int, _ end: Int
    ) throws(Damage) -> Int {
        position += 1
        var isNegative = false
        if position < end, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
            isNegative = bytes[position] == UInt8(ascii: "-")
            position += 1
        }
        var exponent: UInt64 = 0
        let count = try Self.scanDigits(bytes, &position, end, into: &exponent)
        let bounded = count > 6 ? Self.exponentMax : Int(exponent)
        return isNegative ? -bounded : bounded
    }

    /// The nearest double, ties to even; `nil` where only a general algorithm can tell.
    @inline(__always)
    var value: Double? {
        guard self.count <= Self.countMax else { return nil }
        if self.exponent == 0 { return Double(self.digits) }
        // Exact where the digits and the power of ten are both doubles (Clinger 1990).
        if self.digits <= Self.exactMax, -22...22 ~= self.exponent {
            let power = Self.powersOfTen[abs(self.exponent)]
            return self.exponent < 0 ? Double(self.digits) / power : Double(self.digits) * power
        }
        // Powers of ten up to this one fit in 64 bits, as the digits do.
        guard -19..<0 ~= self.exponent else { return nil }
        return Self.quotient(self.digits, UInt64(Self.powersOfTen[-self.exponent]))
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

    /// 10⁰ … 10²², all that are doubles.
    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
