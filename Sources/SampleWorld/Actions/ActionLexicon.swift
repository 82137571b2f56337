// SPDX-License-Identifier: Apache-2.0

/// The taxonomy of a world's actions: verbs and nouns in the form of Ego4D's, the lexicon's words with their kin in
/// brackets.
enum ActionLexicon {
    /// The verbs that walk on a ring.
    static let ringVerbs = 12
    /// The verbs that tell a clip's early choice, behind those of the ring.
    static let choices = 4
    /// The nouns, on a ring of their own.
    static let nouns = 16

    /// `pick_up_(pick_up,_picks_up)`
    static let verbTexts = Lexicon.verbs.prefix(Self.ringVerbs + Self.choices).map { verb in
        Self.text(verb.base, also: verb.third)
    }
    /// `cup_(cup,_cups)`
    static let nounTexts = Lexicon.nouns.prefix(Self.nouns).map { Self.text($0.text, also: $0.plural) }

    private static func text(_ word: String, also other: String) -> String {
        func joined(_ text: String) -> String { String(text.map { $0 == " " ? "_" : $0 }) }
        return "\(joined(word))_(\(joined(word)),_\(joined(other)))"
    }
}
