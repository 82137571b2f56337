// SPDX-License-Identifier: Apache-2.0

/// Takes a cleaned narration apart. It knows verbs and the small words of English; whatever stands between them is a
/// noun phrase. Only the first clause is read, and only the first of several things joined by "and".
public struct ClauseParser {
    private let words: [NarrationWord]
    private var position = 0

    /// Reads a narration; `nil` where no verb is found.
    public static func parse(_ narration: NarrationText) -> Clause? {
        var parser = ClauseParser(words: narration.words)
        return parser.clause(actor: narration.actor)
    }

    private init(words: [NarrationWord]) { self.words = words }

    private var word: NarrationWord? { self.position < self.words.count ? self.words[self.position] : nil }

    private func word(ahead: Int) -> String? {
        let index = self.position + ahead
        return index < self.words.count ? self.words[index].text : nil
    }

    // MARK: Verb

    private mutating func clause(actor: NarrationText.Actor) -> Clause? {
        let leading = self.leadingPhrases()
        guard let verb = self.verb(isSubjectKnown: actor != .cameraWearer) else { return nil }
        var clause = Clause(actor: actor, verb: verb)
        let hasParticle = self.particle(of: &clause) || self.takeOf(&clause)
        clause.object = self.nounPhrase()
        self.takeSecondObject(&clause)
        if !hasParticle, clause.object != nil, let word = self.word?.text, self.endsObject(word, of: verb) {
            clause.particle = word
            self.position += 1
        }
        self.skipConjunct()
        self.prepositionalPhrases(of: &clause)
        self.takeObliqueObject(&clause)
        clause.phrases += leading
        return clause
    }

    /// "In a bowl, add the onion": phrases before the verb. Where no verb follows, there are none.
    private mutating func leadingPhrases() -> [PrepositionalPhrase] {
        var phrases: [PrepositionalPhrase] = []
        while let word = self.word?.text, SmallWords.leading.contains(word) {
            let preposition = self.preposition()
            guard let noun = self.nounPhrase() else { continue }
            phrases.append(PrepositionalPhrase(preposition: preposition, noun: noun))
        }
        return phrases
    }

    /// The verb, past adverbs and verbs that only say that something goes on: "still washing", "continues to wash".
    private mutating func verb(isSubjectKnown: Bool) -> Verb? {
        while let word = self.word?.text, SmallWords.beforeVerb.contains(word) { self.position += 1 }
        if let compound = self.compoundVerb() { return compound }
        guard let word = self.word else { return nil }
        guard let reading = VerbLexicon.reading(of: word.text) else {
            // A third person that the lexicon lacks; in a fragment it might as well be a plural noun.
            guard isSubjectKnown || self.words.count > 1, word.text.utf8.allSatisfy({ $0 >= UInt8(ascii: "a") }),
                NounLexicon.kind(of: word.text) == nil, let base = Morphology.base(ofThird: word.text)
            else { return nil }
            self.position += 1
            return Verb(base)
        }
        self.position += 1
        if reading.verb.use.contains(.aspect) {
            let start = self.position
            if self.word?.text == "to" { self.position += 1 }
            let next = self.word.flatMap { VerbLexicon.reading(of: $0.text) }
            if let next, next.form == .gerund || self.position > start {
                self.position = start + (self.position > start ? 1 : 0)
                return self.verb(isSubjectKnown: isSubjectKnown)
            }
            self.position = start
        }
        return reading.verb
    }

    /// "stir fry", "deep fries": two words, one verb.
    private mutating func compoundVerb() -> Verb? {
        guard let first = self.word?.text, SmallWords.beforeFry.contains(first),
            let second = self.word(ahead: 1), let reading = VerbLexicon.reading(of: second), reading.verb.base == "fry"
        else { return nil }
        self.position += 2
        let base = (first == "stirs" ? "stir" : first) + "-fry"
        return VerbLexicon.reading(of: base)?.verb
    }

