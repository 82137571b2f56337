// SPDX-License-Identifier: Apache-2.0

/// Walks over the outer layers of a JSON text in memory and passes over what is not wanted without parsing it.
///
/// Unlike `JSONScanner` it can go on behind a value that is malformed inside, as long as quotes and brackets match.
public struct JSONCursor {
    /// The text, borrowed from whoever creates the cursor: it is used inside their `withUnsafeBufferPointer`.
    public let bytes: UnsafeBufferPointer<UInt8>
    /// The next byte.
    public var position = 0
    private var isFirst = true

    /// Stands before the first byte of a text.
    public init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The next byte that is not white space, not taken; `nil` at the end.
    public mutating func peek() -> UInt8? {
        while self.position < self.bytes.count {
            let byte = self.bytes[self.position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            self.position += 1
        }
        return nil
    }

    /// Enters an object or array if one comes next.
    public mutating func open(_ bracket: Unicode.Scalar) -> Bool {
        guard self.peek() == UInt8(ascii: bracket) else { return false }
        self.position += 1
        self.isFirst = true
        return true
    }

    /// Moves to the next element of an array; `false` past its end.
    public mutating func nextElement() throws(JSONError) -> Bool { try self.nextMember(closing: UInt8(ascii: "]")) }

    /// Moves to the value of the next member of an object and answers its key; `nil` past its end.
    public mutating func nextKey() throws(JSONError) -> String? {
        guard try self.nextMember(closing: UInt8(ascii: "}")) else { return nil }
        guard self.peek() == UInt8(ascii: "\"") else { throw self.error("expected a key in double quotes") }
        let key = try self.scan { json throws(JSONError) in try json.string() }
        guard self.peek() == UInt8(ascii: ":") else { throw self.error("expected a colon after the key") }
        self.position += 1
        return key
    }

    private mutating func nextMember(closing: UInt8) throws(JSONError) -> Bool {
        var byte = self.peek()
        if byte == closing {
            self.position += 1
            self.isFirst = false
            return false
        }
        if !self.isFirst {
            guard byte == UInt8(ascii: ",") else { throw self.error("expected a comma or the closing bracket") }
            self.position += 1
            byte = self.peek()
        }
        self.isFirst = false
        guard byte != nil else { throw self.error("unexpected end of text") }
        return true
    }

    /// Parses the next value; the cursor moves behind it, or stays before it where that throws.
    public mutating func scan<Result>(
        _ body: (inout JSONScanner) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let start = self.position
        var json = JSONScanner(UnsafeBufferPointer(rebasing: self.bytes[start...]))
        do throws(JSONError) {
            let result = try body(&json)
            self.position = start + json.offset
            return result
        } catch { throw JSONError(error.message, offset: start + error.offset) }
    }

    /// Passes over the next value, whatever it is, and answers where it lies.
    @discardableResult
    public mutating func skip() throws(JSONError) -> Range<Int> {
        guard let byte = self.peek(), byte != UInt8(ascii: ","), byte != UInt8(ascii: "}"), byte != UInt8(ascii: "]"),
            let base = self.bytes.baseAddress
        else { throw self.error("expected a value") }
        let start = self.position
        var extent = JSONExtent()
        self.position = extent.scan(base, from: start, to: self.bytes.count)
        guard extent.isComplete || extent.isBare else { throw self.error("unexpected end of text") }
        return start..<self.position
    }

    /// An error at the next byte.
    public func error(_ message: String) -> JSONError { JSONError(message, offset: self.position) }
}
