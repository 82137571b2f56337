// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Engine
import Foundation
import RecordLog
import Records
import Shards

/// `millrace status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show groups with their lag, rates and last commits, and the shards, open ones too.",
        discussion: """
            EXAMPLES
              millrace status
              millrace status --json | jq '.groups[].lag'
            """)

    @Option(help: "Seconds over which rates are measured; 0 shows none.")
    var interval = 1.0

    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func validate() throws {
        if !(0...60).contains(self.interval) { throw ValidationError("--interval wants 0 to 60 seconds.") }
    }

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let log = try home.openLogToRead()
            defer { log.close() }
            let before = try log.groups()
            let start = ContinuousClock.now
            if self.interval > 0, before.contains(where: { !$0.members.isEmpty }) {
                Thread.sleep(forTimeInterval: self.interval)
            }
            let status = try Status(
                log: log, home: home, before: before, seconds: (ContinuousClock.now - start).seconds)
            if self.common.json { try Results.json(status.json) } else { try Results.text(status.text) }
            try Unreadable.report(status.sets.flatMap(\.unreadable))
        }
    }
}

/// The state that `status` shows.
struct Status {
    /// A partition as its group has it: one task's.
    struct Task {
        var partition: TopicPartition
        /// The member that owns it now.
        var member: String?
        /// The next offset to read; `nil` before the first commit.
        var committed: Offset?
        var records = 0
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

        var records: Int { self.tasks.reduce(0) { $0 + $1.records } }
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
        var name: String
        var shards: Int
        var samples: Int
        var bytes: Int
        var lastCommit: Timestamp?
        var open: [String]
        /// The parts of its manifest that cannot be read, and are left out.
        var unreadable: [String]
    }

    var groups: [Group] = []
    var sets: [ShardSet] = []
    /// The waits of runs on this home.
    var waits: [WaitBoard.Note] = []

    init(log: any RecordLog, home: Home, before: [GroupDescription], seconds: TimeInterval) throws {
        self.waits = WaitBoard.read(home)
        for description in try log.groups() {
            let earlier = before.first { $0.group == description.group }
            let tasks = Self.tasks(of: description, earlier: earlier, seconds: max(seconds, 0.001), log: log)
            self.groups.append(Group(name: description.group, members: description.members, tasks: tasks))
        }
        for name in try ShardSets.names(in: log) {
            let (manifest, unreadable) = try ShardSets.readable(name, in: log)
            let files = (try? FileManager.default.contentsOfDirectory(atPath: home.shardFolder(name))) ?? []
            self.sets.append(
                ShardSet(
                    name: name, shards: manifest.commits.count, samples: manifest.samples,
                    bytes: manifest.commits.reduce(0) { $0 + $1.entry.bytes },
                    lastCommit: manifest.commits.map(\.time).max(),
                    open: files.filter { ShardName(temporaryFile: $0) != nil }.sorted(), unreadable: unreadable))
        }
    }

