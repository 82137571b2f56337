// SPDX-License-Identifier: Apache-2.0

/// What a narration says, in parts: who does what to which thing, where, and with what.
struct Clause: Hashable, Sendable {
    /// Who acts.
    var actor: NarrationText.Actor
    /// What is done.
    var verb: Verb
    /// What makes another verb of it: the "up" of "pick up", or the preposition of "look at" where `isOblique`.
    var particle: String?
    /// Whether the object stands behind the particle in every case: "looked at it", not "looked it at".
    var isOblique = false
    /// What it is done to.
    var object: NounPhrase?
    /// Whatever else is named, with its preposition, in order.
    var phrases: [PrepositionalPhrase] = []

    /// Whether the camera wearer acts.
    var isByWearer: Bool { self.actor == .cameraWearer }

    /// Where it is done, or where to or from, the nearest phrase first.
    var place: PrepositionalPhrase? { self.phrases.first(where: \.isPlace) }

    /// What it is done with.
    var instrument: NounPhrase? { self.phrases.first(where: \.isInstrument)?.noun }

    /// The person it is done to or with.
    var person: PrepositionalPhrase? {
        self.phrases.first { $0.noun.isPerson && ["to", "with", "from", "at", "for", "by"].contains($0.preposition) }
    }

    /// "pick up"
    var base: String { self.join(self.verb.base, self.particle) }

    /// "picked up"
    var past: String { self.join(self.verb.past, self.particle) }

    /// "pick up", or "put down" for a "put" that nothing follows.
    var baseAlone: String { self.join(self.verb.base, self.particleAlone) }

    /// "picked up", or "put down" for a "put" that nothing follows.
    var pastAlone: String { self.join(self.verb.past, self.particleAlone) }

    private var particleAlone: String? {
        self.particle ?? (["put", "place", "set", "lay"].contains(self.verb.base) ? "down" : nil)
    }

    /// "picked it up", "looked at it"
    func past(_ object: String) -> String {
        self.isOblique
            ? self.join(self.past, object) : self.join(self.join(self.verb.past, object), self.particleAlone)
    }

    private func join(_ left: String, _ right: String?) -> String { right.map { "\(left) \($0)" } ?? left }
}
