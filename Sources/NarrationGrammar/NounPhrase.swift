// SPDX-License-Identifier: Apache-2.0

/// A thing as a narration names it: "two of his red onions" → onions, red, two, his.
public struct NounPhrase: Hashable, Sendable {
    /// Adjectives and nouns, the head last: ["red", "onions"].
    public var words: [String]
    /// The words after "of": the rice of "a bag of rice".
    public var contents: [String] = []
    /// Tells whether it is said to be the actor's own: his, her, their.
    public var isPossessed = false
    /// The number, if one is named: two, 3, several.
    public var quantity: String?
    /// Tells whether it is the camera wearer.
    public var isWearer = false
    /// The determiner was "a", "an" or "one": a single thing.
    public var isSingular = false

    /// The word that says what it is.
    public var head: String { self.words.last ?? "" }

    /// Its kind, as far as the lexicon knows.
    public var kind: NounKind? { NounLexicon.kind(of: self.head) }

    /// Tells whether it takes "were" and "them".
    public var isPlural: Bool { !self.isSingular && NounLexicon.isPlural(self.head) }

    /// "it" or "them".
    public var pronoun: String { self.isPlural ? "them" : "it" }

    /// "was" or "were".
    public var was: String { self.isPlural ? "were" : "was" }

    /// All its words that carry meaning.
    public var contentWords: [String] { self.words + self.contents }

    /// Tells whether it is somebody.
    public var isPerson: Bool { self.isWearer || self.kind == .person }

    /// With its article, as the camera wearer would say it: "the red onions", "my phone".
    /// - Parameters:
    ///   - byWearer: whether his and her mean the camera wearer's.
    ///   - long: whether "of rice" is said, too.
    public func phrase(byWearer: Bool, long: Bool = true) -> String {
        if self.isWearer { return "me" }
        let article = self.isPossessed && byWearer ? "my" : "the"
        return "\(article) \(self.bare(long: long))"
    }

    /// Without an article.
    public func bare(long: Bool = true) -> String {
        let name = self.words.joined(separator: " ")
        return long && !self.contents.isEmpty ? "\(name) of \(self.contents.joined(separator: " "))" : name
    }
}

/// A preposition with its noun phrase: "in the drawer".
public struct PrepositionalPhrase: Hashable, Sendable {
    /// "in", "next to"
    public var preposition: String
    /// The noun after it.
    public var noun: NounPhrase

    /// Tells whether it says what something was done with.
    public var isInstrument: Bool {
        (self.preposition == "with" || self.preposition == "using") && !self.noun.isPerson && self.noun.kind != .body
    }

    /// Tells whether it says where something was done, or where to or from.
    public var isPlace: Bool {
        SmallWords.places.contains(self.preposition) && !self.noun.isPerson && self.noun.kind != .body
            && self.noun.kind != .vague && self.noun.kind != .abstract && !self.isResult
    }

    /// "into large cubes", "in half": what becomes of a thing, and no place.
    private var isResult: Bool {
        (self.preposition == "in" || self.preposition == "into")
            && NounLexicon.isShape(self.noun.head)
    }
}