    private static func tasks(
        of group: GroupDescription, earlier: GroupDescription?, seconds: TimeInterval, log: any RecordLog
    ) -> [Task] {
        // A partition that a member has and nobody has committed waits whole: an open shard's first records, for one.
        let partitions = Set(group.commits.map(\.partition) + group.members.flatMap(\.partitions))
        return partitions.sorted().map { partition in
            let commit = group.commits.first { $0.partition == partition }
            let metadata = commit.flatMap { try? TaskMetadata(parsing: $0.committed.metadata) }
            var task = Task(partition: partition, committed: commit?.committed.offset)
            task.member = group.members.first { $0.partitions.contains(partition) }?.id
            task.records = metadata?.recordsIn ?? 0
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

    var text: String {
        var groups = TextTable(["group", "members", "records", "lag", "rate/s", "last commit"])
        for group in self.groups {
            groups.add([
                group.name, String(group.members.count), ProgressReporter.grouped(group.records),
                ProgressReporter.grouped(group.lag), ProgressReporter.grouped(Int(group.rate.rounded())),
                Self.time(group.lastCommit),
            ])
        }
        var sets = TextTable(["shards", "files", "samples", "bytes", "open", "last commit"])
        for set in self.sets {
            sets.add([
                set.name, String(set.shards), ProgressReporter.grouped(set.samples),
                ProgressReporter.grouped(set.bytes),
                String(set.open.count), Self.time(set.lastCommit),
            ])
        }
        var lines = groups.lines
        for group in self.groups {
            if let usage = ModelUsage(group.counts) { lines.append("  \(group.name), model: \(usage.line)") }
            if let open = OpenGroups(group.open) { lines.append("  \(group.name), \(open.line)") }
            if let calls = CallsToCome(group.callsToCome) {
                lines.append("  \(group.name), \(calls.text) of conversations under way")
            }
        }
        let now = Engine.systemClock()
        for wait in self.waits { lines.append("  " + wait.text(now: now)) }
        for group in self.groups {
            for member in group.members {
                let partitions = member.partitions.map(\.description).joined(separator: " ")
                lines.append("  \(group.name): \(member.location) has \(partitions.isEmpty ? "nothing" : partitions)")
            }
        }
        var tasks = TextTable(["task", "partition", "committed", "records", "lag", "rate/s", "last commit"])
        for group in self.groups where !group.members.isEmpty {
            for task in group.tasks {
                tasks.add([
                    group.name, task.partition.description, task.committed.map { String($0) } ?? "nothing",
                    ProgressReporter.grouped(task.records), ProgressReporter.grouped(task.lag),
                    ProgressReporter.grouped(Int(task.rate.rounded())), Self.time(task.lastCommit),
                ])
            }
        }
        if tasks.lines.count > 1 { lines += [""] + tasks.lines }
        return (lines + [""] + sets.lines).joined(separator: "\n") + "\n"
    }

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.key("groups")
        json.beginArray()
        for group in self.groups { Self.write(group, to: &json) }
        json.endArray()
        json.key("waits")
        json.beginArray()
        for wait in self.waits { wait.write(to: &json) }
        json.endArray()
        json.key("shards")
        json.beginArray()
        for set in self.sets {
            json.beginObject()
            json.field("name", set.name)
            json.field("shards", set.shards)
            json.field("samples", set.samples)
            json.field("bytes", set.bytes)
            json.key("last_commit")
            if let time = set.lastCommit { json.value(Int(time)) } else { json.null() }
            json.key("open")
            json.beginArray()
            for file in set.open { json.value(file) }
            json.endArray()
            json.key("unreadable")
            json.beginArray()
            for problem in set.unreadable { json.value(problem) }
            json.endArray()
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func write(_ group: Group, to json: inout JSONWriter) {
        json.beginObject()
        json.field("group", group.name)
        json.field("records", group.records)
        json.field("lag", group.lag)
        json.field("rate", group.rate)
        json.key("last_commit")
        if let time = group.lastCommit { json.value(Int(time)) } else { json.null() }
        json.key("counts")
        json.beginObject()
        for (reason, count) in group.counts.sorted(by: { $0.key < $1.key }) {
            json.key(text: reason)
            json.value(count)
        }
        json.endObject()
        OpenGroups(group.open)?.write(to: &json)
        CallsToCome(group.callsToCome)?.write(to: &json)
        json.key("members")
        json.beginArray()
        for member in group.members {
            json.beginObject()
            json.field("id", member.id)
            json.field("location", member.location)
            json.key("partitions")
            json.beginArray()
            for partition in member.partitions { json.value(partition.description) }
            json.endArray()
            json.endObject()
        }
        json.endArray()
        json.key("tasks")
        json.beginArray()
        for task in group.tasks { Self.write(task, to: &json) }
        json.endArray()
        json.endObject()
    }

    private static func write(_ task: Task, to json: inout JSONWriter) {
        json.beginObject()
        json.field("partition", task.partition.description)
        json.key("member")
        if let member = task.member { json.value(member) } else { json.null() }
        json.key("committed")
        if let committed = task.committed { json.value(Int(committed)) } else { json.null() }
        json.field("records", task.records)
        json.field("lag", task.lag)
        json.field("rate", task.rate)
        json.key("last_commit")
        if let time = task.lastCommit { json.value(Int(time)) } else { json.null() }
        json.endObject()
    }

    private static func time(_ time: Timestamp?) -> String {
        time.map { Date(timeIntervalSince1970: Double($0) / 1000).formatted(.iso8601) } ?? "never"
    }
}
