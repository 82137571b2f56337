// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import MomentQueries
import Testing
import Topologies
import VideoAnnotations

/// Changes that make a topology another one, and changes that do not.
@Suite struct TopologyHashTests {
    private let base = """
        name: t
        stages:
          one:
            from: input
            steps:
              - sift: { factor: 3, label: "${L:-x}", endpoint: "http://a" }
              - grind: { recipe: r.txt }
            to: middle
          two:
            from: middle
            steps: [bake]
            to: output
        """

    private func hash(_ text: String, _ environment: [String: String] = [:], recipe: String = "water") throws -> String
    {
        try parse(text, environment, recipe: recipe).topology.hash
    }

    @Test("names, comments, order, endpoints, defaults written out: the same")
    func same() throws {
        let expected = try self.hash(self.base)
        for (from, to) in [
            ("name: t", "# a comment\nname: other"), ("one:", "uno:"), ("middle", "between"),
            ("to: output", "to: { shards: s }"),
            ("factor: 3, label", "mesh: fine, share: 0.5, factor: 3, label"),
            ("factor: 3, label: \"${L:-x}\"", "label: x, factor: 3"), ("http://a", "http://b"),
            ("steps: [bake]", "commit: { records: 5 }\n    rejects: r\n    steps: [bake: {}]"),
            ("name: t", "name: t\npartitions: 9"),
        ] {
            let changed = self.base.replacing(from, with: to)
            #expect(changed != self.base)
            #expect(try self.hash(changed) == expected, "\(from) → \(to)")
        }
        let parts = self.base.split(separator: "\n  two:")
        let turned = parts[0].replacing("stages:", with: "stages:\n  two:" + parts[1])
        #expect(try self.hash(String(turned)) == expected, "the order of the stages in the file")
    }

    @Test("stages that do not depend on each other may stand in any order")
    func independentStages() throws {
        let stages = ["  a: { from: x, steps: [sift], to: y }", "  b: { from: x, steps: [hoard], to: z }"]
        let hashes = try [stages, stages.reversed()].map {
            try self.hash("name: t\nstages:\n" + $0.joined(separator: "\n"))
        }
        #expect(hashes[0] == hashes[1])
        let other = "name: t\nstages:\n  a: { from: x, steps: [sift], to: y }\n  b: { from: y, steps: [hoard], to: z }"
        #expect(try self.hash(other) != hashes[0], "what reads from what matters")
    }

    @Test("a field, the environment, a template's content, the steps: another one")
    func different() throws {
        var hashes: Set<String> = [try self.hash(self.base)]
        for (from, to) in [
            ("factor: 3", "factor: 4"), ("factor: 3", "factor: 3, mesh: coarse"),
            ("factor: 3", "factor: 3, limits: {}"),
            ("factor: 3", "factor: 3, tags: [a]"), ("factor: 3", "factor: 3, tags: [a, b]"),
            ("factor: 3", "factor: 3, tags: [\"a,b\"]"), ("      - grind", "      - sift\n      - grind"),
            ("steps: [bake]", "steps: [bake, sell]"), ("factor: 3", "factor: 3, tags: [\"a];loud=4:true\"]"),
        ] {
            #expect(hashes.insert(try self.hash(self.base.replacing(from, with: to))).inserted, "\(from) → \(to)")
        }
        #expect(hashes.insert(try self.hash(self.base, ["L": "y"])).inserted)
        #expect(hashes.insert(try self.hash(self.base, recipe: "wine")).inserted)
    }

    @Test("a stage's hash is of what it reads and does alone")
    func stages() throws {
        let one = try parse(self.base).topology.stages
        let other = try parse(self.base.replacing("factor: 3", with: "factor: 5").replacing("two:", with: "zwei:"))
            .topology
            .stages
        #expect(one[0].hash != other[0].hash && one[1].hash == other[1].hash)
        let bread = try parse(
            "name: t\nstages: { a: { from: x, steps: [bake], to: y }, b: { from: y, steps: [sell], to: z } }")
        let flour = try parse(
            "name: t\nstages: { a: { from: x, steps: [grind: { recipe: r.txt }], to: y }, b: { from: y, steps: [sell], to: z } }"
        )
        #expect(bread.topology.stages[1].hash != flour.topology.stages[1].hash, "the same step on another type")
    }
}

/// The topologies that ship, and the one in the design.
@Suite struct ShippedTopologyTests {
    private let registry: OperatorRegistry = {
        var registry = OperatorRegistry()
        registerVideoAnnotations(in: &registry)
        registerMomentQueries(in: &registry)
        return registry
    }()

    @Test("they load without a word", arguments: ["nlq", "naq", "nlq-matched", "nlq-judged"])
    func shipped(name: String) throws {
        let path = repository.appendingPathComponent("topologies/\(name).yaml").path
        let (topology, warnings) = try Topology.load(path: path, registry: self.registry, environment: [:])
        #expect(warnings.isEmpty && topology.name == name && topology.externalTopics == ["narrations"])
        #expect(topology.shardSets == [name] && topology.partitions == 4)
    }

    @Test("their cases pass", arguments: ["nlq", "naq"])
    func cases(name: String) throws {
        let folder = repository.appendingPathComponent("topologies")
        let path = folder.appendingPathComponent("\(name).yaml").path
        let topology = try Topology.load(path: path, registry: self.registry, environment: [:]).topology
        let suite = try TopologyTestSuite.load(
            path: folder.appendingPathComponent("\(name).test.yaml").path, environment: [:])
        #expect(suite.cases.count >= 5)
        for test in suite.cases {
            let problems = try TopologyTestRunner(topology).run(test)
            #expect(problems == [], "\(test.name)")
        }
    }

    @Test("the design's example loads")
    func example() throws {
        let text = """
            name: nlq
            stages:
              curate:
                from: narrations
                steps:
                  - filter: { videos: { exclude-splits: [val, test], require-features: true } }
                  - window: { method: contextual, alpha: 4.9, minimum-seconds: 1.0 }
                  - filter: { narrations: { drop-unsure: true } }
                  - block:  { size: 5, stride: 5 }
                to: blocks
              generate:
                from: blocks
                steps:
                  - prompt: { template: prompts/nlq.txt }
                  - llm:    { provider: rules }
                  - validate: {}
                to: queries
                rejects: queries.rejected
              land:
                from: queries
                steps:
                  - format: { schema: nlq }
                to: { shards: nlq, compression: zstd }
            """
        let folder = repository.appendingPathComponent("topologies")
        func load(_ text: String) throws -> (topology: Topology, warnings: [Diagnostic]) {
            try Topology.parse(text, file: "nlq.yaml", registry: self.registry, environment: [:]) { name in
                try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            }
        }
        let (topology, warnings) = try load(text)
        #expect(warnings.isEmpty && topology.stages.map(\.name) == ["curate", "generate", "land"])
        #expect(topology.stages.map(\.inputType.name) == ["narration", "block", "query"])
        #expect(topology.stages.map(\.outputType.name) == ["block", "query", "sample"])
        let shipped = try String(contentsOf: folder.appendingPathComponent("nlq.yaml"), encoding: .utf8)
        #expect(try load(shipped.replacing("automatic", with: "contextual")).topology.hash == topology.hash)
        let error = try #require(throws: TopologyError.self) {
            try load(text.replacing("rules }", with: "openai }"))
        }
        #expect(error.diagnostics.count == 1)
    }
}
