// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Testing
import Topologies

/// The errors of lint, word for word, and their places.
@Suite struct TopologyErrorTests {
    @Test("the texts that the errors are made from are right as they are")
    func sound() {
        #expect(problems(stage("sift: { factor: 3 }")) == [])
        #expect(problems(stage("sift")) == [])
    }

    @Test(
        "fields of operators",
        arguments: [
            ("sift: { facter: 3 }", "6:17: unknown key `facter`; did you mean `factor`?"),
            (
                "bake: { heat: 3 }", "6:17: unknown key `heat`; nothing may stand here"
            ),
            ("sift: { limits: { lo: 3 } }", "6:27: unknown key `lo`; did you mean `low`?"),
            ("sift: { limits: { colour: 3 } }", "6:27: unknown key `colour`; valid here: `high`, `low`"),
            ("sift: { limits: 3 }", "6:25: expected a mapping, found `3`"),
            ("sift: { factor: three }", "6:25: expected a whole number, found `three`"),
            ("sift: { factor: 1.5 }", "6:25: expected a whole number, found `1.5`"),
            ("sift: { factor: [1] }", "6:25: expected a whole number, found a list"),
            ("sift: { factor: }", "6:25: expected a whole number, found nothing"),
            ("sift: { factor: 10 }", "6:25: `factor`: 10 is outside 1…9"),
            ("sift: { share: half }", "6:24: expected a number, found `half`"),
            ("sift: { share: nan }", "6:24: expected a number, found `nan`"),
            ("sift: { share: 0 }", "6:24: `share`: must be positive"),
            ("sift: { loud: yes }", "6:23: expected true or false, found `yes`"),
            ("sift: { label: { a: b } }", "6:24: expected text, found a mapping"),
            ("sift: { tags: a }", "6:23: expected a list, each text, found `a`"),
            ("sift: { tags: [a, [b]] }", "6:27: expected text, found a list"),
            ("sift: { mesh: fin }", "6:23: `fin` is not one of `fine`, `coarse`; did you mean `fine`?"),
            ("sift: { mesh: 12345 }", "6:23: `12345` is not one of `fine`, `coarse`; valid here: `coarse`, `fine`"),
            ("sift: 7", "6:15: expected a mapping, found `7`"),
            ("sift: { limits: { low: 9, high: 3 } }", "6:9: `sift`: low: it is greater than `high`"),
            ("grind: {}", "6:16: missing key `recipe`: The recipe, a text file."),
            ("grind", "6:9: missing key `recipe`: The recipe, a text file."),
            ("sfit: {}", "6:9: unknown operator `sfit`; did you mean `sift`?"),
            (
                "pulverize",
                "6:9: unknown operator `pulverize`; valid here: `bake`, `grind`, `hoard`, `pack`, `sell`, `sift`, `weigh`"
            ),
            ("{ sift: {}, hoard: {} }", "6:9: a step is an operator's name, with its configuration behind a colon"),
            ("[sift]", "6:9: a step is an operator's name, with its configuration behind a colon"),
        ])
    func fields(step: String, expected: String) {
        // A stage must begin with what the input holds.
        #expect(problems(stage(step)) == [expected])
    }

    @Test("a template that cannot be read")
    func missingFile() {
        let found = problems(stage("grind: { recipe: no.txt }"))
        #expect(found.count == 1 && found[0].hasPrefix("6:26: cannot read `no.txt`: "), "\(found)")
    }

