// SPDX-License-Identifier: Apache-2.0

import Engine
import RecordLog
import Records
import Telemetry

extension PageState.Stage {
    /// The most counts of a stage that are shown.
    private static let countsMax = 60

    /// A stage as its group's commits have it.
    /// - Parameters:
    ///   - end: the offsets that a partition has; `nil` where they cannot be had.
    init(_ group: GroupDescription, offsets: (TopicPartition) -> Range<Offset>?) {
        self.init(name: group.group, group: group.group)
        let metadata = group.commits.map { try? TaskMetadata(parsing: $0.committed.metadata) }
        var total = TaskMetadata(stageHash: "")
        for task in metadata.compactMap(\.self) { total.add(task) }
        self.members = group.members.count
        self.recordsIn = total.recordsIn
        self.recordsOut = total.recordsOut
        self.rejected = total.rejected
        self.dead = total.deadLetters
        self.callsToCome = total.callsToCome
        self.counts = Self.named(total.counts)
        self.open = Self.named(total.open)
        self.lastCommit = zip(group.commits, metadata).compactMap { $1?.committedAt ?? $0.time }.max()
        // A partition that a member has and nobody has committed waits whole.
        let partitions = Set(group.commits.map(\.partition) + group.members.flatMap(\.partitions))
        let committed = Dictionary(
            group.commits.map { ($0.partition, $0.committed.offset) }, uniquingKeysWith: { $1 })
        self.lag = partitions.reduce(0) { sum, partition in
            guard let range = offsets(partition) else { return sum }
            return sum + Int(max(0, range.upperBound - max(committed[partition] ?? 0, range.lowerBound)))
        }
        self.from = Set(partitions.map(\.topic)).sorted()
    }

    private static func named(_ counts: [String: Int]) -> [PageState.Named] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.countsMax)
            .map { PageState.Named(name: $0.key, count: $0.value) }
    }

    /// Takes over what the stage reads and writes.
    mutating func take(_ names: StageNames) {
        self.name = names.stage
        self.rejects = names.rejects
        self.output = names.topic.map { .topic($0) } ?? names.set.map { .shards($0) }
        // Its input first, then the topics that bring records again.
        self.from = [names.from] + self.from.filter { $0 != names.from }
    }
}

extension PageState {
    /// The topologies of a log: its stages, each with what it reads and writes where that is known.
    static func topologies(
        _ groups: [GroupDescription], _ names: [StageNames], _ figures: [ProcessFigures],
        offsets: (TopicPartition) -> Range<Offset>?
    ) -> [Topology] {
        let known = Dictionary(names.map { ($0.group, $0) }, uniquingKeysWith: { $1 })
        var topologies: [String: Topology] = [:]
        for group in groups {
            var stage = Stage(group, offsets: offsets)
            let names = known[group.group]
            if let names { stage.take(names) }
            let name = names?.owner.name ?? group.group.split(separator: ".").dropLast().joined(separator: ".")
            let ages = figures.compactMap { process in
                process.graph?.name == name ? process.stages.first { $0.name == stage.name }?.lagSeconds : nil
            }
            stage.lagSeconds = ages.max()
            topologies[name, default: Topology(name: name, letters: ReservedTopics.deadLetters(of: name))]
                .stages.append(stage)
        }
        return topologies.values.map { topology in
            var topology = topology
            topology.stages = Self.ordered(topology.stages)
            return topology
        }.sorted { $0.name < $1.name }
    }

    /// Stages behind those that they read from; in a circle, as they come.
    private static func ordered(_ stages: [Stage]) -> [Stage] {
        var rest = stages
        var ordered: [Stage] = []
        while !rest.isEmpty {
            let written = Set(rest.flatMap(\.writes))
            let next = rest.firstIndex { stage in !stage.from.contains { written.contains($0) } } ?? 0
            ordered.append(rest.remove(at: next))
        }
        return ordered
    }
}

extension PageState.Stage {
    /// The topics that it writes.
    fileprivate var writes: [String] {
        let topic: String? = if case .topic(let name)? = self.output { name } else { nil }
        return [topic, self.rejects].compactMap(\.self)
    }
}
