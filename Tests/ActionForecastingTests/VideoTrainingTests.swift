// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Foundation
import NeuralNetworks
import Testing

@testable import Training

/// Training on pixels, with memory that lasts from window to window.
@Suite struct VideoTrainingTests {
    private static func options(_ steps: Int, batch: Int = 2) -> TrainingOptions {
        var options = TrainingOptions(source: "video", steps: steps)
        options.batchSize = batch
        options.learningRate = 3e-3
        options.clipNorm = 1e30
        return options
    }

    private func trainer(
        _ world: VideoWorld, _ name: String, steps: Int, threads: Int = 1, every: Int = 1,
        _ preset: MemoryPreset = .fixed
    ) throws -> Trainer<VideoForecaster> {
        var schedule = Trainer<VideoForecaster>.Schedule()
        schedule.checkpointSteps = every
        schedule.validationSteps = 4
        schedule.validation = VideoWorld.windows(3)
        let options = Self.options(steps), clips = (0..<3).map { VideoWorld.windows($0) }
        let parts = Trainer<VideoForecaster>.Parts(
            network: try world.forecaster(preset, threads: threads), options: options,
            folder: CheckpointFolder(path: world.root.appending(path: name).path, keep: 100), schedule: schedule)
        return preset.followsClips
            ? try Trainer(parts, source: SequenceSource(clips, options: options))
            : try Trainer(parts, source: FixedSource(clips.flatMap(\.self), options: options))
    }

    private func run(_ trainer: Trainer<VideoForecaster>, until stop: Int = .max) throws {
        _ = try trainer.run(isStopping: { trainer.step >= stop }, onEvent: { _ in })
    }

    /// Twenty kills: each loses what came after a checkpoint, and the next run goes on from there, on one thread or
    /// two.
    @Test func killedAnywhereItEndsWithTheSameBits() throws {
        let world = try VideoWorld(), steps = 12
        defer { world.remove() }
        func file(_ name: String, _ step: Int) -> URL {
            world.root.appending(path: name).appending(path: CheckpointFolder.name(step: step))
        }
        try self.run(try self.trainer(world, "whole", steps: steps, every: 100))
        let whole = try Data(contentsOf: file("whole", steps))
        let held = try SafetensorsFile(path: file("whole", steps).path).names
        let carried: Set = ["carried.memory.0", "carried.memory.1", "carried.recent.0", "carried.recent.1"]
        #expect(Set(held).isSuperset(of: carried))
        var random = PhiloxGenerator(seed: 2, stream: "kills")
        for kill in 0..<20 {
            let name = "killed\(kill / 4)", stop = Int.random(in: 1..<steps, using: &random)
            try self.run(try self.trainer(world, name, steps: steps, threads: 1 + kill % 2), until: stop)
            let folder = CheckpointFolder(path: world.root.appending(path: name).path)
            let kept = max(1, (folder.steps().max() ?? 1) - Int.random(in: 0...3, using: &random))
            for step in folder.steps() where step > kept { try FileManager.default.removeItem(at: file(name, step)) }
        }
        for run in 0..<5 {
            try self.run(try self.trainer(world, "killed\(run)", steps: steps, threads: 1 + run % 2))
            #expect(try Data(contentsOf: file("killed\(run)", steps)) == whole, "run \(run)")
        }
    }

    /// Whatever memory is used for, or is not.
    @Test(arguments: MemoryPreset.allCases) func stoppedAndGoneOnWithItEndsWithTheSameBits(
        _ preset: MemoryPreset
    ) throws {
        let world = try VideoWorld(), steps = 6
        defer { world.remove() }
        func last(_ name: String) throws -> Data {
            try Data(
                contentsOf: world.root.appending(path: name).appending(path: CheckpointFolder.name(step: steps)))
        }
        try self.run(try self.trainer(world, "whole", steps: steps, every: 100, preset))
        for stop in 1..<steps { try self.run(try self.trainer(world, "parts", steps: steps, preset), until: stop) }
        try self.run(try self.trainer(world, "parts", steps: steps, threads: 2, preset))
        #expect(try last("whole") == last("parts"))
    }

    /// The answer to a clip's last window, before and after the pixels of its first segment, which is no input of it,
    /// are others.
    private func feelsTheFirstSegment(_ preset: MemoryPreset) throws -> Bool {
        let world = try VideoWorld(clips: 1)
        defer { world.remove() }
        let network = try world.forecaster(preset), windows = VideoWorld.windows(0)
        let before = try network.answers(windows)
        try world.write(0, changed: [0])
        let after = try network.answers(windows)
        #expect(before.first != after.first && before.allSatisfy { $0 != nil })
        return before.last != after.last
    }

    @Test func memoryReachesBeyondTheInputs() throws {
        #expect(try self.feelsTheFirstSegment(.fixed))
        #expect(try !self.feelsTheFirstSegment(.none))
        #expect(try !self.feelsTheFirstSegment(.seed))
    }