    /// Takes the particle or the preposition that makes one verb with the verb.
    private mutating func particle(of clause: inout Clause) -> Bool {
        guard let word = self.word?.text else { return false }
        let next = self.word(ahead: 1)
        guard VerbLexicon.particles(of: clause.verb.base)?.contains(word) == true, !(word == "out" && next == "of")
        else {
            return false
        }
        if (word == "on" || word == "off") && clause.verb.use.contains(.placing) {
            // "put on gloves" is a verb with a particle, "put on plate" is a place.
            let head = self.words.suffix(from: self.position + 1).prefix(3).last {
                NounLexicon.kind(of: $0.text) != nil
            }
            guard head.flatMap({ NounLexicon.kind(of: $0.text) }) == .garment else { return false }
        }
        clause.particle = word
        self.position += 1
        return true
    }

    /// "disposes the waste" and "disposes of the waste" are the same, and questions have the "of".
    private mutating func takeOf(_ clause: inout Clause) -> Bool {
        guard clause.verb.base == "dispose" else { return false }
        if self.word?.text == "of" { self.position += 1 }
        clause.particle = "of"
        clause.isOblique = true
        return true
    }

    /// "puts the lid back", "turn tap water off": a particle behind the object, with nothing that it could govern.
    private func endsObject(_ word: String, of verb: Verb) -> Bool {
        guard VerbLexicon.particles(of: verb.base)?.contains(word) == true else { return false }
        guard let next = self.word(ahead: 1) else { return true }
        return SmallWords.endsClause.contains(next) || SmallWords.prepositions.contains(next) && next != "of"
    }

    // MARK: Objects

    /// "hands the man a cup", "gives her the book": the second thing is the object, the first a recipient.
    private mutating func takeSecondObject(_ clause: inout Clause) {
        guard clause.verb.use.contains(.giving), let first = clause.object, first.isPerson else { return }
        guard let second = self.nounPhrase() else { return }
        clause.object = second
        clause.phrases.append(PrepositionalPhrase(preposition: "to", noun: first))
    }

    /// "looks at the phone", "talks to the man", "walks towards the car".
    private func takeObliqueObject(_ clause: inout Clause) {
        guard clause.object == nil, clause.particle == nil, clause.verb.use.contains(.oblique),
            let phrase = clause.phrases.first, SmallWords.obliques.contains(phrase.preposition)
        else { return }
        clause.phrases.removeFirst()
        clause.particle = phrase.preposition
        clause.isOblique = true
        clause.object = phrase.noun
    }

    /// Passes over what is joined to the object by "and", unless another clause begins there.
    private mutating func skipConjunct() {
        while let word = self.word?.text, word == "and" || word == "or" || word == "," {
            guard let next = self.word(ahead: 1), VerbLexicon.reading(of: next) == nil else {
                self.position = self.words.count
                return
            }
            self.position += 1
            if self.nounPhrase() == nil { return }
        }
    }

    private mutating func prepositionalPhrases(of clause: inout Clause) {
        while let word = self.word?.text {
            if SmallWords.adverbs.contains(word) || (word.ends(in: "ly") && NounLexicon.kind(of: word) == nil) {
                self.position += 1
                continue
            }
            guard SmallWords.prepositions.contains(word) else { return }
            // "to cut the onion" is a purpose and begins another clause.
            if word == "to", let next = self.word(ahead: 1), VerbLexicon.reading(of: next)?.form == .base,
                NounLexicon.kind(of: next) == nil || self.beginsNoun(ahead: 2)
            {
                return
            }
            let preposition = self.preposition()
            guard let noun = self.nounPhrase() else { continue }
            clause.phrases.append(PrepositionalPhrase(preposition: preposition, noun: noun))
            self.skipConjunct()
        }
    }

    /// Tells whether something stands there that is neither the end nor a preposition.
    private func beginsNoun(ahead: Int) -> Bool {
        guard let word = self.word(ahead: ahead) else { return false }
        return !SmallWords.endsClause.contains(word) && !SmallWords.prepositions.contains(word)
    }

