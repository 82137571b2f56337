// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import HostileServers
import Testing

/// The task through the program's commands, none of which knows it.
@Suite("Captions")
struct CaptionTests {
    private let world: CaptionWorld

    init() throws { self.world = try CaptionWorld() }

    @Test("One line of registration, and every command that iterates over tasks has it")
    func registered() async throws {
        let operators = try await self.world.run("lint", "--operators")
        #expect(operators.contains("photos   (album → photo)"))
        // Beside the forms of `llm` that write queries and foresee actions, with fields of its own.
        #expect(operators.count { $0.hasPrefix("llm   (") } == 3)
        #expect(try await self.world.run("ingest", "--help").contains { $0.contains("albums") })
        #expect(try await self.world.run("export", "--help").contains { $0.contains("captions") })
        #expect(try await self.world.run("--help").contains { $0.contains("train-liveliness") })
        let lint = try await self.world.run("lint", self.world.path("captions.yaml"))
        #expect(lint.count == 1 && lint[0].contains("captions, 1 stage"))
    }

    @Test("Photos become captions, and a replay over the kept answers asks nothing and writes the same bytes")
    func wholeWay() async throws {
        let model = try await CaptionModel()
        try await self.world.ingest()
        try await self.world.start(self.world.runArguments, environment: model.environment).lines()
        #expect(model.questions.count == 2 * self.world.photos)
        #expect(model.questions.count { !$0.imageURLs.isEmpty } == self.world.photos)
        #expect(try await self.world.samples() == self.world.expectedSamples())
        let letters = try await self.world.run("topics", "read", "captions.dead-letters", "--json")
        #expect(letters.count == 1 && letters[0].contains("no-rating"))

        try await self.world.run(
            "replay", self.world.path("captions.yaml"), "--from", "earliest",
            environment: model.environment)
        #expect(model.questions.count == 2 * self.world.photos)
        let shards = try await self.world.shards()
        #expect(try await self.world.shards(of: "captions.r1") == shards && shards.count > 4)

        let table = self.world.path("captions.tsv")
        try await self.world.run("export", "captions", "--shards", "captions", "--output", table)
        let rows = try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n")
        #expect(rows.count == self.world.photos - 1 && rows[0].hasPrefix("a1/1\tPhoto a1/1 shows a tree"))
        let page = try await self.world.run("explain", "a3/2")
        #expect(page.first == "A caption of photo 2 of the album a3.")
        await model.stop()
    }

    @Test("An album is ingested once; a line that is no photo is a dead letter, and the rest goes on")
    func source() async throws {
        try await self.world.ingest()
        let before = try await self.world.run("topics", "read", "albums")
        #expect(before.count == self.world.photos + 2 * 4)
        let lines = try String(contentsOfFile: self.world.path("albums.jsonl"), encoding: .utf8)
        try self.world.write(#"{"album":"a0","file":"door.png","sha256":"12"}"# + "\n" + lines, to: "albums.jsonl")
        try await self.world.ingest()
        #expect(try await self.world.run("topics", "read", "albums") == before)
        let letters = try await self.world.run("topics", "read", "albums.dead-letters", "--json")
        #expect(letters.count == 1 && letters[0].contains("line 1, byte 0: `sha256` must be 64 hexadecimal digits"))
    }

    @Test("A file that breaks off ends the ingest; whole albums before that stay, the open one is not taken")
    func cutSource() async throws {
        let lines = try String(contentsOfFile: self.world.path("albums.jsonl"), encoding: .utf8)
        try self.world.write(String(lines.dropLast(20)), to: "albums.jsonl")
        let ingest = try self.world.start(["ingest", "albums", "--file", self.world.path("albums.jsonl")])
        #expect(try await ingest.failure().contains("breaks off within this line"))
        let albums = try await self.world.run("topics", "read", "albums")
        #expect(albums.count == (self.world.photos / 4 + 2) * 3 && !albums.contains { $0.contains(#""a4""#) })
    }
}

/// Exactly-once effects under `kill -9`.
@Suite("Captions, killed")
struct CaptionKillTests {
    private static let (albums, photos, kills) = (8, 40, 20)

    @Test(
        "After 20 kills every sample is there once and in order, in the shards of an undisturbed run",
        .timeLimit(.minutes(5)))
    func killed() async throws {
        let world = try CaptionWorld(albums: Self.albums, photos: Self.photos)
        try await world.ingest()
        try FileManager.default.copyItem(atPath: world.path("home"), toPath: world.path("quiet"))
        let calm = try await CaptionModel(), model = try await CaptionModel(delay: 0.02)
        try await world.start(world.runArguments, home: "quiet", environment: calm.environment).lines()

        let seed = UInt64.random(in: 0...999_999)
        var numbers = SeededNumbers(seed: seed)
        for kill in 1...Self.kills {
            let before = world.published()
            let process = try world.start(
                world.runArguments + ["--max-rate", "40"], environment: model.environment)
            // Once it has got on, so that every life does; then anywhere in what it does next.
            while process.isRunning, world.published().isSubset(of: before) {
                try await Task.sleep(for: .milliseconds(2))
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...120, using: &numbers)))
            try #require(try await process.killNow(), "seed \(seed): it ended before kill \(kill)")
        }
        let committed = try await world.shards().count
        try await world.start(world.runArguments, environment: model.environment).lines()
        let quiet = try await world.shards(home: "quiet")
        #expect((1..<quiet.count).contains(committed), "seed \(seed): the kills were between commits")
        let shards = try await world.shards()
        let differing = Set(shards.keys).union(quiet.keys).filter { shards[$0] != quiet[$0] }
        #expect(differing.isEmpty, "seed \(seed): \(differing.sorted())")
        let samples = try await world.samples()
        #expect(samples == world.expectedSamples(albums: Self.albums, photos: Self.photos), "seed \(seed)")
        print(
            "captions: seed \(seed), \(Self.kills) kills; \(committed) of \(quiet.count) shards committed at the last")
        await calm.stop()
        await model.stop()
    }
}

/// Numbers drawn from a seed (SplitMix64, Steele et al. 2014), so that a failure's times of killing can be drawn again.
private struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
