// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// Turns a clause into a question of a given template, where it allows one.
struct QuestionWriter {
    /// The clause of the narration.
    let clause: Clause
    /// A neighbour's event, for telling the moment.
    let relation: Relation?
    /// The stems of the narration's words, of which a question has at least one.
    let grounds: StemSet
    /// Bits that choose among wordings.
    var variant: Int
    /// The forms in which it asks.
    var forms = RuleForms.plain
    /// The number of narrations of the moment that say that the same is done to a thing of the same name.
    var times = 1
    /// The object, where it is a thing.
    let thing: NounPhrase?
    /// The place, where it can be said.
    private let namedPlace: PrepositionalPhrase?

    /// Looks at a clause.
    init(clause: Clause, relation: Relation?, grounds: StemSet, variant: Int = 0) {
        self.clause = clause
        self.relation = relation
        self.grounds = grounds
        self.variant = variant
        self.thing = clause.object.flatMap { Self.isThing($0) ? $0 : nil }
        self.namedPlace = clause.place.flatMap { Self.isThing($0.noun) || $0.noun.kind == .place ? $0 : nil }
    }

    /// The amount of detail that goes into a question.
    struct Detail {
        /// Tells whether the neighbour's event is named.
        var relation: Bool
        /// Tells whether contents ("of rice") and a harmless place are named.
        var long: Bool
    }

    /// The question; `nil` where the clause allows none, or none that is of a human length, keeps its answer
    /// and shares a word with the narration.
    func question(_ template: QueryTemplate) -> String? {
        if self.forms == .people {
            for long in [true, false] {
                let detail = Detail(relation: false, long: long)
                let sentence = self.peopleSentence(template, detail)
                if let text = sentence.flatMap({ self.asked($0, template) }) { return text }
            }
        }
        let wantsRelation = self.relation != nil && self.variant & 1 == 0
        if wantsRelation, let text = self.question(template, relation: true) { return text }
        return self.question(template, relation: false)
    }

    /// The longer question, or else the shorter one.
    private func question(_ template: QueryTemplate, relation: Bool) -> String? {
        guard let long = self.sentence(template, Detail(relation: relation, long: true)) else {
            return self.sentence(template, Detail(relation: relation, long: false)).flatMap { self.asked($0, template) }
        }
        if let text = self.asked(long, template) { return text }
        guard let short = self.sentence(template, Detail(relation: relation, long: false)), short != long else {
            return nil
        }
        return self.asked(short, template)
    }

    /// A sentence as a question, where it has a human length, keeps its answer and shares a word with the narration.
    private func asked(_ sentence: String, _ template: QueryTemplate) -> String? {
        let text = sentence + "?"
        guard RuleWriter.wordRange.contains(Self.wordCount(text)) else { return nil }
        let words = NarrationWord.plainWords(of: text)
        guard AnswerLeak.word(in: words, asking: template.answerKind, narration: self.clause) == nil,
            Stem.anyStem(of: words, isIn: self.grounds)
        else { return nil }
        return text
    }

    private static func wordCount(_ text: String) -> Int {
        var count = 0
        var wasBlank = true
        for byte in text.utf8 {
            let isBlank = byte == UInt8(ascii: " ")
            if wasBlank, !isBlank { count += 1 }
            wasBlank = isBlank
        }
        return count
    }

    private func sentence(_ template: QueryTemplate, _ detail: Detail) -> String? {
        guard self.clause.isByWearer else { return self.sentenceAboutOther(template, detail) }
        switch template {
        case .whereBeforeOrAfter: return self.whereBeforeOrAfter(detail)
        case .whereDidIPut: return self.whereDidIPut(detail)
        case .whereIsObject: return self.whereIsObject(detail)
        case .inWhatLocation: return self.inWhatLocation(detail)
        case .whereIsMyObject: return self.whereIsMyObject(detail)
        case .whatDidIPutIn: return self.whatDidIPutIn(detail)
        case .whatDidI: return self.whatDidI(detail)
        case .whatIs: return self.whatIs(detail)
        case .howMany: return self.howMany(detail) ?? self.howManyTimes(detail)
        case .state: return self.state(detail)
        case .whoDidIInteractWith: return self.whoDidIInteractWith(detail)
        case .whoDidITalkTo: return self.whoDidITalkTo(detail)
        case .whenDidIInteract: return self.whenDidIInteract(detail)
        }
    }

    // MARK: Parts

    /// Tells whether a thing is one that somebody may look for: no person, no part of the body, no mere pronoun.
    static func isThing(_ noun: NounPhrase) -> Bool {
        if noun.words.count > 4 || noun.contents.count > 3 || noun.isPerson { return false }
        switch noun.kind {
        case .body, .place, .abstract, .vague: return false
        default: return noun.words.allSatisfy(Self.isWord)
        }
    }

    private static func isWord(_ word: String) -> Bool {
        word.utf8.count > 1 && word.utf8.allSatisfy { 0x61...0x7a ~= $0 || $0 == 0x2d || $0 == 0x27 || $0 >= 0x80 }
    }

    /// The place, where it can be said: "in the drawer".
    func place(_ detail: Detail) -> String? {
        self.namedPlace.map { "\($0.preposition) \($0.noun.phrase(byWearer: true, long: detail.long))" }
    }

    /// Joins the parts of a sentence and adds what was done before or after, where that is wanted.
    func join(_ parts: String?..., related detail: Detail) -> String {
        var sentence = ""
        for case let part? in parts where !part.isEmpty {
            if !sentence.isEmpty { sentence += " " }
            sentence += part
        }
        guard detail.relation, let relation = self.relation else { return sentence }
        return "\(sentence) \(relation.phrase(after: sentence))"
    }

    /// Picks one of some wordings by the variant's bits.
    func pick(_ wordings: [String]) -> String? {
        wordings.isEmpty ? nil : wordings[(self.variant >> 4) % wordings.count]
    }
}
