// SPDX-License-Identifier: Apache-2.0

import EmbeddedLog
import Foundation
import RecordLog
import Records
import Shards
import Testing

/// Two topologies in one home, names that change, names that the program keeps, and files in the way.
@Suite("Owners of topics and sets")
struct OwnershipCommandTests {
    /// A home with a small world in it.
    private func ingested() throws -> Workbench {
        let bench = try Workbench(videos: 4)
        try bench.expect(0, Workbench.ingestWorld)
        return bench
    }

    /// Writes a shipped topology with changes beside its prompts.
    private func write(
        _ name: String, as file: String, _ changes: [(String, String)], in bench: Workbench
    ) throws -> String {
        let folder = URL(fileURLWithPath: Workbench.topology(name)).deletingLastPathComponent()
        var text = try String(contentsOfFile: Workbench.topology(name), encoding: .utf8)
        for (old, new) in changes {
            #expect(text.contains(old))
            text = text.replacingOccurrences(of: old, with: new)
        }
        let prompts = bench.folder.file("prompts")
        if !FileManager.default.fileExists(atPath: prompts.path) {
            try FileManager.default.copyItem(at: folder.appendingPathComponent("prompts"), to: prompts)
        }
        return try bench.folder.write(text, to: file)
    }

    /// The ids of a set's samples, sorted: partitions commit in no order among each other.
    private func ids(_ set: String, in bench: Workbench) throws -> [String] {
        try bench.samples(set).compactMap { try JSONTree($0)["query_id"].string }.sorted()
    }

    @Test("A copy with another name is refused; with names of its own it makes a set of its own")
    func twoTopologies() throws {
        let bench = try self.ingested()
        try bench.run(Workbench.topology("nlq"))
        let samples = try self.ids("nlq", in: bench)
        #expect(samples.count > 100 && Set(samples).count == samples.count)
        let topics = try bench.succeed("topics", "list", "--json").outputText
        let copy = try self.write("nlq", as: "copy.yaml", [("name: nlq\n", "name: nlq2\n")], in: bench)
        let refused = try bench.fail(2, "run", copy, "--until-idle")
        refused.says(
            "the topology `nlq2`", "`blocks`", "`queries`", "`queries.rejected`", "the shards `nlq`",
            "which the topology `nlq` writes", "--as NAME")
        #expect(try bench.succeed("topics", "list", "--json").outputText == topics, "nothing was created")
        #expect(try self.ids("nlq", in: bench) == samples)
        try bench.succeed("run", copy, "--as", "trial", "--until-idle").prints("shards trial:")
        #expect(try self.ids("trial", in: bench) == samples)
        #expect(try bench.samples("trial").sorted() == bench.samples("nlq").sorted(), "names are not in samples")
        try bench.succeed("plan", copy, "--as", "trial")
        try bench.succeed("replay", copy, "--as", "trial", "--from", "earliest").prints("shards trial.r1:")
        #expect(try self.ids("trial.r1", in: bench) == samples)
        // Both read the narrations, and neither is in the other's way.
        try bench.run(Workbench.topology("naq"))
        try bench.fail(2, "replay", copy, "--from", "earliest", "--into", "trial").says(
            "the topology `trial`", "--into")
        #expect(try bench.succeed("topics", "list", "--json").outputText.contains("replay.trial\"") == false)
        try bench.fail(2, "run", copy, "--as", "no/name").says("--as: `no/name` is not a name")
        try bench.fail(2, "run", copy, "--as", "shards").says("--as: `shards` cannot name it")
    }

    @Test("Lint names what files of one home would both write, with its place; topics that are only read are shared")
    func lint() throws {
        let bench = try Workbench()
        let copy = try self.write("nlq", as: "copy.yaml", [("name: nlq\n", "name: nlq2\n")], in: bench)
        let result = try bench.fail(2, "lint", Workbench.topology("nlq"), copy)
        result.says("error: the shards `nlq` are written by the topology `nlq` of", "the topic `blocks`", "nlq.yaml")
        #expect(result.errorText.split(separator: "\n").allSatisfy { $0.contains(#/\.yaml:\d+:\d+: error:/#) })
        #expect(!result.errorText.contains("`narrations`"))
        let same = try self.write("naq", as: "same.yaml", [("name: naq\n", "name: nlq\n")], in: bench)
        try bench.fail(2, "lint", Workbench.topology("nlq"), same).says("the topology `nlq` of", "another name")
        try bench.succeed("lint", copy, copy, Workbench.topology("naq"))
    }

