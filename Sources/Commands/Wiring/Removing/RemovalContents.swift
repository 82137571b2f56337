// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import Foundation
import RecordLog
import Records
import Shards

/// Everything that a plan of removal would take, counted: what `--dry-run` prints.
struct RemovalContents {
    struct Files {
        var set: String
        var folder: String
        var names: [String]
        var bytes: Int
        /// Committed shards that do not lie in this folder: another machine's home has them, if any.
        var elsewhere: Int
    }

    struct Topic {
        var name: String
        var records: Int
    }

    struct Group {
        var name: String
        var offsets: [(partition: TopicPartition, offset: Offset)]
    }

    struct State {
        var writer: String
        var entries: Int
        var bytes: Int
    }

    let subject: String
    let plan: RemovalPlan
    var files: [Files] = []
    var topics: [Topic] = []
    var groups: [Group] = []
    var states: [State] = []
    var trainings: [Trainings.Run] = []

    init(_ plan: RemovalPlan, subject: String, log: any RecordLog, home: Home) throws {
        self.plan = plan
        self.subject = subject
        for set in plan.sets {
            let names = try home.files(ofSet: set)
            let bytes = names.reduce(0) { $0 + home.size(of: $1, in: set) }
            var listed: Set<String> = []
            if plan.topics.contains(Manifest.topic(set)) {
                listed = try ShardSets.readable(set, in: log).manifest.files
            }
            self.files.append(
                Files(
                    set: set, folder: home.shardFolder(set), names: names, bytes: bytes,
                    elsewhere: listed.subtracting(names).count))
        }
        let known = Dictionary(try log.topics().map { ($0.name, $0.partitions) }) { first, _ in first }
        for name in plan.topics {
            let ranges = try (0..<(known[name] ?? 0)).map { try log.offsets(of: TopicPartition(name, $0)) }
            self.topics.append(
                Topic(name: name, records: ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) }))
        }
        let groups = try log.groups()
        for name in plan.groups {
            let commits = groups.first { $0.group == name }?.commits ?? []
            self.groups.append(Group(name: name, offsets: commits.map { ($0.partition, $0.committed.offset) }))
        }
        for id in plan.writers {
            let state = try log.state(ofWriter: id)
            if state.isEmpty { continue }
            let bytes = state.reduce(0) { $0 + $1.key.count + $1.value.count }
            self.states.append(State(writer: id, entries: state.count, bytes: bytes))
        }
        self.trainings = Trainings.over(plan.sets, in: home)
    }

    /// The lines for people.
    var lines: [String] {
        var lines: [String] = []
        for files in self.files {
            lines.append(
                "files    \(Self.count(files.names.count, "file")) in \(files.folder), "
                    + "\(ProgressReporter.grouped(files.bytes)) bytes")
            if files.elsewhere > 0 {
                lines.append(
                    "         \(Self.count(files.elsewhere, "committed shard")) not there: if other machines keep shards of "
                        + "`\(files.set)`, remove the folder there, too")
            }
        }
        for topic in self.topics { lines.append("topic    \(topic.name), \(Self.count(topic.records, "record"))") }
        for group in self.groups {
            let offsets = group.offsets.map { "\($0.partition) \($0.offset)" }.joined(separator: ", ")
            lines.append("offsets  \(group.name): \(offsets.isEmpty ? "none" : offsets)")
        }
        for state in self.states {
            lines.append(
                "state    \(state.writer): \(Self.entries(state.entries)), "
                    + "\(ProgressReporter.grouped(state.bytes)) bytes")
        }
        for run in self.trainings {
            let segments = run.segments.map { Self.count($0, "segment") } ?? "unreadable"
            let checkpoints = Self.count(run.checkpoints.count, "checkpoint")
            lines.append(
                "plan     \(run.plan) (\(segments), \(checkpoints)) stays, and names shards of `\(run.set)` that will be gone: "
                    + "that run cannot go on")
        }
        if !self.plan.sets.isEmpty || !self.plan.groups.isEmpty {
            lines.append("stays    kept answers of models: what is made again asks for none of them again")
        }
        for note in self.plan.notes { lines.append("note     \(note)") }
        return lines
    }

    private static func entries(_ number: Int) -> String {
        "\(ProgressReporter.grouped(number)) \(number == 1 ? "entry" : "entries")"
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(ProgressReporter.grouped(number)) \(noun)\(number == 1 ? "" : "s")"
    }

    /// The same as one object.
    func json(isDone: Bool) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("removal", self.subject)
        json.key("removed")
        json.value(isDone)
        Self.array("files", self.files, &json) { files, json in
            json.field("set", files.set)
            json.field("folder", files.folder)
            json.field("bytes", files.bytes)
            json.field("elsewhere", files.elsewhere)
            json.key("names")
            json.beginArray()
            for name in files.names { json.value(name) }
            json.endArray()
        }
        Self.array("topics", self.topics, &json) { topic, json in
            json.field("topic", topic.name)
            json.field("records", topic.records)
        }
        Self.array("offsets", self.groups, &json) { group, json in
            json.field("group", group.name)
            Self.array("partitions", group.offsets, &json) { offset, json in
                json.field("partition", offset.partition.description)
                json.field("offset", Int(offset.offset))
            }
        }
        Self.array("state", self.states, &json) { state, json in
            json.field("writer", state.writer)
            json.field("entries", state.entries)
            json.field("bytes", state.bytes)
        }
        Self.array("plans", self.trainings, &json) { run, json in
            json.field("plan", run.plan)
            json.field("set", run.set)
            json.key("segments")
            if let segments = run.segments { json.value(segments) } else { json.null() }
            json.field("checkpoints", run.checkpoints.count)
        }
        json.key("notes")
        json.beginArray()
        for note in self.plan.notes { json.value(note) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func array<Element>(
        _ name: String, _ elements: [Element], _ json: inout JSONWriter, _ write: (Element, inout JSONWriter) -> Void
    ) {
        json.key(text: name)
        json.beginArray()
        for element in elements {
            json.beginObject()
            write(element, &json)
            json.endObject()
        }
        json.endArray()
    }
}
