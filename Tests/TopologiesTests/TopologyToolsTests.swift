// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import MomentQueries
import Testing
import Topologies
import VideoAnnotations

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Drawings of topologies.
@Suite struct TopologyGraphTests {
    private final class Texts: NSObject, XMLParserDelegate {
        var texts: [String] = []
        func parser(
            _ parser: XMLParser, didStartElement: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            if didStartElement == "text" { self.texts.append("") }
        }
        func parser(_ parser: XMLParser, foundCharacters string: String) {
            let text = string.trimmingCharacters(in: .newlines)
            if !self.texts.isEmpty, !text.isEmpty { self.texts[self.texts.count - 1] += text }
        }
    }

    /// The words in a drawing, which must be well-formed.
    private func words(_ svg: String) -> [String] {
        let parser = XMLParser(data: Data(svg.utf8))
        let texts = Texts()
        parser.delegate = texts
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        return texts.texts.map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test("nlq.yaml in Mermaid's language and as a picture")
    func nlq() throws {
        var registry = OperatorRegistry()
        registerVideoAnnotations(in: &registry)
        registerMomentQueries(in: &registry)
        let path = repository.appendingPathComponent("topologies/nlq.yaml").path
        let graph = TopologyGraph(try Topology.load(path: path, registry: registry, environment: [:]).topology)
        #expect(
            graph.mermaid == """
                flowchart LR
                    topic_narrations(["narrations"])
                    stage_curate["<b>curate</b><br/>filter<br/>window<br/>filter<br/>block"]
                    topic_blocks(["blocks"])
                    stage_generate["<b>generate</b><br/>prompt<br/>llm<br/>validate"]
                    topic_queries(["queries"])
                    topic_queries_2e_rejected(["queries.rejected"])
                    stage_land["<b>land</b><br/>format"]
                    shards_nlq[("nlq")]
                    topic_narrations --> stage_curate
                    stage_curate --> topic_blocks
                    topic_blocks --> stage_generate
                    stage_generate --> topic_queries
                    stage_generate -.-> topic_queries_2e_rejected
                    topic_queries --> stage_land
                    stage_land --> shards_nlq

                """)
        let words = self.words(graph.svg)
        #expect(Set(words).isSuperset(of: ["narrations", "curate", "validate", "queries.rejected", "nlq"]), "\(words)")
    }

    @Test("names that differ in a dot only are two things, and names made by programs are escaped")
    func names() throws {
        var topology = try parse(
            "name: t\nstages:\n  a-b: { from: raw, steps: [sift], to: x.y }\n"
                + "  a_b: { from: x.y, steps: [sift], to: x_y, rejects: x-y }"
        ).topology
        let lines = TopologyGraph(topology).mermaid.split(separator: "\n")
        #expect(lines.count == 1 + 6 + 5)
        topology.stages[0].name = "<a> & \"b\""
        let words = self.words(TopologyGraph(topology).svg)
        #expect(words.contains("<a> & \"b\""), "\(words)")
    }

    @Test("several stages that read one topic, each with a filter, hang on one node and are each linted")
    func readers() throws {
        let text = """
            name: t
            stages:
              few: { from: raw, steps: [sift: { limits: { high: 10 } }], to: small }
              many: { from: raw, steps: [sift: { limits: { low: 11 } }], to: large, rejects: none }
              whole: { from: { topic: raw, type: grain }, steps: [], to: whole }
            """
        let (topology, warnings) = try parse(text)
        #expect(warnings.isEmpty && topology.externalTopics == ["raw"])
        #expect(topology.stages.map(\.inputType.name) == ["grain", "grain", "grain"])
        let lines = TopologyGraph(topology).mermaid.split(separator: "\n").map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        #expect(lines.count { $0 == "topic_raw([\"raw\"])" } == 1)
        #expect(lines.count { $0.hasPrefix("topic_raw --> stage_") } == 3)
        #expect(
            problems(text.replacing("high: 10", with: "hihg: 10").replacing("low: 11", with: "low: x")).map {
                $0.prefix { $0 != " " }
            } == ["3:47:", "4:53:"])
        #expect(
            problems(text.replacing("to: large", with: "to: small")) == [
                "4:66: topic `small` is written by the stages `few` and `many`"
            ], "a topic has one writer")
    }
}

