// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// Writes JSON onto bytes, in the order it is told, with no tree in between.
///
/// Numbers are written so that they read back as the same double, in the fewest digits; a number that is not finite
/// is written as null, because JSON has no word for it. Keys are trusted to need no escapes.
///
/// The bytes lie in memory of the writer's own, for which it makes room once a value: an array would ask for every
/// byte whether it is alone and large enough, and took three times as long.
public struct JSONWriter: ~Copyable {
    // Owned by this value alone, which cannot be copied: `capacity` bytes, of which the first `count` are written.
    // Every write goes through `reserve`, which grows it first.
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// The number of bytes written.
    public private(set) var count = 0
    private var needsComma = false

    /// Creates a writer of nothing yet.
    public init() {
        self.capacity = 256
        self.memory = .allocate(capacity: self.capacity)
    }

    deinit { self.memory.deallocate() }

    /// A copy of everything written so far.
    public var bytes: Bytes { self.withBytes { Bytes($0) } }

    /// Lends what has been written.
    public func withBytes<Result, Failure>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeBufferPointer(start: self.memory, count: self.count))
    }

    /// Appends what has been written to other bytes.
    public func append(to bytes: inout Bytes) { self.withBytes { bytes.append(contentsOf: $0) } }

    /// Moves out what has been written so far, in the middle of a document or not; writing goes on behind it.
    public mutating func takeBytes() -> Bytes {
        let taken = self.bytes
        self.count = 0
        return taken
    }

    /// Forgets what has been written, keeps the memory, and begins anew.
    public mutating func removeAll() {
        self.count = 0
        self.needsComma = false
    }

    /// Makes room for at least so many more bytes, and answers the place to write them.
    private mutating func reserve(_ additional: Int) -> UnsafeMutablePointer<UInt8> {
        if self.count + additional > self.capacity { self.grow(additional) }
        return self.memory + self.count
    }

    private mutating func grow(_ additional: Int) {
        self.capacity = max(self.capacity * 2, self.count + additional)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: self.capacity)
        larger.initialize(from: self.memory, count: self.count)
        self.memory.deallocate()
        self.memory = larger
    }

    private mutating func put(_ byte: UInt8) {
        self.reserve(1).pointee = byte
        self.count += 1
    }

    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        memcpy(self.reserve(bytes.count), source, bytes.count)
        self.count += bytes.count
    }

    private mutating func put(_ text: StaticString) {
        self.put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
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
        let length = name.utf8CodeUnitCount
        let start = self.reserve(length + 4)
        var place = start
        if self.needsComma {
            place.pointee = UInt8(ascii: ",")
            place += 1
        }
        place[0] = UInt8(ascii: "\"")
        memcpy(place + 1, name.utf8Start, length)
        place[length + 1] = UInt8(ascii: "\"")
        place[length + 2] = UInt8(ascii: ":")
        self.count += place + length + 3 - start
        self.needsComma = false
    }

    /// Writes a key that is not known beforehand, with escapes where it needs them.
    public mutating func key(text name: String) {
        self.value(name)
        self.put(UInt8(ascii: ":"))
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
        self.put(UInt8(ascii: "\""))
        if value.utf8.withContiguousStorageIfAvailable({ self.appendEscaped($0) }) == nil {
            var native = value
            native.withUTF8 { self.appendEscaped($0) }
        }
        self.put(UInt8(ascii: "\""))
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
        self.put(value ? "true" : "false")
    }

    /// Writes null.
    public mutating func null() {
        self.separate()
        self.put("null")
    }

    /// Writes JSON that is already there, unchecked.
    public mutating func raw(_ json: some Sequence<UInt8>) {
        self.separate()
        if json.withContiguousStorageIfAvailable({ self.put($0) }) == nil {
            for byte in json { self.put(byte) }
        }
    }

    // MARK: Pieces

    private mutating func separate() {
        if self.needsComma { self.put(UInt8(ascii: ",")) }
        self.needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        if self.needsComma { self.put(UInt8(ascii: ",")) }
        self.put(bracket)
        self.needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        self.put(bracket)
        self.needsComma = true
    }

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        var index = Self.plainCount(text, from: 0)
        while index < text.count {
            self.put(UnsafeBufferPointer(rebasing: text[start..<index]))
            self.appendEscape(text[index])
            start = index + 1
            index = Self.plainCount(text, from: start)
        }
        self.put(UnsafeBufferPointer(rebasing: text[start...]))
    }

    /// The position of the next byte that needs an escape (below 0x20, a quote or a backslash), eight bytes at a time.
    private static func plainCount(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        let low: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        let bytes = UnsafeRawBufferPointer(text)
        var index = start
        while index + 8 <= text.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let quote = word ^ (low &* 0x22)
            let slash = word ^ (low &* 0x5c)
            let control = (word &- low &* 0x20) & ~word
            let found = ((quote &- low) & ~quote | (slash &- low) & ~slash | control) & high
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < text.count, text[index] >= 0x20, text[index] != 0x22, text[index] != 0x5c { index += 1 }
        return index
    }

    private mutating func appendEscape(_ byte: UInt8) {
        self.put(UInt8(ascii: "\\"))
        switch byte {
        case 0x22, 0x5c: self.put(byte)
        case 0x0a: self.put(UInt8(ascii: "n"))
        case 0x0d: self.put(UInt8(ascii: "r"))
        case 0x09: self.put(UInt8(ascii: "t"))
        default:
            self.put("u00")
            self.put(Self.hexDigits[Int(byte >> 4)])
            self.put(Self.hexDigits[Int(byte & 15)])
        }
    }

    private mutating func append(_ value: Int) {
        if value < 0 { self.put(UInt8(ascii: "-")) }
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
            self.put(UnsafeBufferPointer(rebasing: digits[position...]))
        }
    }

    private mutating func append(_ value: Double) {
        guard value.isFinite else {
            self.put("null")
            return
        }
        // Times are mostly decimals of at most six places. Such a decimal of at most 15 digits is the only one so
        // short that reads back as its double, so it may be written by whole numbers, several times faster.
        let magnitude = value.magnitude
        if magnitude < 1e9 {
            let millionths = UInt64(magnitude * 1e6 + 0.5)
            if Double(millionths) / 1e6 == magnitude {
                self.append(millionths: millionths, negative: value.sign == .minus)
                return
            }
        }
        var text = value.description
        text.withUTF8 { self.put($0) }
    }

    private mutating func append(millionths: UInt64, negative: Bool) {
        if negative { self.put(UInt8(ascii: "-")) }
        self.append(digits: millionths / 1_000_000, width: 0)
        self.put(UInt8(ascii: "."))
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
