// SPDX-License-Identifier: Apache-2.0

public import Shards

/// A run on shards as they land.
public final class ShardTraining<Network: TrainableNetwork, Reader: SampleReading>
where Reader.Sample == Network.Loader.Sample {
    /// The samples seen so far.
    public var index: SampleIndex<Reader> { self.source.index }
    /// The trainer.
    public let trainer: Trainer<Network>
    private let source: ShardSource<Reader>

    /// The file in the run's folder that keeps which samples can be used.
    private static var indexName: String { "samples.index" }

    /// Prepares a run; nothing is read yet but the journal.
    /// - Parameters:
    ///   - tail: a reader of the set from its start.
    ///   - storage: where its shards are.
    ///   - reader: what makes samples of its lines.
    ///   - plan: another run's journal, to repeat its segments.
    public init(
        _ tail: TailingReader, storage: any ShardStorage, reader: Reader, _ parts: Trainer<Network>.Parts,
        following plan: String? = nil,
        waiting: ShardWaiting
    ) throws {
        let source = try ShardSource(
            SampleIndex(
                tail, storage: storage, reader: reader, order: parts.network.order,
                file: parts.folder.path + "/" + Self.indexName),
            folder: parts.folder.path, following: plan, options: parts.options,
            waiting: waiting)
        self.source = source
        self.trainer = try Trainer(parts, source: source)
    }

    /// Looks for new shards between two steps; their samples are drawn from the next segment on.
    public func look() throws { try self.source.look() }
}
