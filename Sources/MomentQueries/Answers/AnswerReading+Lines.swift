// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

extension AnswerReading {
    /// Reads the lines of free text that begin with an id, and counts the others.
    mutating func readLines(_ text: Bytes) {
        var answer = NumberedAnswer()
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            // The text after the last line break is empty where the last line is complete.
            if index == lines.count - 1, self.isCut, !line.isEmpty {
                self.note(.unfinishedLine)
            } else {
                self.line(line, into: &answer)
            }
        }
        answer.endRun()
        for _ in 0..<answer.superseded { self.note(.supersededAnswer) }
        self.isAllAnswer = !self.isCut && !self.has(.lineIgnored) && !self.has(.lineWithoutID)
        for entry in answer.entries {
            if let query = entry.query { self.take(ids: entry.ids, template: entry.template, query: query) }
        }
        if !self.items.isEmpty { self.form = .numberedLines }
    }

    private mutating func line(_ bytes: ArraySlice<UInt8>, into answer: inout NumberedAnswer) {
        if bytes.count > AnswerParser.textBytesMax { return self.note(.textTooLong) }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains(where: { !$0.isWhitespace }) else { return }
        guard let line = NumberedLine(text[...]) else {
            answer.endRun()
            let isQuestion = NumberedLine.question(in: text[...]) != nil
            return self.note(isQuestion ? .lineWithoutID : .lineIgnored)
        }
        if line.query == nil {
            answer.endRun()
            self.note(.lineNotAQuestion, of: line.ids)
        } else if answer.count >= self.ids.count * AnswerParser.itemsPerNarrationMax, !answer.has(line) {
            self.note(.tooManyItems, of: line.ids)
        } else if !answer.add(line) {
            self.note(.duplicateItem)
        }
    }
}

/// The numbered lines of a text, of which a later run of lines may replace those before: one that follows other words
/// and names all of their ids is the whole answer once more.
private struct NumberedAnswer {
    private(set) var entries: [NumberedLine] = []
    private(set) var superseded = 0
    private var ids: Set<Int> = []
    private var run: [NumberedLine] = []
    private var runLines: Set<NumberedLine> = []

    var count: Int { self.entries.count + self.run.count }

    /// Tells whether the run has a line already.
    func has(_ line: NumberedLine) -> Bool { self.runLines.contains(line) }

    /// Adds a line to the run; answers whether it was not there before.
    mutating func add(_ line: NumberedLine) -> Bool {
        guard self.runLines.insert(line).inserted else { return false }
        self.run.append(line)
        return true
    }

    /// Another line follows.
    mutating func endRun() {
        guard !self.run.isEmpty else { return }
        let ids = Set(self.run.flatMap(\.ids))
        if !self.entries.isEmpty, ids.isSuperset(of: self.ids) {
            self.entries = []
            self.superseded += 1
        }
        self.entries += self.run
        self.ids.formUnion(ids)
        self.run = []
        self.runLines = []
    }
}

/// A line of free text with ids in front: `3. Where …?`, `[3] …`, `(3) …`, `3) …`, `3: …`, `3 - …`, `[1, 2] …`,
/// `Note 3: …`, each with a bullet or in bold, or not; then perhaps a template's name, in brackets or before a colon,
/// a dash or a bar, or in brackets at the end.
///
/// `Question 3: …` has no id: that is the question's number.
struct NumberedLine: Hashable {
    /// The numbers in front.
    let ids: [Int]
    /// The template, if one is named, as it is written.
    let template: String
    /// The question, as it is written; `nil` where the rest of the line is none.
    let query: String?

    init?(_ line: Substring) {
        guard let (ids, rest) = Self.ids(Self.withoutBullet(line)) else { return nil }
        self.ids = ids
        var text = Self.withoutLabel(Self.withoutSeparator(rest), ["template"])
        var template = ""
        if let (name, rest) = Self.leadingTemplate(text) {
            (template, text) = (name, Self.withoutSeparator(rest))
        } else if let (name, rest) = Self.trailingTemplate(text) {
            (template, text) = (name, rest)
        }
        self.template = template
        self.query = Self.question(in: Self.withoutLabel(text, ["query", "question", "q"]))
    }

    /// A text without quotes and stars around it, if it ends in a question mark.
    static func question(in text: Substring) -> String? {
        var text = text.trimmed
        while let last = text.last, Self.wrapping.contains(last) { text = text.dropLast().trimmed }
        while let first = text.first, Self.wrapping.contains(first) { text = text.dropFirst().trimmed }
        return text.count > 1 && text.last == "?" ? String(text) : nil
    }

