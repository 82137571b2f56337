// SPDX-License-Identifier: Apache-2.0

import VideoAnnotations

/// A narration's text, cleaned: who acts, and what it says of them, without tags, letters and stray blanks.
///
/// `#C C picks up the knife ` → the camera wearer, "picks up the knife"; `#O A man X walks\npast` → a man, "walks
/// past"; `points around` → the camera wearer, "points around".
public struct NarrationText: Hashable, Sendable {
    /// The person who acts.
    public enum Actor: Hashable, Sendable {
        /// The person who wears the camera.
        case cameraWearer
        /// Somebody else, by the noun that the narration has for them: "man", "lady", "person".
        case other(String)
    }

    /// The reason nothing can be made of a text.
    public enum Defect: String, Hashable, Sendable {
        /// The annotator was unsure.
        case unsure
        /// It is a summary of minutes.
        case summary
        /// It says nothing.
        case blank
    }

    /// The person who acts.
    public let actor: Actor
    /// The action as it was written, in one line; C, the camera wearer, is called "me".
    public let text: String
    /// The reason nothing can be made of it, if there is one.
    public let defect: Defect?
    /// The words of `text`, for the grammar.
    public let words: [NarrationWord]

    /// Cleans a text.
    public init(_ raw: String) {
        let tag = NarrationTag(in: raw)
        let pieces = tag.text(of: raw).pieces
        let subject = Subject(pieces, isOther: tag.kind == .other)
        let rest = pieces.dropFirst(subject.count)
        self.actor = subject.actor
        self.words = NarrationWord.words(in: rest)
        self.text = rest.map { $0 == "C" ? "me" : $0 }.joined(separator: " ")
        if tag.isSummary {
            self.defect = .summary
        } else if tag.isUnsure {
            self.defect = .unsure
        } else {
            self.defect = tag.isBlank || self.words.isEmpty ? .blank : nil
        }
    }

    /// The text as it is shown to a model, its actor in front: "(me) picks up the knife", "(a man) walks past".
    public var display: String {
        switch self.actor {
        case .cameraWearer: "(me) \(self.text)"
        case .other(let noun): "(\("aeiou".contains(noun.prefix(1)) ? "an" : "a") \(noun)) \(self.text)"
        }
    }
}

/// The person who acts, read from the front of a sentence.
private struct Subject {
    let actor: NarrationText.Actor
    /// The number of pieces of the sentence that it takes.
    let count: Int

    init(_ pieces: [Substring], isOther: Bool) {
        let first = pieces.first.map(Self.word)
        if let first, first.isWearer || (first.text == "c" && pieces.count > 1 && !isOther) {
            self.init(actor: .cameraWearer, count: pieces.count > 1 && Self.word(pieces[1]).isWearer ? 2 : 1)
            return
        }
        let words = pieces.prefix(8).map(Self.word)
        if words.count > 2, words[0].text == "camera", words[1].text == "wearer" {
            self.init(actor: .cameraWearer, count: 2)
            return
        }
        if let other = Self.other(words, isOther: isOther) {
            self = other
        } else {
            self.init(actor: isOther ? .other("person") : .cameraWearer, count: 0)
        }
    }

    private init(actor: NarrationText.Actor, count: Int) {
        self.actor = actor
        self.count = count
    }

    /// A person before a label or a verb: "A man X", "The woman in black", "Person B".
    private static func other(_ words: [NarrationWord], isOther: Bool) -> Subject? {
        var noun: String?
        for (index, word) in words.enumerated() {
            if noun == nil, NounLexicon.kind(of: word.text) == .person {
                noun = Morphology.singular(of: word.text)
                if index > 2 { return nil }
                continue
            }
            let isArticle = index == 0 && (word.text == "a" || word.text == "an" || word.text == "the")
            if word.isLabel, !isArticle, noun != nil || isOther {
                return Subject(actor: .other(noun ?? "person"), count: index + 1)
            }
            if isOther || noun != nil, index > 0, self.isPredicate(word.text) {
                return Subject(actor: .other(noun ?? "person"), count: index)
            }
        }
        return nil
    }

    private static func isPredicate(_ word: String) -> Bool {
        if word == "is" || word == "are" || word == "has" { return true }
        switch VerbLexicon.reading(of: word)?.form {
        case .third, .gerund: return true
        default: return false
        }
    }

    private static func word(_ piece: Substring) -> NarrationWord {
        NarrationWord.words(in: CollectionOfOne(piece)).first ?? .mark
    }
}
