// SPDX-License-Identifier: Apache-2.0

import Codecs

/// A promise that an operator or an adapter broke.
public struct BrokenPromise: Error, Sendable, CustomStringConvertible {
    /// The expectation, and what happened instead.
    public var message: String
    /// The place in the suite.
    public var location: String

    init(_ message: String, file: String, line: Int) {
        self.message = message
        self.location = "\(file):\(line)"
    }

    /// The message and where it comes from.
    public var description: String { "\(self.message) [\(self.location)]" }
}

func expect(_ condition: Bool, _ message: @autoclosure () -> String, file: String = #fileID, line: Int = #line) throws {
    if !condition { throw BrokenPromise(String(message().prefix(4000)), file: file, line: line) }
}

func expectEqual<Value: Equatable>(
    _ found: Value, _ expected: Value, _ subject: @autoclosure () -> String, file: String = #fileID, line: Int = #line
) throws {
    if found != expected {
        let (left, right) = Difference.around(String(describing: found), String(describing: expected))
        throw BrokenPromise("\(subject()): expected \(right), found \(left)", file: file, line: line)
    }
}

/// Texts where they begin to differ.
private enum Difference {
    static func around(_ left: String, _ right: String) -> (String, String) {
        let same = zip(left, right).prefix { $0 == $1 }.count
        func part(_ text: String) -> String {
            (same > 120 ? "…" : "") + text.dropFirst(max(0, same - 120)).prefix(600)
        }
        return (part(left), part(right))
    }
}

/// Numbers that look as if by chance, the same on every machine.
struct Chance {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    /// A number below a bound.
    mutating func below(_ bound: Int) -> Int {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return bound > 0 ? Int(self.state >> 11) % bound : 0
    }
}

/// Well-formed things, broken in the ways in which the world breaks them.
enum Broken {
    private static let words: [JSONValue] = [
        .null, .bool(true), .int(-1), .int(0), .int(1 << 53 - 1), .double(1e308), .double(-0.5), .string(""),
        .string(String(repeating: "a", count: 3000)), .string("\u{1b}[2J\u{202e}"), .array([]), .object([]),
    ]

    /// A value with one of its parts replaced or left out.
    static func value(_ value: JSONValue, _ chance: inout Chance) -> JSONValue {
        switch value {
        case .object(var members) where !members.isEmpty:
            let index = chance.below(members.count)
            switch chance.below(4) {
            case 0: members.remove(at: index)
            case 1: members[index].value = Self.words[chance.below(Self.words.count)]
            default: members[index].value = Self.value(members[index].value, &chance)
            }
            return .object(members)
        case .array(var elements) where !elements.isEmpty:
            let index = chance.below(elements.count)
            switch chance.below(4) {
            case 0: elements.remove(at: index)
            case 1: elements.append(elements[index])
            default: elements[index] = Self.value(elements[index], &chance)
            }
            return .array(elements)
        default: return Self.words[chance.below(Self.words.count)]
        }
    }

    private static let tokens: [Bytes] =
        [
            "\n", "\r\n", "\"", "{", "}", "[", "]", ",", "\t", "null", "-1", "1e999", "nan", "\u{feff}", "\\u0000",
            "\\",
            "99999999999999999999", "\"\"", ":",
        ].map { Bytes($0.utf8) } + [[0xff], [0xc3], [0], [0xed, 0xa0, 0x80]]

    /// Bytes of a file with a few changes: some replaced, left out, repeated or put in.
    static func bytes(_ bytes: Bytes, _ chance: inout Chance) -> Bytes {
        var bytes = bytes
        for _ in 0...chance.below(3) {
            let start = chance.below(bytes.count + 1)
            let end = min(bytes.count, start + 1 + chance.below(chance.below(8) == 0 ? 200 : 6))
            switch chance.below(5) {
            case 0: bytes.removeSubrange(start..<end)
            case 1: bytes.insert(contentsOf: bytes[start..<end], at: start)
            case 2: bytes.insert(contentsOf: Self.tokens[chance.below(Self.tokens.count)], at: start)
            case 3: bytes.replaceSubrange(start..<end, with: Self.tokens[chance.below(Self.tokens.count)])
            default: if start < bytes.count { bytes[start] = UInt8(chance.below(256)) }
            }
        }
        return bytes
    }
}

/// Rules that the words of operators and adapters keep.
enum Wording {
    /// Tells whether a text is a name as topologies and command lines have them: `drop-unsure`.
    static func isName(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, ("a"..."z").contains(first) else { return false }
        return text.utf8.count <= 64 && text.utf8.allSatisfy { Self.letters.contains($0) }
    }

    private static let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Tells whether a reason can be counted by: a name, or some with points between.
    static func isReason(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return !parts.isEmpty
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } && part.utf8.count <= 200
            }
    }

    /// Tells whether a help text is a sentence.
    static func isSentence(_ text: String) -> Bool { text.count > 3 && text.last == "." }
}
