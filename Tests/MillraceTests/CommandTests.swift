// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every command on a sample world, as the page of help names them.
@Suite("Commands")
struct CommandTests {
    private static let nlq = Workbench.topology("nlq")
    private static let naq = Workbench.topology("naq")

    /// A sample world that both topologies have run over.
    private static func finished(videos: Int = 6) throws -> Workbench {
        let bench = try Workbench(videos: videos)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Self.nlq)
        try bench.run(Self.naq)
        return bench
    }

    // MARK: Help and usage

    @Test(
        "Every command has help with a sentence on what it does",
        arguments: [
            "", "sample", "ingest", "ingest ego4d", "ingest goalstep", "ingest epic-kitchens", "ingest captaincook4d",
            "ingest egoclip", "ingest holoassist", "ingest egoexolearn", "ingest wtag", "ingest assembly101",
            "ingest llava-pretrain", "ingest jsonl", "ingest lta", "ingest videos", "evaluate frames", "run", "replay",
            "plan", "lint", "graph", "test",
            "topics",
            "topics list",
            "topics read", "shards", "shards list", "shards verify", "shards cat", "export", "export nlq", "profile",
            "explain",
            "status",
        ])
    func help(_ command: String) throws {
        let bench = try Workbench()
        let words = command.split(separator: " ").map(String.init)
        let result = try bench.expect(0, words + ["--help"])
        result.prints("OVERVIEW: ", "USAGE: millrace")
        let isGroup = ["topics", "shards", "export"].contains(command)
        result.prints(isGroup ? "SUBCOMMANDS" : "EXAMPLES")
        #expect(result.errorText.isEmpty)
        let refused = try bench.expect(2, words + ["--no-such-flag"])
        refused.says(" error: ", "millrace \(words.joined(separator: " "))")
        #expect(refused.outputText.isEmpty)
    }

    @Test(
        "Wrong usage ends with 2 and does nothing",
        arguments: [
            "bogus", "run", "sample", "sample --output s --videos 0", "sample --output s --videos many",
            "shards verify",
            "topics read narrations --limit=-1", "shards cat naq --limit=-1", "shards cat naq --from=-1",
            "status --log-level loud", "status --interval=-1", "status --log kafka://nowhere", "replay x.yaml",
            "ingest ego4d", "ingest ego4d --narrations n --pass 3", "ingest ego4d --narrations n --clip-seconds 0.5",
            "ingest jsonl --file f --partitions 0", "ingest jsonl --file f --max-rate 0",
            "ingest jsonl --file f --topic a/b",
            "run x.yaml --threads 0", "run x.yaml --max-rate nan", "run x.yaml --session-timeout 1", "lint",
            "graph x.yaml --format png",
        ])
    func usage(_ command: String) throws {
        let bench = try Workbench()
        let result = try bench.expect(2, command.split(separator: " ").map(String.init))
        #expect(!result.errorText.isEmpty && result.outputText.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder.path).isEmpty)
    }

    @Test("A folder of images that is none is refused before anything is done, by option or by environment")
    func media() throws {
        let bench = try Workbench(videos: 3)
        for command in [["run", Self.naq], ["replay", Self.naq, "--from", "earliest"], ["plan", Self.naq]] {
            try bench.expect(2, command + ["--media", "nothing"]).says("--media", "nothing", "check the path")
            try bench.expect(2, command + ["--media", "world/narration.json"]).says("--media", "no folder")
        }
        try bench.expect(0, Workbench.ingestWorld)
        try bench.succeed("run", Self.naq, "--until-idle", "--media", "world")
        try bench.succeed("plan", Self.naq, "--media", "world")
    }

    @Test("A command without a log, or for what is not there, says what there is")
    func nothingThere() throws {
        let bench = try Workbench(videos: 3)
        for command in [
            ["status"], ["topics", "list"], ["topics", "read", "x"], ["shards", "list"], ["explain", "x"],
            ["plan", Self.naq], ["profile", "x"], ["export", "nlq", "--shards", "x", "--output", "x.json"],
            ["replay", Self.naq, "--from", "earliest", "--dry-run"],
        ] {
            try bench.expect(2, command).says("no log in the home", "millrace ingest", "--home")
        }
        try bench.expect(0, Workbench.ingestWorld)
        try bench.fail(2, "topics", "read", "nothing").says("no topic `nothing`", "narrations")
        for command in [
            ["shards", "cat"], ["shards", "list"], ["shards", "verify"], ["profile"],
            ["export", "nlq", "--output", "x.json", "--shards"],
        ] {
            try bench.expect(2, command + ["nothing"]).says("no shard set `nothing`", "there are none")
        }
        try bench.fail(2, "explain", "nothing").says("no sample has the id `nothing`")
        try bench.fail(2, "cache", "import", "nothing").says("nothing", "check the path")
        let topology = try bench.folder.write(
            "name: lost\nstages: { a: { from: lost, steps: [filter: { narrations: { drop-unsure: true } }], to: "
                + "found } }\n",
            to: "lost.yaml")
        for command in [
            ["run", topology, "--until-idle"], ["replay", topology, "--from", "earliest"],
            ["replay", topology, "--from", "earliest", "--dry-run"],
        ] {
            try bench.expect(2, command).says("`lost`", "does not exist")
        }
        try bench.fail(2, "topics", "read", "narrations", "--partition", "4").says("0 to 3")
        try bench.fail(2, "topics", "read", "narrations", "--from", "soon").says("earliest", "time:")
        try bench.expect(2, Workbench.ingestWorld + ["--partitions", "2"]).says("4 partitions, not 2", "ask for 4")
    }

    // MARK: Sample and ingest

    @Test("The same sample world has the same bytes; a folder that is not empty is refused")
    func sample() throws {
        let bench = try Workbench(videos: 3, features: true)
        try bench.succeed("sample", "--output", "again", "--videos", "3").prints("again: 3 videos")
        try bench.succeed("sample", "--output", "other", "--videos", "3", "--seed", "2")
        let files = FileManager.default
        #expect(files.contentsEqual(atPath: bench.folder.file("world").path, andPath: bench.folder.file("again").path))
        let narrations = ["world", "other"].map { bench.folder.file($0 + "/narration.json").path }
        #expect(!files.contentsEqual(atPath: narrations[0], andPath: narrations[1]))
        try bench.fail(2, "sample", "--output", "world").says("is not empty")
        try bench.succeed("sample", "--output", "again", "--videos", "3", "--overwrite")
    }

    @Test("Ego4D with every option; a rerun skips; a change is refused, and replaced when asked")
    func ego4d() throws {
        let bench = try Workbench(videos: 4, features: true)
        let command =
            Workbench.ingestWorld + [
                "--features", "world/features", "--pass", "both", "--topic", "mine", "--partitions", "2", "--max-rate",
                "1e6",
                "--clip-seconds", "300",
            ]
        let report = try JSONTree(try bench.expect(0, command + ["--json"]).outputText)
        let records = try bench.records("mine").map { $0["value"] }
        let videos = records.filter { $0["kind"].string == "video" }
        #expect(report["videos"].int == videos.count && videos.count > 4, "two passes of some videos")
        #expect(report["narrations"].int == records.count { $0["kind"].string == "narration" })
        #expect(videos.allSatisfy { $0["features"].keys.isEmpty && $0["revision"].int == 1 })
        #expect(videos.contains { $0["splits"].array.contains { $0.string == "val" } })
        let ends = records.filter { $0["kind"].string == "end" }.compactMap { $0["narrations"].int }
        #expect(ends.reduce(0, +) == report["narrations"].int)

        try bench.expect(0, command).prints("0 videos and passes", "there already, unchanged: \(videos.count)")

        let file = bench.folder.file("world/narration.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        let place = try #require(text.range(of: "#C C "))
        try text.replacingCharacters(in: place, with: "#C C again ").write(to: file, atomically: true, encoding: .utf8)
        try bench.expect(1, command).says("1 videos have changed since they were ingested", "--replace")
        #expect(try bench.records("mine").count == records.count, "a refusal writes nothing")
        try bench.expect(0, command + ["--replace"]).prints("replaced by a new revision: 1")
        let revisions = try bench.records("mine").compactMap { $0["value"]["revision"].int }
        #expect(revisions.filter { $0 == 2 }.count == 1)
        try bench.expect(0, command).prints("there already, unchanged: \(videos.count)")
    }

    @Test("Videos of which nothing is known to be safe stop a run, and pass when allowed")
    func unguarded() throws {
        let bench = try Workbench(videos: 4)
        try bench.succeed("ingest", "ego4d", "--narrations", "world/narration.json", "--metadata", "world/ego4d.json")
        let refused = try bench.fail(1, "run", Self.naq, "--until-idle")
        refused.says("unguarded-video", "--exclude", "--allow-unguarded")
        try bench.succeed("run", Self.naq, "--until-idle", "--allow-unguarded")
        let videos = Set(try bench.records("narrations").compactMap { $0["key"].string })
        #expect(Set(try bench.samples("naq").compactMap { try JSONTree($0)["video_uid"].string }) == videos)
    }

    // MARK: Looking

    @Test("Topics are listed and read from any place")
    func topics() throws {
        let bench = try Self.finished()
        let listed = try bench.succeed("topics", "list", "--json").outputLines.map(JSONTree.init)
        #expect(
            Set(listed.compactMap { $0["topic"].string }).isSuperset(of: [
                "narrations", "blocks", "queries", "queries.rejected", "nlq.dead-letters", "shards.nlq", "shards.naq",
            ]))
        let count = try #require(listed.first { $0["topic"].string == "queries" }?["records"].int)
        let all = try bench.records("queries")
        #expect(all.count == count && count > 100)
        for record in all {
            #expect(
                record.keys == ["topic", "partition", "offset", "timestamp", "key", "headers", "value"]
                    && record["topic"].string == "queries"
                    && record["key"].string == record["value"]["video_uid"].string
                    && record["headers"].array.first?["value"].string == "query/1" && record["timestamp"].int ?? 0 > 0)
        }
        let partition = try #require(all.last?["partition"].int)
        let ofPartition = all.filter { $0["partition"].int == partition }.compactMap { $0["offset"].int }
        #expect(ofPartition == Array(0..<ofPartition.count))
        let some = try bench.records("queries", "--partition", "\(partition)", "--from", "5", "--limit", "7")
        #expect(some.compactMap { $0["offset"].int } == Array(5..<12))
        #expect(try bench.records("queries", "--from", "latest").isEmpty)
        #expect(try bench.records("queries", "--from", "time:2020-01-01T00:00:00Z").count == count)
        #expect(try bench.succeed("topics", "read", "queries").outputLines.count == count)
    }

    @Test("Shards are listed, verified and printed from any sample; the status and the plan agree")
    func shards() throws {
        let bench = try Self.finished()
        let sets = try bench.succeed("shards", "list", "--json").outputLines.map(JSONTree.init)
        #expect(sets.compactMap { $0["name"].string } == ["naq", "nlq"])
        let samples = try bench.samples("nlq")
        let set = try #require(sets.last)
        #expect(samples.count == set["samples"].int && samples.count > 100)
        let shards = try bench.succeed("shards", "list", "nlq", "--json").outputLines.map(JSONTree.init)
        #expect(shards.reduce(0) { $0 + ($1["samples"].int ?? 0) } == samples.count)
        #expect(try bench.shardFiles("nlq") == shards.compactMap { $0["file"].string }.sorted())
        let beside = try ManifestFiles.listed(in: bench.shardFolder("nlq"))
        #expect(beside == shards.compactMap { $0["file"].string }.sorted())
        try bench.succeed("shards", "verify", "nlq").prints("\(shards.count) shards, \(samples.count) samples, sound")
        let middle = samples.count * 2 / 3
        let some = try bench.succeed("shards", "cat", "nlq", "--from", "\(middle)", "--limit", "3").outputLines
        #expect(some == Array(samples.dropFirst(middle).prefix(3)))

        try bench.succeed("status").prints("nlq.curate", "nlq.generate", "nlq.land", "naq.land", "last commit")
        let status = try JSONTree(try bench.succeed("status", "--json").outputText)
        #expect(status["groups"].array.count == 4 && status["groups"].array.allSatisfy { $0["lag"].int == 0 })
        #expect(status["shards"].array.first { $0["name"].string == "nlq" }?["samples"].int == samples.count)
        let plan = try JSONTree(try bench.succeed("plan", Self.nlq, "--json").outputText)
        #expect(plan.array.compactMap { $0["stage"].string } == ["curate", "generate", "land"])
        #expect(plan.array.allSatisfy { $0["waiting"].int == 0 && $0["done"].int ?? 0 > 0 })
        try bench.succeed("plan", Self.nlq).prints("model calls: none")
    }

    @Test("A sample is explained back to its narrations")
    func explain() throws {
        let bench = try Self.finished()
        let sample = try JSONTree(#require(try bench.samples("nlq").last))
        let id = try #require(sample["query_id"].string)
        let lines = try bench.succeed("explain", id).outputLines
        #expect(lines.first == sample["query"].string, "what was asked comes first")
        let headings = lines.dropFirst().filter { !$0.hasPrefix(" ") }
        #expect(headings.first == "Sample of the shard set nlq")
        #expect(headings.dropFirst().first?.hasPrefix("Narration") == true)
        #expect(headings.contains("Query as it was generated"))
        // Whatever has become a sample has passed all validators.
        let verdicts = lines.drop { !$0.hasPrefix("Validators") }.dropFirst()
        #expect(verdicts.contains { $0.contains(/^  answer-leak +passed$/) })
        #expect(verdicts.contains { $0.contains(/^  duplicate-in-clip +not judged:/) })
        #expect(!verdicts.contains { $0.contains("rejected") })

        let records = try bench.succeed("explain", id, "--json").outputLines.map(JSONTree.init)
        func found(_ part: String) -> [JSONTree] { records.filter { $0["part"].string == part } }
        #expect(found("sample").first?["sample"]["query_id"].string == id)
        #expect(found("query").first?["record"]["query"].string == sample["query"].string)
        #expect(found("block").first?["record"]["block_id"].string == sample["lineage"]["block"].string)
        #expect(
            found("verdict").contains { $0["validator"].string == "answer-leak" && $0["outcome"].string == "passed" })
        let narrations = found("narration")
        for narration in narrations {
            let text = try #require(narration["record"]["text"].string)
            let place = "narrations[\(narration["partition"].int ?? -1)] offset \(narration["offset"].int ?? -1)"
            #expect(lines.contains { $0.contains(text) && $0.contains(place) })
            #expect(narration["record"]["video_uid"].string == sample["video_uid"].string)
        }
        let indices = sample["lineage"]["narrations"].array.compactMap(\.int)
        #expect(narrations.compactMap { $0["record"]["index"].int } == indices)
        #expect(!indices.isEmpty)
    }

    @Test("Results go to standard output, everything else to standard error, and the home is where it is said to be")
    func streams() throws {
        let bench = try Workbench(videos: 3)
        let ingest = try bench.expect(0, Workbench.ingestWorld + ["--home", "elsewhere"])
        #expect(ingest.errorText.isEmpty && ingest.outputText.hasPrefix("narrations: 3 videos"))
        let files = FileManager.default
        #expect(files.fileExists(atPath: bench.folder.file("elsewhere/log.db").path))
        #expect(!files.fileExists(atPath: bench.home), "--home goes before MILLRACE_HOME")
        bench.home = bench.folder.file("elsewhere").path
        let run = try bench.expect(0, ["run", Self.naq, "--until-idle", "--json"])
        #expect(run.errorText.isEmpty)
        #expect(try JSONTree(run.outputText)["shards"].array.first?["samples"].int == (try bench.samples("naq").count))
        let byDefault = try MillraceProcess.run("status", in: bench.folder.url)
        #expect(byDefault.end == .exit(2) && byDefault.errorText.contains("`.millrace`"))
    }

    @Test("A reader that closes the pipe early ends the program quietly")
    func head() throws {
        let bench = try Workbench(videos: 40)
        try bench.expect(0, Workbench.ingestWorld)
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/bash")
        let command = #""$0" topics read narrations --json --home "$1" | head -n 1; echo "${PIPESTATUS[0]}""#
        shell.arguments = ["-c", command, MillraceProcess.binary.path, bench.home]
        let (output, errors) = (Pipe(), Pipe())
        shell.standardOutput = output
        shell.standardError = errors
        try shell.run()
        let lines = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(
            separator: "\n")
        shell.waitUntilExit()
        #expect(lines.count == 2 && lines.last == "0")
        #expect(errors.fileHandleForReading.readDataToEndOfFile().isEmpty)
    }
}
