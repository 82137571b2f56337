// SPDX-License-Identifier: Apache-2.0

import Codecs
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

    private static func options(_ set: ShardSet) -> TrainingOptions {
        var options = TrainingOptions(source: set.name, steps: 200)
        options.batchSize = 3
        options.learningRate = 0.02
        options.clipNorm = 100
        return options
    }

    /// Trains in a folder, from where its last checkpoint stands.
    /// - Returns: the losses.
    private func train(on set: ShardSet, in name: String, until stop: Int = .max) throws -> [Double] {
        let folder = CheckpointFolder(path: self.world.path(name), keep: 100)
        let trainer = try LivelinessTraining.trainer(on: set, Self.options(set), in: folder)
        var losses: [Double] = []
        _ = try trainer.run(isStopping: { trainer.step >= stop }) { event in
            if case .step(let step) = event { losses.append(step.losses.total) }
        }
        return losses
    }

    private func checkpoint(_ name: String, _ step: Int = 200) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: self.world.path("\(name)/\(CheckpointFolder.name(step: step))")))
    }

    @Test("It learns from the shards; stopped or killed anywhere, it ends with the same bits")
    func resumed() async throws {
        let set = try await self.captions()
        #expect(try set.albums().map(\.count) == [6, 5, 6, 6])
        let losses = try self.train(on: set, in: "whole")
        let first = losses.prefix(20).reduce(0, +), last = losses.suffix(20).reduce(0, +)
        #expect(losses.count == 200 && last < first)

        // Stopped in the middle of an album, of a validation's interval and of a checkpoint's.
        for stop in [1, 13, 97] { _ = try self.train(on: set, in: "stopped", until: stop) }
        #expect(try self.train(on: set, in: "stopped").count == 103)
        #expect(try self.checkpoint("stopped") == self.checkpoint("whole"))

        // Killed: what was after its last checkpoint is gone.
        _ = try self.train(on: set, in: "killed")
        let folder = self.world.path("killed")
        for step in CheckpointFolder(path: folder).steps() where step > 60 {
            try FileManager.default.removeItem(atPath: "\(folder)/\(CheckpointFolder.name(step: step))")
        }
        #expect(try self.train(on: set, in: "killed").count == 140)
        #expect(try self.checkpoint("killed") == self.checkpoint("whole"))
    }
}
