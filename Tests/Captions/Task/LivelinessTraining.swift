// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Shards
import TaskRooms
import Training

extension LivelinessNetwork.Sample {
    /// A line of the shards as the network sees it.
    init(of caption: Caption) {
        self.id = caption.id
        self.words = Float(caption.text.split(separator: " ").count) / 10
        self.liveliness = Float(caption.liveliness) / Float(Caption.scale.upperBound)
    }
}

/// The command line of `millrace train-liveliness`, where the task and the network meet: trains on the albums of a set,
/// in order, and validates on the first of them.
struct LivelinessTraining: SampleTraining {
    static let name = "liveliness"
    static let abstract = "Train the guess of how lively a photo is on captions."
    static let discussion = ""

    @Option(help: "The steps in all.")
    var steps: Int

    @Option(help: "Albums that are gone through side by side, 1 to 64.")
    var slots = 3

    func train(
        on set: ShardSet, in folder: String, isStopping: () -> Bool, progress: (String) -> Void
    ) throws -> [String] {
        let trainer = try self.trainer(on: set, in: folder)
        let outcome = try trainer.run(isStopping: isStopping) { event in
            if case .step(let step) = event {
                progress("step \(step.step) of \(self.steps), loss \(step.losses.total)")
            }
        }
        let end = outcome == .finished ? "trained" : "stopped; the same command goes on from here:"
        return ["\(end) \(trainer.step) of \(self.steps) steps, checkpoints are in \(folder)"]
    }

    /// A trainer that goes on from the last checkpoint of a folder.
    func trainer(on set: ShardSet, in folder: String) throws -> Trainer<LivelinessNetwork> {
        let albums = try set.albums().map { $0.map(LivelinessNetwork.Sample.init(of:)) }
        guard albums.count > 1 else {
            throw TaskFailure(
                .usage, "\(set.name) holds \(albums.count) albums: one to validate on, and more to learn from")
        }
        var schedule = Trainer<LivelinessNetwork>.Schedule()
        schedule.checkpointSteps = 6
        schedule.validationSteps = 5
        schedule.validation = albums[0]
        let options = self.options(source: set.name)
        // Before a network of so many slots is made.
        if let problem = LivelinessNetwork.Description(slots: self.slots).problem() ?? options.problem() {
            throw TaskFailure(.usage, problem)
        }
        return try Trainer(
            .init(
                network: LivelinessNetwork(slots: self.slots), options: options,
                folder: CheckpointFolder(path: folder, keep: 3), schedule: schedule),
            source: SequenceSource(Array(albums.dropFirst()), options: options))
    }

    private func options(source: String) -> TrainingOptions {
        var options = TrainingOptions(source: source, steps: self.steps)
        options.batchSize = self.slots
        options.learningRate = 0.02
        options.clipNorm = 100
        return options
    }
}
