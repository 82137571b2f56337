// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Engine
import RecordLog
import Records
import Shards
import Topologies

/// The work of a topology's stages since their first commit, over all processes, as committed.
struct StageSummary {
    struct Row {
        var stage: String
        var metadata: TaskMetadata
    }

    var topology: String
    var rows: [Row] = []
    var shards: [(name: String, shards: Int, samples: Int, bytes: Int)] = []

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
            let manifest = try Manifest(reading: name, from: log)
            let bytes = manifest.commits.reduce(0) { $0 + $1.entry.bytes }
            summary.shards.append((name, manifest.commits.count, manifest.samples, bytes))
        }
        return summary
    }

    var text: String {
        var table = TextTable(["stage", "in", "out", "rejected", "dead letters"])
        for row in self.rows {
            let metadata = row.metadata
            table.add([
                row.stage, ProgressReporter.grouped(metadata.recordsIn), ProgressReporter.grouped(metadata.recordsOut),
                ProgressReporter.grouped(metadata.rejected), ProgressReporter.grouped(metadata.deadLetters),
            ])
        }
        var lines = table.lines
        for row in self.rows {
            if let usage = ModelUsage(row.metadata.counts) { lines.append("\(row.stage), model: \(usage.line)") }
            if let open = OpenGroups(row.metadata.open) { lines.append("\(row.stage), \(open.line)") }
        }
        for row in self.rows where !row.metadata.counts.isEmpty {
            lines.append("\(row.stage), counted by step and reason:")
            for (reason, count) in row.metadata.counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
                lines.append("  \(reason): \(ProgressReporter.grouped(count))")
            }
        }
        for set in self.shards {
            lines.append(
                "shards \(set.name): \(set.shards) files, \(ProgressReporter.grouped(set.samples)) samples, "
                    + "\(ProgressReporter.grouped(set.bytes)) bytes")
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
            json.field("in", row.metadata.recordsIn)
            json.field("out", row.metadata.recordsOut)
            json.field("rejected", row.metadata.rejected)
            json.field("dead_letters", row.metadata.deadLetters)
            json.key("counts")
            json.beginObject()
            for (reason, count) in row.metadata.counts.sorted(by: { $0.key < $1.key }) {
                json.key(text: reason)
                json.value(count)
            }
            json.endObject()
            OpenGroups(row.metadata.open)?.write(to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("shards")
        json.beginArray()
        for set in self.shards {
            json.beginObject()
            json.field("name", set.name)
            json.field("shards", set.shards)
            json.field("samples", set.samples)
            json.field("bytes", set.bytes)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
