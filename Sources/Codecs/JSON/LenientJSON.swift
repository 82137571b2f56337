// SPDX-License-Identifier: Apache-2.0

/// Reads the JSON values that lie in a text, as models write them: after prose, in a fence, cut off, with commas too
/// many. What is complete in a value that breaks off is kept, and marked as such.
///
/// Each byte is read once: where a value breaks off, the search for the next one goes on from there, not from the
/// byte after its start. Nesting takes no stack.
public struct LenientJSON {
    /// A value.
    public indirect enum Value: Hashable, Sendable {
        /// `null`
        case null
        /// `true` or `false`
        case bool(Bool)
        /// NaN where the digits make no number.
        case number(Double)
        /// Bytes and escapes that make no text are U+FFFD.
        case string(String)
        /// The elements; of one that breaks off, those that are there.
        case array([Value], isComplete: Bool)
        /// The members in their order; a key may come twice. Of one that breaks off, those that are there.
        case object([Member], isComplete: Bool)
        /// Something nested deeper than `depthMax`.
        case tooDeep

        /// Tells whether it has brackets.
        public var isContainer: Bool {
            switch self {
            case .array, .object, .tooDeep: true
            case .null, .bool, .number, .string: false
            }
        }
    }

    /// A member of an object.
    public struct Member: Hashable, Sendable {
        /// The key, without its quotes and escapes.
        public let key: String
        /// The value; null where it breaks off before it.
        public let value: Value
    }

    /// The way in which the reading of a value ended.
    public enum Ending: Sendable {
        /// At its closing bracket.
        case complete
        /// At the end of the text.
        case cut
        /// At a byte that cannot be there.
        case broken
    }

    /// A list or an object, and where it lies.
    public struct Root: Sendable {
        /// The list or object.
        public let value: Value
        /// The place of its bytes in the text.
        public let range: Range<Int>
        /// The way in which it ended.
        public let ending: Ending
    }

    /// Levels of nesting that are built; an answer as asked has four.
    public static let depthMax = 64
    private static let numberBytesMax = 64

    private let bytes: Bytes
    private var position = 0

    /// Reads the values of a text.
    public init(_ bytes: Bytes) {
        self.bytes = bytes
    }

    /// The next list or object; `nil` where no bracket follows.
    public mutating func next() -> Root? {
        while let byte = self.current, byte != Self.openBrace, byte != Self.openBracket { self.position += 1 }
        guard self.current != nil else { return nil }
        let start = self.position
        let (value, ending) = self.container()
        return Root(value: value, range: start..<self.position, ending: ending)
    }

    // MARK: Containers

    private struct Frame {
        let isObject: Bool
        var members: [Member] = []
        var elements: [Value] = []
        /// The key whose value comes next.
        var key: String?
        /// Tells whether a value has just been read.
        var isAfterValue = false

        mutating func add(_ value: Value) {
            if let key = self.key {
                self.members.append(Member(key: key, value: value))
                self.key = nil
            } else {
                self.elements.append(value)
            }
            self.isAfterValue = true
        }

        func value(isComplete: Bool) -> Value {
            self.isObject
                ? .object(self.members, isComplete: isComplete) : .array(self.elements, isComplete: isComplete)
        }
    }

    private mutating func container() -> (Value, Ending) {
        var frames = [Frame(isObject: self.current == Self.openBrace)]
        self.position += 1
        while true {
            // Frames are changed in place: a copy of one would have its list copied at every element.
            let top = frames.count - 1
            self.skipWhiteSpace()
            guard let byte = self.current else { return (Self.close(frames), .cut) }
            if byte == (frames[top].isObject ? Self.closeBrace : Self.closeBracket), frames[top].key == nil {
                self.position += 1
                let value = frames[top].value(isComplete: true)
                frames.removeLast()
                if frames.isEmpty { return (value, .complete) }
                frames[top - 1].add(value)
            } else if byte == UInt8(ascii: ","), frames[top].key == nil {
                self.position += 1
                frames[top].isAfterValue = false
            } else if frames[top].isAfterValue, frames[top].isObject || !Self.isOpening(byte) {
                // Only lists may lack a comma, and only before what has brackets of its own.
                return (Self.close(frames), .broken)
            } else if frames[top].isObject, frames[top].key == nil {
                if let ending = self.key(of: &frames[top]) { return (Self.close(frames), ending) }
            } else if Self.isOpening(byte), frames.count < Self.depthMax {
                self.position += 1
                frames.append(Frame(isObject: byte == Self.openBrace))
            } else {
                switch self.value(from: byte) {
                case .success(let value): frames[top].add(value)
                case .failure(let fault): return (Self.close(frames), fault.ending)
                }
            }
        }
    }