    @Test("A name that has changed since the last commit is refused, and says which and from what to what")
    func renamed() throws {
        let bench = try self.ingested()
        try bench.run(Workbench.topology("nlq"))
        let before = try bench.succeed("topics", "list", "--json").outputText
        for (changes, parts) in [
            ([("shards: nlq,", "shards: v2,")], ["`land`: `shards` changed from `nlq` to `v2`", "--accept-changes"]),
            (
                [("to: blocks\n", "to: parts\n"), ("from: blocks\n", "from: parts\n")],
                [
                    "`curate`: `to` changed from `blocks` to `parts`",
                    "`generate`: `from` changed from `blocks` to `parts`",
                ]
            ),
            ([("  curate:\n", "  select:\n")], ["changed from `curate` to `select`"]),
            ([("rejects: queries.rejected", "rejects: refused")], ["`rejects` changed from `queries.rejected` to"]),
        ] as [([(String, String)], [String])] {
            let file = try self.write("nlq", as: "changed.yaml", changes, in: bench)
            let result = try bench.fail(2, "run", file, "--until-idle")
            for part in parts + ["put the old names back", "--from earliest", "--as NAME"] { result.says(part) }
            #expect(!result.errorText.contains("open videos"), "none is open")
            #expect(try bench.succeed("topics", "list", "--json").outputText == before)
        }
        let file = try self.write("nlq", as: "changed.yaml", [("alpha: 4.9", "alpha: 4.8")], in: bench)
        let changed = try bench.fail(2, "run", file, "--until-idle")
        changed.says("stage `curate` of `nlq` has changed", "--accept-changes", "--as NAME")
        #expect(!changed.errorText.contains("open videos"), "none is open")
        // The validators' memory of earlier questions is never finished.
        let strict = try self.write(
            "nlq", as: "strict.yaml", [("validate: {}", "validate: { minimum-words: 4 }")], in: bench)
        let remembered = try bench.fail(2, "run", strict, "--until-idle")
        remembered.says("stage `generate` of `nlq` has changed", "--from earliest")
        #expect(!remembered.errorText.contains("open videos"))
    }

    @Test("Names that the program keeps are refused in ingests and in topologies, with their place")
    func reserved() throws {
        let bench = try self.ingested()
        try bench.run(Workbench.topology("naq"))
        for topic in [
            "shards.naq", "shards", "naq.dead-letters", "replay.naq.r1", "millrace-owners", "millrace-state.naq.land.0",
            "__consumer_offsets",
        ] {
            let result = try bench.expect(2, Workbench.ingestWorld + ["--topic", topic])
            result.says("--topic: `\(topic)`", "kept for")
        }
        try bench.succeed("status").prints("naq")
        try bench.folder.write(
            """
            name: shards
            stages:
              one: { from: shards.naq, steps: [], to: nlq.dead-letters }
              two:
                from: narrations
                steps: []
                to: replay.x
                rejects: millrace-owners
              three: { from: naq.dead-letters, steps: [], to: again }
            """, to: "bad.yaml")
        let lint = try bench.fail(2, "lint", "bad.yaml")
        lint.says("bad.yaml:1:7: error: `name`: `shards` cannot name it", "bad.yaml:3:16: error: `shards.naq` is kept")
        lint.says("bad.yaml:3:43: error: `nlq.dead-letters`", "bad.yaml:7:9: error: `replay.x`")
        lint.says("bad.yaml:8:14: error: `millrace-owners`")
        #expect(!lint.errorText.contains("bad.yaml:9"), "dead letters may be taken up again")
        try bench.folder.write(
            "name: narrations\nstages:\n  one: { from: narrations, steps: [], to: copy }", to: "letters.yaml")
        try bench.fail(2, "run", "letters.yaml", "--until-idle").says(
            "the topic `narrations.dead-letters`, which `millrace ingest` writes")
        let own = try self.write("naq", as: "own.yaml", [("from: narrations", "from: other")], in: bench)
        try bench.expect(0, Workbench.ingestWorld + ["--topic", "other"])
        try bench.fail(2, "run", own, "--until-idle").says("`from` changed from `narrations` to `other`")
        try bench.fail(2, "ingest", "jsonl", "--file", "/dev/null", "--topic", "shards.mine")
    }

