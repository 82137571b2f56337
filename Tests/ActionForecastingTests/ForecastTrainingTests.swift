// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Foundation
import NeuralNetworks
import Testing
import Training

/// The network under the general trainer: it learns, goes on to the bit, and says what it cannot use.
@Suite struct ForecastTrainingTests {
    private static func options(steps: Int) -> TrainingOptions {
        var options = TrainingOptions(source: "windows", steps: steps)
        options.batchSize = 24
        options.learningRate = 0.02
        options.warmup = 0.1
        options.clipNorm = 1e30
        return options
    }

    private static func trainer(
        _ world: ForecastWorld, _ aggregator: Aggregator, steps: Int, threads: Int, folder: URL
    ) throws -> Trainer<ActionForecaster> {
        var schedule = Trainer<ActionForecaster>.Schedule()
        schedule.checkpointSteps = 5
        schedule.validationSteps = 10
        schedule.validation = world.windows
        let options = Self.options(steps: steps)
        let parts = Trainer<ActionForecaster>.Parts(
            network: try world.forecaster(aggregator, threads: threads), options: options,
            folder: CheckpointFolder(path: folder.path), schedule: schedule)
        return try Trainer(parts, source: FixedSource(world.windows, options: options))
    }

    @Test(arguments: Aggregator.allCases) func itLearns(_ aggregator: Aggregator) throws {
        let world = try ForecastWorld()
        let folder = world.folder.appending(path: "run")
        let trainer = try Self.trainer(world, aggregator, steps: 300, threads: 2, folder: folder)
        _ = try trainer.run(isStopping: { false }, onEvent: { _ in })
        let forecasts = try trainer.network.forecasts(world.windows, count: 5, seed: 1)
        var scores = ForecastScores(steps: ForecastWorld.futures)
        for (window, forecast) in zip(world.windows, forecasts) {
            scores.add(forecast, truth: try #require(window.future))
        }
        // The mean of two clips cannot tell which came first where both orders occur; here none do.
        #expect(try #require(scores.action.distance) < 0.1, "\(aggregator): \(scores.words)")
    }

    @Test(arguments: [(Aggregator.concat, 1), (.concat, 2), (.transformer, 2)])
    func aRunThatIsStoppedEndsWithTheSameBits(_ aggregator: Aggregator, _ threads: Int) throws {
        let world = try ForecastWorld()
        let whole = world.folder.appending(path: "whole"), parts = world.folder.appending(path: "parts")
        _ = try Self.trainer(world, aggregator, steps: 40, threads: 2, folder: whole)
            .run(isStopping: { false }, onEvent: { _ in })
        for stop in [3, 11, 12, 29, 40] {
            let trainer = try Self.trainer(world, aggregator, steps: 40, threads: threads, folder: parts)
            _ = try trainer.run(isStopping: { trainer.step >= stop }, onEvent: { _ in })
        }
        let name = "step-000000040.safetensors"
        #expect(
            try Data(contentsOf: whole.appending(path: name)) == Data(contentsOf: parts.appending(path: name)))
    }

    @Test func aCheckpointHasTheOfficialNames() throws {
        let world = try ForecastWorld()
        let folder = world.folder.appending(path: "run")
        _ = try Self.trainer(world, .transformer, steps: 5, threads: 1, folder: folder)
            .run(isStopping: { false }, onEvent: { _ in })
        let path = folder.appending(path: "step-000000005.safetensors").path
        let names = try SafetensorsFile(path: path).names
        #expect(names.contains { $0.hasSuffix("clip_aggregator.encoder.layers.0.self_attn.in_proj_weight") })
        #expect(names.contains { $0.hasSuffix("decoder.head.projections.2.bias") })
        let checkpoint = try Checkpoint<ActionForecaster>(path: path)
        let other = try world.forecaster(.transformer)
        try checkpoint.loadWeights(into: other)
        #expect(checkpoint.state.description == other.description)
    }

    @Test func drawsFollowFromSeedAndKeyAlone() throws {
        let world = try ForecastWorld()
        let forecaster = try world.forecaster()
        let all = try forecaster.forecasts(world.windows, count: 5, seed: 7)
        let reversed = try forecaster.forecasts(world.windows.reversed(), count: 5, seed: 7)
        #expect(Array(reversed.reversed()) == all)
        #expect(try forecaster.forecasts([world.windows[4]], count: 5, seed: 7) == [all[4]])
        #expect(try forecaster.forecasts(world.windows, count: 5, seed: 8) != all)
        let more = try forecaster.forecasts(world.windows, count: 9, seed: 7)
        #expect(more.map { Array($0.prefix(5)) } == all)
    }

    @Test func windowsWithoutFeaturesAreTold() throws {
        let world = try ForecastWorld(clips: 2)
        var missing = world.windows[0], late = world.windows[0], unplaced = world.windows[0]
        missing.clipUID = "nowhere"
        late.inputs[1].start = 40
        late.inputs[1].end = 41
        unplaced.clipUID = "other"
        unplaced.videoUID = "clip0"
        unplaced.clipStart = nil
        let features = world.features
        #expect(try features.gap(of: world.windows[0]) == nil)
        #expect(try features.gap(of: missing) == .missing)
        #expect(try features.gap(of: late) == .short)
        #expect(try features.gap(of: unplaced) == .unplaced)
        let forecaster = try world.forecaster()
        #expect(try forecaster.gaps(in: world.windows + [missing, late]).count == 2)
        #expect(throws: TrainingError.self) { try forecaster.gaps(in: [missing]) }
        #expect(throws: TrainingError.self) { try forecaster.forecasts([missing], count: 1, seed: 1) }
        // Each counts in a validation, those without features as missed.
        let verdict = try forecaster.evaluate([missing, late])
        #expect(verdict.scores.action.distance == 1 && verdict.score == nil)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let network = try ForecastNetwork(ForecastWorld.description, seed: 1)
        let width = ForecastWorld.columns * 2
        for batch in [
            ForecastBatch(windows: 0, features: [], truth: nil),
            ForecastBatch(windows: 1, features: Array(repeating: 0, count: width - 1), truth: nil),
            ForecastBatch(windows: 1, features: Array(repeating: 0, count: width), truth: []),
            ForecastBatch(
                windows: 1, features: Array(repeating: 0, count: width),
                truth: Array(repeating: Action(verb: ForecastWorld.verbs, noun: 0), count: ForecastWorld.futures)),
        ] {
            #expect(throws: ForecastError.self) { try network.differentiate(batch, drops: nil) }
        }
        var description = ForecastWorld.description
        description.aggregator = .transformer
        description.heads = 3
        #expect(description.problem()?.contains("--heads") == true)
        #expect(throws: ForecastError.self) { try ForecastNetwork(description, seed: 1) }
        description = ForecastWorld.description
        description.verbs = 1_000_000
        description.width = 16_384
        #expect(description.problem()?.contains("--width") == true)
    }
}
