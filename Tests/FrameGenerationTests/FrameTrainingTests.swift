// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import NeuralNetworks
import Pictures
import Testing

@testable import FrameGeneration
@testable import Training

/// Training of both stages, and frames that are made.
@Suite struct FrameTrainingTests {
    private func parts<Network: TrainableNetwork>(
        _ world: FrameWorld, _ network: Network, _ name: String, steps: Int, every: Int
    ) -> Trainer<Network>.Parts {
        var schedule = Trainer<Network>.Schedule()
        schedule.checkpointSteps = every
        return Trainer<Network>.Parts(
            network: network, options: FrameWorld.options(steps),
            folder: CheckpointFolder(path: world.root.appending(path: name).path, keep: 100), schedule: schedule)
    }

    private func generator(
        _ world: FrameWorld, _ name: String, steps: Int, threads: Int = 1, every: Int = 1, folder: FrameFolder? = nil,
        _ change: (inout FrameDescription) -> Void = { _ in }
    ) throws -> Trainer<FrameGenerator> {
        var (set, description) = try world.set(features: folder != nil)
        change(&description)
        let cache = try set.cache(
            world.pairs, world.folder, in: world.root.path, named: "latents.safetensors"
        ) { _ in }
        let loader = FrameLoader(cache, folder ?? world.folder, description.denoiser.conditions)
        let network = try FrameGenerator(description, loader: loader, seed: 7, threads: threads)
        let options = FrameWorld.options(steps)
        return try Trainer(
            self.parts(world, network, name, steps: steps, every: every),
            source: FixedSource(world.placed(), options: options))
    }

    private func stage(
        _ world: FrameWorld, _ name: String, steps: Int, threads: Int = 1, every: Int = 1
    ) throws -> Trainer<FirstStageTrainer> {
        let network = try FirstStageTrainer(
            FirstStageDescription(FrameWorld.firstStage, side: FrameWorld.side), world.folder, seed: 7,
            threads: threads)
        let options = FrameWorld.options(steps), names = world.pairs.map { FrameName($0.target) }
        return try Trainer(
            self.parts(world, network, name, steps: steps, every: every), source: FixedSource(names, options: options))
    }

    private func run<Network: TrainableNetwork>(_ trainer: Trainer<Network>, until stop: Int = .max) throws -> [Double]
    {
        var losses: [Double] = []
        _ = try trainer.run(isStopping: { trainer.step >= stop }) { event in
            if case .step(let step) = event { losses.append(step.losses.total) }
        }
        return losses
    }

    private func file(_ world: FrameWorld, _ name: String, _ step: Int) throws -> Data {
        try Data(contentsOf: world.root.appending(path: name).appending(path: CheckpointFolder.name(step: step)))
    }