    @Test("One unreadable record of a manifest hides no other set, and is told by its place; who needs the set refuses")
    func unreadableManifest() throws {
        let bench = try self.ingested()
        try bench.run(Workbench.topology("naq"))
        try bench.run(Workbench.topology("nlq"))
        let before = try bench.succeed("shards", "list", "naq", "--json").outputLines
        try self.append([Record(key: "0", value: "{\"video_uid\":\"x\"}")], to: "shards.naq", in: bench)
        let place = "shards.naq[0] offset \(before.count): "
        for command in [["shards", "list"], ["status", "--interval", "0"]] {
            let result = try bench.expect(1, command)
            result.says(place, "left out", "--from earliest")
            result.prints("nlq", "naq")
        }
        let list = try bench.fail(1, "shards", "list", "naq", "--json")
        list.says(place)
        #expect(list.outputLines == before)
        let status = try bench.fail(1, "status", "--interval", "0", "--json")
        let sets = try JSONTree(status.outputText)["shards"].array
        #expect(sets.compactMap { $0["name"].string } == ["naq", "nlq"])
        #expect(sets[0]["unreadable"].array.first?.string?.hasPrefix(place) == true)
        #expect(sets[1]["unreadable"].array.isEmpty && (sets[1]["samples"].int ?? 0) > 100)
        try bench.fail(1, "shards", "verify", "naq").says(place)
        try bench.fail(1, "export", "nlq", "--shards", "naq", "--output", "out.json").says(place)
        #expect(!FileManager.default.fileExists(atPath: bench.folder.file("out.json").path))
        try bench.expect(0, Workbench.ingestWorld + ["--pass", "both"])
        try bench.fail(1, "run", Workbench.topology("naq"), "--until-idle").says(place)
        try bench.run(Workbench.topology("nlq"))
        try bench.succeed("shards", "verify", "nlq")
    }

    @Test("A file in the way of a shard is left where it is; one that is committed is said to be, and whose it is")
    func fileInTheWay() throws {
        let bench = try self.ingested()
        try bench.run(Workbench.topology("naq"))
        let entries = try bench.succeed("shards", "list", "naq", "--json").outputLines
        for isCommitted in [false, true] {
            let home = bench.home
            defer { bench.home = home }
            bench.home = home + (isCommitted ? "-listed" : "-unlisted")
            try FileManager.default.copyItem(atPath: home, toPath: bench.home)
            try bench.expect(0, Workbench.ingestWorld + ["--pass", "both"])
            // The next run's epoch is the second: each partition's next shard would have such a name.
            for line in entries {
                let entry = try JSONTree(line)
                let file = try #require(entry["file"].string)
                let old = try #require(ShardName(file: file))
                let next = ShardName(name: "naq", partition: old.partition, sequence: old.sequence + 1, epoch: 2)
                try Data("somebody's samples".utf8).write(
                    to: bench.shardFolder("naq").appendingPathComponent(next.file))
                if isCommitted {
                    let listed = line.replacingOccurrences(of: file, with: next.file)
                    try self.append([Record(key: "\(old.partition)", value: listed)], to: "shards.naq", in: bench)
                }
            }
            let files = try bench.shardFiles("naq")
            let result = try bench.fail(1, "run", Workbench.topology("naq"), "--until-idle")
            result.says("is already there", "naq-", "-000002.jsonl.zst", "the file where it is", "--home", "--as NAME")
            if isCommitted {
                result.says("it is committed: shards.naq[0] offset", "the topology `naq` writes that set")
            } else {
                result.says("shards.naq of this log does not list it")
            }
            #expect(!result.errorText.contains("move"))
            #expect(try bench.shardFiles("naq") == files)
        }
    }

    private func append(_ records: [Record], to topic: String, in bench: Workbench) throws {
        let log = try EmbeddedLog(path: bench.home + "/log.db")
        defer { log.close() }
        var transaction = Transaction()
        transaction.outputs = [.init(topic: topic, partition: 0, records: RecordBatch(records))]
        try log.makeWriter(id: "a-stranger").commit(transaction)
    }
}