    /// Closes the values that are open, the innermost first, with what there is of them.
    private static func close(_ frames: [Frame]) -> Value {
        var inner: Value?
        for var frame in frames.reversed() {
            // A key whose value is missing says all the same what the object was to be.
            if inner != nil || frame.key != nil { frame.add(inner ?? .null) }
            inner = frame.value(isComplete: false)
        }
        return inner ?? .null
    }

    private mutating func key(of frame: inout Frame) -> Ending? {
        switch self.string() {
        case .failure(let fault): return fault.ending
        case .success(let key): frame.key = key
        }
        self.skipWhiteSpace()
        guard let byte = self.current else { return .cut }
        guard byte == UInt8(ascii: ":") else { return .broken }
        self.position += 1
        return nil
    }

    // MARK: Values

    private struct Fault: Error {
        let ending: Ending
    }

    private mutating func value(from byte: UInt8) -> Result<Value, Fault> {
        switch byte {
        case Self.openBrace, Self.openBracket:
            return self.skipNested() ? .success(.tooDeep) : .failure(Fault(ending: .cut))
        case Self.quote: return self.string().map(Value.string)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .success(.number(self.number()))
        case UInt8(ascii: "t"): return self.literal("true", .bool(true))
        case UInt8(ascii: "f"): return self.literal("false", .bool(false))
        case UInt8(ascii: "n"): return self.literal("null", .null)
        default: return .failure(Fault(ending: .broken))
        }
    }

    private mutating func literal(_ text: String, _ value: Value) -> Result<Value, Fault> {
        for expected in text.utf8 {
            guard let byte = self.current else { return .failure(Fault(ending: .cut)) }
            guard byte == expected else { return .failure(Fault(ending: .broken)) }
            self.position += 1
        }
        return .success(value)
    }

    private mutating func number() -> Double {
        let start = self.position
        while let byte = self.current, Self.isOfNumber(byte) { self.position += 1 }
        guard self.position - start <= Self.numberBytesMax else { return .nan }
        return (try? JSONValue(parsing: self.bytes[start..<self.position]))?.double ?? .nan
    }

    /// A text in quotes. It ends at the line's end at the latest: JSON has no line breaks in texts, so one means that
    /// the closing quote is missing, and what follows must not be swallowed.
    private mutating func string() -> Result<String, Fault> {
        guard self.current == Self.quote else { return .failure(Fault(ending: .broken)) }
        self.position += 1
        var text: Bytes = []
        while let byte = self.current {
            self.position += 1
            switch byte {
            case Self.quote: return .success(String(decoding: text, as: UTF8.self))
            case UInt8(ascii: "\n"):
                self.position -= 1
                return .failure(Fault(ending: .broken))
            case UInt8(ascii: "\\"):
                guard let escape = self.current else { return .failure(Fault(ending: .cut)) }
                if escape == UInt8(ascii: "\n") { continue }
                self.position += 1
                self.unescape(escape, into: &text)
            default: text.append(byte)
            }
        }
        return .failure(Fault(ending: .cut))
    }

    private mutating func unescape(_ escape: UInt8, into text: inout Bytes) {
        switch escape {
        case Self.quote, UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"): text.append(escape)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(self.unicodeEscape()).utf8)
        default: text.append(contentsOf: "\u{fffd}".utf8)
        }
    }

    /// The character of a `\uXXXX`, or of a pair of them; U+FFFD where they make none.
    private mutating func unicodeEscape() -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{fffd}"
        guard let first = self.hexadecimal() else { return replacement }
        guard 0xd800..<0xdc00 ~= first else { return Unicode.Scalar(first) ?? replacement }
        let start = self.position
        guard self.take(UInt8(ascii: "\\")), self.take(UInt8(ascii: "u")), let second = self.hexadecimal(),
            0xdc00..<0xe000 ~= second
        else {
            self.position = start
            return replacement
        }
        return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)) ?? replacement
    }

    private mutating func hexadecimal() -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = self.current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
            self.position += 1
        }
        return value
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard self.current == byte else { return false }
        self.position += 1
        return true
    }

    /// Passes over a list or object without building it. Answers whether it was closed.
    private mutating func skipNested() -> Bool {
        var depth = 0
        while let byte = self.current {
            switch byte {
            case Self.openBrace, Self.openBracket: depth += 1
            case Self.closeBrace, Self.closeBracket: depth -= 1
            case Self.quote:
                _ = self.string()
                continue
            default: break
            }
            self.position += 1
            if depth == 0 { return true }
        }
        return false
    }

    // MARK: Bytes

    private var current: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    private mutating func skipWhiteSpace() {
        while let byte = self.current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            self.position += 1
        }
    }

    private static func isOpening(_ byte: UInt8) -> Bool { byte == self.openBrace || byte == self.openBracket }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private static let openBrace = UInt8(ascii: "{")
    private static let closeBrace = UInt8(ascii: "}")
    private static let openBracket = UInt8(ascii: "[")
    private static let closeBracket = UInt8(ascii: "]")
    private static let quote = UInt8(ascii: "\"")
}
