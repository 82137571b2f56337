// SPDX-License-Identifier: Apache-2.0

/// A word of a narration, or a mark that ends a part of it.
public struct NarrationWord: Hashable, Sendable {
    /// The word in small letters; "," for any mark that ends a part of the sentence.
    public let text: String
    /// Tells whether it is the letter C, the camera wearer.
    public let isWearer: Bool
    /// Tells whether it is another capital letter alone, the label that annotators give a person.
    public let isLabel: Bool

    init(_ text: String, isWearer: Bool = false, isLabel: Bool = false) {
        self.text = text
        self.isWearer = isWearer
        self.isLabel = isLabel
    }

    /// A mark that ends a part of the sentence.
    public static let mark = NarrationWord(",")

    /// The words of a text in order. White space and line breaks separate; apostrophes and hyphens inside a word stay.
    public static func words(of text: String) -> [NarrationWord] { self.words(in: text.pieces) }

    /// The words of a part of a text.
    public static func words(of text: Substring) -> [NarrationWord] { self.words(in: text.pieces) }

    private static func words(in pieces: [Substring]) -> [NarrationWord] {
        var words: [NarrationWord] = []
        for piece in pieces { self.append(piece, to: &words) }
        self.dropHeading(&words)
        return words
    }

    /// The words of a text without its marks.
    public static func plainWords(of text: String) -> [String] {
        self.words(of: text).filter { $0 != .mark }.map(\.text)
    }

    private static func append(_ piece: Substring, to words: inout [NarrationWord]) {
        if piece.utf8.first.map({ 0x30...0x39 ~= $0 }) == true || self.abbreviations.contains(piece.lowercased()) {
            // "1/4", "0.5" and "6-oz." are one word each.
            words.append(NarrationWord(piece.lowercased().filter { $0 != "," && $0 != "(" && $0 != ")" }))
            return
        }
        var letters: [UInt8] = []
        func flush() {
            while let last = letters.last, last == UInt8(ascii: "-") || last == UInt8(ascii: "'") {
                letters.removeLast()
            }
            guard !letters.isEmpty else { return }
            words.append(self.word(letters))
            letters.removeAll(keepingCapacity: true)
        }
        for byte in piece.utf8 {
            switch byte {
            case UInt8(ascii: "/") where letters.last.map { 0x30...0x39 ~= $0 } == true: letters.append(byte)
            case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "("), UInt8(ascii: ")"),
                UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"),
                UInt8(ascii: "/"), UInt8(ascii: "\\"):
                flush()
                if words.last != .mark, !words.isEmpty { words.append(.mark) }
            case UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "*"), UInt8(ascii: "`"), UInt8(ascii: "_"): flush()
            case UInt8(ascii: "-"), UInt8(ascii: "'"):
                if !letters.isEmpty { letters.append(byte) }
            default: letters.append(byte)
            }
        }
        flush()
    }

    private static func word(_ letters: [UInt8]) -> NarrationWord {
        let text = String(decoding: letters, as: UTF8.self)
        if letters.count == 1, let letter = letters.first, UInt8(ascii: "A")...UInt8(ascii: "Z") ~= letter {
            let isWearer = letter == UInt8(ascii: "C")
            return NarrationWord(
                text.lowercased(), isWearer: isWearer, isLabel: !isWearer && letter != UInt8(ascii: "I"))
        }
        return NarrationWord(text.lowercased())
    }

    private static let abbreviations: Set<String> = ["oz.", "tsp.", "tbsp.", "approx.", "min.", "sec."]

    /// CaptainCook4D heads a step by its verb: "Pour-Pour 1 egg", "Coat -Coat a cup", "Add-1/4 cup flour". The heading
    /// goes where a verb follows, and is the verb where none does.
    private static func dropHeading(_ words: inout [NarrationWord]) {
        guard let first = words.first, !first.isLabel else { return }
        if let hyphen = first.text.firstIndex(of: "-") {
            let heading = String(first.text[..<hyphen])
            let rest = String(first.text[first.text.index(after: hyphen)...])
            if let reading = VerbLexicon.reading(of: heading), !rest.isEmpty, VerbLexicon.reading(of: first.text) == nil
            {
                let isVerbNext = rest == heading || VerbLexicon.reading(of: rest)?.form == reading.form
                words[0] = NarrationWord(rest)
                let hasVerb = isVerbNext || words.dropFirst().contains { $0.text == heading }
                if !hasVerb { words.insert(NarrationWord(heading), at: 0) }
            }
        }
        if words.count > 2, words[1] == words[0] { words.removeFirst() }
    }
}
