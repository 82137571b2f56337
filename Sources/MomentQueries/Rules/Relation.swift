// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// Something that the camera wearer did just before or after, which tells one moment from others like it: "after I
/// washed the plate".
struct Relation {
    /// "before" or "after"
    let conjunction: String
    private let event: Clause
    private let object: NounPhrase

    /// The event of a neighbour, where it makes a short clause; `nil` where it does not.
    init?(_ conjunction: String, _ event: Clause?) {
        guard let event, event.isByWearer, let object = event.object, QuestionWriter.isThing(object),
            event.verb.use.isDisjoint(with: [.giving, .empty]), object.words.count <= 3
        else { return nil }
        self.conjunction = conjunction
        self.event = event
        self.object = object
    }

    /// The action and its object, for telling whether two events are the same.
    var identity: Identity {
        Identity(verb: self.event.verb.base, particle: self.event.particle ?? "", head: self.object.head)
    }

    struct Identity: Equatable {
        let verb: String
        let particle: String
        let head: String
    }

    /// The clause, for a sentence that may have named its object already: then it is "it".
    func phrase(after sentence: String) -> String {
        if sentence.utf8.split(separator: UInt8(ascii: " ")).contains(where: { $0.elementsEqual(self.object.head.utf8) }
        ) {
            return "\(self.conjunction) I \(self.event.past(self.object.pronoun))"
        }
        let name = self.object.phrase(byWearer: true, long: false)
        // "I put the spoon" wants to be told where to, or to be "I put down the spoon".
        if self.event.particle == nil, self.event.verb.use.contains(.placing), let place = self.event.place,
            QuestionWriter.isThing(place.noun)
        {
            let location = "\(place.preposition) \(place.noun.phrase(byWearer: true, long: false))"
            return "\(self.conjunction) I \(self.event.past) \(name) \(location)"
        }
        return "\(self.conjunction) I \(self.event.pastAlone) \(name)"
    }
}