    private static let wrapping: Set<Character> = ["\"", "*", "_", "`", "\u{201c}", "\u{201d}"]

    // MARK: Ids

    private static func withoutBullet(_ line: Substring) -> Substring {
        var text = line.trimmed
        while let first = text.first {
            let rest = text.drop { $0 == first }
            let isBold = first == "*" && text.hasPrefix("**")
            guard "-*\u{2022}>#+".contains(first), isBold || rest.first?.isWhitespace == true else { break }
            text = rest.trimmed
        }
        return text
    }

    private static func ids(_ text: Substring) -> (ids: [Int], rest: Substring)? {
        var text = text
        for word in ["note", "narration", "id"] where text.prefix(word.count).lowercased() == word {
            let rest = text.dropFirst(word.count).trimmed
            if rest.first.map({ $0.isNumber || $0 == "[" || $0 == "#" }) == true {
                text = rest.first == "#" ? rest.dropFirst() : rest
                break
            }
        }
        guard let first = text.first else { return nil }
        if first == "[" || first == "(" {
            let closing: Character = first == "[" ? "]" : ")"
            guard let end = text.firstIndex(of: closing) else { return nil }
            let inner = text[text.index(after: text.startIndex)..<end]
            guard let ids = AnswerReading.numbers(in: inner) else { return nil }
            return (ids, text[text.index(after: end)...])
        }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let id = Int(digits) else { return nil }
        let rest = text.dropFirst(digits.count)
        let after = rest.drop { $0 == "*" }.first
        if let after, ".):]|".contains(after) {
            // "3.5 cups" and "3:45" begin with no id.
            let next = rest.drop { $0 == "*" }.dropFirst().first
            return next.map { $0.isWhitespace || $0 == "*" || $0 == "(" || $0 == "[" } ?? true ? ([id], rest) : nil
        }
        let spaced = rest.trimmed
        guard rest.first?.isWhitespace == true, let mark = spaced.first, "-\u{2013}\u{2014}|".contains(mark) else {
            return nil
        }
        return ([id], spaced)
    }

    private static func withoutSeparator(_ text: Substring) -> Substring {
        text.drop { $0.isWhitespace || ".):]|*-\u{2013}\u{2014}".contains($0) }
    }

    private static func withoutLabel(_ text: Substring, _ labels: [String]) -> Substring {
        for label in labels where text.prefix(label.count).lowercased() == label {
            let rest = text.dropFirst(label.count).drop { $0 == "*" }
            if rest.first == ":" { return rest.dropFirst().drop { $0.isWhitespace || $0 == "*" } }
        }
        return text
    }

    // MARK: Templates

    private static func leadingTemplate(_ text: Substring) -> (name: String, rest: Substring)? {
        if let first = text.first, let closing = Self.closings[first],
            let end = Self.end(of: text, from: first, to: closing)
        {
            let inner = text[text.index(after: text.startIndex)..<end].trimmed
            return inner.isEmpty ? nil : (String(inner), text[text.index(after: end)...])
        }
        let names = QueryTemplate.allCases.compactMap { Self.prefix(of: text, like: $0.rawValue) }
        guard let end = names.max() else { return nil }
        return (String(text[..<end]), text[end...])
    }

    private static func trailingTemplate(_ text: Substring) -> (name: String, rest: Substring)? {
        let text = text.trimmed
        guard let last = text.last, last == ")" || last == "]" else { return nil }
        let opening: Character = last == ")" ? "(" : "["
        var depth = 0
        for index in text.indices.reversed() {
            if text[index] == last { depth += 1 }
            if text[index] == opening { depth -= 1 }
            guard depth == 0 else { continue }
            let inner = text[text.index(after: index)...].dropLast().trimmed
            return QueryTemplate(named: String(inner)) == nil ? nil : (String(inner), text[..<index])
        }
        return nil
    }

    private static let closings: [Character: Character] = ["(": ")", "[": "]"]

    /// Finds the close of the bracket that a text begins with.
    private static func end(of text: Substring, from opening: Character, to closing: Character) -> Substring.Index? {
        var depth = 0
        for index in text.indices {
            if text[index] == opening { depth += 1 }
            if text[index] == closing { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }

    /// Finds where a text goes on after the name it begins with, in whatever case and with whatever apostrophe.
    private static func prefix(of text: Substring, like name: String) -> Substring.Index? {
        var position = text.startIndex
        for character in name {
            guard position < text.endIndex else { return nil }
            let other = text[position]
            let isSame =
                other == character || other.lowercased() == character.lowercased()
                || (character == "\u{2019}" && other == "'")
            guard isSame else { return nil }
            position = text.index(after: position)
        }
        return position
    }
}
