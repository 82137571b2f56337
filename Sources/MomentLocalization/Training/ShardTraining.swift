// SPDX-License-Identifier: Apache-2.0

public import Shards

/// A run on shards as they land.
public final class ShardTraining {
    /// The samples seen so far.
    public let index: SampleIndex
    /// The trainer.
    public let trainer: Trainer
    private let source: ShardSource

    /// Prepares a run; nothing is read yet but the journal.
    /// - Parameters:
    ///   - reader: a reader of the set from its start.
    ///   - plan: another run's journal, to repeat its segments.
    ///   - waits: whether to wait for shards that are not there yet.
    ///   - pause: pauses a little while waiting; `false` ends the run.
    ///   - onSight: hears of each shard when it is first seen.
    public init(
        reader: TailingReader, _ parts: Trainer.Parts, following plan: String? = nil, waits: Bool,
        pause: @escaping () -> Bool, onSight: @escaping (SampleIndex.Sight) -> Void
    ) throws {
        self.index = SampleIndex(reader: reader, features: parts.features, rule: parts.options.targets)
        var followed: [Segment] = []
        if let plan { followed = try PlanJournal(following: plan).segments }
        let source = try ShardSource(
            index: self.index, journal: try PlanJournal(folder: parts.folder.path), followed: followed,
            options: parts.options,
            waiting: ShardSource.Waiting(isAllowed: waits, pause: pause, onSight: onSight))
        self.source = source
        self.trainer = try parts.trainer(source)
    }

    /// Looks for new shards between two steps; their samples are drawn from the next segment on.
    public func look() throws { try self.source.look() }
}
