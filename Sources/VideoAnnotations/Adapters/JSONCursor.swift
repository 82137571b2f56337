// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// Walks over the outer layers of a JSON text in memory and passes over what is not wanted without parsing it.
///
/// Unlike `JSONScanner` it can go on behind a value that is malformed inside, as long as quotes and brackets match.
struct JSONCursor {
    // Borrowed from whoever creates the cursor, inside whose `withUnsafeBufferPointer` it is used.
    let bytes: UnsafeBufferPointer<UInt8>
    /// The next byte.
    var position = 0
    private var isFirst = true

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The next byte that is not white space, not taken; `nil` at the end.
    mutating func peek() -> UInt8? {
        while self.position < self.bytes.count {
            let byte = self.bytes[self.position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            self.position += 1
        }
        return nil
    }

    /// Enters an object or array if one comes next.
    mutating func open(_ bracket: Unicode.Scalar) -> Bool {
        guard self.peek() == UInt8(ascii: bracket) else { return false }
        self.position += 1
        self.isFirst = true
        return true
    }

    /// Moves to the next element of an array; `false` past its end.
    mutating func nextElement() throws(JSONError) -> Bool { try self.nextMember(closing: UInt8(ascii: "]")) }

    /// Moves to the value of the next member of an object and answers its key; `nil` past its end.
    mutating func nextKey() throws(JSONError) -> String? {
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
    mutating func scan<Result>(
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
    mutating func skip() throws(JSONError) -> Range<Int> {
        guard let byte = self.peek(), byte != UInt8(ascii: ","), byte != UInt8(ascii: "}"), byte != UInt8(ascii: "]"),
            let base = self.bytes.baseAddress
        else { throw self.error("expected a value") }
        let start = self.position
        var extent = JSONExtent()
        self.position = extent.scan(base, from: start, to: self.bytes.count)
        guard extent.isComplete || extent.isBare else { throw self.error("unexpected end of text") }
        return start..<self.position
    }

    func error(_ message: String) -> JSONError { JSONError(message, offset: self.position) }
}

/// The members of a JSON object by key, not parsed yet, so that one malformed member does not spoil the others.
struct ShallowObject {
    let bytes: UnsafeBufferPointer<UInt8>
    /// The place of each member's value; of a key that repeats, the last.
    private(set) var ranges: [String: Range<Int>] = [:]

    /// Finds the members of an object in borrowed memory, which must outlive this.
    init(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) throws(SourceFault) {
        try self.init(UnsafeBufferPointer(rebasing: bytes))
    }

    /// Finds the members of an object in borrowed memory, which must outlive this.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(SourceFault) {
        self.bytes = bytes
        var cursor = JSONCursor(bytes)
        guard cursor.open("{") else {
            throw SourceFault(SourceReason.wrongType, "expected an object, found \(Self.excerpt(bytes))")
        }
        do throws(JSONError) {
            while let key = try cursor.nextKey() { self.ranges[key] = try cursor.skip() }
        } catch { throw SourceEntry.fault(of: error) }
    }

    /// Parses some of the members, which should be scalars: of an object or array just the kind is kept.
    func entry(_ fields: String...) throws(SourceFault) -> SourceEntry {
        var members: [String: JSONValue] = [:]
        for field in fields {
            guard let range = self.ranges[field] else { continue }
            switch self.bytes[range.lowerBound] {
            case UInt8(ascii: "{"): members[field] = .object([])
            case UInt8(ascii: "["): members[field] = .array([])
            default:
                do throws(JSONError) {
                    members[field] = try JSONValue(parsing: self.bytes[range])
                } catch {
                    let fault = SourceEntry.fault(of: error)
                    throw SourceFault(fault.reason, "`\(field)`: \(fault.message)")
                }
            }
        }
        return SourceEntry(members)
    }

    /// Calls a function with where each element of an array lies; with none where the member is missing or null.
    func forEachElement(of field: String, _ body: (Range<Int>) -> Void) throws(SourceFault) {
        guard let range = self.ranges[field], !self.bytes[range].elementsEqual("null".utf8) else { return }
        var cursor = JSONCursor(UnsafeBufferPointer(rebasing: self.bytes[..<range.upperBound]))
        cursor.position = range.lowerBound
        guard cursor.open("[") else { throw SourceFault(SourceReason.wrongType, "`\(field)` should be an array") }
        do throws(JSONError) {
            while try cursor.nextElement() { body(try cursor.skip()) }
        } catch { throw SourceEntry.fault(of: error) }
    }

    private static func excerpt(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        "`\(String(decoding: bytes.prefix(40), as: UTF8.self))`"
    }
}
