// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import Testing
import Topologies

@testable import Mill

/// YAML, the environment, and files that are none.
@Suite struct TopologyFileTests {
    private func label(_ text: String, _ environment: [String: String] = [:]) throws -> String {
        let topology = try parse(stage("sift: { label: \(text) }"), environment).topology
        return topology.stages[0].steps[0].configuration[Sift.label]
    }

    @Test("the environment: a value, a default, an empty value, a dollar sign")
    func environment() throws {
        #expect(try self.label("\"${A}\"", ["A": "x"]) == "x")
        #expect(try self.label("\"${A:-y}\"") == "y")
        #expect(try self.label("\"${A:-y}\"", ["A": ""]) == "y")
        #expect(try self.label("\"${A}\"", ["A": ""]) == "")
        #expect(try self.label("\"${A:-}\"") == "")
        #expect(try self.label("\"${U:-http://h:8080/v1}/${B}!\"", ["B": "b"]) == "http://h:8080/v1/b!")
        #expect(try self.label("\"$$5 and $${A}\"") == "$5 and ${A}")
        #expect(try self.label("\"${A}\"", ["A": "${B} $$"]) == "${B} $$", "a value is not expanded again")
        #expect(try self.label("\"${A}\"", ["A": "a: [b"]) == "a: [b", "a value is text, never YAML")
    }

    @Test("the environment's mistakes, all of them, each in its place")
    func environmentErrors() {
        #expect(
            problems(stage("sift: { label: \"${A}\", endpoint: \"a$b\" }", "sift: { label: \"${A\" }"))
                == [
                    "6:24: the environment variable `A` is not set, and has no default here",
                    "6:42: `$` starts `${NAME}` or `${NAME:-default}`; write `$$` for a dollar sign",
                    "7:24: `$` starts `${NAME}` or `${NAME:-default}`; write `$$` for a dollar sign",
                ])
    }

    @Test("quotes make text of what looks like nothing; nothing takes the default's place nowhere")
    func scalars() throws {
        #expect(try self.label("\"null\"") == "null")
        #expect(try self.label("\"~\"") == "~")
        #expect(try self.label("007") == "007")
        #expect(try parse(stage("sift: { factor: \"3\" }")).topology.stages[0].steps[0].configuration[Sift.factor] == 3)
    }

    @Test(
        "YAML that is none has a place too",
        arguments: [
            ("name: [t", "2:1"), ("name: t\n\tstages: {}", "2:1"), ("name: \"t", "1:"), ("a: b: c", "1:5"),
            ("name: *x", "1:7"), ("name: t\n---\nname: u", "2:1"),
        ])
    func syntax(text: String, place: String) {
        let found = problems(text)
        #expect(found.count == 1 && found[0].hasPrefix(place) && found[0].contains("not YAML"), "\(found)")
    }

    @Test("a key that stands twice is named")
    func duplicates() {
        #expect(problems("name: t\nname: u\nstages: {}") == ["1:1: key given twice: `name`"])
        #expect(problems(stage("sift: { factor: 1, factor: 2 }"))[0].contains("`factor`"))
    }

    @Test("empty texts", arguments: ["", "\n", "# only a comment\n"])
    func empty(text: String) { #expect(problems(text) == ["-: the file is empty"]) }

    @Test("hostile texts end quickly, in an error")
    func hostile() {
        var bomb = "a0: &a0 [x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            bomb += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(!problems(bomb).isEmpty)
        // A key is compared with the others by its content.
        var keys = "- &a0 [x]\n"
        for level in 1..<64 { keys += "- &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(problems(keys + "- { ? *a63 : x }").count == 1)
        #expect(problems("stages: " + String(repeating: "[", count: 100_000))[0].contains("nesting"))
        #expect(problems(String(repeating: "- ", count: 100_000))[0].contains("nesting"))
        #expect(problems(String(repeating: "? ", count: 100_000))[0].contains("nesting"))
        let deep = String(repeating: "[", count: 50) + String(repeating: "]", count: 50)
        #expect(problems("name: " + deep) == ["1:46: the file is nested too deep or too large"])
        let wide = "name: [" + String(repeating: "a,", count: 30_000) + "]"
        #expect(problems(wide).count == 1)
    }

    @Test("an anchor and its alias may be used")
    func aliases() throws {
        let text = stage("sift: &s { factor: 2 }", "sift: *s")
        #expect(try parse(text).topology.stages[0].steps.map { $0.configuration[Sift.factor] } == [2, 2])
    }

    @Test("files that cannot be topologies")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("topology-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func message(_ name: String, _ bytes: [UInt8]?) throws -> String {
            let url = folder.appendingPathComponent(name)
            if let bytes { try Data(bytes).write(to: url) }
            let error = try #require(throws: TopologyError.self) {
                try Topology.load(path: url.path, registry: millRegistry, environment: [:])
            }
            #expect(error.diagnostics.count == 1 && error.diagnostics[0].file == url.path)
            return error.diagnostics[0].message
        }
        #expect(
            try message("large.yaml", Array(repeating: 0x23, count: 1 << 20 | 1)) == "larger than 1 MiB: not a topology"
        )
        #expect(try message("bytes.yaml", [0x6e, 0xff, 0xfe]) == "not UTF-8 text")
        #expect(try message("missing.yaml", nil).hasPrefix("cannot read the file: "))
        #expect(try message(".", nil).hasPrefix("cannot read the file: "))
        let good = folder.appendingPathComponent("good.yaml")
        try stage("grind: { recipe: sub/r.txt }").write(to: good, atomically: true, encoding: .utf8)
        #expect(try message("good.yaml", nil).hasPrefix("cannot read `sub/r.txt`"))
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("sub"), withIntermediateDirectories: true)
        try "rye".write(to: folder.appendingPathComponent("sub/r.txt"), atomically: true, encoding: .utf8)
        let topology = try Topology.load(path: good.path, registry: millRegistry, environment: [:]).topology
        #expect(topology.stages[0].steps[0].configuration[Grind.recipe].content == "rye", "found beside the topology")
    }
}
