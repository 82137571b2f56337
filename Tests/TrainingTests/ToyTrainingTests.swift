// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import NeuralNetworks
import Records
import Synchronization
import Testing
import ToyNetwork

@testable import Training

/// A stranger's network: the trainer keeps all its promises for a network it knows nothing of.
@Suite struct ToyTrainingTests {
    private let root: URL

    init() throws {
        self.root = FileManager.default.temporaryDirectory.appending(path: "toy-\(UUID())")
        try FileManager.default.createDirectory(at: self.root, withIntermediateDirectories: true)
    }

    /// Sequences of several lengths, each a wave of its own.
    private static let sequences: [[ToyNetwork.Sample]] = (0..<7).map { number in
        (0..<number % 4 + 2).map { place in
            let x = Float((number * 13 + place * 7) % 11) / 11
            return ToyNetwork.Sample(id: "s\(number).\(place)", x: x, y: 0.5 * x + 0.1 * Float(place))
        }
    }

    private static func options(_ steps: Int) -> TrainingOptions {
        var options = TrainingOptions(source: "waves", steps: steps)
        options.batchSize = 3
        options.learningRate = 0.02
        options.clipNorm = 100
        return options
    }

    private func trainer(
        _ name: String, steps: Int = 40, validating: Int? = 5, checkpointing: Int = 6, network: ToyNetwork = .init(),
        options: TrainingOptions? = nil, isAhead: Bool = true
    ) throws -> Trainer<ToyNetwork> {
        var schedule = Trainer<ToyNetwork>.Schedule()
        schedule.checkpointSteps = checkpointing
        schedule.makesBatchesAhead = isAhead
        if let validating {
            schedule.validationSteps = validating
            schedule.validation = Self.sequences[3]
        }
        let options = options ?? Self.options(steps)
        return try Trainer(
            Trainer.Parts(
                network: network, options: options,
                folder: CheckpointFolder(path: self.root.appending(path: name).path, keep: 100), schedule: schedule),
            source: SequenceSource(Self.sequences, options: options))
    }

    @discardableResult
    private func run(_ trainer: Trainer<ToyNetwork>, until stop: Int = .max) throws -> [TrainingStep] {
        var steps: [TrainingStep] = []
        _ = try trainer.run(isStopping: { trainer.step >= stop }) { event in
            if case .step(let step) = event { steps.append(step) }
        }
        return steps
    }

    private func file(_ name: String, _ step: Int) -> URL {
        self.root.appending(path: name).appending(path: CheckpointFolder.name(step: step))
    }

