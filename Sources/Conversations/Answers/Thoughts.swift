// SPDX-License-Identifier: Apache-2.0

package import Codecs
import Records

/// Takes out of an answer what a model thought aloud, by the marks that models set around it.
///
/// A mark is a short word in brackets: `<think>`, `</thinking>`, `[THINK]`, `<|begin_of_thought|>`, `◁/think▷`,
/// `<seed:think>`, `<details type="reasoning">`; or it heads a channel: `<|channel|>analysis<|message|>`. Any closing
/// mark ends the thought that is open. One without an opening mark ends a thought that began before the text, as where
/// a template opens it. A thought is also ended by the mark of an answer (`<answer>`, `<|begin_of_solution|>`), and one
/// that is never ended reaches to the end.
///
/// Marks that it does not know do little harm: of several answers the last counts for whoever reads them.
package struct Thoughts {
    private let text: ArraySlice<UInt8>
    /// The text that is not thought, in pieces.
    private var pieces: [Range<Int>] = []
    /// The start of the piece that is being read.
    private var start: Int
    /// The opening mark of a thought that is not ended yet.
    private var open: Mark?
    private var hasMarks = false

    /// The text without thoughts; `nil` where it has no marks of any.
    package static func removed(from text: ArraySlice<UInt8>) -> Bytes? {
        var thoughts = Thoughts(text)
        thoughts.read()
        return thoughts.hasMarks ? thoughts.spoken : nil
    }

    private init(_ text: ArraySlice<UInt8>) {
        self.text = text
        self.start = text.startIndex
    }

    private mutating func read() {
        var position = self.text.startIndex
        while position < self.text.endIndex {
            if let mark = Mark(in: self.text, at: position) {
                self.take(mark)
                position = mark.range.upperBound
            } else {
                position += 1
            }
        }
        guard let open else {
            self.pieces.append(self.start..<self.text.endIndex)
            return
        }
        // A word in square brackets is a mark for certain only where something closes it.
        if open.isSquare, !self.pieces.allSatisfy(self.isBlank) {
            self.pieces.append(open.range.lowerBound..<self.text.endIndex)
        }
    }

    private mutating func take(_ mark: Mark) {
        switch mark.meaning {
        case .opens:
            self.hasMarks = true
            if self.open == nil { self.keep(upTo: mark.range.lowerBound) }
            self.open = self.open ?? mark
        case .closes:
            self.hasMarks = true
            // Without an opening mark, all before it was thought.
            if self.open == nil { self.pieces = [] }
            self.resume(after: mark)
        case .ends:
            if self.open == nil { self.keep(upTo: mark.range.lowerBound) }
            if self.open?.isChannel != false { self.resume(after: mark) }
        case .answers:
            if self.open != nil { self.resume(after: mark) }
        case .isFinal:
            self.hasMarks = true
            self.pieces = []
            self.resume(after: mark)
        case .heads:
            self.hasMarks = true
            if self.open == nil { self.keep(upTo: mark.range.lowerBound) }
            self.resume(after: mark)
        }
    }

    private mutating func keep(upTo end: Int) { self.pieces.append(self.start..<end) }

    private mutating func resume(after mark: Mark) {
        self.open = nil
        self.start = mark.range.upperBound
    }

    private func isBlank(_ piece: Range<Int>) -> Bool { self.text[piece].allSatisfy(AnswerText.isSpace) }

    private var spoken: Bytes {
        var spoken: Bytes = []
        for piece in self.pieces where !self.isBlank(piece) {
            if !spoken.isEmpty { spoken.append(UInt8(ascii: "\n")) }
            spoken += self.text[piece]
        }
        return spoken
    }
}

extension Thoughts {
    /// A mark in a text.
    struct Mark {
        enum Meaning {
            /// A thought begins.
            case opens
            /// A thought ends, or all before was one.
            case closes
            /// A section ends, of thoughts or not.
            case ends
            /// An answer begins, if perhaps only in thoughts.
            case answers
            /// The answer begins.
            case isFinal
            /// A section begins that is neither thought nor known to be the answer.
            case heads
        }

        let range: Range<Int>
        let meaning: Meaning
        /// Tells whether it stands in square brackets, which are common in other use.
        var isSquare = false
        /// Tells whether it heads a channel.
        var isChannel = false

        /// Longer ones are none.
        private static let bytesMax = 64
        private static let channel = Bytes("channel".utf8)

        /// The mark that begins at a byte.
        init?(in text: ArraySlice<UInt8>, at start: Int) {
            guard let bracket = Bracket(text[start...]) else { return nil }
            let inner = text[(start + bracket.opening.count)...].prefix(Self.bytesMax)
            guard let (name, end) = Self.name(in: inner, before: bracket.closing) else { return nil }
            self.isSquare = bracket == .square
            if let (meaning, rest) = Self.channel(name, in: text, from: end) {
                (self.meaning, self.range, self.isChannel) = (meaning, start..<rest, true)
                return
            }
            guard let meaning = Self.meaning(of: name, isSquare: self.isSquare) else { return nil }
            (self.meaning, self.range) = (meaning, start..<end)
        }

