// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import RecordLog
import Records
import Topologies

extension StageTask {
    /// Objects that the tasks of one stage share in a process.
    struct Shared {
        let stage: Stage
        let rateLimit: SharedRateLimit?
        let inFlight: InFlightLimit?
        let deadLetters: SharedDeadLetterLimit
        let meters: StageMeters

        init(stage: Stage, rateLimit: SharedRateLimit?, inFlight: InFlightLimit?, meters: StageMeters) {
            self.meters = meters
            self.stage = stage
            self.rateLimit = rateLimit
            self.inFlight = inFlight
            self.deadLetters = SharedDeadLetterLimit(max: stage.maxConsecutiveDeadLetters)
        }
    }

    /// Opens the task of a partition: fences its former owner first, then takes up offsets, state and shards.
    /// - Throws: `LogError`, `SinkError` or `EngineError`.
    static func open(
        _ shared: Shared, source: TopicPartition, in surroundings: TaskSurroundings
    ) throws -> StageTask {
        let writer = try surroundings.log.makeWriter(id: Self.writerID(shared.stage, source, in: surroundings))
        do {
            return try Self.open(shared, source: source, writer: writer, in: surroundings)
        } catch {
            writer.close()
            throw error
        }
    }

    /// The id under which the task of a partition commits.
    static func writerID(_ stage: Stage, _ source: TopicPartition, in surroundings: TaskSurroundings) -> String {
        "\(surroundings.topology.name).\(stage.name).\(source.partition)"
    }

    /// The steps of a stage with the state that the last commit has left.
    static func makeChain(
        _ stage: Stage, _ source: TopicPartition, _ state: [StateEntry], in surroundings: TaskSurroundings
    ) throws(EngineError) -> Chain {
        let chain: Chain
        do {
            chain = try Chain(stage, surroundings.context)
        } catch {
            throw EngineError(.unfit, "stage `\(stage.name)`: \(error)")
        }
        do {
            try chain.restore(state)
        } catch {
            throw EngineError(
                .failed,
                "stage `\(stage.name)`: the committed state of \(source) cannot be read: \(error); replay into a new name"
            )
        }
        return chain
    }

    private static func open(
        _ shared: Shared, source: TopicPartition, writer: any TransactionalWriter, in surroundings: TaskSurroundings
    ) throws -> StageTask {
        let stage = shared.stage
        // A removal looks for members once it is written down, so of two who begin at once one sees the other.
        try PendingRemovals(reading: surroundings.log).requireNone(
            topics: [source.topic], groups: [surroundings.group(of: stage)])
        let state = try writer.state()
        let stored = StoredOffset.split(state)
        let (offset, metadata) = try Self.start(stage, source, stored.committed, stored.operators, in: surroundings)
        let chain = try Self.makeChain(stage, source, stored.operators, in: surroundings)
        let retries =
            surroundings.takesRetries
            ? try RetrySource.open(stage, partition: source.partition, after: stored.retries, in: surroundings) : nil
        var sink: (any RecordSink)?
        if case .shards(let shards) = stage.destination {
            sink = try surroundings.makeSink(shards, source.partition, writer.epoch, surroundings.context.topologyHash)
        }
        return StageTask(
            shared, source: source, surroundings: surroundings, writer: writer,
            reader: try surroundings.log.makeReader(of: source, from: offset), chain: chain, sink: sink,
            committed: offset, retries: retries, metadata: metadata, state: state)
    }

    /// The offset to begin at: behind the last commit, if it is this stage's and still retained.
    static func start(
        _ stage: Stage, _ source: TopicPartition, _ stored: CommittedOffset?, _ state: [StateEntry],
        in surroundings: TaskSurroundings
    ) throws -> (Offset, TaskMetadata) {
        let group = surroundings.group(of: stage)
        let retained = try surroundings.log.offsets(of: source)
        let grouped = try surroundings.log.committedOffset(group: group, partition: source)
        let chosen: CommittedOffset?
        do throws(StoredOffset.StaleState) { chosen = try StoredOffset.choose(grouped, stored) } catch {
            throw LogError(
                .unavailable,
                "stage `\(stage.name)`: the state of \(source) is that of offset \(error.stored), but its group has committed "
                    + "offset \(error.committed): what was committed last cannot be read yet")
        }
        guard let committed = chosen else {
            let start = surroundings.startOffsets[source] ?? retained.lowerBound
            return (max(start, retained.lowerBound), TaskMetadata(stageHash: stage.hash))
        }
        guard committed.offset >= retained.lowerBound else {
            throw EngineError(
                .failed,
                "stage `\(stage.name)`: \(source) is committed to offset \(committed.offset), but retention has removed everything "
                    + "below \(retained.lowerBound); ingest the missing videos again with `--replace`, or start over from what "
                    + "is left with `millrace replay … --from earliest`")
        }
        var metadata = (try? TaskMetadata(parsing: committed.metadata)) ?? TaskMetadata(stageHash: stage.hash)
        if metadata.stageHash != stage.hash {
            guard surroundings.acceptsChangedTopology, state.isEmpty else {
                throw EngineError(.unfit, Self.changed(stage, surroundings.topology, state))
            }
            metadata.stageHash = stage.hash
        }
        return (committed.offset, metadata)
    }

    private static func changed(_ stage: Stage, _ topology: Topology, _ state: [StateEntry]) -> String {
        var ways = ["regenerate everything with `millrace replay \(topology.file) --from earliest`"]
        if state.isEmpty {
            ways.append("go on from here with `--accept-changes`, which leaves earlier output as it is")
        } else if stage.isAmidInput(state) {
            ways.append("finish the open videos with the old file first")
        }
        ways.append("run it beside what is there, with `millrace run \(topology.file) --as NAME`")
        return
            "stage `\(stage.name)` of `\(topology.name)` has changed since its last commit, so its offsets and state do not fit "
            + "it; " + ways.joined(separator: ", or ")
    }
}

extension Stage {
    /// Tells whether some of a task's state waits for the rest of its input; memories kept for good do not.
    fileprivate func isAmidInput(_ state: [StateEntry]) -> Bool {
        let remembering = self.steps.filter(\.overload.specification.remembers).map { Bytes(".\($0.name)/".utf8) }
        return state.contains { entry in
            // The key begins with the operator's position and name.
            let name = entry.key.drop { $0 != UInt8(ascii: ".") }
            return !remembering.contains { name.starts(with: $0) }
        }
    }
}