    /// Every tensor's bytes by name: weights, carried state and optimizer.
    private func tensors(_ name: String, _ step: Int = 40) throws -> [String: Bytes] {
        let file = try SafetensorsFile(path: self.file(name, step).path)
        return Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.bytes($0)) })
    }

    @Test func itLearnsAndItsCheckpointHoldsAllThatLasts() throws {
        let losses = try self.run(self.trainer("run", steps: 200)).map(\.losses.total)
        let first: Double = losses.prefix(20).reduce(0, +), last: Double = losses.suffix(20).reduce(0, +)
        #expect(last < first / 2)
        let tensors = try self.tensors("run", 200)
        #expect(
            Set(tensors.keys) == ["weight", "bias", "carried.memory", "carried.average", "optimizer.velocity"])
        let weights: Bytes = try #require(tensors["weight"]) + #require(tensors["bias"])
        #expect(tensors["carried.average"] != weights)
        let checkpoint = try Checkpoint<ToyNetwork>(path: self.file("run", 200).path)
        #expect(checkpoint.state.frozen?["offset"]?.count == 64)
    }

    @Test func stoppedOrKilledAnywhereItEndsWithTheSameBits() throws {
        try self.run(self.trainer("whole"))
        for stop in [1, 2, 7, 13, 24, 39] { try self.run(self.trainer("stopped"), until: stop) }
        try self.run(self.trainer("stopped"))
        #expect(try Data(contentsOf: self.file("stopped", 40)) == Data(contentsOf: self.file("whole", 40)))
        // Killed between checkpoints, several times: what was after the last one is gone.
        try self.run(self.trainer("killed"))
        for kept in [30, 18, 6] {
            for step in CheckpointFolder(path: self.root.appending(path: "killed").path).steps() where step > kept {
                try FileManager.default.removeItem(at: self.file("killed", step))
            }
            try self.run(self.trainer("killed"))
            #expect(try Data(contentsOf: self.file("killed", 40)) == Data(contentsOf: self.file("whole", 40)))
        }
    }

    @Test func validatingAndSavingLeaveNoTrace() throws {
        try self.run(self.trainer("often", validating: 3, checkpointing: 1))
        try self.run(self.trainer("once", validating: 1000, checkpointing: 1000))
        try self.run(self.trainer("never", validating: nil, checkpointing: 7))
        let often = try self.tensors("often")
        #expect(try self.tensors("once") == often)
        #expect(try self.tensors("never") == often)
        // The evaluation does move memory: without the trainer's care it would leave a trace.
        let network = ToyNetwork()
        let before = network.carried[0].buffer.values()
        _ = network.evaluate(Self.sequences[3])
        #expect(network.carried[0].buffer.values() != before)
    }

    @Test func batchesThatAreMadeAheadGiveTheSameBits() throws {
        let order = Mutex<[Int]>([])
        func run(_ name: String, threads: Int, isAhead: Bool) throws -> [Int] {
            order.withLock { $0 = [] }
            let network = ToyNetwork(threads: threads)
            network.loader.onBatch = { key in order.withLock { $0.append(key.step) } }
            let trainer = try self.trainer(name, network: network, isAhead: isAhead)
            _ = try trainer.run(isStopping: { trainer.step >= 20 }) { event in
                guard case .step(let step) = event else { return }
                // The next one is made while others look at this step.
                let isMade = { order.withLock { $0.contains(step.step) } }
                for _ in 0..<2_000 where isAhead && threads > 1 && !isMade() { usleep(1_000) }
                #expect(isMade() == (isAhead && threads > 1 && step.step < 40), "\(name), step \(step.step)")
            }
            try self.run(self.trainer(name, network: ToyNetwork(threads: threads), isAhead: isAhead))
            return order.withLock { $0 }
        }
        #expect(try run("plain", threads: 1, isAhead: true) == Array(0..<20))
        #expect(try run("apart", threads: 2, isAhead: false) == Array(0..<20))
        #expect(try run("ahead", threads: 2, isAhead: true) == Array(0..<21), "one is made in vain")
        let plain = try Data(contentsOf: self.file("plain", 40))
        for name in ["apart", "ahead"] { #expect(try Data(contentsOf: self.file(name, 40)) == plain) }
    }

    @Test func aBatchThatCannotBeMadeFailsItsOwnStep() throws {
        struct Gone: Error {}
        let network = ToyNetwork(threads: 2)
        network.loader.onBatch = { if $0.step == 9 { throw Gone() } }
        let trainer = try self.trainer("run", checkpointing: 9, network: network)
        #expect(throws: Gone.self) { try self.run(trainer) }
        #expect(trainer.step == 9)
        #expect(CheckpointFolder(path: self.root.appending(path: "run").path).steps().last == 9)
        try self.run(self.trainer("run", checkpointing: 9))
        try self.run(self.trainer("whole", checkpointing: 9))
        #expect(try Data(contentsOf: self.file("run", 40)) == Data(contentsOf: self.file("whole", 40)))
    }

    @Test func otherFrozenWeightsAreRefused() throws {
        try self.run(self.trainer("run"), until: 12)
        let before = try Data(contentsOf: self.file("run", 12))
        let network = ToyNetwork(offset: 0.5)
        let weights = network.parameters.trained.values()
        let error = #expect(throws: TrainingError.self) { try self.run(self.trainer("run", network: network)) }
        #expect(error?.code == .checkpoint && error?.message.contains("other values of offset") == true)
        #expect(network.parameters.trained.values() == weights)
        #expect(try Data(contentsOf: self.file("run", 12)) == before)
    }

    @Test func carriedStateOfAnotherShapeIsRefused() throws {
        try self.run(self.trainer("run"), until: 12)
        let file = try SafetensorsFile(path: self.file("run", 12).path)
        let state = try Checkpoint<ToyNetwork>(path: self.file("run", 12).path).state
        for (shape, name) in [([2], "carried.memory"), ([3], "carried.other")] {
            let tensors = try file.names.map { old in
                guard old == "carried.memory" else {
                    return SafetensorsWriter.Tensor(
                        old, shape: file.entry(old)?.shape ?? [], .float32(try file.floats(old)))
                }
                return SafetensorsWriter.Tensor(name, shape: shape, .float32([Float](repeating: 0, count: shape[0])))
            }
            try CheckpointFile.write(
                tensors, state: state, CheckpointFolder.name(step: 12), in: self.root.appending(path: "run").path)
            let error = #expect(throws: TrainingError.self) { try self.run(self.trainer("run")) }
            #expect(error?.code == .checkpoint && error?.message.contains("carries") == true)
        }
    }

    @Test func optionsThatOlderCheckpointsLackHaveTheirDefaults() throws {
        let text = #"{"source":"s","steps":9,"learningRate":0.25}"#
        let options = try PlainDecoder.decode(TrainingOptions.self, from: Bytes(text.utf8))
        var expected = TrainingOptions(source: "s", steps: 9)
        expected.learningRate = 0.25
        #expect(options == expected)
        let problem = #expect(throws: PlainDecoder.Problem.self) {
            try PlainDecoder.decode(TrainingOptions.self, from: Bytes(#"{"source":"s"}"#.utf8))
        }
        #expect(problem?.message.contains("\"steps\"") == true)
    }

    @Test func samplesInAnotherOrderAreRefused() throws {
        let options = Self.options(40)
        let parts = Trainer<ToyNetwork>.Parts(
            network: ToyNetwork(), options: options, folder: CheckpointFolder(path: self.root.path),
            schedule: .init())
        let error = #expect(throws: TrainingError.self) {
            _ = try Trainer(parts, source: FixedSource(Self.sequences.flatMap { $0 }, options: options))
        }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("wants its samples as sequences, and they come as singles") == true)
    }

    @Test func otherSettingsAreNamedAndRefused() throws {
        try self.run(self.trainer("run"), until: 12)
        var options = Self.options(40)
        options.batchSize = 2
        let error = #expect(throws: TrainingError.self) {
            try self.run(self.trainer("run", options: options))
        }
        #expect(error?.code == .usage && error?.message.contains("--batch-size was 3 and is 2") == true)
    }
}
