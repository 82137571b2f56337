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
        let number: DecimalNumber
        do throws(DecimalNumber.Damage) {
            number = try DecimalNumber(scanning: self.base, &self.offset, self.end)
        } catch {
            switch error {
            case .noDigit: throw self.error("expected a digit")
            case .leadingZero: throw JSONError("a number does not start with zero", offset: start)
            }
        }
        guard let magnitude = number.value else { return (try self.slowNumber(start..<self.offset), nil) }
        let double = negative ? -magnitude : magnitude
        // Eighteen digits fit in an `Int`, whatever they are.
        guard number.isWhole, number.count <= 18 else { return (double, nil) }
        return (double, negative ? -Int(number.digits) : Int(number.digits))
    }

    private func slowNumber(_ range: Range<Int>) throws(JSONError) -> Double {
        let bytes = UnsafeBufferPointer(start: self.base + range.lowerBound, count: range.count)
        let text = String(decoding: bytes, as: UTF8.self)
        guard let value = Double(text) else { throw JSONError("not a number", offset: range.lowerBound) }
        return value
    }
}
