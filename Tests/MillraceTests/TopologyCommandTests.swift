// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Testing

@testable import Commands

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// `lint`, `graph` and `test`.
@Suite("Topology commands")
struct TopologyCommandTests {
    @Test("Lint knows the shipped topologies and lists the operators")
    func lint() throws {
        let bench = try Workbench()
        let files = ["nlq", "naq"].map(Workbench.topology)
        let result = try bench.expect(0, ["lint"] + files)
        #expect(result.outputLines.count == 2 && result.errorText.isEmpty)
        result.prints(": nlq, 3 stages, hash", ": naq, 1 stage, hash")
        let operators = try bench.succeed("lint", "--operators")
        operators.prints(
            "block   (narration → block)", "window", "filter", "format", "prompt", "llm", "validate", "stride:")
    }

    @Test("Operators of one name are told together where they say the same of themselves, else each by itself")
    func help() {
        var registry = OperatorRegistry()
        registry.register(Carry<A>.self)
        registry.register(Carry<B>.self)
        registry.register(Lift.self)
        #expect(
            OperatorHelp.lines(registry) == [
                "carry   (a → a, b → b)", "    Carries.", "    far: a whole number, default 1", "        Metres.", "",
                "carry   (c → c)", "    Lifts.", "    high: true or false, default false", "        Above the head.",
                "",
            ])
    }

    @Test("Lint says everything about every file")
    func lintErrors() throws {
        let bench = try Workbench()
        try bench.folder.write(
            """
            name: bad
            stages:
              one:
                from: narrations
                steps:
                  - window: { method: contextul }
                  - block: { sise: 5 }
                to: blocks
              two:
                form: blocks
                steps:
                  - format: { schema: nlq }
                to: { shards: bad }
            """, to: "bad.yaml")
        let result = try bench.fail(2, "lint", "bad.yaml", Workbench.topology("naq"))
        result.says("bad.yaml:6:27: error: `contextul`", "did you mean `contextual`?")
        result.says("bad.yaml:7:18: error: unknown key `sise`; did you mean `size`?")
        result.says("bad.yaml:10:5: error: unknown key `form`", "did you mean `from`?")
        result.prints("naq.yaml: naq")
    }

    @Test("A graph in Mermaid names every stage, topic and set; one in SVG is well-formed", arguments: ["nlq", "naq"])
    func graph(_ name: String) throws {
        let bench = try Workbench()
        let file = Workbench.topology(name)
        let mermaid = try bench.succeed("graph", file)
        mermaid.prints("flowchart LR", "narrations", "land", name, "-->")
        let svg = try bench.succeed("graph", file, "--format", "svg")
        let parser = XMLParser(data: svg.output)
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        svg.prints("<svg", "</svg>", "narrations", "land")
    }

    @Test("Cases beside a topology pass, fail with what is different, and are checked like a topology")
    func test() throws {
        let bench = try Workbench()
        try bench.folder.write(
            """
            name: mini
            stages:
              land:
                from: narrations
                steps:
                  - filter: { videos: { exclude-splits: [val] } }
                  - window: { method: contextual, alpha: 4.9, minimum-seconds: 1.0 }
                  - filter: { narrations: { drop-unsure: true } }
                  - format: { schema: nlq }
                to: { shards: mini }
            """, to: "mini.yaml")
        let cases = """
            cases:
              - name: narrations become samples
                stage: land
                input:
                  - { kind: video, video_uid: v, pass: 1, source: t, duration_sec: 100.0, splits: [], features: true,
                      revision: 1, clips: [{ clip_uid: c, start_sec: 0.0, end_sec: 100.0 }] }
                  - { kind: narration, video_uid: v, pass: 1, index: 0, timestamp_sec: 10.0, text: "picks up  a cup " }
                  - { kind: narration, video_uid: v, pass: 1, index: 1, timestamp_sec: 20.0, text: "#unsure" }
                  - { kind: end, video_uid: v, pass: 1, narrations: 2 }
                expect:
                  - { video_uid: v, clip_uid: c, query: "picks up a cup" }
                counts: { filter.unsure: 1 }
            """
        try bench.folder.write(cases, to: "mini.test.yaml")
        try bench.succeed("test", "mini.yaml").prints("ok   narrations become samples", "1 passed, 0 failed")

        try bench.folder.write(
            cases.replacingOccurrences(of: "\"picks up a cup\"", with: "\"another\""), to: "other.yaml")
        let failed = try bench.expect(1, ["test", "mini.yaml", "--cases", "other.yaml"])
        failed.prints("FAIL narrations become samples", "another", "picks up a cup", "0 passed, 1 failed")

        try bench.folder.write(cases.replacingOccurrences(of: "expect:", with: "expct:"), to: "wrong.yaml")
        try bench.fail(2, "test", "mini.yaml", "--cases", "wrong.yaml").says(
            "wrong.yaml:", "`expct`", "did you mean `expect`?")
        try bench.fail(2, "test", "mini.yaml", "--cases", "nowhere.yaml").says("nowhere.yaml")
    }
}

// MARK: Operators with a name in common

private protocol Load: StreamValue {}

extension Load {
    static var schemaVersion: Int { 1 }
    func write(to json: inout JSONWriter) { json.null() }
}

private struct A: Load {
    static let typeName = "a"
    init(json: inout JSONScanner) throws(JSONError) { try json.skip() }
}

private struct B: Load {
    static let typeName = "b"
    init(json: inout JSONScanner) throws(JSONError) { try json.skip() }
}

private struct C: Load {
    static let typeName = "c"
    init(json: inout JSONScanner) throws(JSONError) { try json.skip() }
}

private struct Carry<L: Load>: Operator {
    static var specification: OperatorSpecification {
        let far = Field("far", default: 1, help: "Metres.")
        return OperatorSpecification(name: "carry", summary: "Carries.", fields: [far])
    }
    init(_ configuration: Configuration, _ context: OperatorContext) {}
    mutating func process(_ element: Element<L>, into output: inout Collector<L>) {}
}

private struct Lift: Operator {
    static let specification = OperatorSpecification(
        name: "carry", summary: "Lifts.", fields: [Field("high", default: false, help: "Above the head.")])
    init(_ configuration: Configuration, _ context: OperatorContext) {}
    mutating func process(_ element: Element<C>, into output: inout Collector<C>) {}
}
