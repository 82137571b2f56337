// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct RuleWriterTests {
    @Test(arguments: [
        ("#unsure C picks a thing", RuleWriter.Gap.unsure), ("#summary C was in a kitchen", .summary), ("#C", .blank),
        ("Unspecified", .noVerb), ("#C C looks around", .noObject), ("#C C picks it up", .noObject),
        ("#C C moves his hands", .ownBody), ("#C C adjusts the camera", .ownBody),
        ("#C C walks around the room", .noObject), ("#C C enters the kitchen", .notAThing),
        ("let the dough rest", .noVerb),
        ("take v60", .noQuestion),
    ])
    func gaps(text: String, gap: RuleWriter.Gap) {
        let (candidates, gaps) = RuleWriter().write(about: makeBlock([text], firstIndex: 41))
        #expect(candidates.isEmpty, "\(candidates)")
        #expect(gaps == [AnswerGap(narrationID: 41, reason: gap.rawValue)])
    }

    @Test func atMostOneQuestionANarrationAndNothingLost() {
        let texts = ["#C C opens the drawer", "#C C looks around", "#C C takes a cup", "", "#C C closes the drawer"]
        let (candidates, gaps) = RuleWriter().write(about: makeBlock(texts, firstIndex: 100))
        #expect(candidates.map(\.narrationIDs) == [[100], [102], [104]])
        #expect(gaps.map(\.narrationID) == [101, 103])
    }

    @Test func theSameBlockYieldsTheSameQuestions() {
        for number in 0..<50 {
            let block = makeBlock(Self.narrations(number * 5, 5).map(\.text), id: "b\(number)")
            let first = RuleWriter().write(about: block)
            let second = RuleWriter().write(about: block)
            #expect(first.candidates == second.candidates)
            #expect(first.gaps == second.gaps)
        }
        // A known answer, so that a change of the choices does not go unnoticed: replays depend on them.
        let known = RuleWriter().write(
            about: makeBlock(["#C C opens the red box", "#C C washes the plate in the sink"]))
        #expect(known.candidates.map(\.query) == Self.knownQueries)
    }

    static let knownQueries = [
        "Did I open the red box before I washed the plate?", "What was the color of the plate I washed?",
    ]

    /// A narration with what it says of the object and the place.
    struct Sample {
        let text: String
        let object: String
        let place: String
    }

    /// Narrations of things and places whose words occur in no other: a leak cannot hide.
    static func narrations(_ start: Int, _ count: Int) -> [Sample] {
        let verbs = [
            "picks up", "puts", "takes", "opens", "closes", "washes", "cuts", "pours", "lifts", "drops", "wipes",
            "places", "removes", "shakes", "moves", "holds", "cleans", "throws", "carries", "looks at",
        ]
        let objects = [
            "onion", "cup", "knife", "towel", "phone", "box", "hammer", "bottle", "brick", "eggs", "red bowl",
        ]
        let places = [
            "on the table", "in the drawer", "from the shelf", "into the sink", "under the chair", "on the floor",
            "in the basket", "from the rack", "next to the stove", "on top of the cupboard", "behind the curtain",
        ]
        return (start..<start + count).map { number in
            let verb = verbs[number % verbs.count]
            let object = objects[number / verbs.count % objects.count]
            let place = places[(number / 7) % places.count]
            return Sample(text: "#C C \(verb) the \(object) \(place)", object: object, place: place)
        }
    }

    /// Over 5,000 narrations: no question tells its answer, none is too long or short, all are in the first person or
    /// about what happened to me, and in the past tense.
    @Test func noLeakAndTheRightVoice() {
        var asked = 0
        var firstPerson = 0
        var past = 0
        for start in stride(from: 0, to: 5_000, by: 5) {
            let samples = Self.narrations(start, 5)
            let (candidates, _) = RuleWriter().write(about: makeBlock(samples.map(\.text), id: "b\(start)"))
            for candidate in candidates {
                guard let id = candidate.narrationIDs.first, let template = QueryTemplate(rawValue: candidate.template)
                else {
                    Issue.record("no narration or template: \(candidate)")
                    continue
                }
                asked += 1
                let words = candidate.query.dropLast().split(separator: " ").map(String.init)
                let place = samples[id].place.split(separator: " ").last.map(String.init) ?? ""
                let object = samples[id].object.split(separator: " ").map(String.init)
                switch template.answerKind {
                case .place: #expect(!words.contains(place), "\(samples[id].text) → \(candidate.query)")
                case .object: #expect(!object.allSatisfy(words.contains), "\(samples[id].text) → \(candidate.query)")
                case .attribute: #expect(!words.contains("red"))
                case .quantity, .state, .person, .time: break
                }
                #expect((4...13).contains(words.count), "\(candidate.query)")
                #expect(candidate.query.hasSuffix("?"))
                #expect(template.firstWords.contains(words[0].lowercased()), "\(candidate.query)")
                if words.contains("I") || words.contains("my") || words.contains("me") { firstPerson += 1 }
                if words.contains("did") || words.contains("Did") || words.contains("was") || words.contains("were") {
                    past += 1
                }
            }
        }
        #expect(asked > 4_900)
        #expect(firstPerson == asked)
        #expect(past == asked)
    }

    /// Whatever stands in an annotation file, each narration has a question or a gap, and never both.
    @Test func oddTexts() {
        let pieces = [
            "C", "#C", "a", "of", "and", "to", "-", ",", "puts", "X", "the", "two", "1/2", "é", "\u{0}", "?", "with",
        ]
        var choice = StableHash("odd texts")
        for _ in 0..<5_000 {
            let text = (0..<choice.below(9)).map { _ in pieces[choice.below(pieces.count)] }.joined(separator: " ")
            let (candidates, gaps) = RuleWriter().write(about: makeBlock([text, "#C C opens the door"]))
            #expect((candidates.flatMap(\.narrationIDs) + gaps.map(\.narrationID)).sorted() == [0, 1], "\(text)")
            #expect(candidates.allSatisfy { $0.query.hasSuffix("?") && QueryTemplate(rawValue: $0.template) != nil })
        }
        #expect(parse(String(repeating: "put the ", count: 20_000))?.verb.base == "put")
    }
}
