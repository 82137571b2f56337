// SPDX-License-Identifier: Apache-2.0

import Narrations
import Testing

@testable import LanguageModels

@Suite struct ValidatorTests {
    private func proposal(
        _ query: String, _ template: QueryTemplate? = .whereDidIPut, about narration: String? = nil,
        window: Interval? = Interval(3, 5), unknown: [Int] = []
    ) -> Proposal {
        Proposal(
            query: query, templateName: template?.rawValue,
            narrations: narration.map { [Narration(videoUID: "v", index: 0, timestampSec: 4, text: $0)] },
            unknownNarrations: unknown, window: window, clip: Interval(0, 480))
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

    @Test func unknownNarration() {
        let good = self.proposal("Where did I put it?", about: "put cup")
        #expect(self.passes(.unknownNarration, good))
        #expect(self.passes(.unknownNarration, self.proposal("A human query?")))
        #expect(!self.passes(.unknownNarration, self.proposal("Where?", about: "put cup", unknown: [9])))
        let none = Proposal(query: "Where?", templateName: nil, narrations: [], window: nil, clip: Interval(0, 1))
        #expect(!self.passes(.unknownNarration, none))
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
        "Where did #C put it?", "Where did C put the cup?", "What did the camera wearer cut?",
        "Who was the person there?",
        "Where did he put it?", "What was in her bag?", "Where did the camera-wearer go?",
    ])
    func marker(query: String) {
        #expect(!self.passes(.marker, self.proposal(query)))
    }

    @Test(arguments: [
        "Where did I put it?", "Who was the other person I met?", "Where did I put the vitamins?",
        "Where was the c clamp?",
        "Did I close the car?", "Where were they when I took them?", "Where is the theatre?",
    ])
    func noMarker(query: String) {
        #expect(self.passes(.marker, self.proposal(query)))
    }

    @Test func unknownTemplate() {
        #expect(self.passes(.unknownTemplate, self.proposal("Where?")))
        #expect(!self.passes(.unknownTemplate, self.proposal("Where?", nil)))
        let odd = Proposal(
            query: "Where?", templateName: "Whatever", narrations: nil, window: nil, clip: Interval(0, 1))
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
    ])
    func noAnswerLeak(query: String, template: QueryTemplate, narration: String) {
        #expect(self.passes(.answerLeak, self.proposal(query, template, about: narration)))
    }

    @Test func grounding() {
        let narration = "#C C takes the knives from the rack"
        #expect(self.passes(.notGrounded, self.proposal("Where was the knife?", about: narration)))
        #expect(self.passes(.notGrounded, self.proposal("What have I taken or what took I?", about: narration)))
        #expect(!self.passes(.notGrounded, self.proposal("Where did I put the cup?", about: narration)))
        #expect(!self.passes(.notGrounded, self.proposal("From where did the C do it?", about: narration)))
        #expect(self.passes(.notGrounded, self.proposal("A human query?")))
        #expect(self.passes(.notGrounded, self.proposal("When did I see the lady?", about: "#O A lady X laughs")))
    }

    @Test func window() {
        let validator = Validator.window(longerThanSeconds: 0)
        #expect(self.passes(validator, self.proposal("Where?")))
        #expect(!self.passes(validator, self.proposal("Where?", window: nil)))
        #expect(!self.passes(validator, self.proposal("Where?", window: Interval(3, 3))))
        #expect(!self.passes(validator, self.proposal("Where?", window: Interval(5, 3))))
        #expect(!self.passes(validator, self.proposal("Where?", window: Interval(470, 481))))
        #expect(!self.passes(validator, self.proposal("Where?", window: Interval(-1, 4))))
        #expect(!self.passes(validator, self.proposal("Where?", window: Interval(.nan, 4))))
        #expect(!self.passes(.window(longerThanSeconds: 2), self.proposal("Where?")))
    }
}