    @Test(
        "keys of the topology and of stages",
        arguments: [
            (
                "names: t\nname: t\nstages: { a: { from: i, steps: [sift], to: o } }",
                ["1:1: unknown key `names`; did you mean `name`?"]
            ),
            (
                "stages: { a: { from: i, steps: [sift], to: o } }",
                ["1:1: missing key `name`: the topology's name; its groups and tasks bear it"]
            ),
            ("name: t", ["1:1: missing key `stages`: the stages by name, each with `from`, `steps` and `to`"]),
            ("name: t\nstages: {}", ["2:1: there are no stages"]),
            ("name: t\nstages: []", ["2:9: expected a mapping, found a list"]),
            ("- name", ["1:1: expected a mapping, found a list"]),
            (
                "name: t\npartitions: 0\nstages: { a: { from: i, steps: [sift], to: o } }",
                ["2:13: `partitions`: 0 is outside 1…1024"]
            ),
            (
                "name: a b\nstages: { .c: { from: i/j, steps: [sift], to: o } }",
                [
                    "1:7: `name`: `a b` is not a name: letters, digits, `.`, `_` and `-`, not starting with a dot",
                    "2:11: `.c` is not a name: letters, digits, `.`, `_` and `-`, not starting with a dot",
                    "2:23: `i/j` is not a name: letters, digits, `.`, `_` and `-`, not starting with a dot",
                ]
            ),
            (
                "name: t\nstages: { a.b: { from: i, steps: [sift], to: o } }",
                ["2:11: `a.b`: a stage's name has no dot"]
            ),
            (
                "name: t\nstages: { a: { form: i, steps: [sift], to: o } }",
                ["2:11: stage `a` lacks the key `from`", "2:16: unknown key `form` in stage `a`; did you mean `from`?"]
            ),
            ("name: t\nstages: { a: { from: i, to: o } }", ["2:11: stage `a` lacks the key `steps`"]),
            ("name: t\nstages: { a: { from: i, steps: [sift] } }", ["2:11: stage `a` lacks the key `to`"]),
            (
                "name: t\nstages: { a: { from: i, steps: [], to: { shards: s } } }",
                ["2:40: a stage without steps copies records to a topic; shards take what `format` gives"]
            ),
            (
                "name: t\nstages: { a: { from: i, steps: sift, to: o } }",
                ["2:32: expected a list of steps, found `sift`"]
            ),
            ("name: t\nstages: { a: 3 }", ["2:14: expected a mapping, found `3`"]),
            (
                "name: t\nstages: { a: { from: i, steps: [sift], to: { shard: o } } }",
                [
                    "2:44: missing key `shards`: the name of the shard set",
                    "2:46: unknown key `shard`; did you mean `shards`?",
                ]
            ),
            (
                "name: t\nstages: { a: { from: i, steps: [sift], to: { shards: o, level: 20, compression: gzip } } }",
                [
                    "2:64: `level`: 20 is outside 1…19",
                    "2:81: `gzip` is not one of `zstd`; valid here: `zstd`",
                ]
            ),
            (
                "name: t\nstages: { a: { from: i, steps: [sift], to: { shards: o, rotate: { second: 1 } } } }",
                ["2:67: unknown key `second`; did you mean `seconds`?"]
            ),
            (
                "name: t\nstages: { a: { from: i, steps: [sift], to: o, commit: { records: 0 }, max-consecutive-dead-letters: 0 } }",
                ["2:66: `records`: 0 is outside 1…10000000", "2:101: `max-consecutive-dead-letters` is at least 1"]
            ),
            (
                "name: t\nretention: { seconds: -1, bytes: -2 }\nstages: { a: { from: i, steps: [sift], to: o } }",
                [
                    "2:23: `seconds`: must be at least 1",
                    "2:34: expected a number of bytes, such as 64MB or 64MiB, found `-2`",
                ]
            ),
        ])
    func keys(text: String, expected: [String]) { #expect(problems(text) == expected) }

    @Test("a cycle, a topic written twice, shards written twice, a misspelt source")
    func wiring() {
        #expect(
            problems("name: t\nstages:\n  a: { from: x, steps: [sift], to: y }\n  b: { from: y, steps: [sift], to: x }")
                == ["3:3: a cycle: the stages `a`, `b` wait for each other's output"])
        #expect(
            problems("name: t\nstages:\n  a: { from: x, steps: [sift], to: x }")
                == ["3:3: a cycle: the stages `a` wait for each other's output"])
        #expect(
            problems("name: t\nstages:\n  a: { from: x, steps: [sift], to: y }\n  b: { from: x, steps: [sift], to: y }")
                == ["4:36: topic `y` is written by the stages `a` and `b`"])
        #expect(
            problems("name: t\nstages:\n  a: { from: x, steps: [sift], to: y, rejects: y }")
                == ["3:36: topic `y` is written by the stages `a` and `a`"])
        #expect(
            problems(
                "name: t\nstages:\n  a: { from: x, steps: [sift], to: { shards: s } }\n"
                    + "  b: { from: x, steps: [sift], to: { shards: s } }")
                == ["4:36: the shards `s` are written by the stages `a` and `b`"])
        #expect(
            problems(
                "name: t\nstages:\n  a: { from: x, steps: [sift], to: blocks }\n  b: { from: block, steps: [sift], to: z }"
            )
                == ["4:14: no stage writes the topic `block`; did you mean `blocks`?"])
    }

    @Test("types that do not fit, with a step that would bridge them")
    func types() {
        #expect(
            problems(stage("sift", "bake")) == [
                "7:9: `bake` takes `flour`, but `sift` gives `grain`; `grind` makes one of the other"
            ])
        #expect(problems(stage("bake", "sift")) == ["7:9: `sift` takes `grain`, but `bake` gives `bread`"])
        #expect(
            problems("name: t\nstages:\n  a: { from: x, steps: [bake], to: y }\n  b: { from: y, steps: [sift], to: z }")
                == ["4:25: `sift` takes `grain`, but the topic `y` gives `bread`"])
        #expect(
            problems(stage("sell")) == [
                "4:11: cannot tell what the topic `input` holds: all steps fit `bread` and `flour`; say which, as in "
                    + "`from: { topic: input, type: bread }`"
            ])
        #expect(problems(stage("bake", "sell")) == [], "an overload is found by what is before it")
    }

    @Test("steps that wait: one a stage, and nothing that keeps state before it")
    func waiting() {
        #expect(
            problems(stage("weigh", "sift", "weigh"))
                == ["8:9: `weigh` is the second step of this stage that waits; split the stage by a topic before it"])
        #expect(
            problems(stage("hoard", "weigh"))
                == [
                    "6:9: `hoard` keeps state and stands before `weigh`, which waits; split the stage by a topic between "
                        + "them, so that commits need not drain what is in flight"
                ])
        #expect(problems(stage("sift", "weigh", "hoard")) == [])
    }

    @Test("everything at once, in the order of the file, and one mistake is told once")
    func allAtOnce() {
        let text = """
            name: my mill
            partitons: 3
            stages:
              one:
                from: input
                steps:
                  - sift: { factor: x, mesh: rough }
                  - hord
                to: middle
              two:
                from: midle
                steps:
                  - sell
                to: output
                reject: r
            """
        let found = problems(text)
        #expect(
            found.map { $0.prefix { $0 != " " } } == ["1:7:", "2:1:", "7:25:", "7:34:", "8:9:", "11:11:", "15:5:"],
            "\(found)")
        #expect(
            problems(
                "name: t\nstages:\n  a: { from: x, steps: [grnd, bake], to: y }\n  b: { from: y, steps: [sell], to: z }"
            )
                == ["3:25: unknown operator `grnd`; did you mean `grind`?"])
    }

    @Test("errors read as compilers write them")
    func description() throws {
        let error = try #require(throws: TopologyError.self) { try parse("name: t\nstage: {}") }
        #expect(
            error.description
                == """
                t.yaml:1:1: error: missing key `stages`: the stages by name, each with `from`, `steps` and `to`
                t.yaml:2:1: error: unknown key `stage`; did you mean `stages`?
                """)
    }
}
