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

    /// The words of the pieces of a text between white space.
    static func words(in pieces: some Sequence<Substring>) -> [NarrationWord] {
        var reader = NarrationWordReader()
        for piece in pieces { reader.take(piece) }
        self.dropHeading(&reader.words)
        return reader.words
    }

    /// The words of a text without its marks.
    public static func plainWords(of text: String) -> [String] {
        self.words(of: text).compactMap { $0 == .mark ? nil : $0.text }
    }

    /// CaptainCook4D heads a step by its verb: "Pour-Pour 1 egg", "Coat -Coat a cup", "Add-1/4 cup flour". The heading
    /// goes where a verb follows, and is the verb where none does.
    private static func dropHeading(_ words: inout [NarrationWord]) {
        guard let first = words.first, !first.isLabel else { return }
        if first.text.utf8.contains(UInt8(ascii: "-")), let hyphen = first.text.firstIndex(of: "-") {
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

/// Takes pieces of a text apart into words.
private struct NarrationWordReader {
    /// The words so far.
    var words: [NarrationWord] = []
    /// The letters of the word that is being read.
    private var letters: [UInt8] = []

    init() {
        self.words.reserveCapacity(12)
        self.letters.reserveCapacity(24)
    }

    private static let abbreviations: Set<String> = ["oz.", "tsp.", "tbsp.", "approx.", "min.", "sec."]

    private static func isDigit(_ byte: UInt8?) -> Bool { byte.map { 0x30...0x39 ~= $0 } ?? false }

    /// Takes what stands between blanks.
    mutating func take(_ piece: Substring) {
        let isAbbreviation =
            piece.utf8.last == UInt8(ascii: ".") && Self.abbreviations.contains(piece.lowercased())
        if Self.isDigit(piece.utf8.first) || isAbbreviation {
            // "1/4", "0.5" and "6-oz." are one word each.
            self.words.append(NarrationWord(piece.lowercased().filter { $0 != "," && $0 != "(" && $0 != ")" }))
            return
        }
        for byte in piece.utf8 { self.take(byte) }
        self.endWord()
    }

    private mutating func take(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "/") where Self.isDigit(self.letters.last): self.letters.append(byte)
        case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: "/"), UInt8(ascii: "\\"):
            self.endWord()
            if let last = self.words.last, last != .mark { self.words.append(.mark) }
        case UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "*"), UInt8(ascii: "`"), UInt8(ascii: "_"):
            self.endWord()
        case UInt8(ascii: "-"), UInt8(ascii: "'"): if !self.letters.isEmpty { self.letters.append(byte) }
        default: self.letters.append(byte)
        }
    }

    private mutating func endWord() {
        while let last = self.letters.last, last == UInt8(ascii: "-") || last == UInt8(ascii: "'") {
            self.letters.removeLast()
        }
        if self.letters.isEmpty { return }
        self.words.append(self.word())
        self.letters.removeAll(keepingCapacity: true)
    }

    /// The word of the letters, in small ones.
    private mutating func word() -> NarrationWord {
        var isCapital = false
        for index in self.letters.indices {
            let letter = self.letters[index]
            if letter >= 0x80 { return NarrationWord(String(decoding: self.letters, as: UTF8.self).lowercased()) }
            isCapital = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= letter
            if isCapital { self.letters[index] = letter | 0x20 }
        }
        let text = String(decoding: self.letters, as: UTF8.self)
        guard isCapital, self.letters.count == 1 else { return NarrationWord(text) }
        return NarrationWord(text, isWearer: text == "c", isLabel: text != "c" && text != "i")
    }
}
