// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Operations
import RecordLog
import Records

/// `millrace dead-letters`
struct DeadLettersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "List records that could not be used, show one, or have them taken again.",
        subcommands: [List.self, Show.self, DeadLettersRetryCommand.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List dead letters by stage and reason, or one by one.",
            discussion: """
                A letter is open until its record is handed to its stage again, waiting until the stage has taken it, \
                and taken from then on, whatever came of it: what fails once more is a new letter.

                EXAMPLES
                  millrace dead-letters list
                  millrace dead-letters list nlq --since 2h
                  millrace dead-letters list nlq --each --stage generate --limit 20
                  millrace dead-letters list nlq --each --json | jq .message
                """)

        @Argument(help: "A topology, or the topic of an ingest; all by default.")
        var name: String?

        @Flag(help: "One row a letter, the newest first; 20 of them unless --limit says otherwise.")
        var each = false

        @OptionGroup(title: "The letters") var letters: LetterOptions
        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let topics = try DeadLetterTopics.named(self.name, in: log)
                if self.each { try self.writeEach(topics, log) } else { try self.writeGroups(topics, log) }
            }
        }

        private func writeGroups(_ topics: [TopicSpecification], _ log: any RecordLog) throws {
            let summary = try LetterSummary(of: topics, self.letters.filter, in: log)
            let groups = summary.groups.prefix(self.letters.limit ?? .max)
            if self.common.json {
                for group in groups { try Results.json(Self.json(group)) }
                return
            }
            if groups.isEmpty { return try Results.line(Self.none(self.name, self.letters)) }
            var table = FittedTable(
                ["name", "stage", "step", "reason", "letters", "open", "waiting", "newest"], flexible: [0, 1, 2, 3],
                numeric: [4, 5, 6])
            for group in groups {
                table.add(
                    [
                        ReservedTopics.name(ofDeadLetters: group.name.topic) ?? group.name.topic, group.name.stage,
                        group.name.step, group.name.reason,
                    ] + [group.letters, group.open, group.waiting].map(ProgressReporter.grouped)
                        + [ShownTime.minute(group.last)])
            }
            try Results.lines(table.lines())
            try Results.line("")
            try Results.line("one of them: millrace dead-letters show \(groups.first?.newest.description ?? "")")
        }

        private static func json(_ group: LetterGroup) -> Bytes {
            var json = JSONWriter()
            json.beginObject()
            json.field("topic", group.name.topic)
            json.field("stage", group.name.stage)
            json.field("step", group.name.step)
            json.field("kind", group.name.kind)
            json.field("reason", group.name.reason)
            json.field("letters", group.letters)
            json.field("open", group.open)
            json.field("waiting", group.waiting)
            json.field("taken", group.taken)
            json.field("first", Int(clamping: group.first))
            json.field("last", Int(clamping: group.last))
            json.field("newest", group.newest.description)
            json.field("message", group.message)
            json.endObject()
            return json.bytes
        }

        private static func none(_ name: String?, _ letters: LetterOptions) -> String {
            let chosen = letters.isEmpty ? "" : " of \(letters.words)"
            return "no dead letters\(name.map { " of `\($0)`" } ?? "")\(chosen)"
        }

        private func writeEach(_ topics: [TopicSpecification], _ log: any RecordLog) throws {
            let standing = try RetryStanding(of: topics.map(\.name), in: log)
            let letters = try LetterReading(log).newest(
                self.letters.limit ?? 20, in: topics, self.letters.filter, .head
            ) {
                $0
            }
            if self.common.json {
                for letter in letters {
                    var json = JSONWriter()
                    json.beginObject()
                    letter.writeHead(to: &json, state: standing.state(of: letter))
                    json.endObject()
                    try Results.json(json.bytes)
                }
                return
            }
            if letters.isEmpty { return try Results.line(Self.none(self.name, self.letters)) }
            var table = FittedTable(
                ["letter", "time", "stage", "reason", "state", "message"], flexible: [0, 2, 3, 5])
            for letter in letters {
                table.add([
                    letter.id.description, ShownTime.minute(letter.time), letter.stage, letter.reason,
                    standing.state(of: letter).rawValue, letter.message,
                ])
            }
            try Results.lines(table.lines())
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a dead letter whole: the record, the fault, the remedy and the lineage.",
            discussion: """
                Takes rejects, too. Long contents are cut; --json has them whole.

                EXAMPLES
                  millrace dead-letters show nlq/0/17
                  millrace dead-letters show queries.rejected/2/5
                  millrace dead-letters show nlq/0/17 --json | jq .value
                """)

        @Argument(help: "The letter: NAME/PARTITION/OFFSET, as `list --each` shows it.")
        var letter: String

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let letter = try DeadLetterTopics.letter(self.letter, in: log)
                let state = try RetryStanding(of: [letter.id.partition.topic], in: log).state(of: letter)
                if self.common.json {
                    var json = JSONWriter()
                    json.beginObject()
                    letter.writeWhole(to: &json, state: state)
                    json.endObject()
                    return try Results.json(json.bytes)
                }
                try LetterPage(letter, state: state).explanation.write(asJSON: false)
            }
        }
    }
}

/// Names of topics of letters, and of letters, as they are given on the command line.
enum DeadLetterTopics {
    /// The dead letters of a name, or all.
    static func named(_ name: String?, in log: any RecordLog) throws -> [TopicSpecification] {
        let topics = try LetterReading.deadLetterTopics(of: name, in: log)
        if let name, topics.isEmpty {
            let there = try LetterReading.deadLetterTopics(in: log).compactMap {
                ReservedTopics.name(ofDeadLetters: $0.name)
            }
            let names = there.isEmpty ? "there are none of any" : "there are those of: " + there.joined(separator: ", ")
            throw CommandFailure(.usage, "there are no dead letters of `\(name)`; \(names)")
        }
        return topics
    }

    /// The place of a letter.
    static func id(_ text: String, in log: any RecordLog) throws -> LetterID {
        let topics = try log.topics().map { (name: $0.name, partitions: $0.partitions) }
        guard let id = LetterID(parsing: text, among: topics) else {
            throw CommandFailure(
                .usage,
                "`\(text)` names no letter: write NAME/PARTITION/OFFSET with the name of a topology or a topic of this log, "
                    + "as `millrace dead-letters list --each` and `millrace rejects` show it")
        }
        return id
    }

    /// A letter.
    static func letter(_ text: String, in log: any RecordLog) throws -> KeptLetter {
        let id = try self.id(text, in: log)
        guard let letter = try LetterReading(log).letter(id) else {
            let range = try log.offsets(of: id.partition)
            let there = range.isEmpty ? "it is empty" : "it holds \(range.lowerBound) to \(range.upperBound - 1)"
            throw CommandFailure(.usage, "there is no record at offset \(id.offset) of \(id.partition): \(there)")
        }
        return letter
    }
}
