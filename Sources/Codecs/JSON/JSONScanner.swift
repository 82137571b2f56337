// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// A mistake in a piece of JSON, and its place.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The value that was expected and the one that was found.
    public var message: String
    /// Bytes from the start of the text.
    public var offset: Int

    /// Creates an error from its message and place.
    public init(_ message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }

    /// `message at byte N`
    public var description: String { "\(self.message) at byte \(self.offset)" }
}

/// The kinds of JSON value, known from a value's first byte.
public enum JSONKind: String, Sendable {
    /// `{…}`
    case object = "an object"
    /// `[…]`
    case array = "an array"
    /// `"…"`
    case string = "a string"
    /// `1.5`
    case number = "a number"
    /// `true` or `false`
    case boolean = "a boolean"
    /// `null`
    case null
}

/// A pull parser over JSON bytes: values are asked for by type and nothing is built that is not asked for.
///
/// ```swift
/// try JSONScanner.scan(bytes) { json throws(JSONError) in
///     try json.beginObject()
///     while let key = try json.nextKey() {
///         if key == "text" { text = try json.string() } else { try json.skip() }
///     }
/// }
/// ```
///
/// The scanner is a value: a copy taken before a value is a way back to it. Beyond RFC 8259 it takes `NaN`,
/// `Infinity` and `-Infinity` where a number may stand, because Python writes them; it is for the caller to refuse
/// them. Invalid UTF-8 in a string that is asked for is an error. Depth is limited to 256.
public struct JSONScanner {
    // The memory is borrowed from `scan` or the caller of `init`, which outlives the scanner by contract.
    let base: UnsafePointer<UInt8>
    let end: Int
    /// The position of the next byte.
    public internal(set) var offset: Int
    private var afterOpening = false
    private var lastInterned: String?

    static let depthMax = 256

