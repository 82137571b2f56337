// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// The members of a file's outermost value that are handed out.
public struct JSONLayout {
    /// The members whose own members or elements are handed out one by one.
    public var opened: Set<String>
    /// The other members that are handed out whole; `nil` for all.
    public var taken: Set<String>?

    /// Opens some members and takes some whole, all others where that is `nil`.
    public init(opening opened: Set<String>, taking taken: Set<String>?) {
        self.opened = opened
        self.taken = taken
    }
}

/// One value of a file, cut out and not yet parsed.
public struct JSONPiece {
    /// The member of the outermost object that it is in, where that was opened.
    public var container: String?
    /// Its key; `nil` for an element of an array.
    public var key: String?
    /// The value as it stands in the file.
    public var bytes: Bytes
    /// The number of bytes of the value; more than `bytes` where it was too large.
    public var byteCount: Int
    /// The offset in the file at which the value begins.
    public var offset: Int
    /// The line it begins on.
    public var line: Int

    /// Tells whether it was larger than allowed, so that `bytes` is just its beginning.
    public var isCut: Bool { self.byteCount > self.bytes.count }
}

/// Cuts a JSON file of any size into the members of its outermost object (or the elements of its outermost array).
///
/// One chunk of the file and one piece are in memory at a time. Only strings and brackets are looked at: whether a
/// piece is JSON its parser finds out, `ShallowObject` for one, which goes on past a member that is malformed.
public struct JSONSplitter {
    private enum Place {
        case start
        case root(isObject: Bool)
        case opened(String, isObject: Bool)
        case end
    }

    /// The file that pieces are cut from.
    public let reader: FileReader
    private let layout: JSONLayout
    private let pieceBytesMax: Int
    private var place = Place.start
    private var isFirst = true
    private var name = "the beginning"

    /// Splits a file. Of values larger than `pieceBytesMax` bytes only the first 64 KiB are kept.
    public init(_ reader: FileReader, layout: JSONLayout, pieceBytesMax: Int = SourceLimits.valueBytesMax) {
        self.reader = reader
        self.layout = layout
        self.pieceBytesMax = pieceBytesMax
    }

    /// The next piece, or `nil` behind the end of the outermost value.
    ///
    /// - Throws: `SourceError` where the file is truncated or its outermost structure is broken. Calling again throws
    ///   again.
    public mutating func next() throws(SourceError) -> JSONPiece? {
        while true {
            switch self.place {
            case .start: try self.begin()
            case .root(let isObject):
                if let piece = try self.rootMember(isObject: isObject) { return piece }
            case .opened(let name, let isObject):
                guard let key = try self.nextMember(isObject: isObject) else {
                    self.place = .root(isObject: true)
                    self.isFirst = false
                    continue
                }
                return try self.value(container: name, key: key, isKept: true)
            case .end: return nil
            }
        }
    }

