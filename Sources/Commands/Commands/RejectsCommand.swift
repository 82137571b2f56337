// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Engine
import Operations
import RecordLog
import Records
import TaskRooms

/// `millrace rejects`
struct RejectsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejects",
        abstract: "Show what validators and judges have rejected.",
        discussion: """
            The newest first, 20 of them unless --limit says otherwise. NAME is a topic of rejects, or a topology, for all \
            that its stages reject.

            EXAMPLES
              millrace rejects nlq
              millrace rejects queries.rejected --reason answer-leak --since 2h
              millrace rejects nlq --json --limit 1000 | jq .cells.query
            """)

    @Argument(help: "A topic of rejects, or a topology.")
    var name: String

    @OptionGroup(title: "The rejects") var rejects: LetterOptions
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let log = try home.openLogToRead()
            defer { log.close() }
            let topics = try RejectTopics.named(self.name, in: log)
            var filter = self.rejects.filter
            filter.kind = "rejected"
            let reading = LetterReading(log)
            let rows = try reading.newest(self.rejects.limit ?? 20, in: topics, filter, .whole) { letter in
                RejectRow(letter, by: Tasks.registered.rejects)
            }
            if self.common.json {
                for row in rows { try Results.json(row.json) }
            } else if rows.isEmpty {
                let chosen = self.rejects.isEmpty ? "" : " of \(self.rejects.words)"
                try Results.line("no rejects\(chosen) in \(topics.map(\.name).joined(separator: ", "))")
            } else {
                try Results.lines(RejectRow.table(of: rows))
            }
        }
    }
}

/// The topics in which rejects lie.
enum RejectTopics {
    /// Those of a name: the topic, or those of a topology's stages. Where a stage names none, its dead letters hold
    /// them.
    static func named(_ name: String, in log: any RecordLog) throws -> [TopicSpecification] {
        let topics = try log.topics()
        let stages = try OwnedStage.all(in: log)
        let own = stages.filter { $0.owner.kind != .ingest && $0.owner.name == name }
        if !own.isEmpty {
            let names = Set(own.compactMap(\.rejects) + [ReservedTopics.deadLetters(of: name)])
            return topics.filter { names.contains($0.name) }
        }
        if let topic = topics.first(where: { $0.name == name }) { return [topic] }
        let known = Set(stages.compactMap(\.rejects)).sorted()
        let there =
            known.isEmpty ? "no stage has named a topic of rejects yet" : "there are: " + known.joined(separator: ", ")
        throw CommandFailure(.usage, "`\(name)` is no topic and no topology of this log; \(there)")
    }
}

/// A reject as a row of a table.
struct RejectRow {
    /// No cell shows more, on whatever terminal.
    private static let cellMax = 400

    let id: LetterID
    let time: Timestamp
    let reason: String
    let message: String
    let columns: [String]
    let cells: [String]

    init(_ letter: KeptLetter, by known: [RejectColumns]) {
        self.id = letter.id
        self.time = letter.time
        self.reason = letter.reason
        self.message = letter.message
        let record = letter.value.flatMap { try? JSONValue(parsing: $0) }
        let rejected = letter.judged.flatMap { try? JSONValue(parsing: $0) } ?? record
        guard let rejected else {
            self.columns = RejectColumns.any.names
            self.cells = [letter.problem.map { "unreadable: \($0)" } ?? "its value was too large to be kept"]
            return
        }
        let found = known.lazy.compactMap { columns in
            columns.cells(of: rejected, record: record).map { (columns.names, $0) }
        }.first
        let (columns, cells) =
            found ?? (RejectColumns.any.names, RejectColumns.any.cells(of: rejected, record: record) ?? [])
        self.columns = columns
        self.cells = cells.map { KeptLetter.cut($0, Self.cellMax) }
    }

    /// A table of rows; rows of other columns have one of their own.
    static func table(of rows: [RejectRow]) -> [String] {
        var lines: [String] = []
        var left = rows[...]
        while let first = left.first {
            let run = left.prefix { $0.columns == first.columns }
            left = left.dropFirst(run.count)
            let count = first.columns.count
            var table = FittedTable(["time", "reason"] + first.columns, flexible: Set(1..<(2 + count)))
            for row in run { table.add([ShownTime.minute(row.time), row.reason] + row.cells) }
            if !lines.isEmpty { lines.append("") }
            lines += table.lines()
        }
        if let first = rows.first { lines += ["", "one of them: millrace explain \(first.id)"] }
        return lines
    }

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("id", self.id.description)
        json.field("timestamp", Int(clamping: self.time))
        json.field("reason", self.reason)
        json.field("message", self.message)
        json.key("cells")
        json.beginObject()
        for (name, cell) in zip(self.columns, self.cells) {
            json.key(text: name)
            json.value(cell)
        }
        json.endObject()
        json.endObject()
        return json.bytes
    }
}
