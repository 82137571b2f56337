// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// Reads one narration object of Ego4D in a single pass: the time and the text, under either of their names and in any
/// order, and nothing of the rest.
///
/// This is where an ingest of hundreds of megabytes spends its time. It reads what is usual: keys without escapes,
/// plain decimals, one time and one text. Whatever else there is makes it give up, and the general parser decides.
struct NarrationScan {
    /// Tells whether a time from 0 to `SourceLimits.secondsMax` and a text of any usual length were found.
    private(set) var isGood = false
    /// The time in seconds.
    private(set) var seconds = 0.0
    /// The text.
    private(set) var text = ""
    /// Behind the closing brace, where `isGood`.
    private(set) var position: Int

    // Borrowed from the caller of `init`, and not used after it.
    private let bytes: UnsafePointer<UInt8>
    private let end: Int

    /// Reads the object that begins at `start`.
    init(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) {
        self.bytes = bytes
        self.end = end
        self.position = start
        self.isGood = self.object()
    }

    private mutating func object() -> Bool {
        guard self.take(UInt8(ascii: "{")) else { return false }
        var hasTime = false
        var hasText = false
        while true {
            self.skipWhiteSpace()
            guard let key = self.quoted() else { return false }
            guard self.take(UInt8(ascii: ":")) else { return false }
            self.skipWhiteSpace()
            if self.isKey(key, "timestamp_sec") || self.isKey(key, "time") {
                guard !hasTime, let seconds = DecimalNumber.scan(self.bytes, &self.position, self.end) else {
                    return false
                }
                guard seconds <= SourceLimits.secondsMax else { return false }
                self.seconds = seconds
                hasTime = true
            } else if self.isKey(key, "narration_text") || self.isKey(key, "text") {
                guard !hasText, self.readText() else { return false }
                hasText = true
            } else {
                guard self.skipScalar() else { return false }
            }
            self.skipWhiteSpace()
            guard self.position < self.end else { return false }
            let byte = self.bytes[self.position]
            self.position += 1
            if byte == UInt8(ascii: "}") { return hasTime && hasText }
            guard byte == UInt8(ascii: ",") else { return false }
        }
    }

    private mutating func readText() -> Bool {
        guard let range = self.quoted() else { return self.readEscapedText() }
        guard range.count <= SourceLimits.textBytesMax / 6 else { return false }
        let text = UnsafeBufferPointer(start: self.bytes + range.lowerBound, count: range.count)
        if self.isASCII(range) {
            // Much faster than validating, which would find the same.
            self.text = String(unsafeUninitializedCapacity: range.count) { $0.initialize(fromContentsOf: text) }
            return true
        }
        guard let valid = String(validating: text, as: UTF8.self) else { return false }
        self.text = valid
        return true
    }

    private func isASCII(_ range: Range<Int>) -> Bool {
        var position = range.lowerBound
        while position + 8 <= range.upperBound {
            let word = UnsafeRawPointer(self.bytes + position).loadUnaligned(as: UInt64.self)
            if word & JSONExtent.high != 0 { return false }
            position += 8
        }
        while position < range.upperBound, self.bytes[position] < 0x80 { position += 1 }
        return position == range.upperBound
    }

    private mutating func readEscapedText() -> Bool {
        let rest = UnsafeBufferPointer(start: self.bytes + self.position, count: self.end - self.position)
        var json = JSONScanner(rest)
        guard let text = try? json.string(), text.utf8.count <= SourceLimits.textBytesMax / 6 else { return false }
        self.text = text
        self.position += json.offset
        return true
    }

    /// Passes over a string without escapes and answers what is in it.
    private mutating func quoted() -> Range<Int>? {
        guard self.position < self.end, self.bytes[self.position] == UInt8(ascii: "\"") else { return nil }
        let start = self.position + 1
        let stop = JSONExtent.quoteOrBackslash(self.bytes, from: start, to: self.end)
        guard stop < self.end, self.bytes[stop] == UInt8(ascii: "\"") else { return nil }
        self.position = stop + 1
        return start..<stop
    }

    private func isKey(_ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        for index in 0..<range.count where self.bytes[range.lowerBound + index] != name.utf8Start[index] {
            return false
        }
        return true
    }

    /// Passes over a string, number or null that is of no interest.
    private mutating func skipScalar() -> Bool {
        guard self.position < self.end else { return false }
        switch self.bytes[self.position] {
        case UInt8(ascii: "\""): return self.quoted() != nil
        case UInt8(ascii: "n"):
            guard self.position + 4 <= self.end, self.bytes[self.position + 1] == UInt8(ascii: "u"),
                self.bytes[self.position + 2] == UInt8(ascii: "l"), self.bytes[self.position + 3] == UInt8(ascii: "l")
            else { return false }
            self.position += 4
            return true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            while self.position < self.end, Self.isOfNumber(self.bytes[self.position]) { self.position += 1 }
            return true
        default: return false
        }
    }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
            || byte | 0x20 == UInt8(ascii: "e")
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        self.skipWhiteSpace()
        guard self.position < self.end, self.bytes[self.position] == byte else { return false }
        self.position += 1
        return true
    }

    private mutating func skipWhiteSpace() {
        while self.position < self.end, self.bytes[self.position] <= 0x20 {
            guard self.isWhiteSpace(self.bytes[self.position]) else { return }
            self.position += 1
        }
    }

    private func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
    }
}