        private enum Bracket: CaseIterable {
            case angle, square, triangle

            var opening: Bytes {
                switch self {
                case .angle: [UInt8(ascii: "<")]
                case .square: [UInt8(ascii: "[")]
                case .triangle: Bytes("◁".utf8)
                }
            }
            var closing: Bytes {
                switch self {
                case .angle: [UInt8(ascii: ">")]
                case .square: [UInt8(ascii: "]")]
                case .triangle: Bytes("▷".utf8)
                }
            }

            init?(_ text: ArraySlice<UInt8>) {
                switch text.first {
                case UInt8(ascii: "<"): self = .angle
                case UInt8(ascii: "["): self = .square
                case 0xe2 where text.starts(with: Self.triangle.opening): self = .triangle
                default: return nil
                }
            }
        }

        /// Returns the text in the brackets, in lower case, and their end.
        private static func name(in inner: ArraySlice<UInt8>, before closing: Bytes) -> (name: String, end: Int)? {
            guard let close = inner.firstIndex(where: { $0 == closing[0] || !Self.isOfName($0) }),
                inner[close...].starts(with: closing), close > inner.startIndex
            else { return nil }
            return (String(decoding: inner[..<close], as: UTF8.self).lowercased(), close + closing.count)
        }

        private static func isOfName(_ byte: UInt8) -> Bool {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || "_:/|.-=\"' ".utf8.contains(byte)
        }

        /// A head of a channel (`<|channel|>`, `<|channel>`) with its name and all up to `<|message|>`; or the end of
        /// one (`<channel|>`).
        private static func channel(
            _ name: String, in text: ArraySlice<UInt8>, from end: Int
        ) -> (meaning: Meaning, end: Int)? {
            if name == "channel|" { return (.closes, end) }
            guard name == "|channel|" || name == "|channel" else { return nil }
            let rest = text[end...]
            let word = rest.prefix(32).prefix { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
            var after = end + word.count
            // `commentary to=functions.f <|constrain|>json<|message|>`
            let message = Bytes("<|message|>".utf8)
            if let place = text[after...].prefix(160).firstRange(of: message),
                !text[after..<place.lowerBound].contains(where: { "{[\n".utf8.contains($0) })
            {
                after = place.upperBound
            }
            let channel = String(decoding: word, as: UTF8.self).lowercased()
            if channel.hasPrefix("final") || Self.isOfAnswers(channel) { return (.isFinal, after) }
            return (Self.isOfThoughts(channel) ? .opens : .heads, after)
        }

        private static func meaning(of name: String, isSquare: Bool) -> Meaning? {
            let words = name.split { !$0.isLetter }.map(String.init)
            guard let first = words.first, !name.hasSuffix("/") else { return nil }
            if name == "unused94" { return .opens }
            if name == "unused95" { return .closes }
            let ends = name.hasPrefix("/") || name.hasPrefix("|/") || words.contains("end") || words.contains("stop")
            if isSquare {
                // Other words in square brackets are ids, templates and lists.
                guard words.count == 1, name.allSatisfy({ $0.isLetter || $0 == "/" }) else { return nil }
                if Self.squareAnswers.contains(first) { return ends ? nil : .answers }
                return Self.square.contains(first) ? (ends ? .closes : .opens) : nil
            }
            let isThoughts = words.contains(where: Self.isOfThoughts)
            if isThoughts { return ends ? .closes : .opens }
            if first == "details" { return ends ? .closes : .opens }
            if words.contains(where: Self.isOfAnswers) { return ends ? nil : .answers }
            let isSpecial = name.hasPrefix("|") && name.hasSuffix("|")
            return isSpecial && ["end", "start", "return", "call", "im", "eot", "endoftext"].contains(first)
                ? .ends : nil
        }

        private static let square: Set<String> = ["think", "thinking", "thought", "thoughts", "reasoning"]

        private static let squareAnswers: Set<String> = ["answer", "response", "output", "final", "result"]

        private static func isOfThoughts(_ word: String) -> Bool {
            ["think", "thought", "reason"].contains { word.contains($0) }
                || [
                    "analy", "reflect", "scratch", "monolog", "rational", "ponder", "deliberat", "brainstorm", "draft",
                    "critique", "cot", "plan", "musing", "consider",
                ].contains { word.hasPrefix($0) }
        }

        private static func isOfAnswers(_ word: String) -> Bool {
            ["answer", "response", "solution", "final", "output", "result"].contains { word.hasPrefix($0) }
        }
    }
}
