// SPDX-License-Identifier: Apache-2.0

/// The effect of a verb on its object, which decides what may be asked about it.
public struct VerbUse: OptionSet, Hashable, Sendable {
    /// A bit for each use.
    public let rawValue: Int

    /// Makes a set of the bits of a number.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The object ends up somewhere: put, hang, throw.
    public static let placing = VerbUse(rawValue: 1)
    /// The object ends up in or on something: add, pour, sprinkle.
    public static let filling = VerbUse(rawValue: 2)
    /// The object was somewhere before: take, pick, get.
    public static let taking = VerbUse(rawValue: 4)
    /// The object is in another state afterwards: open, wash, turn off.
    public static let changing = VerbUse(rawValue: 8)
    /// It takes its object behind a preposition: look at.
    public static let oblique = VerbUse(rawValue: 16)
    /// It is done with a person by words or signs: talk, wave.
    public static let talking = VerbUse(rawValue: 32)
    /// The object changes hands: give, pass, show.
    public static let giving = VerbUse(rawValue: 64)
    /// The actor goes somewhere: walk, step.
    public static let moving = VerbUse(rawValue: 128)
    /// Another verb follows that says what is done: continue, start.
    public static let aspect = VerbUse(rawValue: 256)
    /// It says nothing that could be asked about: be, have, do.
    public static let empty = VerbUse(rawValue: 512)
}

/// An English verb with the forms that narrations and questions have.
public struct Verb: Hashable, Sendable {
    /// The forms lie out of line, because verbs are handed about with every clause, and nearly all are the lexicon's.
    private let forms: Forms

    private final class Forms: Hashable, Sendable {
        let base: String
        let third: String
        let past: String
        let gerund: String
        let use: VerbUse

        init(base: String, past: String, use: VerbUse) {
            self.base = base
            self.third = Morphology.third(of: base)
            self.past = past
            self.gerund = Morphology.gerund(of: base)
            self.use = use
        }

        /// Third person and gerund follow from the base form.
        static func == (left: Forms, right: Forms) -> Bool {
            left === right || left.base == right.base && left.past == right.past && left.use == right.use
        }

        func hash(into hasher: inout Hasher) { hasher.combine(self.base) }
    }

    /// "pick"
    public var base: String { self.forms.base }
    /// "picks"
    public var third: String { self.forms.third }
    /// "picked"
    public var past: String { self.forms.past }
    /// "picking"
    public var gerund: String { self.forms.gerund }
    /// Its effect on its object.
    public var use: VerbUse { self.forms.use }

    /// Builds the forms of a verb by rule, or with the past tense given.
    public init(_ base: String, past: String? = nil, use: VerbUse = []) {
        self.forms = Forms(base: base, past: past ?? Morphology.past(of: base), use: use)
    }
}

/// The forms of regular English words. Letters are ASCII; others count as consonants.
public enum Morphology {
    /// The third person singular: picks, washes, carries, does.
    public static func third(of base: String) -> String {
        if self.endsInConsonantAndY(base) { return base.dropLast() + "ies" }
        let needsE = ["s", "sh", "ch", "x", "z", "o"].contains { base.hasSuffix($0) }
        return base + (needsE ? "es" : "s")
    }

    /// The past tense: picked, moved, carried, stirred.
    public static func past(of base: String) -> String {
        if self.endsInConsonantAndY(base) { return base.dropLast() + "ied" }
        if base.hasSuffix("e") { return base + "d" }
        return self.doublesLastLetter(base) ? base + base.suffix(1) + "ed" : base + "ed"
    }

    /// The present participle: picking, moving, lying, stirring.
    public static func gerund(of base: String) -> String {
        if base.hasSuffix("ie") { return base.dropLast(2) + "ying" }
        let keepsE = ["ee", "oe", "ye"].contains { base.hasSuffix($0) }
        if base.hasSuffix("e"), !keepsE { return base.dropLast() + "ing" }
        return self.doublesLastLetter(base) ? base + base.suffix(1) + "ing" : base + "ing"
    }

