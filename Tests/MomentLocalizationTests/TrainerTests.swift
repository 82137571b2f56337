// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentLocalization
import MomentQueries
import NeuralNetworks
import Records
import Shards
import Testing
import VideoAnnotations

@testable import Training

@Suite struct TrainerTests {
    private let world: TrainingWorld

    init() throws { self.world = try TrainingWorld() }

    private func last(_ name: String) throws -> MomentCheckpoint {
        try #require(try CheckpointFolder(path: self.world.folder(name)).latest())
    }

    /// The bits of weights and optimizer.
    private func bits(_ checkpoint: MomentCheckpoint) throws -> [Bytes] {
        try checkpoint.file.names.map { try checkpoint.file.bytes($0) }
    }

    @Test func aRunThatIsStoppedAnywhereEndsWithTheSameBits() throws {
        let options = self.world.options(steps: 23)
        // Shards land while it trains: at the start, and after steps 3, 7 and 12.
        func land(_ step: Int) throws {
            guard let shard = [0: 0, 3: 1, 7: 2, 12: 3][step] else { return }
            try self.world.publish((0..<7 + shard).map { TrainingWorld.sample(shard * 20 + $0) })
        }
        try land(0)
        var landed = 0
        // It is stopped after each number of steps in turn, every time in the middle of something else.
        for stops in [2, 5, 6, 9, 14, 15, 22] {
            let training = try self.world.training(self.world.parts("stopped", options, checkpointSteps: 4))
            let outcome = try self.world.run(training, stop: { $0 >= stops }) { step in
                for shard in [3, 7, 12] where step >= shard && landed < shard {
                    landed = shard
                    try land(shard)
                }
            }
            #expect(outcome == .stopped)
            #expect(try self.last("stopped").state.step == stops)
        }
        try self.world.run(try self.world.training(self.world.parts("stopped", options, threads: 2)))
        let stopped = try self.last("stopped")
        #expect(stopped.state.step == 23)
        #expect(stopped.state.plan.map(\.shards) == [1, 2, 3, 4, 4])

        // Undisturbed, on two threads or one, from the journal of that run.
        let plan = self.world.folder("stopped") + "/" + PlanJournal.fileName
        for threads in [1, 2] {
            let name = "whole-\(threads)"
            let parts = self.world.parts(name, options, threads: threads)
            try self.world.run(try self.world.training(parts, following: plan))
            let whole = try self.last(name)
            #expect(whole.state.plan == stopped.state.plan)
            #expect(try self.bits(whole) == self.bits(stopped))
        }
        // Without the plan all shards are there from the first segment on: other bits.
        try self.world.run(try self.world.training(self.world.parts("other", options)))
        #expect(try self.bits(self.last("other")) != self.bits(stopped))
    }

    @Test func aCrashBetweenCheckpointsIsMadeUpFor() throws {
        let options = self.world.options(steps: 12)
        try self.world.publish((0..<9).map { TrainingWorld.sample($0) })
        try self.world.run(try self.world.training(self.world.parts("whole", options)))
        // Killed after step 8: the journal is ahead of the checkpoint.
        try self.world.run(try self.world.training(self.world.parts("killed", options)))
        try FileManager.default.removeItem(atPath: self.world.folder("killed") + "/step-000000012.safetensors")
        // A temporary file that a crash left is no checkpoint.
        try Data("torn".utf8).write(
            to: URL(fileURLWithPath: self.world.folder("killed") + "/.writing-step-000000012.safetensors"))
        #expect(try self.last("killed").state.step == 8)
        try self.world.run(try self.world.training(self.world.parts("killed", options)))
        #expect(try self.bits(self.last("killed")) == self.bits(self.last("whole")))
    }

    @Test func samplesWithoutUseAreSkippedAndCounted() throws {
        try self.world.publish(
            (0..<4).map { TrainingWorld.sample($0) } + [
                TrainingWorld.sample(5, video: "unknown"), TrainingWorld.sample(6, length: 0.01), Bytes("{}".utf8),
                Bytes("no json".utf8),
            ])
        let training = try self.world.training(self.world.parts("run", self.world.options(steps: 3)))
        try self.world.run(training)
        #expect(training.index.usable == 4)
        #expect(training.index.counts.skipped == [.withoutFeatures: 1, .emptyWindow: 1, .malformed: 2])
        #expect(training.index.counts.statistics.targets == 4 && training.index.counts.statistics.dropped == 1)
    }

