// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// Validators against marks that models and narrators write, and people do not.
extension Validator {
    /// Rejects the marks of lists, code and templates, which models leave around or instead of a question:
    /// `2) Where …`, `**Objects:** …`, `Objects: Where is object X?`, `{"query": …`, `Where did I put X?`, letters of
    /// other scripts.
    public static let markup = Validator(.markup) { proposal in
        if let mark = proposal.query.unicodeScalars.first(where: Self.isMark) { return "it has a `\(mark)`" }
        if let label = Self.label(of: proposal.query) { return "it begins with the label \"\(label)\"" }
        let placeholder = proposal.tokens.first { $0.isLabel && ["x", "y"].contains($0.text) }
        if let placeholder { return "it has a template's placeholder \(placeholder.text.uppercased())" }
        return nil
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "*", "`", "{", "}", "[", "]", "<", ">", "|", "\\", "^", "~", "_", "=", "@", "\u{fffd}": true
        default:
            // Latin letters end at U+024F; of what lies beyond, only letters are strange.
            scalar.value > 0x24f && scalar.properties.isAlphabetic
        }
    }

    /// Returns the label before a colon within the first words, or a number that counts lines.
    private static func label(of query: String) -> String? {
        guard let first = query.utf8.first else { return nil }
        if UInt8(ascii: "0")...UInt8(ascii: "9") ~= first || first == UInt8(ascii: "(") || first == UInt8(ascii: "-") {
            let number = query.prefix { $0 != " " }
            if [".", ")", ":", "-"].contains(where: number.hasSuffix) { return String(number) }
        }
        guard let colon = query.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let label = query[..<colon]
        // "At 10:30" has a digit before its colon.
        guard label.utf8.count(where: { $0 == 0x20 }) < 3, label.utf8.last.map({ 0x30...0x39 ~= $0 }) != true else {
            return nil
        }
        return String(label)
    }

    /// Rejects what narrators write and people almost never do: tags and the letter C (none of the human queries),
    /// "camera wearer" (none), "the person" (0.03 %), he and she in any case (0.13 %); and speech about the narration
    /// or the video instead of the day.
    public static let marker = Validator(.marker) { proposal in
        if proposal.query.utf8.contains(UInt8(ascii: "#")) { return "it has a `#`" }
        if proposal.tokens.contains(where: \.isWearer) { return "it has the letter C for the camera wearer" }
        let words = proposal.words
        for (first, second) in zip(words, words.dropFirst()) {
            if let seconds = Self.markerPairs[first], seconds.contains(second) {
                return "it says \"\(first) \(second)\""
            }
        }
        if let word = words.first(where: Self.markerWords.contains) { return "it says \"\(word)\"" }
        return Self.labelledPerson(in: proposal.tokens)
    }

    /// "man X", "person B": the letters by which annotators tell people apart.
    private static func labelledPerson(in tokens: [NarrationWord]) -> String? {
        for (person, label) in zip(tokens, tokens.dropFirst())
        where label.isLabel && label.text != "a" && NounLexicon.kind(of: person.text) == .person {
            return "it says \"\(person.text) \(label.text.uppercased())\""
        }
        return nil
    }

    private static let markerPairs = WordTable<WordSet>([
        ("camera", ["wearer", "wearer's", "man", "holder", "person"]),
        (
            "the",
            ["person", "person's", "wearer", "wearer's", "narrator", "narration", "narrations", "user", "annotator"]
        ),
        ("person's", ["hand", "hands"]),
        ("according", ["to"]),
    ])

    private static let markerWords: WordSet = [
        "he", "she", "him", "her", "his", "hers", "himself", "herself", "he's", "she's", "camera-wearer", "cameraman",
        "camera-man", "narrator",
    ]
}
