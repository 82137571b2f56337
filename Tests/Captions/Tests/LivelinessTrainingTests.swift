// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import EmbeddedLog
import Foundation
import Shards
import TaskRooms
import Testing

@testable import Captions
@testable import Training

/// The network on the task's own shards.
@Suite("Captions: training")
struct LivelinessTrainingTests {
    private let world: CaptionWorld

    init() throws { self.world = try CaptionWorld() }

    /// The set that a run has written.
    private func captions() async throws -> ShardSet {
        let model = try await CaptionModel()
        try await self.world.ingest()
        try await self.world.start(self.world.runArguments, environment: model.environment).lines()
        await model.stop()
        let log = try EmbeddedLog(path: self.world.path("home/log.db"))
        defer { log.close() }
        return ShardSet(
            name: "captions", manifest: try Manifest(reading: "captions", from: log),
            storage: FileShardStorage(folder: self.world.path("home/shards/captions")))
    }

    /// Starts the program's training in a folder, from where its last checkpoint stands.
    private func start(_ name: String, steps: Int) throws -> CaptionProgram {
        try self.world.start([
            "train-liveliness", "--shards", "captions", "--output", self.world.path(name), "--steps", "\(steps)",
        ])
    }

    /// Trains in a folder, from where its last checkpoint stands, until a step.
    /// - Returns: the losses.
    @discardableResult
    private func train(on set: ShardSet, in name: String, until stop: Int = .max) throws -> [Double] {
        let arguments = try LivelinessTraining.parse(["--steps", "200"])
        let trainer = try arguments.trainer(on: set, in: self.world.path(name))
        var losses: [Double] = []
        _ = try trainer.run(isStopping: { trainer.step >= stop }) { event in
            if case .step(let step) = event { losses.append(step.losses.total) }
        }
        return losses
    }

    private func checkpoint(_ name: String, _ step: Int) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: self.world.path("\(name)/\(CheckpointFolder.name(step: step))")))
    }

    @Test("It learns from the shards; stopped anywhere, it ends with the same bits")
    func stopped() async throws {
        let set = try await self.captions()
        #expect(try set.albums().map(\.count) == [6, 5, 6, 6])
        let losses = try self.train(on: set, in: "whole")
        let first = losses.prefix(20).reduce(0, +), last = losses.suffix(20).reduce(0, +)
        #expect(losses.count == 200 && last < first)
        // In the middle of an album, of a validation's interval and of a checkpoint's.
        for stop in [1, 13, 97] { try self.train(on: set, in: "stopped", until: stop) }
        #expect(try self.train(on: set, in: "stopped").count == 103)
        #expect(try self.checkpoint("stopped", 200) == self.checkpoint("whole", 200))
        // The program trains as the task does.
        let report = try await self.start("program", steps: 200).lines()
        #expect(report.count == 1 && report[0].hasPrefix("trained 200 of 200 steps"))
        #expect(try self.checkpoint("program", 200) == self.checkpoint("whole", 200))
    }

    @Test("Killed while it trains, the same command goes on and ends with the same bits", .timeLimit(.minutes(5)))
    func killed() async throws {
        _ = try await self.captions()
        let steps = 3_000
        try await self.start("whole", steps: steps).lines()
        let folder = CheckpointFolder(path: self.world.path("killed"))
        var reached = 0
        for kill in 1...5 {
            let life = try self.start("killed", steps: steps)
            while life.isRunning, folder.steps().max() ?? 0 <= reached { try await Task.sleep(for: .milliseconds(2)) }
            try #require(try await life.killNow(), "it ended before kill \(kill)")
            reached = folder.steps().max() ?? 0
        }
        #expect((1..<steps).contains(reached))
        try await self.start("killed", steps: steps).lines()
        #expect(try self.checkpoint("killed", steps) == self.checkpoint("whole", steps))
    }
}