    /// Each kill loses what came after a checkpoint, and the next run goes on from there, on one thread or two.
    @Test func generatorsThatAreKilledEndWithTheSameBits() throws {
        let world = try FrameWorld(), steps = 8
        defer { world.remove() }
        _ = try self.run(try self.generator(world, "whole", steps: steps, every: 100))
        let whole = try self.file(world, "whole", steps)
        #expect(
            try SafetensorsFile(
                path: world.root.appending(path: "whole").appending(path: CheckpointFolder.name(step: steps)).path
            ).names.contains("carried.average"))
        for kill in 1..<steps {
            _ = try self.run(try self.generator(world, "killed", steps: steps, threads: 1 + kill % 2), until: kill)
        }
        _ = try self.run(try self.generator(world, "killed", steps: steps, threads: 2))
        #expect(try self.file(world, "killed", steps) == whole)
    }

    @Test func firstStagesThatAreKilledEndWithTheSameBitsAndLearn() throws {
        let world = try FrameWorld(), steps = 30
        defer { world.remove() }
        let losses = try self.run(try self.stage(world, "whole", steps: steps, every: 100))
        let early = losses.prefix(5).reduce(0, +), late = losses.suffix(5).reduce(0, +)
        #expect(late < 0.6 * early, "\(losses)")
        for kill in [1, 5, 11] {
            _ = try self.run(try self.stage(world, "killed", steps: steps, threads: 1 + kill % 2), until: kill)
        }
        _ = try self.run(try self.stage(world, "killed", steps: steps, threads: 2))
        #expect(try self.file(world, "killed", steps) == (try self.file(world, "whole", steps)))
        let path = world.root.appending(path: "whole").appending(path: CheckpointFolder.name(step: steps)).path
        let (stage, isOfficial) = try FirstStage.read(path)
        #expect(!isOfficial && stage.configuration == FrameWorld.firstStage)
        let trainer = try self.stage(world, "whole", steps: steps)
        _ = try self.run(trainer)
        let verdict = try trainer.network.evaluate([FrameName(world.pairs[0].input)])
        #expect((verdict.score ?? 0) > 0 && (verdict.score ?? 1) < 1)
    }

    /// Features go through projections that learn, or that stay as they were.
    @Test(arguments: [true, false]) func projectionsLearnOrDoNot(_ learns: Bool) throws {
        let world = try FrameWorld()
        defer { world.remove() }
        let folder = try world.writeFeatures()
        let trainer = try self.generator(world, "run", steps: 3, folder: folder) { $0.learnsProjections = learns }
        let parameters = trainer.network.parameters
        let name = try #require(parameters.layout["projection_img.weight"])
        #expect(name.isTrained == learns)
        let before = parameters[name]
        let losses = try self.run(trainer)
        #expect(losses.count == 3 && losses.allSatisfy { $0.isFinite && $0 > 0 })
        #expect((parameters[name] != before) == learns)
        // A frame of the checkpoint, whose average holds what learned alone.
        let path = world.root.appending(path: "run").appending(path: CheckpointFolder.name(step: 3)).path
        let (set, _) = try world.set(features: true)
        let maker = try FrameMaker(trainer.network.description, set.stage, set.encoder)
        try maker.load(try SafetensorsFile(path: path))
        var settings = FrameSettings()
        settings.steps = 2
        let pair = world.pairs[0], features = try folder.features(pair, maker.description.denoiser.conditions)
        let made = try maker.frame(
            after: try folder.picture(pair.input), tokens: [0], features: features, key: pair.id, settings)
        #expect(made.values.allSatisfy { $0.isFinite })
        #expect(throws: GenerationError.self) {
            try maker.frame(after: try folder.picture(pair.input), tokens: [0], key: pair.id, settings)
        }
    }

    /// A frame is its own, whatever else is made, in which order, on however many threads, by any sampler.
    @Test(arguments: Sampler.allCases) func framesFollowFromTheirKeysAlone(_ sampler: Sampler) throws {
        let world = try FrameWorld()
        defer { world.remove() }
        let trainer = try self.generator(world, "run", steps: 2)
        _ = try self.run(trainer)
        let path = world.root.appending(path: "run").appending(path: CheckpointFolder.name(step: 2)).path
        var settings = FrameSettings()
        (settings.steps, settings.sampler, settings.seed) = (3, sampler, 4)
        func frames(_ order: [Int], threads: Int) throws -> [Int: FramePixels] {
            let (set, description) = try world.set()
            let maker = try FrameMaker(description, set.stage, set.encoder, threads: threads)
            try maker.load(try SafetensorsFile(path: path))
            var frames: [Int: FramePixels] = [:]
            for index in order {
                let pair = world.pairs[index]
                frames[index] = try maker.frame(
                    after: try world.folder.picture(pair.input), tokens: set.words.tokens(of: [pair.text])[0],
                    key: pair.id, settings)
            }
            return frames
        }
        let one = try frames([0, 1, 2], threads: 1)
        #expect(try frames([2, 0, 1], threads: 2) == one)
        #expect(Set(one.values).count == 3)
        // Bytes: clamped, and stretched.
        let frame = try #require(one[0]), size = (height: 16, width: 20)
        #expect(FrameMaker.picture(frame, .clamped, size: size).width == 20)
        let stretched = FrameMaker.picture(frame, .official).bytes
        #expect(stretched.min() == 0 && (stretched.max() ?? 0) >= 254)
    }

    @Test func cachesAreMadeOnceAndAnewWhereSomethingChanged() throws {
        let world = try FrameWorld(pairs: 4)
        defer { world.remove() }
        let (set, _) = try world.set()
        func encoded(_ pairs: [FramePair]) throws -> (made: Int, key: String) {
            var made = 0
            let cache = try set.cache(pairs, world.folder, in: world.root.path, named: "cache.safetensors") {
                made = $0
            }
            #expect(cache.count == pairs.count && cache.deviation > 0)
            return (made, cache.key)
        }
        let first = try encoded(world.pairs)
        #expect(first.made == 4)
        #expect(try encoded(world.pairs) == (0, first.key))
        var changed = world.pairs
        changed[1].text = "moves left"
        let second = try encoded(changed)
        #expect(second.made == 4 && second.key != first.key)
        try Data(try world.folder.picture("0a.png").png).write(to: world.root.appending(path: "3b.png"))
        #expect(try encoded(changed).made == 4)
        try FileManager.default.removeItem(at: world.root.appending(path: "2b.png"))
        #expect(throws: GenerationError.self) { try encoded(changed) }
    }

    @Test func partsOfOtherWeightsAreRefused() throws {
        let world = try FrameWorld(pairs: 3)
        defer { world.remove() }
        let (set, description) = try world.set()
        let other = try FirstStage(FrameWorld.firstStage, seed: 4)
        #expect(throws: GenerationError.self) { try FrameMaker(description, other, set.encoder) }
        var wrong = description
        wrong.side = 18
        #expect(wrong.problem() != nil)
        wrong = description
        wrong.denoiser.predictor.context = 7
        #expect(wrong.problem() != nil)
        wrong = description
        wrong.denoiser.predictor.groups = 5
        #expect(wrong.problem() != nil)
    }
}
