// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import MomentQueries
import Testing
import Topologies
import VideoAnnotations

@testable import Mill

/// The type of a topic's records, as the file may declare it.
@Suite struct SourceTypeTests {
    private func topology(_ stages: String...) -> String {
        "name: t\nstages:\n" + stages.map { "  " + $0 }.joined(separator: "\n")
    }

    private func types(_ stages: String...) throws -> [String] {
        try parse("name: t\nstages:\n" + stages.map { "  " + $0 }.joined(separator: "\n")).topology.stages
            .map(\.inputType.name)
    }

    @Test("a type settles what the steps leave open")
    func declared() throws {
        #expect(try self.types("a: { from: { topic: x, type: bread }, steps: [sell], to: y }") == ["bread"])
        #expect(
            try self.types("a: { from: { topic: x, type: flour }, steps: [pack: { weight: 2 }], to: y }") == ["flour"])
        #expect(try self.types("a: { from: { topic: x }, steps: [bake], to: y }") == ["flour"])
        #expect(
            try self.types("a: { from: { topic: x, type: bread }, steps: [], to: y }") == ["bread"], "copied as it is")
        let two = try self.types(
            "a: { from: x, steps: [sell], to: y }", "b: { from: { topic: x, type: bread }, steps: [sell], to: z }")
        #expect(two == ["bread", "bread"], "a topic holds one type, whichever stage says so")
    }

    @Test("a type that the steps tell anyway changes no hash")
    func hashes() throws {
        let plain = try parse(self.topology("a: { from: x, steps: [sell, bake], to: y }")).topology
        let typed = try parse(self.topology("a: { from: { topic: x, type: flour }, steps: [sell, bake], to: y }"))
            .topology
        #expect(plain.hash == typed.hash && plain.stages[0].hash == typed.stages[0].hash)
        let other = try parse(self.topology("a: { from: { topic: x, type: bread }, steps: [sell], to: y }")).topology
        let flour = try parse(self.topology("a: { from: { topic: x, type: flour }, steps: [sell], to: y }")).topology
        #expect(other.stages[0].hash != flour.stages[0].hash, "the same step on another type")
    }

    @Test("what a stage writes is of the type that it makes")
    func written() throws {
        let bake = "a: { from: x, steps: [bake], to: y }"
        #expect(
            try self.types(bake, "b: { from: { topic: y, type: bread }, steps: [sell], to: z }") == ["flour", "bread"])
        #expect(
            problems(self.topology(bake, "b: { from: { topic: y, type: flour }, steps: [sell], to: z }"))
                == ["4:14: the topic `y` is given `bread` by its stage, not `flour`"])
        let relay = "a: { from: x, steps: [], to: y }"
        #expect(
            try self.types(relay, "b: { from: { topic: y, type: flour }, steps: [sell], to: z }") == ["any", "flour"])
    }

    @Test(
        "mistakes, each in its place",
        arguments: [
            (
                "a: { from: { topic: x, type: bred }, steps: [sell: { a: 1 }], to: y }",
                [
                    "3:32: no operator takes or makes `bred`; did you mean `bread`?",
                    "3:56: unknown key `a`; nothing may stand here",
                ]
            ),
            (
                "a: { from: { topic: x, tpye: bread }, steps: [sell], to: y }",
                ["3:26: unknown key `tpye`; did you mean `type`?"]
            ),
            ("a: { from: { type: bread }, steps: [sell], to: y }", ["3:14: missing key `topic`: the topic"]),
            (
                "a: { from: { topic: x/y }, steps: [sell], to: y }",
                ["3:23: `topic`: `x/y` is not a name: letters, digits, `.`, `_` and `-`, not starting with a dot"]
            ),
            ("a: { from: [x], steps: [sell], to: y }", ["3:14: expected text, found a list"]),
            (
                "a: { from: { topic: x, type: [bread] }, steps: [sell], to: y }", ["3:32: expected text, found a list"]
            ),
            (
                "a: { from: { topic: x, type: grain }, steps: [sell], to: y }",
                [
                    "3:49: `sell` takes `bread` or `flour`, but the topic `x` gives `grain`; `grind` makes one of the other"
                ]
            ),
        ])
    func mistakes(stage: String, expected: [String]) { #expect(problems(self.topology(stage)) == expected) }

    @Test("two stages that read a topic as two types are told, said or found")
    func conflicts() {
        let said = "b: { from: { topic: x, type: flour }, steps: [sell], to: z }"
        #expect(
            problems(self.topology("a: { from: { topic: x, type: bread }, steps: [sell], to: y }", said)) == [
                "4:14: the topic `x` is read as `flour` here, and as `bread` by the stage `a`: a topic holds one type"
            ])
        #expect(
            problems(self.topology("a: { from: x, steps: [sift], to: y }", "b: { from: x, steps: [bake], to: z }")) == [
                "4:14: the topic `x` is read as `flour` here, and as `grain` by the stage `a`: a topic holds one type"
            ])
        #expect(
            problems(self.topology("a: { from: x, steps: [], to: y }", "b: { from: x, steps: [bake], to: z }")) == [],
            "what copies records reads none")
    }
}

/// Names that shipped topologies use, taken by others for other types.
@Suite struct ForeignOverloadTests {
    /// An operator on goods of a kind under a name, with fields of its own.
    private struct Foreign<Name: Kind, K: Kind>: Operator {
        static var specification: OperatorSpecification {
            let sieve = Field("sieve", required: 3, help: "Millimetres.")
            return OperatorSpecification(name: Name.name, summary: "Foreign.", fields: [sieve], isStateful: true)
        }
        init(_ configuration: Configuration, _ context: OperatorContext) {}
        mutating func process(_ element: Element<Good<K>>, into output: inout Collector<Good<K>>) {
            output.emit(element)
        }
    }
    private enum Filter: Kind { static let name = "filter" }
    private enum Window: Kind { static let name = "window" }
    private enum Block: Kind { static let name = "block" }
    private enum Format: Kind { static let name = "format" }
    private enum Model: Kind { static let name = "llm" }

    @Test("they leave topologies and hashes as they are, without a log at hand", arguments: ["nlq", "naq"])
    func shipped(name: String) throws {
        let path = repository.appendingPathComponent("topologies/\(name).yaml").path
        var registry = OperatorRegistry()
        registerVideoAnnotations(in: &registry)
        registerMomentQueries(in: &registry)
        let before = try Topology.load(path: path, registry: registry, environment: [:]).topology
        for isFirst in [false, true] {
            var both = OperatorRegistry()
            if !isFirst { both = registry }
            both.register(Foreign<Filter, Grain>.self)
            both.register(Foreign<Window, Flour>.self)
            both.register(Foreign<Block, Grain>.self)
            both.register(Foreign<Format, Flour>.self)
            both.register(Foreign<Model, Grain>.self)
            if isFirst {
                registerVideoAnnotations(in: &both)
                registerMomentQueries(in: &both)
            }
            let (after, warnings) = try Topology.load(path: path, registry: both, environment: [:])
            #expect(warnings.isEmpty && after.hash == before.hash)
            #expect(after.stages.map(\.hash) == before.stages.map(\.hash))
            #expect(after.stages.map(\.inputType.name) == before.stages.map(\.inputType.name))
        }
    }
}
