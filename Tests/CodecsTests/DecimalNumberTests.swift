// SPDX-License-Identifier: Apache-2.0

import Foundation
import Fuzzing
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

    private static func json(_ text: String) throws -> Double {
        try JSONScanner.scan(text.utf8) { json throws(JSONError) in try json.double() }
    }

    /// A decimal as JSON writes it: now and then with a fraction, an exponent, zeros in front and behind.
    private static func decimal(_ generator: inout some RandomNumberGenerator) -> String {
        func digits(_ range: ClosedRange<Int>) -> String {
            String(
                (0..<Int.random(in: range, using: &generator)).map { _ in
                    "0123456789".randomElement(using: &generator) ?? "0"
                })
        }
        var text = String(
            UInt64.random(in: 0...UInt64.max >> UInt64.random(in: 0...63, using: &generator), using: &generator))
        if Bool.random(using: &generator) { text += "." + digits(1...20) }
        if Int.random(in: 0..<4, using: &generator) == 0 {
            text += ["e", "E"].randomElement(using: &generator) ?? "e"
            text += ["", "-", "+"].randomElement(using: &generator) ?? ""
            text += digits(1...3)
        }
        return text
    }

    @Test func agreesWithStrtod() throws {
        var generator = SystemRandomNumberGenerator()
        var quick = 0
        for _ in 0..<40_000 {
            let text = Self.decimal(&generator)
            let expected = strtod(text, nil)
            if let found = Self.scan(text).0 {
                #expect(found.bitPattern == expected.bitPattern, "\(text)")
                #expect(Self.scan(text).1 == text.utf8.count)
                quick += 1
            }
            let read = try Self.json("-" + text)
            #expect(read.bitPattern == (-expected).bitPattern, "-\(text)")
        }
        #expect(quick > 10_000, "what is quick is taken quickly")
    }

    @Test func agreesWithStrtodBetweenTwoDoubles() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            // Eighteen and nineteen digits, of which a double holds seventeen at most: all rounding is here.
            let digits = UInt64.random(
                in: 100_000_000_000_000_000..<UInt64(9_999_999_999_999_999_999), using: &generator)
            var text = String(digits)
            text.insert(
                ".", at: text.index(text.startIndex, offsetBy: Int.random(in: 1..<text.count, using: &generator)))
            #expect(Self.scan(text).0?.bitPattern == strtod(text, nil).bitPattern, "\(text)")
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

    @Test(arguments: ["", "-1", "01", "1.", ".5", "1.5E", "1e+", "x", "12345678901234567890", "1e23", "1e400", "NaN"])
    func leavesOtherFormsAlone(text: String) {
        let (value, position) = Self.scan(text)
        #expect(value == nil)
        #expect(position == 0)
    }

    @Test func stopsBehindTheNumber() {
        #expect(Self.scan("12.50, ").0 == 12.5)
        #expect(Self.scan("12.50, ").1 == 5)
        #expect(Self.scan("125e-1]").0 == 12.5)
        #expect(Self.scan("125e-1]").1 == 6)
    }
}

/// Doubles whose decimals are known to trouble parsers, as bits.
@Suite("Decimal numbers, golden") struct DecimalNumberGoldenTests {
    @Test(arguments: [
        ("0", 0x0000_0000_0000_0000), ("0.1", 0x3fb9_9999_9999_999a), ("1e22", 0x4480_f0cf_064d_d592),
        ("1e23", 0x44b5_2d02_c7e1_4af6), ("9007199254740993", 0x4340_0000_0000_0000),
        ("9007199254740995", 0x4340_0000_0000_0002), ("3.3445000000000014", 0x400a_c189_374b_c6ab),
        ("2.2250738585072011e-308", 0x000f_ffff_ffff_ffff), ("4.9e-324", 0x0000_0000_0000_0001),
        ("1.7976931348623157e308", 0x7fef_ffff_ffff_ffff), ("7450580596923828125e-27", 0x3e40_0000_0000_0000),
        ("0.500000000000000166533453693773481063544750213623046875", 0x3fe0_0000_0000_0002),
    ])
    func bits(text: String, expected: Int) throws {
        let read = try JSONScanner.scan(text.utf8) { json throws(JSONError) in try json.double() }
        #expect(read.bitPattern == UInt64(bitPattern: Int64(expected)))
        #expect(read == Double(text))
    }
}
