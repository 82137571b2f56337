// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Engine
import RecordLog
import Records
import Shards
import Topologies

/// The work of a topology's stages since their first commit, over all processes, as committed, and beside it what a run
/// of this process did.
struct StageSummary {
    struct Row {
        var stage: String
        /// Since the first commit, by all processes.
        var metadata: TaskMetadata
        /// In this run, by this process; `nil` where there was none.
        var thisRun: TaskMetadata?
    }

    var topology: String
    var rows: [Row] = []
    var shards: [SetSize] = []

    static func read(_ topology: Topology, log: any RecordLog) throws -> StageSummary {
        var summary = StageSummary(topology: topology.name)
        for stage in topology.stages {
            var total = TaskMetadata(stageHash: stage.hash)
            for number in 0..<topology.partitions {
                let committed = try log.committedOffset(
                    group: "\(topology.name).\(stage.name)", partition: TopicPartition(stage.from, number))
                if let committed, let metadata = try? TaskMetadata(parsing: committed.metadata) { total.add(metadata) }
            }
            summary.rows.append(Row(stage: stage.name, metadata: total))
        }
        for name in topology.shardSets {
            summary.shards.append(SetSize(name, try Manifest(reading: name, from: log)))
        }
        return summary
    }

    /// Puts beside each stage what this process has committed in its run.
    mutating func add(_ progress: [Engine.StageProgress]) {
        for stage in progress {
            guard let index = self.rows.firstIndex(where: { $0.stage == stage.stage }) else { continue }
            self.rows[index].thisRun = stage.committed
        }
    }

    /// Tells whether there was a run and it committed nothing.
    private var didNothing: Bool {
        !self.rows.isEmpty && self.rows.allSatisfy { $0.thisRun.map { $0.recordsIn == 0 } ?? false }
    }

    var text: String {
        let number = ProgressReporter.grouped
        var lines: [String] = []
        if self.didNothing {
            lines.append(
                self.rows.allSatisfy { $0.metadata.recordsIn == 0 }
                    ? "this run did nothing: there are no records yet; `millrace ingest` brings some"
                    : "this run did nothing: all records that there are were done before")
        }
        var table = TextTable(["stage", "", "in", "out", "rejected", "dead letters"])
        func add(_ name: String, _ time: String, _ metadata: TaskMetadata) {
            table.add([
                name, time, number(metadata.recordsIn), number(metadata.recordsOut), number(metadata.rejected),
                number(metadata.deadLetters),
            ])
        }
        for row in self.rows {
            if let thisRun = row.thisRun {
                add(row.stage, "this run", thisRun)
                add("", "since ever", row.metadata)
            } else {
                add(row.stage, "since ever", row.metadata)
            }
        }
        lines += table.lines
        for row in self.rows {
            if let usage = ModelUsage(row.metadata.counts) {
                lines.append("\(row.stage), model, since ever: \(usage.line)")
            }
            if let open = OpenGroups(row.metadata.open) { lines.append("\(row.stage), \(open.line)") }
        }
        for row in self.rows where !row.metadata.counts.isEmpty {
            lines.append("\(row.stage), counted by step and reason, since ever:")
            for (reason, count) in row.metadata.counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
                let now = row.thisRun?.counts[reason] ?? 0
                lines.append("  \(reason): \(number(count))" + (now > 0 ? " (\(number(now)) in this run)" : ""))
            }
        }
        for set in self.shards {
            lines.append(
                "shards \(set.name): \(set.shards) files, \(number(set.samples)) samples, \(number(set.bytes)) bytes")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("topology", self.topology)
        json.key("stages")
        json.beginArray()
        for row in self.rows {
            json.beginObject()
            json.field("stage", row.stage)
            Self.write(row.metadata, to: &json)
            OpenGroups(row.metadata.open)?.write(to: &json)
            if let thisRun = row.thisRun {
                json.key("this_run")
                json.beginObject()
                Self.write(thisRun, to: &json)
                json.endObject()
            }
            json.endObject()
        }
        json.endArray()
        json.key("shards")
        json.beginArray()
        for set in self.shards {
            json.beginObject()
            set.write(to: &json)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
    private static func write(_ metadata: TaskMetadata, to json: inout JSONWriter) {
        json.field("in", metadata.recordsIn)
        json.field("out", metadata.recordsOut)
        json.field("rejected", metadata.rejected)
        json.field("dead_letters", metadata.deadLetters)
        json.key("counts")
        json.beginObject()
        for (reason, count) in metadata.counts.sorted(by: { $0.key < $1.key }) {
            json.key(text: reason)
            json.value(count)
        }
        json.endObject()
    }
}
