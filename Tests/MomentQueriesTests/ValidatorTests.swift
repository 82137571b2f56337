// SPDX-License-Identifier: Apache-2.0

import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct ValidatorTests {
    /// A query about one narration, or about the one at a place of a block, or about none.
    private func proposal(
        _ query: String, _ template: QueryTemplate? = .whereDidIPut, about narration: String? = nil
    ) -> Proposal {
        guard let narration else { return self.human(query, template) }
        return self.proposal(query, template, in: [narration], about: [0])
    }

    private func proposal(
        _ query: String, _ template: QueryTemplate? = .whereDidIPut, in block: [String], about ids: [Int]
    ) -> Proposal {
        let candidate = Candidate(narrationIDs: ids, template: template?.rawValue ?? "", query: query)
        return Proposal(candidate, of: BlockReading(makeBlock(block)))
    }

    private func human(
        _ query: String, _ template: QueryTemplate? = .whereDidIPut, window: Interval? = Interval(3, 5)
    ) -> Proposal {
        Proposal(query: query, templateName: template?.rawValue, window: window, clip: Interval(0, 480))
    }

    private func passes(_ validator: Validator, _ proposal: Proposal) -> Bool {
        validator.problem(with: proposal) == nil
    }

    @Test func regularText() {
        #expect(Proposal.regular("  Where did\tI put\nit ") == "Where did I put it?")
        #expect(Proposal.regular("Where was it ?") == "Where was it?")
        #expect(Proposal.regular("Where was it.") == "Where was it?")
        #expect(Proposal.regular("Where was it?") == "Where was it?")
        #expect(Proposal.regular(" \n") == "")
    }

    @Test func regularTextOfModels() {
        #expect(Proposal.regular("\"Where did I put it?\"") == "Where did I put it?")
        #expect(Proposal.regular("\u{201c}Where did I put it\u{201d}") == "Where did I put it?")
        #expect(Proposal.regular("Where was the man\u{2019}s cup") == "Where was the man's cup?")
        #expect(Proposal.regular("\"") == "\"?")
    }

    @Test func unknownNarration() {
        let strict = Validator.unknownNarration(isTolerant: false)
        let tolerant = Validator.unknownNarration(isTolerant: true)
        #expect(self.passes(strict, self.proposal("Where did I put it?", about: "put cup")))
        let mixed = self.proposal("Where?", in: ["put cup"], about: [0, 9])
        #expect(strict.problem(with: mixed) == "the block has no narration 9")
        #expect(self.passes(tolerant, mixed))
        for none in [[], [9]] {
            #expect(!self.passes(strict, self.proposal("Where?", in: ["put cup"], about: none)))
            #expect(!self.passes(tolerant, self.proposal("Where?", in: ["put cup"], about: none)))
        }
        #expect(!strict.judges(self.human("A human query?")) && strict.judges(mixed))
    }

    @Test func emptyAndLength() {
        #expect(!self.passes(.empty, self.proposal("  ")))
        #expect(!self.passes(.empty, self.proposal("?")))
        #expect(self.passes(.empty, self.proposal("Where?")))
        #expect(!self.passes(.tooShort(minimum: 3), self.proposal("Where now?")))
        #expect(self.passes(.tooShort(minimum: 3), self.proposal("Where was it?")))
        let long = Array(repeating: "word", count: 20).joined(separator: " ")
        #expect(self.passes(.tooLong(maximum: 20), self.proposal(long)))
        #expect(!self.passes(.tooLong(maximum: 20), self.proposal(long + " more")))
    }

    @Test func severalQuestions() {
        #expect(!self.passes(.severalQuestions, self.proposal("Where was it? What was it?")))
        #expect(self.passes(.severalQuestions, self.proposal("Where was it")))
    }

    @Test(arguments: [
        "**Objects:** Where did I put it?", "Objects: Where is object X?", "Place: Where did I put it?",
        "1. Where did I put it?", "(2) Where was it?", "- Where was it?", "{\"query\": \"Where\"", "Where did I put X?",
        "Where is object X before event Y?", "Where was the `cup`?", "Where was my_cup?", "[1] Where was it?",
        "我把杯子放在哪里", "Где чашка", "Question: Where did I put the cup?", "Where was the cup \u{fffd}?",
    ])
    func markup(query: String) {
        #expect(!self.passes(.markup, self.human(query)))
    }

    @Test(arguments: [
        "Where did I put it?", "At 10:30 where was I?", "Where was the x-ray?", "What did I do at the café?",
        "Did I take the 2 eggs?", "How many eggs (white) did I take?", "2 eggs did I take?",
        "Where did I put vitamin C?",
        "What did I put in the pan: the onion or the leek?",
    ])
    func noMarkup(query: String) {
        #expect(self.passes(.markup, self.human(query)))
    }

    @Test(arguments: [
        "Where did #C put it?", "Where did C put the cup?", "What did the camera wearer cut?",
        "Who was the person there?", "Where did he put it?", "What was in her bag?",
        "Where did the camera-wearer go?", "Who did man X talk to?", "What did the woman B take?",
        "What was cut according to the narration?", "What does the narrator hold?", "What did the user open?",
    ])
    func marker(query: String) {
        #expect(!self.passes(.marker, self.proposal(query)))
    }

    @Test(arguments: [
        "Where did I put it?", "Who was the other person I met?", "Where did I put the vitamins?",
        "Where was the c clamp?", "Where was the camera I used?", "Who did the man talk to when I left?",
        "Did I close the car?", "Where were they when I took them?", "Where is the theatre?",
    ])
    func noMarker(query: String) {
        #expect(self.passes(.marker, self.proposal(query)))
    }

    @Test func unknownTemplate() {
        #expect(self.passes(.unknownTemplate, self.proposal("Where?")))
        #expect(!self.passes(.unknownTemplate, self.proposal("Where?", nil)))
        let odd = Proposal(query: "Where?", templateName: "Whatever", window: nil, clip: Interval(0, 1))
        #expect(Validator.unknownTemplate.problem(with: odd) == "there is no template \"Whatever\"")
    }

    @Test func firstWord() {
        let statement = self.proposal("Knife on the table?")
        let other = self.proposal("What place did I put it?")
        #expect(self.passes(.firstWord(.off), statement))
        #expect(!self.passes(.firstWord(.lenient), statement))
        #expect(self.passes(.firstWord(.lenient), other))
        #expect(!self.passes(.firstWord(.strict), other))
        #expect(self.passes(.firstWord(.strict), self.proposal("where did I put it?")))
        #expect(self.passes(.firstWord(.strict), self.proposal("Where is it?", .whatDidIPutIn)))
        #expect(self.passes(.firstWord(.strict), self.proposal("Anything?", nil)))
    }

    /// Query, template, narration that answers it.
    @Test(arguments: [
        ("Where did I put the knife in the drawer?", QueryTemplate.whereDidIPut, "#C C puts the knife in the drawer"),
        ("Where was the cup before I took it from the shelf?", .whereBeforeOrAfter, "#C C takes a cup from the shelf"),
        ("In what location on tables did I see plates?", .inWhatLocation, "put plate on table"),
        ("What onion did I put in the pan?", .whatDidIPutIn, "#C C puts the onion in the pan"),
        ("What red cup did I take?", .whatDidI, "#C C takes the red cup"),
        ("What knife did I use to cut it?", .whatDidI, "#C C cuts the onion with a knife"),
        ("What color was the red cup?", .whatIs, "#C C takes the red cup"),
        ("How many of the three eggs did I break?", .howMany, "#C C breaks three eggs"),
        // The question itself counts, not the template that a model named.
        ("What onion did I cut?", .whereDidIPut, "#C C cuts the onion"),
        ("Where did I put the knife in the drawer?", .state, "#C C puts the knife in the drawer"),
    ])
    func answerLeak(query: String, template: QueryTemplate, narration: String) {
        #expect(!self.passes(.answerLeak, self.proposal(query, template, about: narration)))
    }

    @Test(arguments: [
        ("Where did I put the knife?", QueryTemplate.whereDidIPut, "#C C puts the knife in the drawer"),
        ("Where was the cup before I opened the drawer?", .whereBeforeOrAfter, "#C C opens the drawer in the desk"),
        ("What did I put in the pan?", .whatDidIPutIn, "#C C puts the onion in the pan"),
        ("What cup did I take?", .whatDidI, "#C C takes the red cup"),
        ("What tool did I use to cut the onion?", .whatDidI, "#C C cuts the onion with a knife"),
        ("What color was the cup?", .whatIs, "#C C takes the red cup"),
        ("How many eggs did I break?", .howMany, "#C C breaks three eggs"),
        ("Did I close the drawer?", .state, "#C C closes the drawer"),
        ("Where was the thing?", .whereIsObject, "no verb here"),
        ("What did I do with the onion?", .whatDidI, "#C C cuts the onion"),
        ("What brand was the cup?", .whatIs, "#C C takes a cup"),
        ("What did I cut the onion with?", .whatDidI, "#C C cuts the onion with a knife"),
    ])
    func noAnswerLeak(query: String, template: QueryTemplate, narration: String) {
        #expect(self.passes(.answerLeak, self.proposal(query, template, about: narration)))
    }

    @Test func grounding() {
        let validator = Validator.notGrounded(share: 0.5)
        let narration = "#C C takes the knives from the rack"
        #expect(self.passes(validator, self.proposal("Where was the knife?", about: narration)))
        #expect(self.passes(validator, self.proposal("What have I taken or what took I?", about: narration)))
        #expect(!self.passes(validator, self.proposal("Where did I put the cup?", about: narration)))
        #expect(!self.passes(validator, self.proposal("From where did the C do it?", about: narration)))
        #expect(!validator.judges(self.human("A human query?")))
        #expect(self.passes(validator, self.proposal("When did I see the lady?", about: "#O A lady X laughs")))
    }

    @Test func groundingIsInTheBlock() {
        let block = ["#C C pours water into the kettle", "#C C cuts a carrot", "#C C closes the drawer"]
        func passes(_ query: String, share: Double = 0.5) -> Bool {
            self.passes(.notGrounded(share: share), self.proposal(query, in: block, about: [0]))
        }
        #expect(passes("Where was the drawer after I cut the carrot?"))
        // Another verb of the same kind, and the class of a thing, are as good as the words themselves.
        #expect(passes("What did I add to the kettle?", share: 1))
        #expect(passes("What vegetable did I slice?", share: 1))
        // One word in three is there: an example of the prompt, copied.
        #expect(!passes("Where was the jug before I washed the kettle?"))
        #expect(passes("Where was the jug before I washed the kettle?", share: 0.3))
        #expect(!passes("Where was the jug before I took the cup?", share: 0))
        let problem = Validator.notGrounded(share: 0.9).problem(
            with: self.proposal("Where was the jug before I cut the carrot?", in: block, about: [0]))
        #expect(problem == "\"jug\": not in the narrations of its block")
    }

    private static let block = [
        "#C C takes a knife from the rack", "#C C puts the knife on the table", "#C C rinses the blue cup",
        "#C C adds onion to the pan", "#C C puts the lid on the pan", "#O A man X opens the door",
        "#C C washes the vegetables",
    ]

    /// Query, the narration that it names, and the one that it fits.
    @Test(arguments: [
        ("Where did I put the knife?", 0, 1), ("Where did I put the cup?", 0, 2), ("What color was the cup?", 1, 2),
        ("What did I put in the pan?", 2, 3), ("Who did I see open the door?", 2, 5), ("Did I cover the lid?", 3, 4),
        ("Where was the lid before I took a knife?", 0, 4), ("Before I took a knife, where was the cup?", 0, 2),
        ("Where was the cup when I rinsed it?", 1, 2),
    ])
    func wrongNarration(query: String, named: Int, right: Int) {
        let wrong = self.proposal(query, in: Self.block, about: [named])
        #expect(!self.passes(.wrongNarration, wrong))
        #expect(self.passes(.wrongNarration, self.proposal(query, in: Self.block, about: [right])))
        #expect(self.passes(.wrongNarration, self.proposal(query, in: Self.block, about: [named, right])))
    }

    /// The model's word stands if narrations are as good as each other.
    @Test(arguments: [
        ("Where was the knife?", 0), ("Where was the knife?", 1), ("What did I put in the pan?", 3),
        ("What did I put on the pan?", 4), ("In what location did I see the pan?", 4),
        ("Where was the cup before I put the knife on the table?", 2), ("What was it?", 0),
        ("What vegetable did I add?", 3),
    ])
    func noWrongNarration(query: String, named: Int) {
        #expect(self.passes(.wrongNarration, self.proposal(query, in: Self.block, about: [named])))
    }

    @Test func window() {
        let validator = Validator.window(longerThan: 0, upTo: 100)
        #expect(self.passes(validator, self.human("Where?")))
        #expect(self.passes(validator, self.human("Where?", window: Interval(380, 480))))
        for bad in [
            nil, Interval(3, 3), Interval(5, 3), Interval(470, 481), Interval(-1, 4), Interval(.nan, 4),
            Interval(3, .nan),
            Interval(-.infinity, .infinity), Interval(300, 401),
        ] { #expect(!self.passes(validator, self.human("Where?", window: bad)), "\(bad as Any)") }
        #expect(!self.passes(.window(longerThan: 2, upTo: 100), self.human("Where?")))
    }
}
