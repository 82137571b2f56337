// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NarrationGrammar

@Suite struct NarrationTextTests {
    @Test(arguments: [
        ("#C C picks up the knife ", "picks up the knife"),
        ("#C C picks the phone on\nthe table", "picks the phone on the table"),
        ("# C C opens the door", "opens the door"),
        ("#c C opens the door", "opens the door"),
        ("#CC opens the door", "opens the door"),
        ("#C  C opens the door", "opens the door"),
        ("#C picks a cup", "picks a cup"),
        ("C picks a cup", "picks a cup"),
        ("points around ", "points around"),
        ("put down plate", "put down plate"),
        ("#C C gives C the cup", "gives me the cup"),
    ])
    func wearer(raw: String, text: String) {
        let narration = NarrationText(raw)
        #expect(narration.actor == .cameraWearer)
        #expect(narration.text == text)
        #expect(narration.defect == nil)
        #expect(narration.display == "(me) \(text)")
    }

    @Test(arguments: [
        ("#O A man X walks past", "man", "walks past"),
        ("#O man X opens the door", "man", "opens the door"),
        ("#Oman X plays the guitar", "man", "plays the guitar"),
        ("#O The woman Y opens the door with her hand", "woman", "opens the door with her hand"),
        ("#O X shuffles the cards", "person", "shuffles the cards"),
        ("#O person A talks to C", "person", "talks to me"),
        ("#O A lady in a red dress drops the bag", "lady", "drops the bag"),
        ("#Person B takes a cup", "person", "takes a cup"),
        ("man X throws the ball", "man", "throws the ball"),
    ])
    func others(raw: String, noun: String, text: String) {
        let narration = NarrationText(raw)
        #expect(narration.actor == .other(noun))
        #expect(narration.text == text)
    }

    @Test(arguments: [
        ("#unsure C picks a thing", NarrationText.Defect.unsure), ("#Unsure", .unsure), ("# unsure", .unsure),
        ("#EUnsure C opens a box", .unsure), ("#unusre C opens a box", .unsure), ("#C C picks a #unsure", .unsure),
        ("#summary C was in a kitchen", .summary), ("#Summary C cooked", .summary), ("", .blank), (" \n ", .blank),
        ("#C", .blank), ("#C C", .blank), ("...", .blank),
    ])
    func defects(raw: String, defect: NarrationText.Defect) {
        #expect(NarrationText(raw).defect == defect)
    }

    @Test func displayNamesTheActor() {
        #expect(NarrationText("#O A man X hands C a cup").display == "(a man) hands me a cup")
        #expect(NarrationText("#O An individual X laughs").display == "(an individual) laughs")
    }

    /// CaptainCook4D's headings and measures.
    @Test(arguments: [
        ("Pour-Pour 1 egg into the ramekin cup", "pour", "egg"),
        ("Coat -Coat a 6-oz. ramekin cup with cooking spray", "coat", "ramekin cup"),
        ("Add-1/4 teaspoon salt to the bowl", "add", "salt"),
        ("whisk-In a mixing bowl, whisk 1 cup of chilled curd until smooth", "whisk", "chilled curd"),
        ("- remove soup pan from heat ", "remove", "soup pan"),
    ])
    func headings(raw: String, verb: String, object: String) {
        let clause = parse(raw)
        #expect(clause?.verb.base == verb)
        #expect(clause?.object?.bare() == object)
    }
}
