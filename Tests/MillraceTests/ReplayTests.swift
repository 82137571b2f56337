// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Replays by the real process, against the run that they replay.
@Suite("Replay")
struct ReplayTests {
    /// A run whose shards were closed by the clock, several a partition.
    private struct Original {
        let folder: TestFolder
        let home: TestHome
        let topology: String
        let shards: [TestHome.ShardPlace: Data]

        init(_ name: String) async throws {
            self.folder = try TestFolder()
            let sample = try SampleHome.small.get()
            self.topology = try TestTopology.write(name, rotate: "{ seconds: 0.2 }", into: self.folder)
            self.home = try sample.copy(into: self.folder)
            let rate = String(sample.narrations / 6)
            _ = try await self.home.output("run", self.topology, "--until-idle", "--max-rate", rate)
            self.shards = try await self.home.shards(of: name)
            let reasons = try await self.home.output("shards", "list", name, "--json").outputLines
                .filter { $0.contains("\"reason\":\"seconds\"") }
            guard reasons.count > 20 else {
                throw ProcessFailure(description: "only \(reasons.count) of \(self.shards.count) shards by the clock")
            }
        }

        /// Expects a set to hold the original's shards, byte for byte.
        func expectReproduced(in set: String) async throws {
            let replayed = try await self.home.shards(of: set)
            #expect(replayed.keys.sorted() == self.shards.keys.sorted(), "shards of \(set)")
            for (place, bytes) in self.shards where replayed[place] != bytes {
                Issue.record("shard \(place) of \(set) differs")
            }
            #expect(self.home.files(of: set) == Set(try await self.home.listed(in: set)))
            #expect(try await self.home.run("shards", "verify", set).code == 0)
        }
    }

    @Test(
        "From the earliest record, shards that the clock closed come out byte for byte",
        arguments: ["naq", "nlq", "nlq-matched"])
    func reproduces(name: String) async throws {
        let original = try await Original(name)
        let result = try await original.home.run("replay", original.topology, "--from", "earliest", "--into", "again")
        #expect(result.code == 0, Comment(rawValue: result.story))
        #expect(!result.errorText.contains("no longer follow"), Comment(rawValue: result.errorText))
        try await original.expectReproduced(in: "again")
        // The original is as it was.
        #expect(try await original.home.shards(of: name) == original.shards)
        if name == "nlq" {
            let same = try await original.home.records(of: "again.queries") == original.home.records(of: "queries")
            #expect(same, "the queries on the way are the same too")
        }
    }

    @Test("A replay that is killed and started again with the same name ends with the same bytes")
    func killed() async throws {
        let original = try await Original("naq")
        let rate = String(try SampleHome.small.get().narrations / 6)
        let seed = SeededNumbers.seed()
        var loop = KillLoop(
            home: original.home,
            arguments: [
                "replay", original.topology, "--from", "earliest", "--into", "again", "--max-rate", rate, "--json",
            ], set: "again", shardCount: original.shards.count)
        loop.lifetimes = 500...1500
        loop.killsWanted = 4
        loop.killsBeforeCommitWanted = 1
        let record = try await loop.run(seed: seed)
        print("replay: seed \(seed), \(record.killsBetweenCommits) kills between the first and the last commit")
        #expect(record.killsBetweenCommits >= 3, "seed \(seed)")
        #expect(record.end?.code == 0, "seed \(seed): \(record.end?.story ?? "")")
        try await original.expectReproduced(in: "again")
    }

    @Test("From a stage on, over the original's topics, shards come out byte for byte")
    func fromStage() async throws {
        let original = try await Original("nlq")
        for stage in ["generate", "land"] {
            let result = try await original.home.run(
                "replay", original.topology, "--from", "earliest", "--stage", stage, "--into", stage, "--json")
            #expect(result.code == 0, Comment(rawValue: result.story))
            #expect(!result.outputText.contains("\"stage\":\"curate\""))
            try await original.expectReproduced(in: stage)
        }
    }

    @Test("What arrives after a replay's start is not in it, nor in one that goes on")
    func bounded() async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.small.get()
        let topology = try TestTopology.write("naq", rotate: "{ samples: 300, seconds: 0 }", into: folder)
        let home = try sample.copy(into: folder)
        _ = try await home.output("run", topology, "--until-idle")
        let shards = try await home.shards(of: "naq")

        let process = try home.start(
            ["replay", topology, "--from", "earliest", "--into", "again", "--max-rate", "3000"])
        while process.isRunning, home.published(of: "again").count < 3 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(process.killNow())
        let late = """
            {"video_uid": "late", "timestamp_sec": 1.0, "text": "#C C opens the door", "duration_sec": 600}
            {"video_uid": "late", "timestamp_sec": 9.0, "text": "#C C closes the door", "duration_sec": 600}

            """
        let file = try folder.write(late, to: "late.jsonl")
        _ = try await home.output("ingest", "jsonl", "--file", file)
        _ = try await home.output("replay", topology, "--from", "earliest", "--into", "again")
        #expect(try await home.shards(of: "again") == shards)
    }

    @Test("A dry run says what would be read, and does nothing")
    func dryRun() async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.small.get()
        let topology = try TestTopology.write("naq", rotate: "{ samples: 300, seconds: 0 }", into: folder)
        let home = try sample.copy(into: folder)
        let before = try await home.output("topics", "list", "--json").outputText
        let result = try await home.run("replay", topology, "--from", "earliest", "--dry-run")
        #expect(result.code == 0, Comment(rawValue: result.story))
        #expect(result.outputLines.filter { $0.contains("narrations") }.count == 4, "one line a partition")
        #expect(try await home.output("topics", "list", "--json").outputText == before)
        #expect(!FileManager.default.fileExists(atPath: home.url.appendingPathComponent("shards").path))
    }

    @Test("A set that is there already, or another replay's, is refused")
    func refused() async throws {
        let folder = try TestFolder()
        let sample = try SampleHome.small.get()
        let topology = try TestTopology.write("naq", rotate: "{ samples: 300, seconds: 0 }", into: folder)
        let home = try sample.copy(into: folder)
        _ = try await home.output("run", topology, "--until-idle")
        let shards = try await home.shards(of: "naq")
        let own = try await home.run("replay", topology, "--from", "earliest", "--into", "naq")
        #expect(own.code == 2, Comment(rawValue: own.story))
        #expect(own.errorText.contains("choose another --into"))
        #expect(try await home.shards(of: "naq") == shards)

        _ = try await home.output("replay", topology, "--from", "earliest", "--into", "again")
        let other = try await home.run("replay", topology, "--from", "offset:0=100", "--into", "again")
        #expect(other.code == 2, Comment(rawValue: other.story))
        // The same replay once more finds nothing left to do.
        _ = try await home.output("replay", topology, "--from", "earliest", "--into", "again")
        #expect(try await home.shards(of: "again") == shards)
        // Without a name it takes the next free one.
        _ = try await home.output("replay", topology, "--from", "earliest")
        _ = try await home.output("replay", topology, "--from", "earliest")
        #expect(try await home.shards(of: "naq.r1") == shards)
        #expect(try await home.shards(of: "naq.r2") == shards)
    }
}
