// SPDX-License-Identifier: Apache-2.0

import Engine
import Foundation
import RecordLog
import Records

extension Status {
    /// The state for people, as wide as the terminal or 80 columns.
    var text: String {
        let now = Engine.systemClock()
        var groups = FittedTable(
            ["group", "members", "lag", "rate/s", "last commit"], flexible: [0], numeric: [1, 2, 3])
        for group in self.groups {
            groups.add([
                group.name, String(group.members.count), ProgressReporter.grouped(group.lag),
                ProgressReporter.grouped(Int(group.rate.rounded())), Self.time(group.lastCommit),
            ])
        }
        var sets = FittedTable(
            ["shards", "files", "samples", "bytes", "open", "last commit"], flexible: [0], numeric: [1, 2, 3, 4])
        for set in self.sets {
            sets.add([
                set.size.name, String(set.size.shards), ProgressReporter.grouped(set.size.samples),
                ProgressReporter.grouped(set.size.bytes),
                String(set.open.count), Self.time(set.lastCommit),
            ])
        }
        let lines =
            groups.lines() + self.workLines + Self.wrapped(self.remarks) + self.taskLines(now: now) + [""]
            + sets.lines()
            + Self.wrapped(self.setRemarks)
        return lines.joined(separator: "\n") + "\n"
    }

    /// *This run* beside *since ever*.
    private var workLines: [String] {
        guard !self.groups.isEmpty else { return [] }
        var table = FittedTable(
            ["records", "", "in", "out", "rejected", "dead letters"], flexible: [0], numeric: [2, 3, 4, 5])
        for group in self.groups {
            if let thisRun = group.thisRun { table.add([group.name, "this run"] + thisRun.cells) }
            table.add([group.thisRun == nil ? group.name : "", "since ever"] + group.ever.cells)
        }
        return [""] + table.lines()
    }

    /// Lines of words within the width, their rest indented.
    private static func wrapped(_ lines: [String]) -> [String] {
        lines.flatMap { line in
            var wrapped: [String] = []
            var current = "  "
            for word in VisibleText.text(line).split(separator: " ").map(String.init) {
                let isFirst = current.allSatisfy { $0 == " " }
                if !isFirst, current.count + 1 + word.count > FittedTable.width {
                    wrapped.append(current)
                    current = "    " + word
                } else {
                    current += (isFirst ? "" : " ") + word
                }
            }
            return wrapped + [current]
        }
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
        for reason in self.unknown { lines.append("  a process is left out of this run: \(reason)") }
        for removal in self.removals {
            lines.append("  the removal of \(removal) was interrupted; the next run or removal finishes it")
        }
        return lines
    }

    private func taskLines(now: Timestamp) -> [String] {
        var tasks = FittedTable(
            ["task", "partition", "committed", "records", "lag", "rate/s", "last commit"], flexible: [0, 1],
            numeric: [2, 3, 4, 5])
        for group in self.groups where !group.members.isEmpty {
            for task in group.tasks {
                tasks.add([
                    group.name, task.partition.description, task.committed.map { String($0) } ?? "nothing",
                    ProgressReporter.grouped(task.ever.recordsIn), ProgressReporter.grouped(task.lag),
                    ProgressReporter.grouped(Int(task.rate.rounded())), Self.age(task.lastCommit, now: now),
                ])
            }
        }
        return tasks.isEmpty ? [] : [""] + tasks.lines()
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

    /// The time since a commit: a row of seven columns has no room for a date.
    private static func age(_ time: Timestamp?, now: Timestamp) -> String {
        guard let time else { return "never" }
        let seconds = Double(max(0, now - time)) / 1000
        return seconds < 360_000 ? "\(ProgressReporter.duration(seconds)) ago" : String(Self.time(time).prefix(10))
    }
}
