// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import Testing

@testable import Training

/// The network on the task's own shards, as the program trains it.
@Suite("Captions: training")
struct LivelinessTrainingTests {
    private let world: CaptionWorld

    init() throws { self.world = try CaptionWorld() }

    /// Makes captions of the albums of a file.
    private func caption(_ file: String = "albums.jsonl") async throws {
        let model = try await CaptionModel()
        try await self.world.run("ingest", "albums", "--file", self.world.path(file), "--topic", "albums")
        try await self.world.start(self.world.runArguments, environment: model.environment).lines()
        await model.stop()
    }

    /// Starts the program's training in a folder, from where its last checkpoint stands.
    private func start(_ name: String, steps: Int, _ more: String...) throws -> CaptionProgram {
        try self.start(name, steps: steps, more)
    }

    private func start(_ name: String, steps: Int, _ more: [String]) throws -> CaptionProgram {
        try self.world.start(
            [
                "train-liveliness", "--output", self.world.path(name), "--steps", "\(steps)", "--checkpoint-every", "6",
                "--segment-steps", "50",
            ] + more)
    }

    private func checkpoint(_ name: String, _ step: Int) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: self.world.path("\(name)/\(CheckpointFolder.name(step: step))")))
    }

    private func lines(_ file: String) throws -> [JSONValue] {
        try String(contentsOfFile: self.world.path(file), encoding: .utf8).split(separator: "\n").map {
            try JSONValue(parsing: $0.utf8)
        }
    }

    /// Waits until a run has a checkpoint behind a step.
    /// - Returns: the step of the last.
    private func awaitCheckpoint(_ name: String, behind step: Int = 0, of life: CaptionProgram) async throws -> Int {
        let folder = CheckpointFolder(path: self.world.path(name))
        while life.isRunning, folder.steps().max() ?? 0 <= step { try await Task.sleep(for: .milliseconds(2)) }
        return folder.steps().max() ?? 0
    }

    @Test("It learns from whole albums, and keeps plan, metrics and checkpoints; stopped, it ends with the same bits")
    func stopped() async throws {
        try await self.caption()
        let validating = ["--validate-on", "captions", "--validate-every", "1000"]
        let report = try await self.start("whole", steps: 3_000, ["--log-every", "1"] + validating).lines()
        #expect(report.count == 1 && report[0].hasPrefix("trained 3000 of 3000 steps on 23 samples of"), "\(report)")
        let metrics = try self.lines("whole/metrics.jsonl")
        let losses = metrics.compactMap { $0["event"]?.string == "step" ? $0["loss"]?.double : nil }
        #expect(losses.count == 3_000)
        #expect(losses.suffix(100).reduce(0, +) < losses.prefix(100).reduce(0, +))
        #expect(metrics.count { $0["event"]?.string == "validation" && $0["error"] != nil } == 3)
        #expect(try self.lines("whole/plan.jsonl").count == 60)
        let files = try FileManager.default.contentsOfDirectory(atPath: self.world.path("whole"))
        #expect(files.contains { $0.hasPrefix("events.out.tfevents.") } && files.contains("best.safetensors"))

        let life = try self.start("stopped", steps: 3_000, validating)
        _ = try await self.awaitCheckpoint("stopped", of: life)
        let words = try await life.interrupt()
        #expect(words.first?.hasPrefix("stopped after ") == true && words.last == "the same command goes on from here")
        try await self.start("stopped", steps: 3_000, validating).lines()
        #expect(try self.checkpoint("stopped", 3_000) == self.checkpoint("whole", 3_000))
    }

    @Test("Killed while it trains, the same command goes on and ends with the same bits", .timeLimit(.minutes(5)))
    func killed() async throws {
        try await self.caption()
        let steps = 3_000
        try await self.start("whole", steps: steps).lines()
        var reached = 0
        for kill in 1...5 {
            let life = try self.start("killed", steps: steps)
            reached = try await self.awaitCheckpoint("killed", behind: reached, of: life)
            try #require(try await life.killNow(), "it ended before kill \(kill)")
        }
        #expect((1..<steps).contains(reached))
        try await self.start("killed", steps: steps).lines()
        #expect(try self.checkpoint("killed", steps) == self.checkpoint("whole", steps))
    }

    @Test("It waits for albums, follows them while they land, and is repeated by its plan", .timeLimit(.minutes(5)))
    func followed() async throws {
        let albums = try String(contentsOfFile: self.world.path("albums.jsonl"), encoding: .utf8)
        try self.world.write(
            albums.split(separator: "\n").prefix(12).joined(separator: "\n") + "\n", to: "first.jsonl")
        let steps = 3_000
        let first = try self.start("online", steps: steps, "--wait")
        try await first.awaitMessage("waiting for samples: 0 shards are committed")
        try await self.caption("first.jsonl")
        var reached = try await self.awaitCheckpoint("online", of: first)
        try #require(try await first.killNow())
        try await self.caption()
        for kill in 1...3 {
            let life = try self.start("online", steps: steps, "--wait")
            reached = try await self.awaitCheckpoint("online", behind: reached, of: life)
            try #require(try await life.killNow(), "it ended before kill \(kill)")
        }
        try await self.start("online", steps: steps, "--wait").lines()
        let plan = try self.lines("online/plan.jsonl")
        #expect(Set(plan.map { $0["shards"]?.int }).count > 1, "it has seen the set grow")
        try await self.start("again", steps: steps, "--plan", self.world.path("online/plan.jsonl")).lines()
        #expect(try self.checkpoint("again", steps) == self.checkpoint("online", steps))
    }

    @Test("More slots than the network has are refused before anything is made")
    func refused() async throws {
        let message = try await self.start("none", steps: 5, "--batch-size", "65").failure(2)
        #expect(message.contains("--slots is 1 to 64, not 65"))
        #expect(!FileManager.default.fileExists(atPath: self.world.path("none")))
    }
}