    /// One word or several: "next to", "on top of", "out of".
    private mutating func preposition() -> String {
        let word = self.word?.text ?? ""
        defer { self.position += 1 }
        for group in SmallWords.compoundPrepositions where group[0] == word {
            guard group.indices.allSatisfy({ self.word(ahead: $0) == group[$0] }) else { continue }
            self.position += group.count - 1
            return group.joined(separator: " ")
        }
        return word
    }
}

extension ClauseParser {
    /// The longest noun phrase there is here; `nil`, with the place unchanged, where none begins.
    fileprivate mutating func nounPhrase() -> NounPhrase? {
        let start = self.position
        var phrase = NounPhrase(words: [])
        self.determiners(of: &phrase)
        while let word = self.word, phrase.words.count < 6 {
            if word.isWearer, phrase.words.isEmpty {
                self.position += 1
                return NounPhrase(words: ["me"], isWearer: true)
            }
            if word.isLabel {
                guard self.takeLabel(of: &phrase) else { break }
                continue
            }
            let isWashingUp = word.text == "up" && phrase.words.last == "washing"
            guard isWashingUp || self.belongs(word.text, to: phrase) else { break }
            phrase.words.append(word.text)
            self.position += 1
        }
        if phrase.words.isEmpty {
            // "picks some of it", "the other": a determiner alone names nothing, and neither does a pronoun.
            if self.position == start { return nil }
            phrase.words = ["it"]
            return phrase
        }
        if self.word?.text == "of", let contents = self.contents() {
            phrase.contents = contents
        }
        return phrase
    }

    /// Articles, possessives, numbers, and what is like them: "two of the", "a lot of", "another".
    private mutating func determiners(of phrase: inout NounPhrase) {
        while let word = self.word, !word.isLabel || word.text == "a", !word.isWearer {
            let text = word.text
            if SmallWords.singular.contains(text) {
                phrase.isSingular = true
            } else if SmallWords.possessives.contains(text) {
                phrase.isPossessed = true
            } else if SmallWords.quantities.contains(text) || text.utf8.first.map({ 0x30...0x39 ~= $0 }) == true {
                phrase.quantity = text
                phrase.isSingular = false
            } else if SmallWords.pronouns.contains(text) {
                self.position += 1
                phrase.words = []
                return
            } else if !SmallWords.determiners.contains(text) {
                return
            }
            self.position += 1
            if phrase.quantity != nil || phrase.isSingular { self.measure() }
            if self.word?.text == "of" { self.position += 1 }
        }
    }

    /// The "teaspoon" of "1 teaspoon salt" and "1 teaspoon of salt"; in "two cups" it is the thing itself.
    private mutating func measure() {
        while let word = self.word?.text, SmallWords.measures.contains(word), let next = self.word(ahead: 1),
            !SmallWords.endsClause.contains(next), !SmallWords.prepositions.contains(next) || next == "of"
        {
            self.position += 1
        }
    }

    /// "man X": the letter says which man, and is passed over; "X" alone is some person.
    private mutating func takeLabel(of phrase: inout NounPhrase) -> Bool {
        if phrase.words.isEmpty {
            phrase.words = ["person"]
        } else if !phrase.isPerson {
            return false
        }
        self.position += 1
        return true
    }

    private func belongs(_ word: String, to phrase: NounPhrase) -> Bool {
        if SmallWords.endsClause.contains(word) || SmallWords.prepositions.contains(word) { return false }
        if SmallWords.determiners.contains(word) || SmallWords.possessives.contains(word) { return false }
        if SmallWords.pronouns.contains(word) || SmallWords.adverbs.contains(word) || word == "a" { return false }
        if SmallWords.quantities.contains(word), !phrase.words.isEmpty { return false }
        if word.ends(in: "ly"), word.utf8.count > 4, NounLexicon.kind(of: word) == nil, word != "jelly" {
            return false
        }
        return true
    }

    /// The words behind "of".
    private mutating func contents() -> [String]? {
        let start = self.position
        self.position += 1
        guard let inner = self.nounPhrase(), inner.kind != .vague, !inner.isPerson else {
            self.position = start
            return nil
        }
        return inner.words
    }
}
