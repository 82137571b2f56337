// SPDX-License-Identifier: Apache-2.0

import Engine
import Foundation
import RecordLog
import Records
import Shards
import Telemetry

/// The state that `status` shows.
struct Status {
    /// A partition as its group has it: one task's.
    struct Task {
        var partition: TopicPartition
        /// The member that owns it now.
        var member: String?
        /// The next offset to read; `nil` before the first commit.
        var committed: Offset?
        /// The work of all its commits, by whatever process.
        var ever = Work()
        /// The counts of its steps, by `step.reason`.
        var counts: [String: Int] = [:]
        /// The groups that its steps gather and whose end has not come, by step.
        var open: [String: Int] = [:]
        /// The fewest and the most calls that its records under way may yet make, as of its last commit.
        var callsToCome = 0...0
        var lag = 0
        var rate = 0.0
        var lastCommit: Timestamp?
    }

    struct Group {
        var name: String
        var members: [GroupDescription.Member]
        var tasks: [Task]

        /// The living processes that run it.
        var runs: [Run] = []

        /// The work since the first commit, over all processes.
        var ever: Work { self.tasks.reduce(Work()) { $0 + $1.ever } }
        /// The work of the processes that live, each since its start; `nil` where none lives.
        var thisRun: Work? { self.runs.isEmpty ? nil : self.runs.reduce(Work()) { $0 + $1.work } }
        var counts: [String: Int] {
            self.tasks.reduce(into: [:]) { counts, task in counts.merge(task.counts, uniquingKeysWith: +) }
        }
        var open: [String: Int] {
            self.tasks.reduce(into: [:]) { open, task in open.merge(task.open, uniquingKeysWith: +) }
        }
        var callsToCome: ClosedRange<Int> {
            let ranges = self.tasks.map(\.callsToCome)
            return ranges.reduce(0) { $0 + $1.lowerBound }...ranges.reduce(0) { $0 + $1.upperBound }
        }
        var lag: Int { self.tasks.reduce(0) { $0 + $1.lag } }
        var rate: Double { self.tasks.reduce(0) { $0 + $1.rate } }
        var lastCommit: Timestamp? { self.tasks.compactMap(\.lastCommit).max() }
    }

    struct ShardSet {
        var size: SetSize
        var lastCommit: Timestamp?
        /// The files that living tasks are writing.
        var open: [String]
        /// Files that killed tasks left; the partition's next owner removes them.
        var leftOver: [String]
        /// The parts of its manifest that cannot be read, and are left out.
        var unreadable: [String]
    }

    var groups: [Group] = []
    var sets: [ShardSet] = []
    /// The waits of runs on this home.
    var waits: [WaitBoard.Note] = []
    /// The removals that were interrupted.
    var removals: [String] = []
    /// Processes whose figures could not be read, and why.
    var unknown: [String] = []
    /// The groups as the log described them, for the next look's rates.
    let descriptions: [GroupDescription]

    /// - Parameter exchange: where the processes that live tell of themselves.
    init(
        log: any RecordLog, home: Home, exchange: any FigureExchange, before: [GroupDescription], seconds: TimeInterval
    ) throws {
        self.waits = WaitBoard.read(home)
        self.removals = try log.pendingRemovals()
        // Before the log is looked at, so that no process tells of commits that are not there yet.
        let reading = Result { try exchange.read() }
        self.descriptions = try log.groups()
        let stages = try log.writtenStages()
        self.groups = try Self.groups(
            self.descriptions, in: log, stages: stages, before: before, seconds: max(seconds, 0.001))
        switch reading {
        case .success(let reading):
            let runs = Self.runs(reading.figures)
            for index in self.groups.indices { self.groups[index].runs = runs[self.groups[index].name] ?? [] }
            self.unknown = reading.refused
        case .failure(let error): self.unknown = ["\(error)"]
        }
        for (manifest, unreadable) in try ShardSets.all(in: log) {
            let name = manifest.name
            let files = (try? FileManager.default.contentsOfDirectory(atPath: home.shardFolder(name))) ?? []
            let writing = Self.partitions(writing: name, self.descriptions, stages)
            let (open, leftOver) = SetFiles.open(files, name: name, owned: writing)
            self.sets.append(
                ShardSet(
                    size: SetSize(name, manifest), lastCommit: manifest.commits.map(\.time).max(), open: open,
                    leftOver: leftOver, unreadable: unreadable))
        }
    }

