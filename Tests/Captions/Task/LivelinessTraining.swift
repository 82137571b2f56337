// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
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

/// Reads captions for the network, album by album: an album is whole once its last caption has landed.
struct CaptionReader: SampleReading {
    typealias Counts = SampleTally

    func sample(_ line: Bytes) -> LivelinessNetwork.Sample? { Caption(line: line).map { .init(of: $0) } }

    func place(_ line: Bytes) -> SequencePlace? {
        Caption(line: line).map { SequencePlace($0.album, isLast: $0.isLast) }
    }
}

/// The command line of `millrace train-liveliness`, where the task and the network meet.
struct LivelinessTraining: SampleTraining {
    static let name = "liveliness"
    static let abstract = "Train the guess of how lively a photo is on captions."
    static let discussion = "As many albums are gone through side by side as --batch-size says, 1 to 64."

    /// The options of a run where the user gives none.
    static let defaults: TrainingOptions = {
        var options = TrainingOptions(source: "captions", steps: 1)
        options.batchSize = 3
        options.learningRate = 0.02
        options.clipNorm = 100
        return options
    }()

    @Option(help: ArgumentHelp("A set of captions to validate on: the first of its albums.", valueName: "name"))
    var validateOn: String?

    func subject(
        _ options: TrainingOptions, set: (String) throws -> ShardSet
    ) throws -> TrainingSubject<LivelinessNetwork, CaptionReader> {
        // Before a network of so many slots is made.
        if let problem = LivelinessNetwork.Description(slots: options.batchSize).problem() {
            throw TaskFailure(.usage, problem)
        }
        let album = try self.validateOn.map { try set($0).albums().first ?? [] }
        return TrainingSubject(
            LivelinessNetwork(slots: options.batchSize), reader: CaptionReader(),
            validation: album?.map(LivelinessNetwork.Sample.init(of:)))
    }
}
