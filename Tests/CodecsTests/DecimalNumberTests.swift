// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Codecs

@Suite struct DecimalNumberTests {
    private static func scan(_ text: String) -> (Double?, Int) {
        var position = 0
        let bytes = Bytes(text.utf8)
        let value = bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.flatMap { DecimalNumber.scan($0, &position, buffer.count) }
        }
        return (value, position)
    }

    @Test func agreesWithTheStandardLibrary() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let digits = UInt64.random(in: 0...UInt64.max >> UInt64.random(in: 1...63), using: &generator)
            var text = String(digits).prefix(19)
            let whole = Int.random(in: 0...text.count, using: &generator)
            if whole < text.count { text = text.prefix(whole) + "." + text.dropFirst(whole) }
            let decimal = text.hasPrefix(".") ? "0" + text : String(text)
            guard decimal.count <= 20, decimal == "0" || !decimal.hasPrefix("0") || decimal.hasPrefix("0.") else {
                continue
            }
            let found = Self.scan(decimal).0
            #expect(found == nil && decimal.count > 19 || found == Double(decimal), "\(decimal)")
        }
    }

    @Test func halvesAreRoundedToEven() {
        // 2⁵³ + 1 lies between two doubles, and so does the next odd number.
        for text in ["9007199254740993", "9007199254740995", "9007199254740993.5", "900719925474099.35"] {
            #expect(Self.scan(text).0 == Double(text))
        }
        #expect(DecimalNumber.quotient(.max, 1) == 18_446_744_073_709_551_616)
        #expect(DecimalNumber.quotient(0, 10) == 0)
    }

    @Test(arguments: ["", "-1", "01", "1.", ".5", "1e5", "1.5E2", "x", "12345678901234567890", "NaN"])
    func leavesOtherFormsAlone(text: String) {
        let (value, position) = Self.scan(text)
        #expect(value == nil)
        #expect(position == 0)
    }

    @Test func stopsBehindTheNumber() {
        #expect(Self.scan("12.50, ").0 == 12.5)
        #expect(Self.scan("12.50, ").1 == 5)
    }
}
