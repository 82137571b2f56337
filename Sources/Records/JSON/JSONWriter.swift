// SPDX-License-Identifier: Apache-2.0

/// Writes JSON onto bytes, in the order it is told, with no tree in between.
///
/// Numbers are written so that they read back as the same double, in the fewest digits; a number that is not finite
/// is written as null, because JSON has no word for it. Keys are trusted to need no escapes.
public struct JSONWriter {
    /// What has been written.
    public var bytes: Bytes
    private var needsComma = false

    /// Writes after the given bytes; move them in and out again to write in place.
    public init(_ bytes: consuming Bytes = []) { self.bytes = bytes }

    /// Appends to bytes in place.
    public static func append(to bytes: inout Bytes, _ body: (inout JSONWriter) -> Void) {
        var writer = JSONWriter(bytes.take())
        body(&writer)
        bytes = writer.bytes
    }

    /// Begins another value behind this one, with nothing between them.
    public mutating func restart() { self.needsComma = false }

    // MARK: Containers

    /// Opens an object as a value.
    public mutating func beginObject() { self.open(UInt8(ascii: "{")) }

    /// Closes an object.
    public mutating func endObject() { self.close(UInt8(ascii: "}")) }

    /// Opens an array as a value.
    public mutating func beginArray() { self.open(UInt8(ascii: "[")) }

    /// Closes an array.
    public mutating func endArray() { self.close(UInt8(ascii: "]")) }

    /// Writes a key, whose value must follow.
    public mutating func key(_ name: StaticString) {
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
        self.bytes.append(UInt8(ascii: "\""))
        self.append(name)
        self.bytes.append(UInt8(ascii: "\""))
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    /// Writes a key that is not known beforehand, with escapes where it needs them.
    public mutating func key(text name: String) {
        self.value(name)
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    // MARK: Fields

    /// Writes a text field.
    public mutating func field(_ name: StaticString, _ value: String) {
        self.key(name)
        self.value(value)
    }

    /// Writes a number field.
    public mutating func field(_ name: StaticString, _ value: Double) {
        self.key(name)
        self.value(value)
    }

    /// Writes a whole-number field.
    public mutating func field(_ name: StaticString, _ value: Int) {
        self.key(name)
        self.value(value)
    }

    /// Writes a boolean field.
    public mutating func field(_ name: StaticString, _ value: Bool) {
        self.key(name)
        self.value(value)
    }

    // MARK: Values

    /// Writes a text value.
    public mutating func value(_ value: String) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        if value.utf8.withContiguousStorageIfAvailable({ self.appendEscaped($0) }) == nil {
            var native = value
            native.withUTF8 { self.appendEscaped($0) }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a number.
    public mutating func value(_ value: Double) {
        self.separate()
        self.append(value)
    }

    /// Writes a whole number.
    public mutating func value(_ value: Int) {
        self.separate()
        self.append(value)
    }

    /// Writes a boolean.
    public mutating func value(_ value: Bool) {
        self.separate()
        self.append(value ? "true" : "false")
    }

    /// Writes null.
    public mutating func null() {
        self.separate()
        self.append("null")
    }

    /// Writes JSON that is already there, unchecked.
    public mutating func raw(_ json: some Sequence<UInt8>) {
        self.separate()
        self.bytes.append(contentsOf: json)
    }

    // MARK: Pieces

    private mutating func separate() {
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
        self.needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
        self.bytes.append(bracket)
        self.needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        self.bytes.append(bracket)
        self.needsComma = true
    }

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for index in text.indices {
            let byte = text[index]
            if byte >= 0x20 && byte != 0x22 && byte != 0x5c { continue }
            self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
            self.appendEscape(byte)
            start = index + 1
        }
        self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }

    private mutating func appendEscape(_ byte: UInt8) {
        self.bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x22, 0x5c: self.bytes.append(byte)
        case 0x0a: self.bytes.append(UInt8(ascii: "n"))
        case 0x0d: self.bytes.append(UInt8(ascii: "r"))
        case 0x09: self.bytes.append(UInt8(ascii: "t"))
        default:
            self.bytes.append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
            self.bytes.append(Self.hexDigits[Int(byte >> 4)])
            self.bytes.append(Self.hexDigits[Int(byte & 15)])
        }
    }

    private mutating func append(_ text: StaticString) {
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func append(_ value: Int) {
        if value < 0 { self.bytes.append(UInt8(ascii: "-")) }
        self.append(digits: UInt64(value.magnitude), width: 0)
    }

    /// Appends a number in decimal, with leading zeros up to a width of at most 20.
    private mutating func append(digits value: UInt64, width: Int) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = value
            var position = 20
            repeat {
                position -= 1
                digits[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0 || 20 - position < width
            self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[position...]))
        }
    }

    private mutating func append(_ value: Double) {
        guard value.isFinite else {
            self.append("null")
            return
        }
        // Times are mostly decimals of at most six places. Such a decimal of at most 15 digits is the only one so
        // short that reads back as its double, so it may be written by whole numbers, several times faster.
        let magnitude = value.magnitude
        if magnitude < 1e9 {
            let scaled = (magnitude * 1e6).rounded()
            if scaled / 1e6 == magnitude {
                self.append(millionths: UInt64(scaled), negative: value.sign == .minus)
                return
            }
        }
        var text = value.description
        text.withUTF8 { self.bytes.append(contentsOf: $0) }
    }

    private mutating func append(millionths: UInt64, negative: Bool) {
        if negative { self.bytes.append(UInt8(ascii: "-")) }
        self.append(digits: millionths / 1_000_000, width: 0)
        self.bytes.append(UInt8(ascii: "."))
        var fraction = millionths % 1_000_000
        var width = 6
        while width > 1, fraction % 10 == 0 {
            fraction /= 10
            width -= 1
        }
        self.append(digits: fraction, width: width)
    }

    private static let hexDigits = Bytes("0123456789abcdef".utf8)
}

extension Array {
    /// Moves the elements out, so that whoever has them now is their only owner and appends in place.
    fileprivate mutating func take() -> [Element] {
        let taken = self
        self = []
        return taken
    }
}
