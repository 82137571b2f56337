// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

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

    // MARK: What is usual

    /// Passes over bytes, if they are exactly what comes next.
    ///
    /// For forms that this program writes itself: a text that looks as it is usually written is read by its looks,
    /// several times faster than key by key. `mark` is the way back for all others.
    public mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard self.end - self.offset >= count, memcmp(self.base + self.offset, text.utf8Start, count) == 0 else {
            return false
        }
        self.offset += count
        return true
    }

    /// A way back to where the scanner stands.
    public struct Mark {
        fileprivate let offset: Int
        fileprivate let afterOpening: Bool
    }

    /// The way back to here, for `take` and what is read between: cheaper than a copy of the scanner.
    public var mark: Mark { Mark(offset: self.offset, afterOpening: self.afterOpening) }

    /// Goes back.
    public mutating func goBack(to mark: Mark) {
        self.offset = mark.offset
        self.afterOpening = mark.afterOpening
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
}