    private mutating func begin() throws(SourceError) {
        let byte = try self.skipWhiteSpace()
        guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") else {
            throw self.reader.error(
                byte == nil ? "the file is empty" : "is not JSON: expected `{` or `[` at the start of the file")
        }
        self.reader.position += 1
        self.isFirst = true
        self.place = .root(isObject: byte == UInt8(ascii: "{"))
    }

    private mutating func rootMember(isObject: Bool) throws(SourceError) -> JSONPiece? {
        guard let key = try self.nextMember(isObject: isObject) else {
            if try self.skipWhiteSpace() != nil {
                throw self.reader.error("unexpected text behind the end of the JSON value: remove it")
            }
            self.place = .end
            return nil
        }
        guard let text = key.text else { return try self.value(container: nil, key: key, isKept: true) }
        if self.layout.opened.contains(text) {
            let byte = try self.skipWhiteSpace()
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                self.reader.position += 1
                self.isFirst = true
                self.place = .opened(text, isObject: byte == UInt8(ascii: "{"))
                return nil
            }
        }
        let isKept = self.layout.taken?.contains(text) ?? true
        let piece = try self.value(container: nil, key: key, isKept: isKept)
        return isKept ? piece : nil
    }

    // MARK: Members

    /// The key of a member; no text for an element of an array.
    private struct Key {
        var text: String?
    }

    /// Moves to the value of the next member or element; `nil` past the closing bracket.
    private mutating func nextMember(isObject: Bool) throws(SourceError) -> Key? {
        var byte = try self.skipWhiteSpace()
        if byte == UInt8(ascii: isObject ? "}" : "]") {
            self.reader.position += 1
            return nil
        }
        if !self.isFirst {
            guard byte == UInt8(ascii: ",") else { throw self.unexpected(byte, "a comma or the closing bracket") }
            self.reader.position += 1
            byte = try self.skipWhiteSpace()
        }
        self.isFirst = false
        guard isObject else { return Key() }
        guard byte == UInt8(ascii: "\"") else { throw self.unexpected(byte, "a key in double quotes") }
        let key = try self.key()
        byte = try self.skipWhiteSpace()
        guard byte == UInt8(ascii: ":") else { throw self.unexpected(byte, "a colon behind the key \"\(key)\"") }
        self.reader.position += 1
        return Key(text: key)
    }

    /// The longest key that is read.
    private static let keyBytesMax = 64 << 10

    private mutating func key() throws(SourceError) -> String {
        let place = self.reader.error("the key here is not valid: write it as UTF-8 with JSON's escapes")
        var quoted: Bytes = [UInt8(ascii: "\"")]
        self.reader.position += 1
        var isEscaped = false
        while let byte = try self.reader.peek() {
            self.reader.position += 1
            quoted.append(byte)
            if !isEscaped, byte == UInt8(ascii: "\"") {
                do {
                    return try JSONScanner.scan(quoted) { json throws(JSONError) in try json.string() }
                } catch { throw place }
            }
            isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
            if quoted.count > Self.keyBytesMax {
                throw self.reader.error("a key of more than \(Self.keyBytesMax) bytes: a quote is missing before here")
            }
        }
        throw self.truncated(in: "a key")
    }

    // MARK: Values

    /// Cuts out the value that comes next.
    private mutating func value(container: String?, key: Key, isKept: Bool) throws(SourceError) -> JSONPiece {
        let first = try self.skipWhiteSpace()
        guard let first, first != UInt8(ascii: ","), first != UInt8(ascii: "}"), first != UInt8(ascii: "]") else {
            throw self.unexpected(first, "a value")
        }
        self.name = key.text.map { "the value of \"\($0)\"" } ?? "an element"
        var piece = JSONPiece(
            container: container, key: key.text, bytes: [], byteCount: 0, offset: self.reader.offset,
            line: self.reader.line)
        var extent = JSONExtent()
        while !extent.isComplete {
            guard try self.reader.peek() != nil else {
                if extent.isBare { break }
                throw self.truncated(
                    in: "\(self.name), which begins on line \(piece.line) at byte \(piece.offset)")
            }
            let start = self.reader.position
            let end = extent.scan(self.reader.buffer, from: start, to: self.reader.count)
            if isKept { self.keep(start..<end, in: &piece) }
            piece.byteCount += end - start
            self.reader.position = end
        }
        return piece
    }

    /// Appends bytes of the buffer to a piece, unless that is too large already.
    private func keep(_ range: Range<Int>, in piece: inout JSONPiece) {
        guard !piece.isCut else { return }
        let bytes = UnsafeBufferPointer(start: self.reader.buffer + range.lowerBound, count: range.count)
        if piece.bytes.count + range.count <= self.pieceBytesMax {
            piece.bytes.append(contentsOf: bytes)
        } else {
            // A value that is too large is not parsed, so only its beginning is of use.
            piece.bytes = Bytes(
                (piece.bytes.prefix(SourceProblem.rawBytesMax) + bytes).prefix(SourceProblem.rawBytesMax))
        }
    }

    /// The next byte that is not white space, not taken; `nil` at the end of the file.
    private mutating func skipWhiteSpace() throws(SourceError) -> UInt8? {
        while let byte = try self.reader.peek() {
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            self.reader.position += 1
        }
        return nil
    }

    // MARK: Errors

    private func unexpected(_ byte: UInt8?, _ expected: String) -> SourceError {
        guard let byte else { return self.truncated(in: "the outermost value, where \(expected) should follow") }
        let found = byte >= 0x20 && byte < 0x7f ? "`\(Character(Unicode.Scalar(byte)))`" : "byte \(byte)"
        return self.reader.error(
            "is not valid JSON: expected \(expected) behind \(self.name), found \(found). What is whole before that was "
                + "read; repair the file or get it again.")
    }

    private func truncated(in what: String) -> SourceError {
        self.reader.error(
            "the file is truncated: it ends in \(what). What is whole before that was read; get the file again.")
    }
}
