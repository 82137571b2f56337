// SPDX-License-Identifier: Apache-2.0

import Engine
import Foundation
import RecordLog
import Records

extension Status {
    /// The state for people.
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
                set.size.name, String(set.size.shards), ProgressReporter.grouped(set.size.samples),
                ProgressReporter.grouped(set.size.bytes),
                String(set.open.count), Self.time(set.lastCommit),
            ])
        }
        return (groups.lines + self.remarks + self.taskLines + [""] + sets.lines + self.setRemarks)
            .joined(separator: "\n") + "\n"
    }

    private var remarks: [String] {
        var lines: [String] = []
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
        for removal in self.removals {
            lines.append("  the removal of \(removal) was interrupted; the next run or removal finishes it")
        }
        return lines
    }

    private var taskLines: [String] {
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
        return tasks.lines.count > 1 ? [""] + tasks.lines : []
    }

    private var setRemarks: [String] {
        self.sets.filter { !$0.leftOver.isEmpty }.map { set in
            let count = set.leftOver.count
            return
                "  \(set.size.name): \(count) unfinished file\(count == 1 ? "" : "s") of processes that have ended; the next "
                + "run removes \(count == 1 ? "it" : "them")"
        }
    }

    private static func time(_ time: Timestamp?) -> String {
        time.map { Date(timeIntervalSince1970: Double($0) / 1000).formatted(.iso8601) } ?? "never"
    }
}
