// SPDX-License-Identifier: Apache-2.0

import Engine
import RecordLog
import Records
import Telemetry

/// The lag of partitions that nobody owns: the owner of a partition tells its lag, and of a stage that no process runs
/// nobody would, whether it has ever committed or not.
struct UnownedLag {
    /// The most partitions that are looked at; those of the groups that come first.
    static let partitionsMax = 1000

    private struct Entry {
        var topology: String
        var stage: String
        var partition: Int
        var offsets: Int
        var seconds: Double
    }

    private var entries: [Entry] = []

    /// Looks at the log. A partition that cannot be read is left out, as if it were not there: its topic may be dropped
    /// meanwhile.
    init(in log: any RecordLog, now: Timestamp) throws {
        let stages = try log.writtenStages()
        // Others' groups on the same brokers say nothing that we know.
        let ours = Set(stages.map(\.group))
        let groups = try Status.groups(in: log, stages: stages) { group in
            ours.contains(group.group)
                || group.commits.contains { (try? TaskMetadata(parsing: $0.committed.metadata)) != nil }
        }
        for group in groups {
            guard let dot = group.name.lastIndex(of: ".") else { continue }
            let topology = String(group.name[..<dot])
            let stage = String(group.name[group.name.index(after: dot)...])
            for task in group.tasks where task.member == nil {
                guard self.entries.count < Self.partitionsMax,
                    let lag = Self.lag(of: task.partition, from: task.committed ?? 0, in: log, now: now)
                else { continue }
                self.entries.append(
                    Entry(
                        topology: topology, stage: stage, partition: task.partition.partition, offsets: lag.offsets,
                        seconds: lag.seconds))
            }
        }
    }

    private static func lag(
        of partition: TopicPartition, from committed: Offset, in log: any RecordLog, now: Timestamp
    ) -> (offsets: Int, seconds: Double)? {
        guard let range = try? log.offsets(of: partition) else { return nil }
        let next = max(committed, range.lowerBound)
        guard next < range.upperBound else { return (0, 0) }
        // The rest may be marks of transactions alone, which are no records.
        guard let reader = try? log.makeReader(of: partition, from: next),
            let batch = try? reader.read(recordsMax: 1, bytesMax: 1 << 16), batch.count > 0
        else { return (0, 0) }
        return (Int(range.upperBound - next), Double(max(0, now - batch.timestamps[0])) / 1000)
    }

    /// As metrics, with the names and labels that an owner gives them.
    var families: [MetricFamily] {
        guard !self.entries.isEmpty else { return [] }
        let family = { (metric: MetricDefinition, value: (Entry) -> Double) in
            MetricFamily(
                name: metric.name, kind: metric.kind, help: metric.help,
                series: self.entries.map { entry in
                    MetricFamily.Series(
                        [
                            .init("topology", entry.topology), .init("stage", entry.stage),
                            .init("partition", String(entry.partition)),
                        ], .number(value(entry)))
                })
        }
        return [
            family(.stageLagOffsets) { Double($0.offsets) }, family(.stageLagSeconds) { $0.seconds },
        ]
    }
}
