// SPDX-License-Identifier: Apache-2.0

import Codecs
import Testing

@Suite struct JSONScannerTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: text.utf8) }

    @Test func readsEveryKindOfValue() throws {
        let value = try self.parse(#" {"a":[1,-2.5e3,true,false,null,"x"], "b":{} , "c":[] } "#)
        #expect(
            value
                == .object([
                    .init("a", .array([.int(1), .int(-2500), .bool(true), .bool(false), .null, .string("x")])),
                    .init("b", .object([])), .init("c", .array([])),
                ]))
    }

    @Test func unescapesStrings() throws {
        #expect(try self.parse(#""\"\\\/\b\f\n\r\té€😀""#) == .string("\"\\/\u{8}\u{c}\n\r\té€😀"))
        #expect(try self.parse(#""\ud83d""#) == .string("\u{fffd}"), "Python writes lone surrogates")
        #expect(try self.parse(#"{"te\u0078t":1,"text":2}"#)["text"] == .int(2), "the last of a repeated key counts")
    }

    @Test(arguments: [
        "", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "\"abc", "\"\\x\"", "\"\\u12\"", "01", "-",
        "1.", "1e", "tru",
        "nul", "[1]]", "{} x", "+1", ".5", "\"\\", "{\"a\":1,}", "\u{1}",
    ])
    func refusesWhatIsNotJSON(_ text: String) {
        #expect(throws: JSONError.self) { try self.parse(text) }
    }

    @Test func refusesInvalidUTF8WhereTheTextIsAskedFor() {
        #expect(throws: JSONError("invalid UTF-8 in a string", offset: 1)) {
            try JSONValue(parsing: [0x22, 0xff, 0x22])
        }
    }

    @Test func refusesDepthWithoutFalling() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try self.parse(deep) }
        #expect(throws: JSONError.self) {
            try JSONScanner.scan(Array(deep.utf8)) { json throws(JSONError) in _ = try json.skip() }
        }
    }

    @Test func readsPythonsNumbersThatAreNone() throws {
        try JSONScanner.scan("[NaN,Infinity,-Infinity]".utf8) { json throws(JSONError) in
            try json.beginArray()
            var numbers: [Double] = []
            while try json.nextElement() { numbers.append(try json.double()) }
            #expect(numbers.count == 3 && numbers[0].isNaN && numbers[1] == .infinity && numbers[2] == -.infinity)
        }
    }

    @Test func numbersAreTheNearestDoubles() throws {
        var generator = SplitMix(state: 7)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            let read = try JSONScanner.scan(value.description.utf8) { json throws(JSONError) in try json.double() }
            #expect(read == value)
        }
        for text in ["9007199254740993", "0.1", "1e22", "1e23", "123456789012345678901234567890", "4.9e-324", "1e400"] {
            let read = try JSONScanner.scan(text.utf8) { json throws(JSONError) in try json.double() }
            #expect(read == Double(text))
        }
    }

    @Test(arguments: [
        "-9223372036854775808", "9223372036854775807", "-9.223372036854775808e18", "9007199254740992", "1e18",
        "-1234567890123456789",
    ])
    func aNumberBeyondWhatJSONKeepsExactIsNoWholeNumber(_ text: String) throws {
        #expect(try self.parse(text) == .double(try #require(Double(text))))
        #expect(try self.parse(text).int == nil)
        #expect(throws: JSONError.self) {
            try JSONScanner.scan(text.utf8) { json throws(JSONError) in try json.int() }
        }
    }

    @Test func wholeNumbersHaveARange() throws {
        #expect(try self.parse("-9007199254740991") == .int(-9_007_199_254_740_991))
        #expect(try JSONScanner.scan("99".utf8) { json throws(JSONError) in try json.int(in: 1...99) } == 99)
        #expect(throws: JSONError("expected a whole number from 1 to 99, found 100", offset: 1)) {
            try JSONScanner.scan(" 100".utf8) { json throws(JSONError) in try json.int(in: 1...99) }
        }
    }

    @Test func errorsSayWhatWasExpectedAndWhere() {
        #expect(throws: JSONError("expected a string, found a number", offset: 8)) {
            try JSONScanner.scan(#"{"text":5}"#.utf8) { json throws(JSONError) in
                try json.beginObject()
                _ = try json.nextKey()
                _ = try json.string()
            }
        }
    }

    @Test func aCopyIsAWayBack() throws {
        try JSONScanner.scan(#"[{"a":"x"},2]"#.utf8) { json throws(JSONError) in
            try json.beginArray()
            _ = try json.nextElement()
            let before = json
            try json.beginObject()
            _ = try json.nextKey()
            json = before
            #expect(try json.skip() == 1..<10)
            #expect(try json.nextElement())
            #expect(try json.int() == 2)
            _ = try json.nextElement()
        }
    }
}

@Suite struct JSONWriterTests {
    private func text(_ value: Double) -> String {
        var json = JSONWriter()
        json.value(value)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test func numbersReadBackAsTheyWere() {
        var generator = SplitMix(state: 3)
        for _ in 0..<20_000 {
            let random = Double(bitPattern: generator.next())
            let time = (Double(generator.next() % 10_000_000_000) / 1e6)
            for value in [random, time, -time, (time * 1000).rounded() / 1000, time / 3] where value.isFinite {
                #expect(Double(self.text(value)) == value)
            }
        }
    }

    @Test func decimalsAreWrittenInTheFewestDigits() {
        for value in [0.0, 1, 1.5, 0.1, 0.001, 479.999999, 123456.789, 1e8, 5e-7, 1e15, 1.0 / 3] {
            #expect(self.text(value) == value.description)
        }
        #expect(self.text(-0.0) == "-0.0")
        #expect(self.text(.nan) == "null")
    }

    @Test func everythingWrittenReadsBack() throws {
        let value = JSONValue.object([
            .init("text", .string("a\"b\\c\n\t\u{1}é😀")),
            .init("list", .array([.null, .bool(true), .int(-5), .double(0.25)])),
            .init("empty", .object([])), .init("", .array([])),
        ])
        #expect(try JSONValue(parsing: value.bytes) == value)
    }

    @Test func aRestartedWriterPutsNothingBetween() {
        var json = JSONWriter()
        json.value(1)
        json.restart()
        json.value(2)
        #expect(String(decoding: json.bytes, as: UTF8.self) == "12")
    }
}

/// SplitMix64, for tests that want the same numbers every time.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
