// SPDX-License-Identifier: Apache-2.0

/// The parts of what a narration says: who does what to which thing, where, and with what.
public struct Clause: Hashable, Sendable {
    /// The person who acts.
    public var actor: NarrationText.Actor
    /// The action.
    public var verb: Verb
    /// The word that makes another verb of it: the "up" of "pick up", or, where `isOblique`, the "at" of "look at".
    public var particle: String?
    /// Tells whether the object stands behind the particle in every case: "looked at it", not "looked it at".
    public var isOblique = false
    /// The thing it is done to.
    public var object: NounPhrase?
    /// Everything else that is named, with its preposition, in order.
    public var phrases: [PrepositionalPhrase] = []

    /// Tells whether the camera wearer acts.
    public var isByWearer: Bool { self.actor == .cameraWearer }

    /// The place where it is done, or where to or from: the nearest phrase first.
    public var place: PrepositionalPhrase? { self.phrases.first(where: \.isPlace) }

    /// The thing it is done with.
    public var instrument: NounPhrase? { self.phrases.first(where: \.isInstrument)?.noun }

    /// The person it is done to or with.
    public var person: PrepositionalPhrase? {
        self.phrases.first { Self.toPersons.contains($0.preposition) && $0.noun.isPerson }
    }

    private static let toPersons: WordSet = ["to", "with", "from", "at", "for", "by"]

    /// "pick up"
    public var base: String { self.join(self.verb.base, self.particle) }

    /// "picked up"
    public var past: String { self.join(self.verb.past, self.particle) }

    /// "pick up", or "put down" for a "put" that nothing follows.
    public var baseAlone: String { self.join(self.verb.base, self.particleAlone) }

    /// "picked up", or "put down" for a "put" that nothing follows.
    public var pastAlone: String { self.join(self.verb.past, self.particleAlone) }

    private var particleAlone: String? {
        self.particle ?? (Self.putting.contains(self.verb.base) ? "down" : nil)
    }

    private static let putting: WordSet = ["put", "place", "set", "lay"]

    /// "picked it up", "looked at it"
    public func past(_ object: String) -> String {
        self.isOblique
            ? self.join(self.past, object) : self.join(self.join(self.verb.past, object), self.particleAlone)
    }

    private func join(_ left: String, _ right: String?) -> String { right.map { "\(left) \($0)" } ?? left }
}
