// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// Turns a clause into a question of a given template, where it allows one.
struct QuestionWriter {
    /// The clause of the narration.
    let clause: Clause
    /// A neighbour's event, for telling the moment.
    let relation: Relation?
    /// The stems of the narration's words, of which a question has at least one.
    let grounds: Set<String>
    /// Bits that choose among wordings.
    let variant: Int

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
        let wantsRelation = self.relation != nil && self.variant & 1 == 0
        let details = [
            Detail(relation: wantsRelation, long: true), Detail(relation: wantsRelation, long: false),
            Detail(relation: false, long: true), Detail(relation: false, long: false),
        ]
        for detail in details {
            guard let sentence = self.sentence(template, detail) else { continue }
            let text = sentence + "?"
            guard RuleWriter.wordRange.contains(text.split(separator: " ").count) else { continue }
            let words = NarrationWord.plainWords(of: text)
            let kind = template.answerKind
            guard AnswerLeak.word(in: words, asking: kind, narration: self.clause) == nil else { continue }
            guard !Stem.stems(of: words).isDisjoint(with: self.grounds) else { continue }
            return text
        }
        return nil
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
        case .howMany: return self.howMany(detail)
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

    /// The object, where it is a thing.
    var thing: NounPhrase? { self.clause.object.flatMap { Self.isThing($0) ? $0 : nil } }

    /// The place, where it can be said: "in the drawer".
    func place(_ detail: Detail) -> String? {
        guard let place = self.clause.place, Self.isThing(place.noun) || place.noun.kind == .place else { return nil }
        return "\(place.preposition) \(place.noun.phrase(byWearer: true, long: detail.long))"
    }

    /// Joins the parts of a sentence and adds what was done before or after, where that is wanted.
    func join(_ parts: String?..., related detail: Detail) -> String {
        let sentence = parts.compactMap(\.self).filter { !$0.isEmpty }.joined(separator: " ")
        guard detail.relation, let relation = self.relation else { return sentence }
        return "\(sentence) \(relation.phrase(after: sentence))"
    }

    /// Picks one of some wordings by the variant's bits.
    func pick(_ wordings: [String]) -> String? {
        wordings.isEmpty ? nil : wordings[(self.variant >> 4) % wordings.count]
    }
}
