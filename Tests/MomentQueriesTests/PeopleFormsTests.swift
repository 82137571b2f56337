// SPDX-License-Identifier: Apache-2.0

import Codecs
import NarrationGrammar
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct PeopleFormsTests {
    private func sentence(_ template: QueryTemplate, _ narration: String, die: Int, times: Int = 1) -> String? {
        guard let clause = parse(narration) else { return nil }
        let grounds = Stem.stems(of: NarrationText(narration).words.map(\.text))
        var writer = QuestionWriter(clause: clause, relation: nil, grounds: grounds, variant: die << 6)
        writer.forms = .people
        writer.times = times
        return writer.question(template)
    }

    @Test(
        "Each form is filled with the narration's words",
        arguments: [
            (QueryTemplate.whereIsObject, "#C C opens the red drawers", 0, "Where are the red drawers?"),
            (.whereIsObject, "#C C opens the drawer", 60, "Where was the drawer?"),
            (.whereIsMyObject, "#C C picks up his phone", 10, "Where is my phone?"),
            (.whatIs, "#C C washes the blue plate", 20, "What color is the plate?"),
            (.whatIs, "#C C washes the plate", 82, "What is the color of the plate?"),
            (.inWhatLocation, "#C C picks a knife from the drawer", 5, "In what location is the knife?"),
            (.whatDidIPutIn, "#C C pours rice into the pan", 3, "What is in the pan?"),
            (.whatDidIPutIn, "#C C puts the cup on the table", 10, "What was put on the table?"),
            (.howMany, "#C C takes three eggs from the box", 15, "How many eggs did I take from the box?"),
            (.howMany, "#C C counts three eggs in the box", 15, "How many eggs were in the box?"),
        ] as [(QueryTemplate, String, Int, String)])
    func filled(template: QueryTemplate, narration: String, die: Int, text: String) {
        #expect(self.sentence(template, narration, die: die) == text)
    }

    @Test("Beyond the forms, and where a form has no words, the wearer asks in the first person")
    func firstPerson() {
        #expect(self.sentence(.whereIsObject, "#C C opens the drawer", die: 99)?.contains(" I ") == true)
        #expect(self.sentence(.howMany, "#C C breaks two eggs", die: 5) == "How many eggs did I break?")
        #expect(self.sentence(.whatIs, "#C C cuts an onion", die: 5) == nil)
        #expect(self.sentence(.whereIsMyObject, "#C C opens the drawer", die: 5) == nil)
    }

    @Test("What was done several times to one thing each is counted")
    func counted() {
        #expect(self.sentence(.howMany, "#C C washes a plate", die: 99, times: 3) == "How many plates did I wash?")
        #expect(self.sentence(.howMany, "#C C washes a plate", die: 99) == nil)
        var block = makeBlock(["#C C washes a plate"])
        block.narrations[0].covered = ["#C C washes the plate", "#C C takes a cup", "#C C washes another plate"]
        let reading = BlockReading(block)
        #expect(reading.narrations[0].covered.count == 3)
        #expect(reading.narrations[0].shown.hasSuffix("; then (me) takes a cup; then (me) washes another plate"))
        var texts: Set<String> = []
        for number in 0..<400 {
            block.blockID = "b\(number)"
            texts.formUnion(RuleWriter(forms: .people).write(about: block).candidates.map(\.query))
        }
        #expect(texts.contains { $0.hasPrefix("How many plates did I wash") })
        #expect(!RuleWriter().write(about: block).candidates.contains { $0.query.hasPrefix("How many") })
    }

    @Test("Up to two questions a narration, of different templates; the plain ones stay as they are")
    func two() {
        let block = makeBlock(["#C C opens the drawer", "#C C looks around", "#C C puts the cup on the table"])
        let (candidates, gaps) = RuleWriter(forms: .people).write(about: block)
        #expect(candidates.map { $0.narrationIDs[0] } == [0, 0, 2, 2] && gaps.map(\.narrationID) == [1])
        #expect(candidates[0].template != candidates[1].template && candidates[2].template != candidates[3].template)
        #expect(RuleWriter(forms: .plain).write(about: block).candidates == RuleWriter().write(about: block).candidates)
    }

    @Test("The table is sound: slots that are known, and no more than all questions of a template")
    func table() {
        let slots: Set<String> = ["thing", "name", "names", "uncolored", "is", "was", "in", "place"]
        for (template, rows) in Dictionary(grouping: PeopleForms.table, by: { $0.template }) {
            #expect(rows.reduce(0) { $0 + $1.percent } <= 100, "\(template)")
            for row in rows {
                #expect(PeopleForms.fill(row.form) { slots.contains($0) ? "x" : nil } != nil, "\(row.form)")
                #expect(template.firstWords.contains(String(row.form.prefix { $0 != " " }).lowercased()))
            }
        }
        #expect(PeopleForms.fill("a {b} c{d}") { $0 == "b" ? "1" : "2" } == "a 1 c2")
        #expect(PeopleForms.fill("{x") { _ in nil } == "{x" && PeopleForms.fill("{x}") { _ in nil } == nil)
    }

    @Test("Over the human mix of templates a quarter says no I, and a seventh is in the present tense")
    func shares() {
        var (without, present) = (0.0, 0.0)
        let human = ComparedQueries.templates(of: .humanTrain)
        for row in PeopleForms.table {
            let share = (human[row.template] ?? 0) * Double(row.percent) / 100
            without += share
            if ["{is}", " is ", " are "].contains(where: row.form.contains) { present += share }
        }
        #expect(abs(without - 0.246) < 0.02 && abs(present - 0.136) < 0.02)
    }

    @Test(arguments: [
        ("egg", "eggs"), ("dish", "dishes"), ("berry", "berries"), ("tray", "trays"), ("knife", "knives"),
        ("eggs", "eggs"), ("box", "boxes"), ("tomato", "tomatoes"), ("glass", "glasses"), ("scissors", "scissors"),
    ])
    func plurals(noun: String, plural: String) { #expect(Morphology.plural(of: noun) == plural) }
}
