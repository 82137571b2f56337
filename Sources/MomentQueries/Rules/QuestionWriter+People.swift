// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// Questions that a person or a meeting answers.
extension QuestionWriter {
    /// The person behind a preposition, and the noun for them.
    private var other: (preposition: String, noun: NounPhrase)? {
        guard let phrase = self.clause.person, !phrase.noun.isWearer else { return nil }
        return (phrase.preposition, phrase.noun)
    }

    /// The person that is the object itself: "looks at the man".
    private var otherObject: NounPhrase? {
        guard let object = self.clause.object, object.isPerson, !object.isWearer else { return nil }
        return object
    }

    private var isTalking: Bool { self.clause.verb.use.contains(.talking) }

    /// "Who did I give the phone to?", "Who did I look at after I opened the door?"
    func whoDidIInteractWith(_ detail: Detail) -> String? {
        if self.isTalking { return nil }
        if let thing = self.thing, let other = self.other {
            let name = thing.phrase(byWearer: true, long: detail.long)
            return self.join("Who did I \(self.clause.base) \(name) \(other.preposition)", related: detail)
        }
        guard self.otherObject != nil else { return nil }
        return self.join("Who did I \(self.clause.base)", related: detail)
    }

    /// "Who did I talk to in the kitchen?"
    func whoDidITalkTo(_ detail: Detail) -> String? {
        guard self.isTalking, self.otherObject != nil || self.other != nil else { return nil }
        let preposition = self.clause.isOblique ? nil : self.other?.preposition
        return self.join("Who did I \(self.clause.base)", preposition, self.place(detail), related: detail)
    }

    /// "When did I talk to the man?", "When did I give the phone to the lady?"
    func whenDidIInteract(_ detail: Detail) -> String? {
        if let person = self.otherObject {
            return self.join("When did I \(self.clause.base) the \(Self.role(person))", related: detail)
        }
        guard let other = self.other else { return nil }
        let role = Self.role(other.noun)
        if let thing = self.thing {
            let name = thing.phrase(byWearer: true, long: detail.long)
            return self.join(
                "When did I \(self.clause.base) \(name) \(other.preposition) the \(role)", related: detail)
        }
        guard self.isTalking else { return nil }
        return self.join("When did I \(self.clause.base) \(other.preposition) the \(role)", related: detail)
    }

    /// A person's noun, in a form that no validator takes for a marker: "the person" is what narrators write.
    private static func role(_ person: NounPhrase) -> String { self.role(Morphology.singular(of: person.head)) }

    private static func role(_ noun: String) -> String { noun == "person" ? "other person" : noun }

    /// Writes what somebody else did, as far as the camera wearer met or saw them.
    func sentenceAboutOther(_ template: QueryTemplate, _ detail: Detail) -> String? {
        guard case .other(let noun) = self.clause.actor else { return nil }
        let meetsWearer = self.clause.object?.isWearer == true || self.clause.person?.noun.isWearer == true
        switch template {
        case .whoDidITalkTo:
            guard self.isTalking, meetsWearer else { return nil }
            return self.join("Who did I talk to", self.place(detail), related: detail)
        case .whoDidIInteractWith:
            if self.isTalking { return nil }
            guard let name = self.thing?.phrase(byWearer: false, long: detail.long) else { return nil }
            if meetsWearer, let preposition = self.clause.person?.preposition {
                return self.join("Who \(self.clause.past) \(name) \(preposition) me", related: detail)
            }
            return self.join("Who did I see \(self.clause.base) \(name)", related: detail)
        case .whenDidIInteract:
            let role = Self.role(noun)
            if self.isTalking {
                return meetsWearer ? self.join("When did I talk to the \(role)", related: detail) : nil
            }
            guard let name = self.thing?.phrase(byWearer: false, long: detail.long) else { return nil }
            return self.join("When did I see the \(role) \(self.clause.base) \(name)", related: detail)
        default: return nil
        }
    }
}
