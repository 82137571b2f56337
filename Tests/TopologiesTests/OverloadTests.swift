// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Testing
import Topologies

@testable import Mill

/// Operators of one name that take different types and have different fields.
@Suite struct OverloadTests {
    private let misfit =
        "7:9: `pack` takes `bread` or `flour`, but `sift` gives `grain`; `grind` makes one of the other"

    @Test("a step has the fields of the overload that it is, and no others")
    func fields() throws {
        let bread = try parse(stage("bake", "pack: { slices: 3, label: true, wrap: { thickness: 2 } }")).topology
        let step = bread.stages[0].steps[1]
        #expect(step.overload.input.name == "bread" && step.configuration[PackBread.slices] == 3)
        #expect(step.configuration[PackBread.label] && step.configuration[PackBread.paper]?[PackBread.thickness] == 2)
        let flour = try parse(stage("grind: { recipe: r.txt }", "pack: { weight: 3, label: rye }")).topology
        #expect(flour.stages[0].steps[1].configuration[PackFlour.label] == "rye")
        #expect(
            problems(stage("bake", "pack: { weight: 3 }")) == [
                "7:17: unknown key `weight`; valid here: `label`, `slices`, `wrap`"
            ])
        #expect(
            problems(stage("bake", "pack: { label: rye }")) == ["7:24: expected true or false, found `rye`"])
        #expect(
            problems(stage("bake", "pack: { wrap: { color: red } }"))
                == ["7:25: unknown key `color`; valid here: `thickness`"])
    }

    @Test("where none fits, a key has to be one that any of them has; the misfit and the misspelling are both told")
    func misspelled() {
        #expect(problems(stage("sift", "pack")) == [self.misfit])
        #expect(problems(stage("sift", "pack: { weight: 3, slices: 3, label: rye }")) == [self.misfit])
        #expect(
            problems(stage("sift", "pack: { slizes: 3 }"))
                == [self.misfit, "7:17: unknown key `slizes`; did you mean `slices`?"])
        #expect(
            problems(stage("sift: { facter: 3 }", "pack: { weihgt: 3, wrap: { colr: red, thick: 1 } }"))
                == [
                    "6:17: unknown key `facter`; did you mean `factor`?", self.misfit,
                    "7:17: unknown key `weihgt`; did you mean `weight`?",
                    "7:36: unknown key `colr`; did you mean `color`?",
                    "7:47: unknown key `thick`; valid here: `color`, `thickness`",
                ])
    }

    @Test("where none fits, a value that is right for none of them is told as well, and what all of them require")
    func values() {
        #expect(
            problems(stage("sift", "pack: { label: [a], weight: 99 }"))
                == [self.misfit, "7:24: expected text, found a list", "7:37: `weight`: 99 is outside 1…50"])
        #expect(problems(stage("sift", "pack: 7")) == [self.misfit, "7:15: expected a mapping, found `7`"])
        #expect(
            problems(stage("bake", "grind"))
                == [
                    "7:9: `grind` takes `grain`, but `bake` gives `bread`",
                    "7:9: missing key `recipe`: The recipe, a text file.",
                ])
    }

    @Test("fields are looked at in stages that lack something else, too")
    func unfinishedStages() {
        #expect(
            problems("name: t\nstages: { a: { from: i, steps: [sift: { facter: 1 }, pack: { wieght: 2 }] } }")
                == [
                    "2:11: stage `a` lacks the key `to`", "2:41: unknown key `facter`; did you mean `factor`?",
                    "2:62: unknown key `wieght`; did you mean `weight`?",
                ])
        #expect(
            problems(stage("sfit", "pack: { slizes: 3 }"))
                == [
                    "6:9: unknown operator `sfit`; did you mean `sift`?",
                    "7:17: unknown key `slizes`; did you mean `slices`?",
                ])
    }

    @Test("what a topic holds is the only input of the first step with which every later step fits")
    func wholeChain() throws {
        func input(_ steps: String) throws -> String {
            try parse("name: t\nstages: { a: { from: i, steps: [\(steps)], to: o } }").topology.stages[0].inputType.name
        }
        #expect(try input("sell, bake") == "flour")
        #expect(try input("sell, pack, sell, bake, sell") == "flour")
        #expect(try input("bake, sell, pack") == "flour")
        #expect(
            problems(stage("pack", "sell")) == [
                "4:11: cannot tell what the topic `input` holds: all steps fit `bread` and `flour`; say which, as in "
                    + "`from: { topic: input, type: bread }`"
            ])
        #expect(
            problems(stage("pack", "sell", "sift")) == [
                "8:9: `sift` takes `grain`, but `sell` gives `bread` or `flour`"
            ])
        #expect(problems(stage("pack", "bake", "sift")) == ["8:9: `sift` takes `grain`, but `bake` gives `bread`"])
    }

    @Test("long stages are typed at once")
    func long() throws {
        let steps = Array(repeating: "sell", count: 15_000).joined(separator: ", ")
        let text = "name: t\nstages: { a: { from: i, steps: [\(steps), bake], to: o } }"
        #expect(try parse(text).topology.stages[0].inputType.name == "flour")
    }
}