    /// The base form of a third person singular that is in no lexicon; `nil` where the word cannot be one.
    public static func base(ofThird word: String) -> String? {
        guard word.utf8.count > 3, word.ends(in: "s"), !word.ends(in: "ss"), !word.ends(in: "us") else { return nil }
        if word.ends(in: "ies") { return word.dropLast(3) + (word.utf8.count == 4 ? "ie" : "y") }
        let dropsE = ["sses", "shes", "ches", "xes", "zzes", "oes"].contains { word.hasSuffix($0) }
        return String(word.dropLast(dropsE ? 2 : 1))
    }

    /// The singular of a noun: eggs → egg, dishes → dish, berries → berry, knives → knife.
    public static func singular(of noun: String) -> String {
        if let singular = self.irregularSingulars[noun] { return singular }
        guard noun.utf8.count > 3, noun.ends(in: "s") else { return noun }
        if noun.ends(in: "ss") || noun.ends(in: "us") || noun.ends(in: "is") { return noun }
        if noun.ends(in: "ies") { return noun.dropLast(3) + "y" }
        let dropsE =
            noun.ends(in: "sses") || noun.ends(in: "shes") || noun.ends(in: "ches") || noun.ends(in: "xes")
            || noun.ends(in: "zzes") || noun.ends(in: "toes")
        return String(noun.dropLast(dropsE ? 2 : 1))
    }

    /// Nouns whose singular no rule gives.
    private static let irregularSingulars = WordTable([
        ("knives", "knife"), ("leaves", "leaf"), ("loaves", "loaf"), ("shelves", "shelf"), ("halves", "half"),
        ("men", "man"),
        ("women", "woman"), ("children", "child"), ("people", "person"), ("feet", "foot"), ("teeth", "tooth"),
        ("mice", "mouse"),
        ("scarves", "scarf"), ("movies", "movie"), ("cookies", "cookie"), ("brownies", "brownie"),
        ("veggies", "veggie"),
        ("pies", "pie"), ("shoes", "shoe"), ("axes", "axe"), ("cloves", "clove"), ("olives", "olive"), ("ties", "tie"),
        ("smoothies", "smoothie"), ("selfies", "selfie"), ("hoes", "hoe"), ("gas", "gas"), ("canvas", "canvas"),
        ("series", "series"),
    ])

    private static func endsInConsonantAndY(_ word: String) -> Bool {
        let letters = word.utf8.suffix(2)
        return letters.count == 2 && letters.last == UInt8(ascii: "y")
            && letters.first.map { !self.isVowel($0) } ?? false
    }

    /// Tells whether the last letter is doubled before -ed and -ing: one syllable that ends in consonant, vowel,
    /// consonant (stop, stir), or one of the longer words that are stressed on such a syllable.
    private static func doublesLastLetter(_ word: String) -> Bool {
        if self.stressedAtTheEnd.contains(word) { return true }
        var letters = Array(word.utf8)
        if letters.starts(with: "qu".utf8) { letters.removeFirst() }
        if letters.starts(with: "squ".utf8) { letters.remove(at: 2) }
        guard letters.count >= 3, let last = letters.last, !"wxy".utf8.contains(last) else { return false }
        let isVowel = letters.map(Self.isVowel)
        return isVowel.suffix(3).elementsEqual([false, true, false]) && isVowel.filter(\.self).count == 1
    }

    private static let stressedAtTheEnd: Set<String> = [
        "unplug", "unwrap", "unzip", "unpin", "unclip", "unpeg", "refer", "prefer", "transfer", "admit", "commit",
        "submit",
        "equip", "regret", "control", "propel", "expel", "overlap", "rewrap", "reset", "compel", "format", "kidnap",
        "defer", "occur", "patrol", "rewrap", "unstrap", "untap", "unpot", "repot",
    ]

    private static func isVowel(_ letter: UInt8) -> Bool { "aeiou".utf8.contains(letter) }
}
