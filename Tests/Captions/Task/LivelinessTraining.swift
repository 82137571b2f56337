// SPDX-License-Identifier: Apache-2.0

internal import Shards
internal import TaskRooms
internal import Training

extension LivelinessNetwork.Sample {
    /// A line of the shards as the network sees it.
    init(of caption: Caption) {
        self.id = caption.id
        self.words = Float(caption.text.split(separator: " ").count)
        self.liveliness = Float(caption.liveliness) / Float(Caption.scale.upperBound)
    }
}

/// The task and the network together: trains on the albums of a set, in order, and validates on the first of them.
struct LivelinessTraining {
    /// A trainer that goes on from the last checkpoint of a folder.
    static func trainer(
        on set: ShardSet, _ options: TrainingOptions, in folder: CheckpointFolder
    ) throws -> Trainer<LivelinessNetwork> {
        let albums = try set.albums().map { $0.map(LivelinessNetwork.Sample.init(of:)) }
        guard albums.count > 1 else {
            throw TaskFailure(
                .usage, "\(set.name) holds \(albums.count) albums: one to validate on, and more to learn from")
        }
        var schedule = Trainer<LivelinessNetwork>.Schedule()
        schedule.checkpointSteps = 6
        schedule.validationSteps = 5
        schedule.validation = albums[0]
        return try Trainer(
            .init(
                network: LivelinessNetwork(slots: options.batchSize), options: options, folder: folder,
                schedule: schedule),
            source: SequenceSource(Array(albums.dropFirst()), options: options))
    }
}
