// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// Questions that a thing, its color, its number or its state answers.
extension QuestionWriter {
    private static let putting: WordSet = [
        "in", "into", "inside", "on", "onto", "to", "over", "on top of", "within",
    ]

    /// "What did I pour into the pan?"
    func whatDidIPutIn(_ detail: Detail) -> String? {
        guard self.clause.verb.use.contains(.filling), let object = self.clause.object, !object.isPerson,
            object.kind != .body, !self.clause.isOblique, let place = self.clause.place,
            Self.putting.contains(place.preposition), Self.isThing(place.noun) || place.noun.kind == .place
        else { return nil }
        let name = place.noun.phrase(byWearer: true, long: detail.long)
        let isOn = place.preposition.hasPrefix("on") || place.preposition == "over"
        let own = "What did I \(self.clause.base) \(place.preposition) \(name)"
        let sentence =
            place.preposition == "to" ? own : self.pick([own, "What did I put \(isOn ? "on" : "in") \(name)"])
        return self.join(sentence, related: detail)
    }

    /// "What vegetable did I cut?", "What tool did I use to cut the onion?"
    func whatDidI(_ detail: Detail) -> String? {
        guard let thing = self.thing, !self.clause.verb.use.contains(.moving) else { return nil }
        let name = thing.phrase(byWearer: true, long: detail.long)
        if let instrument = self.clause.instrument, Self.isThing(instrument), self.variant & 32 == 0 {
            let word = instrument.kind.flatMap { NounLexicon.classWord(for: $0) } ?? "tool"
            if !instrument.words.contains(word) {
                return self.join("What \(word) did I use to \(self.clause.base) \(name)", related: detail)
            }
        }
        let asked: String
        if let word = thing.kind.flatMap({ NounLexicon.classWord(for: $0) }), !thing.contentWords.contains(word) {
            asked = word
        } else if thing.words.count > 1, thing.quantity == nil {
            asked = thing.head
        } else if self.place(detail) != nil || detail.relation && self.relation != nil {
            asked = "item"
        } else {
            return nil
        }
        let place = self.place(detail)
        let does = place == nil ? self.clause.baseAlone : self.clause.base
        return self.join("What \(asked) did I \(does)", place, related: detail)
    }

    /// "What color was the plate I washed?"
    func whatIs(_ detail: Detail) -> String? {
        guard let thing = self.thing, let uncolored = self.uncolored else { return nil }
        let name = "the \(uncolored)"
        let sentence = self.pick([
            "What color \(thing.was) \(name) I \(self.clause.pastAlone)",
            "What color \(thing.was) \(name) that I \(self.clause.pastAlone)",
            "What was the color of \(name) I \(self.clause.pastAlone)",
        ])
        return self.join(sentence, related: detail)
    }

    /// The name of the thing without a color, where it has a color that could be asked for.
    var uncolored: String? {
        guard var thing = self.thing else { return nil }
        let isColored = thing.words.dropLast().contains(where: NounLexicon.isColor)
        guard isColored || thing.kind.map(NounLexicon.hasColor) ?? false, thing.contents.isEmpty else { return nil }
        thing.words.removeAll(where: NounLexicon.isColor)
        return thing.words.isEmpty ? nil : thing.bare()
    }

    /// "How many eggs did I break into the bowl?"
    func howMany(_ detail: Detail) -> String? {
        guard let thing = self.thing, !thing.isSingular, NounLexicon.isCountablePlural(thing.head) else { return nil }
        let place = detail.long ? self.place(detail) : nil
        let does = place == nil ? self.clause.baseAlone : self.clause.base
        return self.join("How many \(thing.bare(long: detail.long)) did I \(does)", place, related: detail)
    }

    /// "Did I close the drawer?", "Did I wash my hands?"
    func state(_ detail: Detail) -> String? {
        guard let object = self.clause.object, self.clause.verb.use.contains(.changing), !self.clause.isOblique else {
            return nil
        }
        let ownWash = object.kind == .body && ["wash", "rinse", "clean", "dry"].contains(self.clause.verb.base)
        guard Self.isThing(object) || ownWash || object.kind == .abstract && object.words.count < 4 else { return nil }
        let name = ownWash ? "my \(object.bare())" : object.phrase(byWearer: true, long: detail.long)
        let wordings = ["Did I \(self.clause.base) \(name)", "Did I remember to \(self.clause.base) \(name)"]
        return self.join(self.pick(wordings), detail.long ? self.place(detail) : nil, related: detail)
    }
}
