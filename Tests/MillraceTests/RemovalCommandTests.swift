// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Commands

/// `shards drop`, `topics delete` and `groups reset`, as a user has them.
@Suite("Removing")
struct RemovalCommandTests {
    /// A home with a small world in it, in which a topology has run.
    private func ran(_ topology: String = "nlq", videos: Int = 6) throws -> Workbench {
        let bench = try Workbench(videos: videos)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology(topology))
        return bench
    }

    private func topics(_ bench: Workbench) throws -> String {
        try bench.succeed("topics", "list", "--json").outputText
    }

    @Test("A set is dropped whole once that was said, and the next run makes the same samples")
    func drop() throws {
        let bench = try self.ran()
        let samples = try bench.samples("nlq").sorted()
        #expect(samples.count > 50)
        try bench.folder.write("mine", to: "home/shards/nlq/notes.txt")
        let before = try self.topics(bench)

        let dry = try bench.succeed("shards", "drop", "nlq", "--dry-run")
        let files = try bench.shardFiles("nlq").filter { $0.hasSuffix(".zst") }
        dry.prints(
            "would remove the set `nlq`", "\(files.count + 4) files", "topic    shards.nlq, \(files.count) record",
            "offsets  nlq.land: queries[0] ", "state    nlq.land.0: ", "stays    kept answers",
            "note     `nlq.dead-letters` stays")
        let json = try JSONTree(bench.succeed("shards", "drop", "nlq", "--dry-run", "--json").outputText)
        #expect(json["removed"].bool == false)
        #expect(json["files"].array.first?["names"].array.count == files.count + 4)
        #expect(json["topics"].array.compactMap { $0["topic"].string } == ["shards.nlq"])
        #expect(json["offsets"].array.first?["partitions"].array.count == 4)
        // Nobody can be asked here.
        try bench.fail(2, "shards", "drop", "nlq").says("--dry-run", "--yes")
        #expect(try self.topics(bench) == before)
        #expect(try bench.samples("nlq").sorted() == samples)

        try bench.succeed("shards", "drop", "nlq", "--yes").prints("removed the set `nlq`")
        try bench.fail(2, "shards", "list", "nlq").says("there is no shard set `nlq`")
        try bench.fail(2, "shards", "drop", "nlq", "--yes").says("there is no shard set `nlq`")
        #expect(try bench.shardFiles("nlq") == ["notes.txt"], "what is not the set's stays")
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.shardFolder("nlq").path).count == 1)
        let status = try bench.succeed("status", "--interval", "0")
        status.prints("nlq.land", "never")
        let group = try GroupStatus(named: "nlq.land", in: bench.succeed("status", "--json", "--interval", "0"))
        let queries = try bench.records("queries").count
        #expect(group.lag == queries && group.records == 0, "all of the input waits: \(group)")

        try bench.run(Workbench.topology("nlq"))
        #expect(try bench.samples("nlq").sorted() == samples)
        try bench.succeed("shards", "verify", "nlq").prints("sound")
        #expect(try bench.records("queries").count == queries, "nothing before it was made again")
    }

    @Test("A chain is named whole or refused; reset whole, it makes everything again, rejects and letters once")
    func chain() throws {
        let bench = try self.ran()
        let samples = try bench.samples("nlq").sorted()
        let rejected = try bench.records("queries.rejected").count
        let before = try self.topics(bench)
        let command = "millrace groups reset nlq.curate nlq.generate nlq.land"
        try bench.fail(2, "groups", "reset", "nlq.curate", "--yes").says(
            "`nlq.generate` has read the topic `blocks`", command)
        try bench.fail(2, "topics", "delete", "blocks", "--yes").says(
            "millrace topics delete blocks --group nlq.curate --group nlq.generate --group nlq.land")
        try bench.fail(2, "topics", "delete", "shards.nlq", "--yes").says("millrace shards drop nlq")
        try bench.fail(2, "topics", "delete", "millrace-owners", "--yes").says("owners")
        try bench.fail(2, "topics", "delete", "none", "--yes").says("there is no topic `none`; there are: ")
        try bench.fail(2, "groups", "reset", "none", "--yes").says("there is no group `none`; there are: nlq.curate")
        #expect(try self.topics(bench) == before)

        let list = try bench.succeed("groups", "list")
        list.prints("nlq.generate", "blocks", "queries", "shards nlq")
        try bench.succeed("groups", "reset", "nlq.curate", "nlq.generate", "nlq.land", "--yes").prints(
            "removed the groups `nlq.curate`, `nlq.generate`, `nlq.land`", "topic    blocks, ",
            "topic    nlq.dead-letters")
        #expect(!(try self.topics(bench).contains("\"queries\"")))
        try bench.run(Workbench.topology("nlq"))
        #expect(try bench.samples("nlq").sorted() == samples)
        #expect(try bench.records("queries.rejected").count == rejected)

        // A topic that a group only writes beside may go alone, and comes back empty.
        try bench.succeed("topics", "delete", "queries.rejected", "nlq.dead-letters", "--yes")
        try bench.run(Workbench.topology("nlq"))
        #expect(try bench.records("queries.rejected").isEmpty)
        #expect(try bench.samples("nlq").sorted() == samples)
    }

    @Test("A topic that ingest filled is filled again: its ledger has gone with it")
    func ingested() throws {
        let bench = try self.ran("naq")
        let samples = try bench.samples("naq").sorted()
        try bench.fail(2, "topics", "delete", "narrations", "--yes").says("--group naq.land")
        try bench.succeed("topics", "delete", "narrations", "--group", "naq.land", "--yes").prints(
            "topic    narrations.dead-letters", "state    ingest.narrations.ego4d", "fills `narrations` again")
        try bench.fail(2, "run", Workbench.topology("naq"), "--until-idle").says(
            "the topic `narrations` does not exist")
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology("naq"))
        #expect(try bench.samples("naq").sorted() == samples)
    }

    @Test("A replay goes whole, and the same replay comes out the same again")
    func replay() throws {
        let bench = try self.ran()
        let topology = Workbench.topology("nlq")
        let before = try self.topics(bench)
        try bench.succeed("replay", topology, "--from", "earliest")
        let files = try bench.shardFiles("nlq.r1")
        let bytes = try files.map { try Data(contentsOf: bench.shardFolder("nlq.r1").appendingPathComponent($0)) }
        try bench.succeed("shards", "drop", "nlq", "--dry-run").prints("sets of replays stay: `nlq.r1`")
        try bench.fail(2, "topics", "delete", "replay.nlq.r1", "--yes").says("millrace shards drop nlq.r1")
        try bench.succeed("shards", "drop", "nlq.r1", "--yes").prints(
            "topic    nlq.r1.blocks", "topic    replay.nlq.r1", "offsets  nlq.r1.curate", "--into nlq.r1")
        #expect(!FileManager.default.fileExists(atPath: bench.shardFolder("nlq.r1").path))
        // These two tell of what has been: claims that were made and given up, removals that began and ended.
        let lines = { (text: String) in
            text.split(separator: "\n").filter { !$0.contains("millrace-removals") && !$0.contains("millrace-owners") }
        }
        #expect(lines(try self.topics(bench)) == lines(before), "all of it is gone, and nothing else")
        try bench.succeed("replay", topology, "--from", "earliest").prints("shards nlq.r1:")
        let again = try bench.shardFiles("nlq.r1")
        #expect(
            try again.map { try Data(contentsOf: bench.shardFolder("nlq.r1").appendingPathComponent($0)) } == bytes)
    }

    @Test("Nothing is removed under a process that is at work")
    func live() async throws {
        let bench = try self.ran("naq")
        let samples = try bench.samples("naq").sorted()
        let home = TestHome(URL(fileURLWithPath: bench.home))
        let run = try home.start(["run", Workbench.topology("naq")])
        try await Self.wait("the run is in its group") {
            try await !home.group("naq.land").members.isEmpty
        }
        for arguments in [
            ["shards", "drop", "naq"], ["groups", "reset", "naq.land"], ["topics", "delete", "naq.dead-letters"],
        ] {
            let refused = try bench.expect(2, arguments + ["--yes"])
            refused.says("the group naq.land is at work", "\(run.pid)", "stop it first", "nothing was removed")
            let dry = try bench.expect(0, arguments + ["--dry-run"])
            dry.says("now it would be refused")
        }
        #expect(try bench.samples("naq").sorted() == samples)
        run.send(SIGINT)
        _ = try await run.finished()
        try bench.succeed("shards", "drop", "naq", "--yes")
    }

    @Test("Runs of training that go by a set are named, and one at work keeps it")
    func trainings() throws {
        let bench = try self.ran("naq")
        let folder = bench.folder.file("run-a").path
        try bench.folder.write("", to: "run-a/plan.jsonl")
        try bench.folder.write("", to: "run-a/step-000000001.safetensors")
        let home = Home(path: bench.home)
        do {
            let note = Trainings.note(folder, set: "naq", in: home)
            #expect(note != nil)
            try bench.fail(2, "shards", "drop", "naq", "--yes").says(
                "a training in \(folder) is at work", "stop it first")
            withExtendedLifetime(note) {}
        }
        #expect(Trainings.over(["nlq"], in: home).isEmpty)
        try bench.succeed("shards", "drop", "naq", "--dry-run").prints(
            "plan     \(folder)/plan.jsonl", "1 checkpoint", "cannot go on")
        try bench.succeed("shards", "drop", "naq", "--yes")
        try FileManager.default.removeItem(atPath: folder)
        #expect(Trainings.over(["naq"], in: home).isEmpty, "a run that is gone is not named")
    }

    @Test("A folder whose files are gone already goes, too, and one with something else in it stays")
    func folders() throws {
        let bench = try self.ran("naq")
        let folder = bench.shardFolder("naq").path
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
            try FileManager.default.removeItem(atPath: "\(folder)/\(file)")
        }
        try bench.succeed("shards", "drop", "naq", "--yes")
        #expect(!FileManager.default.fileExists(atPath: folder))
        try bench.run(Workbench.topology("naq"))
        try Data().write(to: bench.shardFolder("naq").appendingPathComponent("notes.txt"))
        try bench.succeed("shards", "drop", "naq", "--yes")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["notes.txt"])
    }

    @Test("Killed again and again, a drop is finished by the same command or by a run; the samples are the same")
    func killed() async throws {
        let seed = SeededNumbers.seed()
        var numbers = SeededNumbers(seed: seed)
        let bench = try self.ran("naq", videos: 12)
        let home = TestHome(URL(fileURLWithPath: bench.home))
        let samples = try bench.samples("naq").sorted()
        var killed = 0
        var interrupted = 0
        var lifetime = 30
        for round in 0..<24 {
            let process = try home.start(["shards", "drop", "naq", "--yes"])
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...lifetime, using: &numbers)))
            if process.killNow() { killed += 1 }
            let result = try await process.finished()
            // Aims at the middle: longer lives where nothing has begun, shorter ones where all was done.
            let listed = try await home.run("shards", "list", "naq")
            let pending = try JSONTree(try await home.output("status", "--json", "--interval", "0").output)["removals"]
            if !pending.array.isEmpty { interrupted += 1 }
            lifetime = listed.code == 0 && pending.array.isEmpty ? lifetime + 10 : max(10, lifetime - 10)
            let context: Comment = "round \(round) of seed \(seed): \(result.story)"
            if !pending.array.isEmpty {
                // A reader sees all of it or none.
                if listed.code == 0 { try bench.succeed("shards", "verify", "naq").prints("sound") }
                if Bool.random(using: &numbers) {
                    try bench.succeed("shards", "drop", "naq", "--yes").prints("removed the set `naq`")
                    #expect(!FileManager.default.fileExists(atPath: bench.shardFolder("naq").path), context)
                }
            }
            try bench.run(Workbench.topology("naq"))
            #expect(try bench.samples("naq").sorted() == samples, context)
            try bench.succeed("shards", "verify", "naq").prints("sound")
            let committed = try await home.listed(in: "naq")
            #expect(try home.listedBeside("naq").count == committed.count, context)
        }
        #expect(killed > 5, "\(killed) kills, \(interrupted) between the first and the last step, seed \(seed)")
    }

    static func wait(_ what: Comment, until isSo: () async throws -> Bool) async throws {
        var patience = Patience(seconds: 90)
        while try await !isSo() {
            guard patience.lasts() else { throw ProcessFailure(description: "waited in vain: \(what)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
