// SPDX-License-Identifier: Apache-2.0

extension JSONScanner {
    /// Takes a number: as a double, and as a whole number where it is written as one.
    mutating func scanNumber() throws(JSONError) -> (double: Double, int: Int?) {
        let start = self.offset
        var negative = false
        if self.base[self.offset] == UInt8(ascii: "-") {
            negative = true
            self.offset += 1
        }
        guard self.offset < self.end else { throw self.error("unfinished number") }
        if self.base[self.offset] == UInt8(ascii: "I") {
            try self.literal("Infinity")
            return (negative ? -.infinity : .infinity, nil)
        }
        if self.base[self.offset] == UInt8(ascii: "N"), !negative {
            try self.literal("NaN")
            return (.nan, nil)
        }
        var mantissa: UInt64 = 0
        let whole = try self.scanDigits(into: &mantissa)
        if whole > 1, self.base[self.offset - whole] == UInt8(ascii: "0") {
            throw JSONError("a number does not start with zero", offset: start)
        }
        var exponent = 0
        var digits = whole
        var isWhole = true
        if self.offset < self.end, self.base[self.offset] == UInt8(ascii: ".") {
            self.offset += 1
            isWhole = false
            let fraction = try self.scanDigits(into: &mantissa)
            exponent -= fraction
            digits += fraction
        }
        if self.offset < self.end, self.base[self.offset] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            exponent += try self.scanExponent()
        }
        if digits <= 18, isWhole {
            let int = negative ? -Int(mantissa) : Int(mantissa)
            return (negative && mantissa == 0 ? -0.0 : Double(int), int)
        }
        // Exact where both the digits and the power of ten are doubles (Clinger 1990); anything else is left to strtod.
        if digits <= 18, mantissa <= 1 << 53, -22...22 ~= exponent {
            let power = Self.powersOfTen[abs(exponent)]
            let magnitude = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
            return (negative ? -magnitude : magnitude, nil)
        }
        return (try self.slowNumber(start..<self.offset), nil)
    }

    private mutating func scanDigits(into mantissa: inout UInt64) throws(JSONError) -> Int {
        let start = self.offset
        while self.offset < self.end {
            let digit = self.base[self.offset] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            self.offset += 1
        }
        if self.offset == start { throw self.error("expected a digit") }
        return self.offset - start
    }

    private mutating func scanExponent() throws(JSONError) -> Int {
        self.offset += 1
        var negative = false
        if self.offset < self.end, self.base[self.offset] == 0x2b || self.base[self.offset] == 0x2d {
            negative = self.base[self.offset] == 0x2d
            self.offset += 1
        }
        var value: UInt64 = 0
        let digits = try self.scanDigits(into: &value)
        let bounded = digits > 6 ? 1_000_000 : Int(value)
        return negative ? -bounded : bounded
    }

    private func slowNumber(_ range: Range<Int>) throws(JSONError) -> Double {
        let bytes = UnsafeBufferPointer(start: self.base + range.lowerBound, count: range.count)
        let text = String(decoding: bytes, as: UTF8.self)
        guard let value = Double(text) else { throw JSONError("not a number", offset: range.lowerBound) }
        return value
    }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
