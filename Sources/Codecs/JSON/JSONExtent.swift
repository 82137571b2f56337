// SPDX-License-Identifier: Apache-2.0

/// Finds where a JSON value ends without parsing it, over bytes that arrive in pieces.
///
/// Only strings, their escapes and the nesting of brackets matter for that; whether the value is JSON at all is for
/// the parser to find out.
public struct JSONExtent {
    private enum State {
        /// Before the first byte of the value.
        case start
        /// Between the tokens of an object or array.
        case tokens
        /// In a string.
        case string
        /// In a string, behind a backslash.
        case escape
        /// In a number, a literal or anything else that has no closing mark.
        case bare
        /// Behind the value.
        case end
    }

    private var state = State.start
    private var depth = 0

    /// Stands before a value.
    public init() {}

    /// Tells whether the whole value has been passed.
    public var isComplete: Bool { self.state == .end }

    /// Tells whether the value would be complete if the text ended here.
    public var isBare: Bool { self.state == .bare }

    /// Passes over bytes of the value, which begins at the first byte of the first call, and answers where it stopped:
    /// behind the last byte of the value, or at `end` if the value goes on.
    public mutating func scan(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        var position = start
        while position < end {
            switch self.state {
            case .start: self.begin(bytes[position], &position)
            case .tokens: self.tokens(bytes, &position, end)
            case .string: self.string(bytes, &position, end)
            case .escape:
                position += 1
                self.state = .string
            case .bare:
                if Self.endsBare(bytes[position]) { self.state = .end } else { position += 1 }
            case .end: return position
            }
        }
        return position
    }

    private mutating func begin(_ byte: UInt8, _ position: inout Int) {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            self.depth = 1
            self.state = .tokens
            position += 1
        case UInt8(ascii: "\""):
            self.state = .string
            position += 1
        default: self.state = .bare
        }
    }

    /// Passes tokens and the strings among them until the value or the bytes end.
    private mutating func tokens(_ bytes: UnsafePointer<UInt8>, _ position: inout Int, _ end: Int) {
        var place = position
        var depth = self.depth
        scan: while true {
            place = Self.quoteOrBracket(bytes, from: place, to: end)
            if place >= end { break }
            // Bit 5 is all that tells `[` from `{` and `]` from `}`.
            switch bytes[place] | 0x20 {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 {
                    self.state = .end
                    place += 1
                    break scan
                }
            case UInt8(ascii: "\"") where bytes[place] == UInt8(ascii: "\""):
                place = Self.quoteOrBackslash(bytes, from: place + 1, to: end)
                if place >= end || bytes[place] != UInt8(ascii: "\"") {
                    self.state = .string
                    break scan
                }
            default: break
            }
            place += 1
        }
        self.depth = depth
        position = place
    }

    private mutating func string(_ bytes: UnsafePointer<UInt8>, _ position: inout Int, _ end: Int) {
        position = Self.quoteOrBackslash(bytes, from: position, to: end)
        guard position < end else { return }
        if bytes[position] == UInt8(ascii: "\\") {
            self.state = .escape
        } else {
            self.state = self.depth > 0 ? .tokens : .end
        }
        position += 1
    }

    private static func endsBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x09, 0x0a, 0x0d: true
        default: false
        }
    }

    // MARK: Eight bytes at a time

    /// The lowest bit of each byte.
    @inlinable public static var low: UInt64 { 0x0101_0101_0101_0101 }
    /// The highest bit of each byte.
    @inlinable public static var high: UInt64 { 0x8080_8080_8080_8080 }

    /// The high bit of each byte that is zero; above the lowest of them other bits may be set, too.
    @inlinable @inline(__always)
    public static func zeroBytes(_ word: UInt64) -> UInt64 { (word &- Self.low) & ~word & Self.high }

    /// The next quote or backslash, or `end`: eight bytes at a time (the test for a zero byte after an exclusive or).
    @inlinable
    public static func quoteOrBackslash(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        var position = start
        while position + 8 <= end {
            let word = UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self)
            let found = Self.zeroBytes(word ^ (Self.low &* 0x22)) | Self.zeroBytes(word ^ (Self.low &* 0x5c))
            if found != 0 { return position + found.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < end, bytes[position] != 0x22, bytes[position] != 0x5c { position += 1 }
        return position
    }

    /// The next quote or bracket of any kind (or a byte 0x02, which is none), or `end`.
    private static func quoteOrBracket(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        var position = start
        while position + 8 <= end {
            let word = UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self) | Self.low &* 0x20
            let found =
                Self.zeroBytes(word ^ (Self.low &* 0x22)) | Self.zeroBytes(word ^ (Self.low &* 0x7b))
                | Self.zeroBytes(word ^ (Self.low &* 0x7d))
            if found != 0 { return position + found.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < end {
            let byte = bytes[position] | 0x20
            if byte == 0x22 || byte == 0x7b || byte == 0x7d { break }
            position += 1
        }
        return position
    }
}
