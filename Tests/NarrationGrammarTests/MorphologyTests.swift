// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NarrationGrammar

@Suite struct MorphologyTests {
    private static let thirdPersons: [(String, String?)] = [
        ("zaps", "zap"), ("nudges", "nudge"), ("mashes", "mash"), ("tosses", "toss"), ("fizzes", "fizz"),
        ("applies", "apply"), ("glass", nil), ("cactus", nil), ("is", nil), ("run", nil),
    ]

    /// Base, third person, past, participle.
    @Test(arguments: [
        ["pick", "picks", "picked", "picking"], ["move", "moves", "moved", "moving"],
        ["carry", "carries", "carried", "carrying"], ["wash", "washes", "washed", "washing"],
        ["stir", "stirs", "stirred", "stirring"], ["drop", "drops", "dropped", "dropping"],
        ["clean", "cleans", "cleaned", "cleaning"], ["open", "opens", "opened", "opening"],
        ["fix", "fixes", "fixed", "fixing"], ["play", "plays", "played", "playing"],
        ["wrap", "wraps", "wrapped", "wrapping"], ["unplug", "unplugs", "unplugged", "unplugging"],
        ["transfer", "transfers", "transferred", "transferring"], ["season", "seasons", "seasoned", "seasoning"],
        ["squat", "squats", "squatted", "squatting"], ["squeeze", "squeezes", "squeezed", "squeezing"],
        ["tie", "ties", "tied", "tying"], ["pour", "pours", "poured", "pouring"], ["dry", "dries", "dried", "drying"],
        ["mix", "mixes", "mixed", "mixing"], ["press", "presses", "pressed", "pressing"],
    ])
    func regularVerbs(forms: [String]) {
        let verb = Verb(forms[0])
        #expect([verb.base, verb.third, verb.past, verb.gerund] == forms)
    }

    @Test(arguments: [
        ("puts", "put"), ("takes", "took"), ("cuts", "cut"), ("lies", "lay"), ("holds", "held"), ("throws", "threw"),
        ("hangs", "hung"), ("gives", "gave"), ("sweeps", "swept"), ("lays", "laid"), ("tears", "tore"),
        ("wears", "wore"), ("grinds", "ground"), ("reads", "read"), ("shakes", "shook"), ("winds", "wound"),
        ("gets", "got"), ("brings", "brought"), ("carries", "carried"), ("stir-fries", "stir-fried"),
        ("sews", "sewed"), ("digs", "dug"), ("writes", "wrote"), ("drinks", "drank"), ("eats", "ate"),
    ])
    func pastOfThirdPerson(third: String, past: String) {
        let reading = VerbLexicon.reading(of: third)
        #expect(reading?.form == .third)
        #expect(reading?.verb.past == past)
    }

    @Test func everyFormLeadsBackToItsVerb() {
        for base in ["stir", "take", "carry", "wash", "lie", "put", "squeeze", "wring", "hang"] {
            guard let verb = VerbLexicon.reading(of: base)?.verb else {
                Issue.record("no verb \(base)")
                continue
            }
            for form in [verb.third, verb.past, verb.gerund] where form != "lay" {
                #expect(VerbLexicon.reading(of: form)?.verb.base == base, "\(form)")
            }
        }
    }

    @Test(arguments: MorphologyTests.thirdPersons)
    func baseOfUnknownThirdPerson(word: String, base: String?) {
        #expect(Morphology.base(ofThird: word) == base)
    }

    @Test(arguments: [
        ("eggs", "egg"), ("dishes", "dish"), ("berries", "berry"), ("knives", "knife"), ("boxes", "box"),
        ("glass", "glass"), ("potatoes", "potato"), ("women", "woman"), ("houses", "house"), ("spices", "spice"),
        ("shoes", "shoe"), ("cloves", "clove"), ("bus", "bus"),
    ])
    func singular(plural: String, singular: String) {
        #expect(Morphology.singular(of: plural) == singular)
    }

    @Test func plurals() {
        #expect(NounLexicon.isCountablePlural("eggs"))
        #expect(!NounLexicon.isCountablePlural("scissors"))
        #expect(NounLexicon.isPlural("scissors"))
        #expect(!NounLexicon.isPlural("glass"))
        #expect(!NounLexicon.isPlural("cutlery"))
    }
}
