// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NarrationGrammar

@Suite struct ClauseParserTests {
    /// Narration, past tense with the particle, object, place.
    private static let sentences: [(String, String, String?, String?)] = [
        ("#C C picks up a knife from the table with his right hand", "picked up", "knife", "from the table"),
        ("#C C picks the knife up", "picked up", "knife", nil),
        ("put colander away", "put away", "colander", nil),
        ("turn tap water off", "turned off", "tap water", nil),
        ("put on plate", "put", nil, "on the plate"),
        ("#C C puts on gloves", "put on", "gloves", nil),
        ("#C C cuts the onion on the board with a knife", "cut", "onion", "on the board"),
        ("continue wiping surface", "wiped", "surface", nil),
        ("#C C continues to wash the plates", "washed", "plates", nil),
        ("still fry egg", "fried", "egg", nil),
        ("Stir fry cucumber", "stir-fried", "cucumber", nil),
        ("put ball of dough in bowl", "put", "ball of dough", "in the bowl"),
        ("Dispose the towel in the trash bin", "disposed of", "towel", "in the trash bin"),
        ("dispose of waste", "disposed of", "waste", nil),
        ("#C C looks at the phone on the desk", "looked at", "phone", "on the desk"),
        ("#C C puts a lid on top of the red pot", "put", "lid", "on top of the red pot"),
        ("put lid and bottle into bins", "put", "lid", "into the bins"),
        ("#C C picks a cup and walks to the sink", "picked", "cup", nil),
        ("use the knife to cut the onion", "used", "knife", nil),
        ("put down washing up liquid", "put down", "washing up liquid", nil),
        ("#C C is washing plates in the sink", "washed", "plates", "in the sink"),
        ("Washing utensils", "washed", "utensils", nil),
        ("Return chopping board to drawer.", "returned", "chopping board", "to the drawer"),
    ]

    @Test(arguments: ClauseParserTests.sentences)
    func clauses(text: String, past: String, object: String?, place: String?) {
        let clause = parse(text)
        #expect(clause?.past == past)
        #expect(clause?.object?.bare() == object)
        let found = clause?.place.map { "\($0.preposition) \($0.noun.phrase(byWearer: true))" }
        #expect(found == place)
    }

    @Test func instrument() {
        #expect(parse("#C C cuts the onion with a knife")?.instrument?.bare() == "knife")
        #expect(parse("#C C holds the cup with both hands")?.instrument == nil)
        #expect(parse("#C C plays cards with a man")?.instrument == nil)
    }

    @Test func quantityAndNumber() {
        let three = parse("#C C picks three eggs from the tray")?.object
        #expect(three?.quantity == "three")
        #expect(three?.words == ["eggs"])
        #expect(three?.isPlural == true)
        let one = parse("#C C picks a scissors")?.object
        #expect(one?.isPlural == false)
        #expect(parse("#C C picks two of the cups")?.object?.words == ["cups"])
        #expect(parse("Add a pinch of salt to the pan")?.object?.words == ["salt"])
    }

    @Test func possession() {
        #expect(parse("#C C operates his phone")?.object?.phrase(byWearer: true) == "my phone")
        #expect(parse("#O man X operates his phone")?.object?.phrase(byWearer: false) == "the phone")
    }

    @Test func people() {
        let given = parse("#C C hands the lady Z a cup")
        #expect(given?.object?.bare() == "cup")
        #expect(given?.person?.preposition == "to")
        #expect(given?.person?.noun.head == "lady")
        let received = parse("#O man Y gives C the phone")
        #expect(received?.object?.bare() == "phone")
        #expect(received?.person?.noun.isWearer == true)
        #expect(parse("#C C talks to X")?.object?.isPerson == true)
    }

    @Test(arguments: ["", "onion", "Unspecified", "the red cup", "123", "!!!", "Ω≈ç√", "kitchen cleaning"])
    func noVerb(text: String) {
        #expect(parse(text) == nil)
    }
}