    @Test func anEmptySetIsAnError() throws {
        let none = #expect(throws: TrainingError.self) {
            try self.world.run(try self.world.training(self.world.parts("run", self.world.options(steps: 3))))
        }
        #expect(none?.code == .noSamples && none?.message.contains("--wait") == true)
        try self.world.publish([TrainingWorld.sample(1, video: "unknown")])
        let unusable = #expect(throws: TrainingError.self) {
            try self.world.run(try self.world.training(self.world.parts("run", self.world.options(steps: 3))))
        }
        #expect(unusable?.message.contains("1 without features") == true)
        #expect(!FileManager.default.fileExists(atPath: self.world.folder("run")))
    }

    @Test func aMissingShardIsAnError() throws {
        try self.world.publish((0..<4).map { TrainingWorld.sample($0) })
        let entry = try self.world.publish((4..<8).map { TrainingWorld.sample($0) })
        try self.world.shards.remove(entry.file)
        let error = #expect(throws: ShardError.self) {
            try self.world.run(try self.world.training(self.world.parts("run", self.world.options(steps: 3))))
        }
        #expect(error?.code == .missing && error?.message.contains(entry.file) == true)
    }

    @Test func otherSettingsAreRefusedAndNothingIsOverwritten() throws {
        try self.world.publish((0..<9).map { TrainingWorld.sample($0) })
        let options = self.world.options(steps: 6)
        try self.world.run(try self.world.training(self.world.parts("run", options)))
        let before = try self.contents("run")
        var others = options
        others.learningRate = 0.5
        var wider = TrainingWorld.configuration
        wider.width = 16
        for (parts, word) in [
            (self.world.parts("run", others), "--learning-rate was 0.01 and is 0.5"),
            (self.world.parts("run", options, configuration: wider), "--dim was 8 and is 16"),
        ] {
            let error = #expect(throws: TrainingError.self) { try self.world.run(try self.world.training(parts)) }
            #expect(error?.code == .usage && error?.message.contains(word) == true, "\(String(describing: error))")
        }
        #expect(try self.contents("run") == before)
        // Shards that were replaced: the digest tells.
        var longer = options
        longer.steps = 6
        let other = try TrainingWorld()
        try other.publish((20..<29).map { TrainingWorld.sample($0) })
        let plan = self.world.folder("run") + "/" + PlanJournal.fileName
        let error = #expect(throws: TrainingError.self) {
            try other.run(try other.training(other.parts("follow", longer), following: plan))
        }
        #expect(error?.message.contains("are not those that segment 0 was planned on") == true)
    }

    private func contents(_ name: String) throws -> [String: Data] {
        let folder = self.world.folder(name)
        return Dictionary(
            uniqueKeysWithValues: try FileManager.default.contentsOfDirectory(atPath: folder).map {
                ($0, try Data(contentsOf: URL(fileURLWithPath: folder + "/" + $0)))
            })
    }

    @Test func aFlippedBitIsFoundWhereverItIs() throws {
        try self.world.publish((0..<9).map { TrainingWorld.sample($0) })
        try self.world.run(try self.world.training(self.world.parts("run", self.world.options(steps: 2))))
        let path = self.world.folder("run") + "/step-000000002.safetensors"
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let damagedPath = self.world.folder("damaged.safetensors")
        _ = try MomentCheckpoint(path: path)
        // The header, and places all over the numbers.
        let places = Array(0..<600) + stride(from: 600, to: whole.count, by: whole.count / 40)
        for place in places {
            var damaged = whole
            damaged[place] ^= 1 << (place % 8)
            try damaged.write(to: URL(fileURLWithPath: damagedPath))
            let error = #expect(throws: TrainingError.self, "byte \(place)") { try MomentCheckpoint(path: damagedPath) }
            #expect(error?.code == .checkpoint && error?.message.contains(damagedPath) == true)
        }
        try whole.dropLast().write(to: URL(fileURLWithPath: damagedPath))
        #expect(throws: TrainingError.self) { try MomentCheckpoint(path: damagedPath) }
        // A run does not go on from a damaged checkpoint, nor from the one before it in silence.
        var damaged = whole
        damaged[whole.count - 1] ^= 1
        try damaged.write(to: URL(fileURLWithPath: path))
        let before = try self.contents("run")
        #expect(throws: TrainingError.self) {
            try self.world.run(try self.world.training(self.world.parts("run", self.world.options(steps: 2))))
        }
        #expect(try self.contents("run") == before)
    }

    @Test func checkpointsAreKeptByCountAndByScore() throws {
        try self.world.publish((0..<9).map { TrainingWorld.sample($0) })
        var parts = self.world.parts("run", self.world.options(steps: 20), checkpointSteps: 2)
        let annotations = try AnnotationFile(self.annotations, path: "val.json")
        parts.schedule.validation = try GroundTruth(annotations.split, path: "val.json")
        parts.schedule.validationSteps = 5
        try self.world.run(try self.world.training(parts))
        let folder = CheckpointFolder(path: self.world.folder("run"))
        #expect(folder.steps() == [16, 18, 20])
        let best = try MomentCheckpoint(path: self.world.folder("run") + "/" + CheckpointFolder.bestName)
        let last = try self.last("run")
        #expect(best.state.step == last.state.bestStep && best.state.bestScore == last.state.bestScore)
        #expect(best.state.step % 5 == 0)
    }

    @Test func validatingLeavesNoTrace() throws {
        try self.world.publish((0..<9).map { TrainingWorld.sample($0) })
        func run(_ name: String, every steps: Int) throws -> [Bytes] {
            var parts = self.world.parts(name, self.world.options(steps: 12))
            let annotations = try AnnotationFile(self.annotations, path: "val.json")
            parts.schedule.validation = try GroundTruth(annotations.split, path: "val.json")
            parts.schedule.validationSteps = steps
            try self.world.run(try self.world.training(parts))
            return try self.bits(self.last(name))
        }
        #expect(try run("often", every: 3) == run("once", every: 1000))
    }

    private var annotations: Bytes {
        let queries = (0..<6).map {
            #"{"clip_start_sec":\#($0 * 4),"clip_end_sec":\#($0 * 4 + 6),"query":"Where did I put the cup?"}"#
        }
        return Bytes(
            """
            {"videos":[{"video_uid":"v1","clips":[{"clip_uid":"c","video_start_sec":0,"video_end_sec":32,"annotations":[\
            {"annotation_uid":"a","language_queries":[\(queries.joined(separator: ","))]}]}]}]}
            """.utf8)
    }

    @Test func fineTuningTakesTheWeightsAloneAndGoesThroughEpochs() throws {
        let queries = try AnnotationFile(self.annotations, path: "train.json").split.queries
        var options = self.world.options(steps: 30)
        options.source = "train.json"
        var losses: [Double] = []
        let (trainer, counts) = try Trainer.fixed(queries, self.world.parts("tuned", options))
        #expect(counts.skipped.isEmpty && counts.statistics.targets == 6)
        let outcome = try trainer.run(isStopping: { false }) { event in
            if case .step(let step) = event { losses.append(step.losses.total) }
        }
        #expect(outcome == .finished && losses.count == 30)
        #expect(losses.suffix(5).reduce(0, +) < losses.prefix(5).reduce(0, +), "it learns six queries by heart")
        // Stopped and resumed: the same bits.
        let (again, _) = try Trainer.fixed(queries, self.world.parts("again", options))
        #expect(try again.run(isStopping: { again.step == 13 }, onEvent: { _ in }) == .stopped)
        let (rest, _) = try Trainer.fixed(queries, self.world.parts("again", options))
        #expect(try rest.run(isStopping: { false }, onEvent: { _ in }) == .finished)
        #expect(try self.bits(self.last("again")) == self.bits(self.last("tuned")))
    }

    @Test func aLossThatIsNoNumberStopsTheRunWithTheSamples() throws {
        try self.world.publish((0..<6).map { TrainingWorld.sample($0) })
        let parts = self.world.parts("run", self.world.options(steps: 5))
        for parameter in parts.network.model.layout.parameters where parameter.name.hasPrefix("video_affine") {
            parts.network.model.parameters[parameter] = [Float](repeating: .infinity, count: parameter.count)
        }
        let error = #expect(throws: TrainingError.self) { try self.world.run(try self.world.training(parts)) }
        #expect(error?.code == .notFinite)
        for number in 0..<6 { #expect(error?.message.contains("q\(number)") == true) }
        #expect(!FileManager.default.fileExists(atPath: self.world.folder("run") + "/step-000000001.safetensors"))
    }
}