/// Cases beside topologies.
@Suite struct TopologyTestRunnerTests {
    private let topology = "name: t\nstages: { one: { from: input, steps: [sift, weigh, hoard], to: output } }"

    private func suite(_ text: String) throws -> TopologyTestSuite {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("cases-\(UUID().uuidString).yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        return try TopologyTestSuite.load(path: file.path, environment: [:])
    }

    /// The result of a case with these keys.
    private func run(_ text: String) async throws -> [String] {
        let text = "cases:\n  - name: n\n" + text.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        let suite = try self.suite(text)
        try #require(suite.cases.count == 1)
        let topology = try parse(self.topology).topology
        let test = suite.cases[0]
        // The runner blocks while it waits for answers, which want the threads that tests run on.
        return try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<[String], any Error>) in
            Thread { continuation.resume(with: Result { try TopologyTestRunner(topology).run(test) }) }.start()
        }
    }

    @Test("what comes as expected passes; only the given fields count")
    func passing() async throws {
        let inputs = "stage: one\ninput: [{ amount: 2 }, { amount: 7 }, { amount: 1 }]\n"
        #expect(
            try await self.run(
                inputs
                    + "expect: [{ amount: 20 }, {}, { amount: 22 }, { amount: 30.0 }, {}, {}]\ndead-letters: [seven]\n"
                    + "counts: { sift.sifted: 3, weigh.weighed: 3 }") == [])
    }

    @Test("what does not is told, each thing by itself")
    func failing() async throws {
        let found = try await self.run(
            "stage: one\ninput: [{ amount: 2 }, { amount: 7 }, nonsense]\nexpect: [{ amount: 21, note: x }, {}]\nrejects: [eleven]\n"
                + "counts: { sift.sifted: 9 }")
        #expect(found.count == 9, "\(found)")
        for part in [
            "expected 2 records, got 3", "  got {\"amount\":20}", "record 0.amount: expected 21.0, got 20.0",
            "record 0: no `note`", "expected the rejects [\"eleven\"], got []", "expected sift.sifted to be 9, got 2",
        ] { #expect(found.contains(part), "\(part): \(found)") }
        #expect(
            found.contains {
                $0.hasPrefix("expected the dead letters []") && $0.contains("unreadable")
                    && $0.contains("seven (too light)")
            })
        #expect(try await self.run("stage: on\ninput: []") == ["there is no stage `on`; did you mean `one`?"])
    }

    @Test(
        "mistakes in the cases are errors, never cases that pass",
        arguments: [
            ("cases: []", "there are no cases"), ("case: []", "expected the key `cases`"),
            ("cases:\n  - { name: a, stage: one }", ":2:5: error: a case wants `name`, `stage` and `input`"),
            (
                "cases:\n  - { name: a, stage: one, input: [], expects: [] }",
                ":2:39: error: unknown key `expects`; did you mean `expect`?"
            ),
            (
                "cases:\n  - { name: a, stage: one, input: [], rejects: too-short }",
                ":2:48: error: expected a list, found `too-short`"
            ),
            ("cases:\n  - { name: a, stage: one, input: [], dead-letters: [[x]] }", "expected a list"),
            ("cases:\n  - { name: a, stage: one, input: [], expect: {} }", "expected a list, found a mapping"),
            (
                "cases:\n  - { name: a, stage: one, input: [], counts: { a: few } }",
                "expected a whole number, found `few`"
            ),
            ("cases:\n  - { name: a, stage: one, input: [], counts: [a] }", "expected a mapping, found a list"),
            ("cases: [", "not YAML"), ("", "the file is empty"),
        ])
    func mistakes(text: String, expected: String) throws {
        let error = try #require(throws: TopologyError.self) { try self.suite(text) }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test("a file that is not there is an error with its name")
    func missing() throws {
        let error = try #require(throws: TopologyError.self) {
            try TopologyTestSuite.load(path: "/nowhere/x.test.yaml", environment: [:])
        }
        #expect(error.description.hasPrefix("/nowhere/x.test.yaml: error: cannot read the cases"))
    }
}
