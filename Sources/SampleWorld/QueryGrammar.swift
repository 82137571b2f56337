// SPDX-License-Identifier: Apache-2.0

/// One of the 13 NLQ templates with its share in the NLQ v1 val split and our sentences for it.
struct WorldTemplate {
    /// Exactly as in the annotation files, odd blanks and the curly apostrophe included.
    let name: String
    /// Queries of this template in NLQ v1 val.
    let weight: Int
    let sentences: [QuerySentence]
}

/// A sentence with places for words, separated by blanks: `$noun $nouns $base $past $pastIt
/// $gerund $gerundIt $person`.
struct QuerySentence {
    enum Actor {
        /// Says that the camera wearer did it.
        case wearer
        /// Does not say who did it.
        case anybody
        /// Says that somebody else did it.
        case other
    }

    let actor: Actor
    let text: String

    static func wearer(_ text: String) -> QuerySentence { QuerySentence(actor: .wearer, text: text) }
    static func anybody(_ text: String) -> QuerySentence { QuerySentence(actor: .anybody, text: text) }
    static func other(_ text: String) -> QuerySentence { QuerySentence(actor: .other, text: text) }
}

/// Asks about an event as people do: in the past tense, mostly in the first person, each template in several words of
/// its own. Every sentence names the verb and the noun. The narrations' text is not looked at.
struct QueryGrammar {
    let inventory: PairInventory

    struct Question {
        let template: WorldTemplate
        let text: String
    }

    func question(about event: WorldEvent, _ generator: inout SeededGenerator) -> Question {
        let verb = self.inventory.verb(of: event.pair)
        let noun = self.inventory.noun(of: event.pair)
        let template = self.template(for: event, noun, &generator)
        let allowed = template.sentences.filter { Self.fits($0, event) }
        let sentence = generator.pick(allowed.isEmpty ? template.sentences : allowed)
        let person = generator.pick(["friend", "neighbour", "colleague", "helper"])
        let words = sentence.text.split(separator: " ").map { word in
            switch word {
            case "$noun": noun.text
            case "$nouns": noun.plural
            case "$base": verb.base
            case "$past": verb.past
            case "$pastIt": verb.pastIt
            case "$gerund": verb.gerund
            case "$gerundIt": verb.gerundIt
            case "$person": person
            default: String(word)
            }
        }
        return Question(template: template, text: Self.style(words, &generator))
    }

    private func template(
        for event: WorldEvent, _ noun: Noun, _ generator: inout SeededGenerator
    ) -> WorldTemplate {
        let fitting = Self.templates.filter { template in
            (template.name != Self.putInName || noun.kind == .container)
                && template.sentences.contains { Self.fits($0, event) }
        }
        var dice = generator.below(max(1, fitting.reduce(0) { $0 + $1.weight }))
        for template in fitting {
            if dice < template.weight { return template }
            dice -= template.weight
        }
        return Self.templates[0]
    }

    private static func fits(_ sentence: QuerySentence, _ event: WorldEvent) -> Bool {
        switch sentence.actor {
        case .wearer: !event.byOther
        case .anybody: true
        case .other: event.byOther
        }
    }

    /// The final "?" is missing in 17 % of the human queries; a fifth of those with "I" spells it small.
    private static func style(_ words: [String], _ generator: inout SeededGenerator) -> String {
        var text = words.joined(separator: " ")
        let dice = generator.below(100)
        if dice < 12 {
            text = text.lowercased()
        } else if dice < 20 {
            text = words.map { $0 == "I" ? "i" : $0 }.joined(separator: " ")
        }
        let ending = generator.below(100)
        if ending < 83 { text += ending < 2 ? " ?" : "?" }
        if generator.chance(200) { text += " " }
        return text
    }

    private static let putInName = "Objects: What did I put in X?"
}
