// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// The words of a query that say what it is about, for comparing it with narrations.
struct QueryContent {
    /// One of those words.
    struct Word: Hashable {
        /// Its base form.
        let stem: String
        /// The verb it is a form of; `nil` for a noun or an adjective.
        let verb: Verb?
        /// The class of things that it is the name of.
        let kind: NounKind?
        /// Tells whether it stands in the main clause, which asks, and not in one that tells the moment ("before I …").
        let isMain: Bool
    }

    /// The words in their order, each once.
    let words: [Word]

    /// Finds them among the words of a query.
    init(_ words: [String]) {
        let main = Self.mainClause(of: words)
        var found: [Word] = []
        for (index, word) in words.enumerated() where Stem.carriesMeaning(word) {
            let stem = Stem.stem(of: word)
            if Self.askingWords.contains(stem) { continue }
            let isNoun = index > 0 && Self.beforeNoun.contains(words[index - 1]) || NounLexicon.kind(of: word) != nil
            let verb = isNoun ? nil : VerbLexicon.reading(of: word)?.verb
            // "What vegetable did I cut?" does not ask about "washes the vegetables".
            let kind = Self.classes[stem]
            let isClass = index == 1 && (words[0] == "what" || words[0] == "which") && kind != nil
            let isMain = main.contains(index) && !isClass
            if found.contains(where: { $0.stem == stem && ($0.isMain || !isMain) }) { continue }
            found.append(Word(stem: stem, verb: verb, kind: kind, isMain: isMain))
        }
        self.words = found
    }

    /// The classes of things, by their names.
    private static let classes = WordTable(NounKind.allCases.map { ($0.rawValue, $0) })

    /// Words that questions have of themselves, whatever they are about.
    private static let askingWords: WordSet = [
        "see", "remember", "use", "color", "colour", "item", "kind", "type", "sort", "number", "piece", "day", "video",
        "forget", "happen", "whether", "able",
    ]

    private static let beforeNoun: WordSet = ["the", "my", "a", "an", "of"]

    private static let questionWords: WordSet = ["where", "what", "who", "how", "which", "did"]
    private static let joints: WordSet = ["before", "after", "while", "until", "when"]
    private static let copulas: WordSet = ["was", "were", "is", "are"]

    /// Finds the clause that asks. "Where was the jug before I rinsed the cup?" asks for the jug. The clause of a
    /// "when" is left out, too, unless nothing else says what happened: "Where was the cup when I rinsed it?"
    private static func mainClause(of words: [String]) -> Range<Int> {
        if let first = words.first, first == "before" || first == "after" || first == "while" {
            // "Before I rinsed the cup, where was the jug?"
            let question = words.dropFirst().firstIndex(where: Self.questionWords.contains)
            return (question ?? 0)..<words.count
        }
        guard let joint = words.dropFirst(2).firstIndex(where: Self.joints.contains) else { return words.indices }
        let saysNothing = words[joint] == "when" && Self.copulas.contains(words[1])
        return saysNothing ? words.indices : 0..<joint
    }
}