    /// The seed's memory does not reach from one input to the next: with the first input's pixels changed, the second's
    /// features are the same to the bit. Features are told apart through heads that read one input alone.
    @Test(arguments: [(MemoryPreset.seed, false), (.fixed, true)])
    func theSecondInputFeelsTheFirst(_ preset: MemoryPreset, _ feels: Bool) throws {
        let world = try VideoWorld(clips: 1)
        defer { world.remove() }
        let network = try world.forecaster(preset), width = network.description.forecast.width
        for step in 0..<2 {
            let weight = try #require(network.parameters.layout["decoder.head.projections.\(step).weight"])
            network.parameters[weight] = network.parameters[weight].enumerated().map {
                $0.offset % (2 * width) < width ? 0 : $0.element
            }
        }
        let window = [VideoWorld.windows(0)[0]], before = try network.answers(window)
        try world.write(0, changed: [0])
        #expect(try (network.answers(window) != before) == feels)
    }

    @Test(arguments: [MemoryPreset.none, .fixed]) func threadsDoNotChangeABit(_ preset: MemoryPreset) throws {
        let world = try VideoWorld()
        defer { world.remove() }
        func run(_ threads: Int) throws -> [[Float]] {
            let network = try world.forecaster(preset, streams: 3, threads: threads), team = try network.startThreads()
            var all: [[Float]] = []
            for step in 0..<2 {
                let draws = (0..<3).map { Draw(VideoWorld.windows($0)[step], slot: $0, beginsSequence: step == 0) }
                let batch = try network.loader.batch(draws, StepKey(seed: 1, step: step), on: team)
                _ = try network.differentiate(batch, StepKey(seed: 1, step: step))
                all.append(network.gradients.values())
            }
            return all + network.carried.map { $0.buffer.values() }
        }
        #expect(try run(1) == run(2))
    }

    @Test func itLearnsToRecognise() throws {
        let world = try VideoWorld()
        defer { world.remove() }
        let options = Self.options(60, batch: 8), network = try world.forecaster(.none, subject: .observed, streams: 8)
        let windows = (0..<4).flatMap { VideoWorld.windows($0, inputs: 1, futures: 1) }
        let trainer = try Trainer(
            Trainer<VideoForecaster>.Parts(
                network: network, options: options,
                folder: CheckpointFolder(path: world.root.appending(path: "run").path), schedule: .init()),
            source: FixedSource(windows, options: options))
        try self.run(trainer)
        let scores = try network.evaluate(windows).scores
        let verb = try #require(scores.verb.distance), noun = try #require(scores.noun.distance)
        #expect(verb <= 0.1 && noun <= 0.1, "\(verb) and \(noun)")
    }

    @Test func weightsAreTakenWholeOrNotAtAll() throws {
        let world = try VideoWorld(clips: 0)
        defer { world.remove() }
        let one = try world.forecaster(.fixed), other = try world.forecaster(.fixed, seed: 8)
        let path = world.root.appending(path: "weights.safetensors")
        func write(_ keep: (Parameter) -> Bool, prefix: String = "") throws -> SafetensorsFile {
            let tensors = one.parameters.layout.parameters.filter { $0.name.hasPrefix("backbone.") && keep($0) }.map {
                one.parameters.tensor($0, named: prefix + $0.name.dropFirst(9))
            }
            try Data(SafetensorsWriter.bytes(tensors)).write(to: path)
            return try SafetensorsFile(path: path.path)
        }
        let before = other.parameters.trained.values()
        let partial = try write { !$0.name.contains("compress_k") }
        #expect(throws: ForecastError.self) { try other.loadEncoder(partial) }
        #expect(other.parameters.trained.values() == before)
        let foreign = try world.forecaster(.none)
        #expect(throws: ForecastError.self) { try foreign.loadEncoder(try write { _ in true }) }
        try other.loadEncoder(try write({ _ in true }, prefix: "backbone."))
        for parameter in one.parameters.layout.parameters {
            let isEncoder = parameter.name.hasPrefix("backbone.") && !parameter.name.hasPrefix("backbone.head")
            guard isEncoder else { continue }
            #expect(other.parameters[parameter] == one.parameters[parameter], "\(parameter.name)")
        }
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let world = try VideoWorld(clips: 1)
        defer { world.remove() }
        let network = try world.forecaster(.fixed), team = try network.startThreads(), key = StepKey(seed: 1, step: 0)
        var window = VideoWorld.windows(0)[0]
        window.inputs[0].rank = 99
        #expect(throws: ForecastError.self) { try network.loader.batch([Draw(window, slot: 0)], key, on: team) }
        window = VideoWorld.windows(0)[0]
        window.clipUID = "../c0"
        #expect(throws: ForecastError.self) { try network.loader.batch([Draw(window, slot: 0)], key, on: team) }
        #expect(try network.answers([window]) == [nil])
        window = VideoWorld.windows(0)[0]
        window.future = [Action(verb: 5, noun: 0), Action(verb: 0, noun: 0)]
        let batch = try network.loader.batch([Draw(window, slot: 0)], key, on: team)
        #expect(throws: ForecastError.self) { try network.differentiate(batch, key) }
        #expect(throws: TrainingError.self) { try network.gaps(in: []) }
        for slots in [[0, 0], [2], [-1]] {
            let draws = slots.map { Draw(VideoWorld.windows(0)[0], slot: $0) }
            let batch = try network.loader.batch(draws, key, on: team)
            #expect(throws: ForecastError.self) { try network.differentiate(batch, key) }
            #expect(throws: ForecastError.self) { try network.predict(batch) }
        }
    }
}
