// SPDX-License-Identifier: Apache-2.0

extension JSONScanner {
    /// From the opening quote past the closing one: what lies between, and whether it holds a backslash.
    mutating func scanString() throws(JSONError) -> (Range<Int>, escaped: Bool) {
        let start = self.offset + 1
        var position = start
        var escaped = false
        while true {
            position = JSONExtent.quoteOrBackslash(self.base, from: position, to: self.end)
            guard position < self.end else { throw JSONError("unterminated string", offset: self.offset) }
            if self.base[position] == UInt8(ascii: "\"") { break }
            escaped = true
            position += 2
        }
        self.offset = position + 1
        return (start..<position, escaped)
    }

    func validated(_ range: Range<Int>) throws(JSONError) -> String {
        let bytes = UnsafeBufferPointer(start: self.base + range.lowerBound, count: range.count)
        // `String(validating:)` is generic and not specialised; ASCII, which most text is, needs no validation.
        if Self.isASCII(bytes) { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw JSONError("invalid UTF-8 in a string", offset: range.lowerBound)
        }
        return text
    }

    private static func isASCII(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var all: UInt8 = 0
        for byte in bytes { all |= byte }
        return all < 0x80
    }

    func unescape(_ range: Range<Int>) throws(JSONError) -> String {
        var bytes: Bytes = []
        bytes.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let byte = self.base[position]
            position += 1
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            let escape = self.base[position]
            position += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(escape)
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0c)
            case UInt8(ascii: "n"): bytes.append(0x0a)
            case UInt8(ascii: "r"): bytes.append(0x0d)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"): try self.appendUnicodeEscape(at: &position, below: range.upperBound, to: &bytes)
            default: throw JSONError("unknown escape in a string", offset: position - 2)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw JSONError("invalid UTF-8 in a string", offset: range.lowerBound)
        }
        return text
    }

    /// A `\uXXXX` escape, or a surrogate pair of them. A lone surrogate becomes U+FFFD: Python writes such text.
    private func appendUnicodeEscape(
        at position: inout Int, below end: Int, to bytes: inout Bytes
    ) throws(JSONError) {
        let first = try self.hexadecimal(at: position, below: end)
        position += 4
        var scalar = UInt32(first)
        if 0xd800..<0xdc00 ~= first, position + 6 <= end, self.base[position] == UInt8(ascii: "\\"),
            self.base[position + 1] == UInt8(ascii: "u")
        {
            let second = try self.hexadecimal(at: position + 2, below: end)
            if 0xdc00..<0xe000 ~= second {
                scalar = 0x10000 + (UInt32(first) - 0xd800) << 10 + (UInt32(second) - 0xdc00)
                position += 6
            }
        }
        bytes.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{fffd}").utf8)
    }

    private func hexadecimal(at position: Int, below end: Int) throws(JSONError) -> UInt16 {
        guard position + 4 <= end else { throw JSONError("unfinished \\u escape", offset: position) }
        var value: UInt16 = 0
        for index in position..<position + 4 {
            guard let digit = Character(Unicode.Scalar(self.base[index])).hexDigitValue else {
                throw JSONError("\\u wants four hexadecimal digits", offset: index)
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