    /// The partitions of a set whose tasks a living process has. In a log of an earlier version, which does not say who
    /// writes it, those of all groups.
    private static func partitions(
        writing set: String, _ groups: [GroupDescription], _ stages: [WrittenStage]
    ) -> Set<Int> {
        let writers = stages.filter { $0.shards == set }.map(\.group)
        let living = groups.filter { writers.isEmpty || writers.contains($0.group) }
        return Set(living.flatMap(\.members).flatMap(\.partitions).map(\.partition))
    }

    /// The groups of a log as they are, those without a commit among them.
    /// - Parameter isWanted: tells of a group that has members or commits whether it is looked at.
    static func groups(
        in log: any RecordLog, stages: [WrittenStage], where isWanted: (GroupDescription) -> Bool = { _ in true }
    ) throws -> [Group] {
        try self.groups(try log.groups().filter(isWanted), in: log, stages: stages, before: [], seconds: 1)
    }

    private static func groups(
        _ descriptions: [GroupDescription], in log: any RecordLog, stages: [WrittenStage],
        before: [GroupDescription], seconds: TimeInterval
    ) throws -> [Group] {
        var inputs: [String: Int] = [:]
        for topic in try log.topics() { inputs[topic.name] = topic.partitions }
        var groups = descriptions.map { description in
            let earlier = before.first { $0.group == description.group }
            let stage = stages.first { $0.group == description.group }
            let waiting = stage.map { stage in
                (0..<(inputs[stage.from] ?? 0)).map { TopicPartition(stage.from, $0) }
            }
            return Group(
                name: description.group, members: description.members,
                tasks: self.tasks(of: description, waiting ?? [], earlier: earlier, seconds: seconds, log: log))
        }
        for stage in stages where !groups.contains(where: { $0.name == stage.group }) {
            // An input that is gone has nothing that waits.
            guard let partitions = inputs[stage.from] else { continue }
            var description = GroupDescription(group: stage.group, members: [], commits: [])
            for number in 0..<partitions {
                guard let stored = try stage.storedOffset(ofPartition: number, in: log) else { continue }
                description.commits.append(
                    .init(partition: TopicPartition(stage.from, number), committed: stored, time: nil))
            }
            let all = (0..<partitions).map { TopicPartition(stage.from, $0) }
            let tasks = self.tasks(of: description, all, earlier: nil, seconds: seconds, log: log)
            groups.append(Group(name: stage.group, members: [], tasks: tasks))
        }
        return groups.sorted { $0.name < $1.name }
    }

    /// - Parameter input: all partitions of what the group reads: one that nobody has committed waits whole.
    private static func tasks(
        of group: GroupDescription, _ input: [TopicPartition], earlier: GroupDescription?, seconds: TimeInterval,
        log: any RecordLog
    ) -> [Task] {
        let partitions = Set(group.commits.map(\.partition) + group.members.flatMap(\.partitions) + input)
        return partitions.sorted().map { partition in
            let commit = group.commits.first { $0.partition == partition }
            let metadata = commit.flatMap { try? TaskMetadata(parsing: $0.committed.metadata) }
            var task = Task(partition: partition, committed: commit?.committed.offset)
            task.member = group.members.first { $0.partitions.contains(partition) }?.id
            if let metadata {
                task.ever = Work(
                    recordsIn: metadata.recordsIn, recordsOut: metadata.recordsOut, rejected: metadata.rejected,
                    deadLetters: metadata.deadLetters)
            }
            task.counts = metadata?.counts ?? [:]
            task.open = metadata?.open ?? [:]
            task.callsToCome = metadata?.callsToCome ?? 0...0
            task.lastCommit = metadata?.committedAt ?? commit?.time
            if let range = try? log.offsets(of: partition) {
                task.lag = Int(max(0, range.upperBound - max(task.committed ?? 0, range.lowerBound)))
            }
            if let now = task.committed {
                let last = earlier?.commits.first { $0.partition == partition }?.committed.offset
                task.rate = Double(now - (last ?? now)) / seconds
            }
            return task
        }
    }
}
