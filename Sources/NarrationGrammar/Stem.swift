// SPDX-License-Identifier: Apache-2.0

/// Content words in a form in which texts can be compared: small letters, no stop-words, verbs and nouns reduced to
/// their base form.
public enum Stem {
    /// The stems of those of some words that carry meaning.
    public static func stems(of words: some Sequence<String>) -> StemSet {
        var stems = StemSet()
        self.forEach(of: words) { stem in
            stems.insert(stem)
            return true
        }
        return stems
    }

    /// Tells whether any of some words that carry meaning has one of the stems.
    public static func anyStem(of words: [String], isIn stems: StemSet) -> Bool {
        !self.forEach(of: words) { !stems.contains($0) }
    }

    /// Calls a function with the stem of each word that carries meaning, until it answers `false`.
    /// - Returns: `false` where the function did.
    @discardableResult
    private static func forEach(of words: some Sequence<String>, _ body: (String) -> Bool) -> Bool {
        for word in words where !self.stopWords.contains(word) {
            guard body(self.stem(of: word)) else { return false }
            // "stir-fry" shares its words with "stir fry".
            guard word.utf8.contains(UInt8(ascii: "-")) else { continue }
            for part in word.split(separator: "-") where !self.stopWords.contains(String(part)) {
                guard body(self.stem(of: String(part))) else { return false }
            }
        }
        return true
    }

    /// Tells whether a word, in small letters, is no stop-word.
    public static func carriesMeaning(_ word: String) -> Bool { !self.stopWords.contains(word) }

    /// The base form of a word: a verb's, or else the singular.
    public static func stem(of word: String) -> String {
        if let reading = VerbLexicon.reading(of: word) { return reading.verb.base }
        return Morphology.singular(of: word)
    }

    /// Words that any two texts share: they say nothing of what either is about.
    private static let stopWords = WordSet(
        wordsOf: """
            a an the this that these those it its them they he she him her his hers their theirs i me my mine we us our \
            you your c o who whom whose what which when where why how is are was were be been being am do does did done \
            have has had will would could should may might shall must not no nor and or but if then than so as at by for \
            from in into of off on onto out over to under up down with within without about after before again against \
            between during through there here some any all both each few more most other such only own same too very \
            just also still now last first time once many much person people man woman someone something thing things \
            object location place
            """)
}

/// Some stems. They are few, of one narration mostly, so a walk over them finds one sooner than a hash does.
public struct StemSet: Sendable, ExpressibleByArrayLiteral {
    private var few: [String] = []
    /// All of them, once they are many: a text may be long.
    private var many: Set<String>?

    private static let fewMax = 32

    /// Begins with none.
    public init() {}

    /// Takes stems.
    public init(arrayLiteral stems: String...) {
        for stem in stems { self.insert(stem) }
    }

    /// Tells whether a stem is one of them.
    public func contains(_ stem: String) -> Bool { self.many?.contains(stem) ?? self.few.contains(stem) }

    /// Takes a stem.
    public mutating func insert(_ stem: String) {
        if self.many != nil {
            self.many?.insert(stem)
        } else if !self.few.contains(stem) {
            self.few.append(stem)
            if self.few.count > Self.fewMax { self.many = Set(self.few) }
        }
    }
}
