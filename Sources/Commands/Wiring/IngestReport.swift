// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import Foundation
import Records
import TaskRooms

/// The result of an ingest.
struct IngestReport {
    /// The groups that were written.
    private(set) var groups = 0
    /// The records between their first and last.
    private(set) var records = 0
    private(set) var unchanged = 0
    /// Of those, the ones that are there as an earlier version of the program wrote them, without details.
    private(set) var withoutDetails = 0
    private(set) var replaced = 0
    private(set) var refused = 0
    private(set) var refusedExample = ""
    var counts: [String: Int] = [:]
    var problems: [String: Int] = [:]

    private let words: GroupWords
    private let lists: [SourceList]
    private var matched: Set<SourceList.Entry> = []
    /// The key of a group that came, to show beside the ids that a list has.
    private var example: String?

    init(words: GroupWords, lists: [SourceList] = []) {
        self.words = words
        self.lists = lists
    }

    /// The number of entries of a list that are among the videos that came.
    private func matchedCount(_ list: Int) -> Int { self.matched.count { $0.file == list } }

    /// Warnings about the guard: each list that keeps nothing out, and videos that no list can guard.
    var guardWarnings: [String] {
        var warnings: [String] = []
        if let example {
            for (number, list) in self.lists.enumerated() where self.matchedCount(number) == 0 {
                warnings.append(
                    "none of the \(ProgressReporter.grouped(list.ids)) ids in \(list.path) is a video of this source, so the "
                        + "list keeps nothing out: it has ids like `\(list.example.prefix(128))`, the source like "
                        + "`\(example.prefix(128))`; is it a list of this data set?")
            }
        }
        return warnings
    }

    /// Tells whether there was something, and all of it was wrong.
    var isUseless: Bool {
        self.groups == 0 && self.unchanged == 0 && self.refused == 0 && !self.problems.isEmpty
    }

    /// Takes a group that was handed over, with the log's verdict.
    mutating func take(_ group: some RecordGroup, _ verdict: Ingest.Verdict) {
        if self.example == nil { self.example = group.key }
        self.matched.formUnion(group.listed)
        for (reason, count) in group.counts { self.counts[reason, default: 0] += count }
        switch verdict {
        case .written(let revision):
            self.groups += 1
            self.records += group.count
            if revision > 1 { self.replaced += 1 }
        case .unchanged: self.unchanged += 1
        case .withoutDetails:
            self.unchanged += 1
            self.withoutDetails += 1
        case .refused:
            if self.refused == 0 { self.refusedExample = group.name }
            self.refused += 1
        }
    }

    func text(topic: String) -> String {
        var lines = [
            "\(topic): \(ProgressReporter.grouped(self.groups)) \(self.words.wholeGroups), "
                + "\(ProgressReporter.grouped(self.records)) \(self.words.records) written"
        ]
        if self.groups == 0 { lines.append("this run wrote nothing") }
        if self.replaced > 0 { lines.append("replaced by a new revision: \(self.replaced)") }
        for (number, list) in self.lists.enumerated() {
            lines.append(
                "list \(list.path) (\(list.splits.joined(separator: ", "))): \(ProgressReporter.grouped(list.ids)) "
                    + "\(list.ids == 1 ? "id" : "ids"), \(ProgressReporter.grouped(self.matchedCount(number))) among the videos of "
                    + "this source")
        }
        if self.unchanged > 0 { lines.append("there already, unchanged: \(ProgressReporter.grouped(self.unchanged))") }
        if self.withoutDetails > 0 {
            lines.append(
                "of those, without what the source has beside text and time, as an earlier version of this program left it "
                    + "out: \(ProgressReporter.grouped(self.withoutDetails)); --replace writes them again with it")
        }
        for (reason, count) in self.counts.sorted(by: { $0.key < $1.key }) {
            lines.append("counted, \(reason): \(ProgressReporter.grouped(count))")
        }
        for (reason, count) in self.problems.sorted(by: { $0.key < $1.key }) {
            lines.append("dead letters, \(reason): \(ProgressReporter.grouped(count))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.key(text: self.words.groups)
        json.value(self.groups)
        json.key(text: self.words.records)
        json.value(self.records)
        json.field("replaced", self.replaced)
        json.field("unchanged", self.unchanged)
        json.field("refused", self.refused)
        json.key("counts")
        Self.write(self.counts, to: &json)
        json.key("dead_letters")
        Self.write(self.problems, to: &json)
        json.key("lists")
        json.beginArray()
        for (number, list) in self.lists.enumerated() {
            json.beginObject()
            json.field("file", list.path)
            json.key("splits")
            json.beginArray()
            for split in list.splits { json.value(split) }
            json.endArray()
            json.field("ids", list.ids)
            json.field("matched", self.matchedCount(number))
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func write(_ counts: [String: Int], to json: inout JSONWriter) {
        json.beginObject()
        for (reason, count) in counts.sorted(by: { $0.key < $1.key }) {
            json.key(text: reason)
            json.value(count)
        }
        json.endObject()
    }
}