    /// Scans borrowed memory, which must outlive the scanner.
    public init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.base = bytes.baseAddress ?? UnsafePointer(Self.nothing)
        self.end = bytes.count
        self.offset = 0
    }

    // A valid address for empty input, never read through.
    nonisolated(unsafe) private static let nothing = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

    /// Begins another text, keeping what `internedString` has seen.
    public mutating func restart(_ bytes: UnsafeBufferPointer<UInt8>) {
        let interned = self.lastInterned
        self = JSONScanner(bytes)
        self.lastInterned = interned
    }

    /// Scans bytes and requires that nothing but white space follows the value.
    public static func scan<Result>(
        _ bytes: some Sequence<UInt8>, _ body: (inout JSONScanner) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let array = Array(bytes)
        return try array.withUnsafeBufferPointer { buffer throws(JSONError) in
            var scanner = JSONScanner(buffer)
            let result = try body(&scanner)
            try scanner.finish()
            return result
        }
    }

    /// Requires that nothing but white space is left.
    public mutating func finish() throws(JSONError) {
        self.skipWhiteSpace()
        if self.offset < self.end { throw self.error("unexpected text after the value") }
    }

    /// The kind of the next value.
    public mutating func kind() throws(JSONError) -> JSONKind {
        self.skipWhiteSpace()
        guard self.offset < self.end else { throw self.error("unexpected end of text") }
        switch self.base[self.offset] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "N"), UInt8(ascii: "I"):
            return .number
        default: throw self.error("expected a value")
        }
    }

    // MARK: Containers

    /// Enters an object; then ask `nextKey` until it answers `nil`.
    public mutating func beginObject() throws(JSONError) {
        try self.expect(.object)
        self.offset += 1
        self.afterOpening = true
    }

    /// The next key of the object that is open, with the scanner before its value; `nil` past the closing brace.
    public mutating func nextKey() throws(JSONError) -> JSONKey? {
        guard try self.nextMember(closing: UInt8(ascii: "}")) else { return nil }
        guard self.offset < self.end, self.base[self.offset] == UInt8(ascii: "\"") else {
            throw self.error("expected a key in double quotes")
        }
        let (range, escaped) = try self.scanString()
        let raw = UnsafeBufferPointer(start: self.base + range.lowerBound, count: range.count)
        let key = JSONKey(raw: raw, unescaped: escaped ? try self.unescape(range) : nil)
        self.skipWhiteSpace()
        guard self.offset < self.end, self.base[self.offset] == UInt8(ascii: ":") else {
            throw self.error("expected a colon after the key")
        }
        self.offset += 1
        return key
    }

    /// Enters an array; then ask `nextElement` until it answers `false`.
    public mutating func beginArray() throws(JSONError) {
        try self.expect(.array)
        self.offset += 1
        self.afterOpening = true
    }

    /// Tells whether another element follows, with the scanner before it; `false` past the closing bracket.
    public mutating func nextElement() throws(JSONError) -> Bool {
        try self.nextMember(closing: UInt8(ascii: "]"))
    }

    private mutating func nextMember(closing: UInt8) throws(JSONError) -> Bool {
        self.skipWhiteSpace()
        guard self.offset < self.end else { throw self.error("unexpected end of text") }
        let byte = self.base[self.offset]
        let first = self.afterOpening
        self.afterOpening = false
        if byte == closing {
            self.offset += 1
            return false
        }
        if first { return true }
        guard byte == UInt8(ascii: ",") else {
            throw self.error("expected a comma or the end of the \(closing == UInt8(ascii: "}") ? "object" : "array")")
        }
        self.offset += 1
        self.skipWhiteSpace()
        return true
    }

    // MARK: Scalars

    /// A string.
    public mutating func string() throws(JSONError) -> String {
        try self.expect(.string)
        let (range, escaped) = try self.scanString()
        if escaped { return try self.unescape(range) }
        return try self.validated(range)
    }

    /// A string that is probably the one this was last asked for, which is then handed out again: ids repeat.
    public mutating func internedString() throws(JSONError) -> String {
        try self.expect(.string)
        let (range, escaped) = try self.scanString()
        if escaped { return try self.unescape(range) }
        if let last = self.lastInterned, last.utf8.count == range.count,
            last.utf8.withContiguousStorageIfAvailable({ text in
                text.baseAddress.map { memcmp($0, self.base + range.lowerBound, range.count) == 0 } ?? true
            }) == true
        {
            return last
        }
        let text = try self.validated(range)
        self.lastInterned = text
        return text
    }

    /// A string, or `nil` for null.
    public mutating func stringOrNull() throws(JSONError) -> String? { try self.isNull() ? nil : try self.string() }

    /// A number. `NaN` and the infinities come as they are.
    public mutating func double() throws(JSONError) -> Double {
        try self.expect(.number)
        return try self.scanNumber().double
    }

    /// A number, or `nil` for null.
    public mutating func doubleOrNull() throws(JSONError) -> Double? { try self.isNull() ? nil : try self.double() }

    /// The whole numbers that are taken: those that every reader of JSON keeps exact (RFC 8259, section 6). Two of them
    /// may be added, subtracted and negated, and one be multiplied by a thousand, without an overflow.
    public static let wholeNumbers = -(1 << 53 - 1)...(1 << 53 - 1)

    /// The counts that are taken: records, bytes, tokens, offsets. Thousands may be added without an overflow.
    public static let counts = 0...(1 << 48)

    /// A whole number of `wholeNumbers`; one with a fraction of zero (`3.0`) counts.
    public mutating func int() throws(JSONError) -> Int { try self.int(in: Self.wholeNumbers) }

    /// A whole number of a range.
    public mutating func int(in range: ClosedRange<Int>) throws(JSONError) -> Int {
        try self.expect(.number)
        let start = self.offset
        let number = try self.scanNumber()
        guard let int = number.int ?? Int(exactly: number.double) else {
            throw JSONError("expected a whole number", offset: start)
        }
        guard range.contains(int), Self.wholeNumbers.contains(int) else {
            throw JSONError(
                "expected a whole number from \(range.lowerBound) to \(range.upperBound), found \(int)", offset: start)
        }
        return int
    }

    /// A whole number, or `nil` for null.
    public mutating func intOrNull() throws(JSONError) -> Int? { try self.isNull() ? nil : try self.int() }

    /// A boolean.
    public mutating func bool() throws(JSONError) -> Bool {
        try self.expect(.boolean)
        if self.base[self.offset] == UInt8(ascii: "t") {
            try self.literal("true")
            return true
        }
        try self.literal("false")
        return false
    }

    /// A boolean, or `nil` for null.
    public mutating func boolOrNull() throws(JSONError) -> Bool? { try self.isNull() ? nil : try self.bool() }

    /// Tells whether the next value is null, which is then taken.
    public mutating func isNull() throws(JSONError) -> Bool {
        guard try self.kind() == .null else { return false }
        try self.literal("null")
        return true
    }

    /// Passes over the next value, whatever it is, and answers where it lies.
    @discardableResult
    public mutating func skip() throws(JSONError) -> Range<Int> {
        self.skipWhiteSpace()
        let start = self.offset
        try self.skipValue(depth: 0)
        return start..<self.offset
    }

    private mutating func skipValue(depth: Int) throws(JSONError) {
        guard depth < Self.depthMax else { throw self.error("nested deeper than \(Self.depthMax) levels") }
        switch try self.kind() {
        case .object:
            try self.beginObject()
            while try self.skipKey() { try self.skipValue(depth: depth + 1) }
        case .array:
            try self.beginArray()
            while try self.nextElement() { try self.skipValue(depth: depth + 1) }
        case .string: _ = try self.scanString()
        case .number: _ = try self.scanNumber()
        case .boolean: _ = try self.bool()
        case .null: try self.literal("null")
        }
    }

    private mutating func skipKey() throws(JSONError) -> Bool { try self.nextKey() != nil }

    // MARK: Pieces

    func error(_ message: String) -> JSONError { JSONError(message, offset: self.offset) }

    private mutating func expect(_ kind: JSONKind) throws(JSONError) {
        let found = try self.kind()
        if found != kind { throw self.error("expected \(kind.rawValue), found \(found.rawValue)") }
    }

    mutating func literal(_ text: StaticString) throws(JSONError) {
        let count = text.utf8CodeUnitCount
        guard self.end - self.offset >= count, memcmp(self.base + self.offset, text.utf8Start, count) == 0 else {
            throw self.error("expected \(text)")
        }
        self.offset += count
    }

    private mutating func skipWhiteSpace() {
        while self.offset < self.end {
            let byte = self.base[self.offset]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            self.offset += 1
        }
    }

    /// From the opening quote past the closing one: what lies between, and whether it holds a backslash.
    private mutating func scanString() throws(JSONError) -> (Range<Int>, escaped: Bool) {
        let start = self.offset + 1
        var position = start
        var escaped = false
        while true {
            position = self.quoteOrBackslash(from: position)
            guard position < self.end else { throw JSONError("unterminated string", offset: self.offset) }
            if self.base[position] == UInt8(ascii: "\"") { break }
            escaped = true
            position += 2
        }
        self.offset = position + 1
        return (start..<position, escaped)
    }

    /// The next quote or backslash, eight bytes at a time (the SWAR test for a zero byte after an exclusive or).
    private func quoteOrBackslash(from start: Int) -> Int {
        let low: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        var position = start
        while position + 8 <= self.end {
            let word = UnsafeRawPointer(self.base + position).loadUnaligned(as: UInt64.self)
            let quote = word ^ (low &* 0x22)
            let slash = word ^ (low &* 0x5c)
            let found = ((quote &- low) & ~quote | (slash &- low) & ~slash) & high
            if found != 0 { return position + found.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < self.end, self.base[position] != 0x22, self.base[position] != 0x5c { position += 1 }
        return position
    }

    private func validated(_ range: Range<Int>) throws(JSONError) -> String {
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

    private func unescape(_ range: Range<Int>) throws(JSONError) -> String {
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

/// A key of an object, compared in place.
public struct JSONKey {
    // Borrowed from the text that the scanner scans, and valid as long as that is.
    fileprivate let raw: UnsafeBufferPointer<UInt8>
    fileprivate let unescaped: String?

    /// The key as text.
    public var text: String { self.unescaped ?? String(decoding: self.raw, as: UTF8.self) }

    /// Compares a key with a given name.
    public static func == (key: JSONKey, name: StaticString) -> Bool {
        if let unescaped = key.unescaped { return unescaped == name.description }
        return key.raw.count == name.utf8CodeUnitCount
            && (key.raw.baseAddress.map { memcmp($0, name.utf8Start, key.raw.count) == 0 } ?? true)
    }
}
