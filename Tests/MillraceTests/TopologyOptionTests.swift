// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import TaskRooms
import Testing

@testable import Commands

/// Topologies as an operator hands them over: from standard input, with values set, with variables in a file.
@Suite("Topology options")
struct TopologyOptionTests {
    private static let naq = Workbench.topology("naq")

    @Test("lint --json says of each file whether it is sound, and what is wrong where")
    func lintJSON() throws {
        let bench = try Workbench()
        try Data("name: bad\nstages:\n  land:\n    frm: narrations\n".utf8).write(to: bench.folder.file("bad.yaml"))
        let result = try bench.expect(2, ["lint", "--json", Self.naq, "bad.yaml", "none.yaml"])
        let reports = try result.outputLines.map(JSONTree.init)
        #expect(reports.map { $0["sound"].bool } == [true, false, false])
        #expect(reports[0]["name"].string == "naq" && reports[0]["hash"].string?.count == 64)
        #expect(reports[0]["diagnostics"].array.isEmpty)
        let first = try #require(reports[1]["diagnostics"].array.first { $0["line"].int == 4 })
        #expect(first["file"].string == "bad.yaml" && first["column"].int == 5)
        #expect(first["severity"].string == "error")
        #expect(first["message"].string?.contains("did you mean `from`?") == true)
        #expect(reports[2]["diagnostics"].array.first?["line"].int == nil)
        #expect(result.errorText.isEmpty)
        let twice = try bench.expect(
            2, ["lint", "--json", Self.naq, "--set", "name=x", Self.naq, Workbench.topology("nlq")])
        #expect(twice.outputLines.count == 3)
        #expect(try twice.outputLines.map(JSONTree.init).contains { $0["sound"].bool == false }, "both have the name x")
    }

    @Test("lint --schema has every operator with its fields, overload by overload")
    func schema() throws {
        let bench = try Workbench()
        let schema = try JSONTree(try bench.succeed("lint", "--schema").outputText)
        #expect(
            schema["properties"].keys == ["name", "partitions", "max-consecutive-dead-letters", "retention", "stages"])
        let stage = schema["properties"]["stages"]["additionalProperties"]
        #expect(stage["required"].array.compactMap(\.string) == ["from", "steps", "to"])
        let steps = try #require(stage["properties"]["steps"]["items"]["anyOf"].array.last)["properties"]
        let registry = Tasks.registered.operators
        #expect(steps.keys == Set(registry.names) && steps.keys.count > 5)
        for name in registry.names {
            let said = steps[name]["anyOf"].array.map { $0["properties"].keys }
            #expect(said == registry.overloads(named: name).map { Set($0.specification.fields.map(\.name)) }, "\(name)")
        }
        let to = try #require(stage["properties"]["to"]["anyOf"].array.last)
        #expect(to["required"].array.compactMap(\.string) == ["shards"])
        let bytes = to["properties"]["rotate"]["properties"]["bytes"]
        #expect(bytes["type"].array.compactMap(\.string) == ["integer", "string"])
        #expect(bytes["description"].string?.contains("(default 67108864)") == true)
    }

    @Test("A topology comes from standard input, with values in place of its own")
    func standardInput() throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let text = try Data(contentsOf: URL(fileURLWithPath: Self.naq))
        func fed(_ arguments: String...) throws -> ProcessResult {
            try MillraceProcess(
                arguments, environment: ["MILLRACE_HOME": bench.home], in: bench.folder.url, input: text
            ).wait()
        }
        let lint = try fed("lint", "-")
        #expect(lint.code == 0, Comment(rawValue: lint.story))
        #expect(lint.outputText.hasPrefix("-: naq, 1 stage, hash "))
        let run = try fed("run", "-", "--until-idle", "--set", "stages.land.to.rotate.samples=20")
        #expect(run.code == 0, Comment(rawValue: run.story))
        let shards = try bench.succeed("shards", "list", "naq", "--json").outputLines.map(JSONTree.init)
        #expect(shards.contains { $0["reason"].string == "samples" && $0["samples"].int ?? 0 >= 20 })
        let refused = try fed("lint", "-", "--set", "stages.land.tp=x")
        #expect(refused.code == 2)
        refused.says("unknown key `tp`", "did you mean `to`?")
        let test = try fed("test", "-")
        #expect(test.code == 2)
        test.says("--cases")
    }

    @Test("Variables of a file count where the environment has none of that name")
    func environmentFile() throws {
        let bench = try Workbench()
        let topology =
            "name: ${NAME}\n" + (try String(contentsOfFile: Self.naq, encoding: .utf8)).replacing("name: naq", with: "")
        try Data(topology.utf8).write(to: bench.folder.file("named.yaml"))
        let variables = "# names\n\nexport NAME=\"from file\"\nNAME='file'\r\nOTHER=a=b \nNAME=third\n"
        try Data(variables.utf8).write(to: bench.folder.file("variables"))
        #expect(try EnvironmentFile.parse(variables, file: "f").map(\.1) == ["from file", "file", "a=b", "third"])
        try Data("NAME=file\n".utf8).write(to: bench.folder.file("one"))
        try bench.succeed("lint", "named.yaml", "--env-file", "one").prints("named.yaml: file, 1 stage")
        try bench.succeed("lint", "named.yaml", "--env-file", "variables").prints("named.yaml: third, 1 stage")
        try bench.expect(0, ["lint", "named.yaml", "--env-file", "one"], environment: ["NAME": "outer"]).prints(
            ": outer, 1")
        try Data("NAME=file\nsecret words\n".utf8).write(to: bench.folder.file("bad"))
        let refused = try bench.fail(2, "lint", "named.yaml", "--env-file", "bad")
        refused.says("--env-file: bad:2: write NAME=VALUE")
        #expect(!refused.errorText.contains("secret"))
        try bench.fail(2, "lint", "named.yaml", "--env-file", "none").says("--env-file", "none", "check the path")
    }

    @Test(
        "A mistyped command is told from the one that is meant",
        arguments: [
            ("rnu", "`millrace` has no command `rnu`; did you mean `run`?"),
            ("shards lst nlq", "`millrace shards` has no command `lst`; did you mean `list`?"),
            ("ingest ego4 --narrations n", "`millrace ingest` has no command `ego4`; did you mean `ego4d`?"),
            ("statsu --json", "did you mean `status`?"),
            ("frobnicate", "valid here: "),
        ])
    func mistyped(command: String, words: String) throws {
        let bench = try Workbench()
        try bench.expect(2, command.split(separator: " ").map(String.init)).says(words, "--help` says what each does")
    }
}
