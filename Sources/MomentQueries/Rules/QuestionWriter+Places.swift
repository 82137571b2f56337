// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// Questions that a place answers.
extension QuestionWriter {
    private func name(_ thing: NounPhrase, _ detail: Detail) -> String {
        thing.phrase(byWearer: true, long: detail.long)
    }

    /// Tells whether the thing stays behind where it is put: not so for clothes that are put on, or a fixed thing.
    private var isPlacing: Bool {
        self.clause.verb.use.contains(.placing) && self.clause.particle != "on" && self.clause.particle != "off"
            && self.clause.object?.kind != .fixture
    }

    private static let plainPlacing: WordSet = ["put", "place", "keep", "set", "lay", "leave", "return", "store"]

    /// "Where was the knife before I picked it up?", "Where did I put the knife after I washed the plate?"
    func whereBeforeOrAfter(_ detail: Detail) -> String? {
        guard let thing = self.thing else { return nil }
        let name = self.name(thing, detail)
        let does = "I \(self.clause.past(thing.pronoun))"
        let isTaking = self.clause.verb.use.contains(.taking) && !self.clause.isOblique
        guard detail.relation, self.relation != nil else {
            if isTaking { return "Where \(thing.was) \(name) before \(does)" }
            return self.isPlacing ? "Where \(thing.was) \(name) after \(does)" : nil
        }
        if isTaking, self.variant & 16 == 0 { return self.join("Where \(thing.was) \(name)", related: detail) }
        return self.join("Where did I \(self.clause.base) \(name)", related: detail)
    }

    /// "Where did I put the knife?", "Where did I hang the towel?"
    func whereDidIPut(_ detail: Detail) -> String? {
        guard let thing = self.thing, self.isPlacing else { return nil }
        let name = self.name(thing, detail)
        let isPlain = Self.plainPlacing.contains(self.clause.verb.base)
        let wordings = ["Where did I \(self.clause.base) \(name)"]
        return self.pick(isPlain ? wordings + ["Where did I put \(name)", "Where did I leave \(name)"] : wordings)
    }

    /// "Where was the drawer I opened?", "Where was the phone when I looked at it?"
    func whereIsObject(_ detail: Detail) -> String? {
        guard let thing = self.thing else { return nil }
        let name = self.name(thing, detail)
        let when = "Where \(thing.was) \(name) when I \(self.clause.past(thing.pronoun))"
        if thing.isPossessed { return when }
        return self.pick([
            when, "Where \(thing.was) \(name) I \(self.clause.pastAlone)",
            "Where \(thing.was) \(name) that I \(self.clause.pastAlone)",
        ])
    }

    /// "In what location did I see the knife?"
    func inWhatLocation(_ detail: Detail) -> String? {
        guard let thing = self.thing else { return nil }
        let name = self.name(thing, detail)
        let sentence = self.pick([
            "In what location did I see \(name)", "In what location did I \(self.clause.base) \(name)",
            "In what place did I \(self.clause.base) \(name)",
        ])
        return self.join(sentence, related: detail)
    }

    /// "Where was my phone when I picked it up?"
    func whereIsMyObject(_ detail: Detail) -> String? {
        guard let thing = self.thing, thing.isPossessed || NounLexicon.isPersonal(thing.head) else { return nil }
        let name = "my \(thing.bare(long: detail.long))"
        if self.isPlacing {
            return self.pick(["Where did I \(self.clause.base) \(name)", "Where did I leave \(name)"])
        }
        return "Where \(thing.was) \(name) when I \(self.clause.past(thing.pronoun))"
    }
}
