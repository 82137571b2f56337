// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SampleWorld

@Suite struct QueryTextTests {
    private let names: Set<String> = [
        "Objects: Where is object X before / after event Y?", "Place: Where did I put X?",
        "Objects: Where is object X?", "Objects: What did I put in X?",
        "Objects: How many X\u{2019}s? (quantity question)", "Objects: In what location did I see object X ?",
        "Objects: What X did I Y?", "Objects: What X is Y?", "Objects: State of an object",
        "Objects: Where is my object X?", "People: Who did I interact with when I did activity X?",
        "People: Who did I talk to in location X?",
        "People: When did I talk to or interact with person with role X?",
    ]

    @Test func templatesAreTheThirteenOfficialOnes() throws {
        #expect(QueryGrammar.templates.count == 13)
        #expect(Set(QueryGrammar.templates.map(\.name)) == self.names)
        let world = try WrittenWorld(SampleWorldOptions(videos: 60, features: false, queriesPerClip: 40))
        let queries = try world.queries("nlq_train.json")
        #expect(Set(queries.compactMap { $0.fields["template"] as? String }) == self.names)
        #expect(queries.contains { $0.fields["template"] is NSNull })
    }

    @Test func queriesNameTheirVerbAndNoun() throws {
        let world = try WrittenWorld(SampleWorldOptions(videos: 24, features: false))
        for query in try world.queries("nlq_train.json") + world.queries("nlq_test.json") {
            let words = query.text.lowercased().filter { $0.isLetter || $0 == " " }
            let noun = try #require(Lexicon.nouns.first { $0.text == query.noun })
            let verb = try #require(Lexicon.verbs.first { $0.base == query.verb })
            #expect(words.contains(noun.text) || words.contains(noun.plural), "\(query.text)")
            let forms = [verb.base, verb.past, verb.pastIt, verb.gerund, verb.gerundIt]
            #expect(forms.contains { (" " + words + " ").contains(" \($0) ") }, "\(query.text)")
            #expect(!query.text.contains("$"), "\(query.text)")
        }
    }

    @Test func noQueryIsANarration() throws {
        let world = try WrittenWorld(SampleWorldOptions(videos: 24, features: false))
        func normalized(_ text: String) -> String { text.lowercased().filter { $0.isLetter || $0 == " " } }
        let narrated = Set(try world.narrations().map { normalized($0.text) })
        for name in ["nlq_train.json", "nlq_val.json", "nlq_test.json"] {
            let queries = try world.queries(name)
            #expect(queries.allSatisfy { !narrated.contains(normalized($0.text)) && !$0.text.contains("#") })
        }
    }

    /// The profile measured on the real val split: 7.44 words, 75.5 % with "I", 83.4 % with "?", 14.8 % in the present.
    @Test func queriesHaveTheHumanProfile() throws {
        let world = try WrittenWorld(SampleWorldOptions(videos: 60, features: false, queriesPerClip: 30))
        let texts = try world.queries("nlq_train.json").map(\.text)
        func share(_ isCounted: (String) -> Bool) -> Double {
            Double(texts.count(where: isCounted)) / Double(texts.count)
        }
        let words = texts.map { $0.split(separator: " ").count }
        #expect((7...8.2).contains(Double(words.reduce(0, +)) / Double(words.count)))
        #expect(try #require(words.min()) >= 3)
        #expect(try #require(words.max()) <= 19)
        #expect((0.65...0.85).contains(share { $0.lowercased().split(separator: " ").contains("i") }))
        #expect((0.78...0.88).contains(share { $0.contains("?") }))
        #expect((0.1...0.2).contains(share { $0.lowercased().split(separator: " ").contains("is") }))
        #expect(share { $0.lowercased().hasPrefix("where") } > 0.35)
        #expect(share { $0.hasSuffix(" ") } > 0)
        #expect(Double(Set(texts).count) / Double(texts.count) > 0.8)
    }

    @Test func aPairAskedTwiceInAClipGetsOtherWords() throws {
        let world = try WrittenWorld(SampleWorldOptions(videos: 8, features: false, queriesPerClip: 100))
        var texts: [String: [String]] = [:]
        for query in try world.queries("nlq_train.json") + world.queries("nlq_val.json") {
            texts[query.clipUID, default: []].append(query.text)
        }
        for list in texts.values {
            #expect(list.count == 100)
            #expect(Set(list).count >= 98)
        }
    }
}
