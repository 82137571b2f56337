// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar

/// Tells whether a query gives its own answer away, judged by what the narration behind it says.
///
/// A question for a place leaks when it names the place that the narration names; one for a thing when it names the
/// whole thing ("What onion did I cut?" after "cuts the onion"; "What knife did I take?" after "takes the bread knife"
/// does not); one for a color or a number when it names that. Questions of other kinds cannot leak.
enum AnswerLeak {
    /// The word that gives the answer away; `nil` where none does.
    /// - Parameters:
    ///   - words: the query's, in small letters.
    ///   - kind: what it asks for.
    static func word(
        in words: [String], asking kind: QueryTemplate.AnswerKind, narration: Clause
    ) -> String? {
        switch kind {
        case .place: return self.place(in: words, narration)
        case .object: return self.object(in: words, narration)
        case .attribute: return self.color(in: words, narration)
        case .quantity: return self.quantity(in: words, narration)
        case .state, .person, .time: return nil
        }
    }

    /// A narration's place is the answer only where the query asks for the narration's object, which its main clause
    /// names: in "Where was the knife before I opened the drawer?" the drawer is somebody else's affair.
    private static func place(in words: [String], _ narration: Clause) -> String? {
        guard let object = narration.object, !narration.phrases.isEmpty else { return nil }
        let stems = words.map(Stem.stem)
        let own = object.contentWords.map(Stem.stem)
        let place = narration.phrases.first { phrase in
            let head = Stem.stem(of: phrase.noun.head)
            return stems.contains(head) && !own.contains(head) && phrase.isPlace
        }
        guard let place else { return nil }
        let main = words.prefix { !self.subordinating.contains($0) }
        return Stem.stems(of: main).contains(Stem.stem(of: object.head)) ? place.noun.head : nil
    }

    private static let subordinating: WordSet = ["before", "after", "when", "while", "that"]

    private static func object(in words: [String], _ narration: Clause) -> String? {
        guard let object = narration.object else { return nil }
        let stems = words.map(Stem.stem)
        // "What tool did I use to cut the onion?" asks for the tool and may name the onion.
        if let instrument = narration.instrument, words.contains("use") || words.last == "with" {
            return instrument.words.allSatisfy { stems.contains(Stem.stem(of: $0)) } ? instrument.head : nil
        }
        return object.words.allSatisfy { stems.contains(Stem.stem(of: $0)) } ? object.head : nil
    }

    private static func color(in words: [String], _ narration: Clause) -> String? {
        guard words.contains("color") || words.contains("colour"), let object = narration.object else { return nil }
        return object.words.first { NounLexicon.isColor($0) && words.contains($0) }
    }

    private static func quantity(in words: [String], _ narration: Clause) -> String? {
        guard let quantity = narration.object?.quantity else { return nil }
        return words.contains(quantity) ? quantity : nil
    }
}
