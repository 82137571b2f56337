// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Engine
import RecordLog
import Records

/// `millrace groups`
struct GroupsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups", abstract: "List the groups of stages, or let one begin anew.",
        subcommands: [List.self, Reset.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the groups, those without a commit too, with what they read and write.",
            discussion: """
                EXAMPLES
                  millrace groups list
                  millrace groups list --json | jq 'select(.lag > 0)'
                """)

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let stages = try log.writtenStages()
                var table = TextTable(["group", "members", "reads", "writes", "records", "lag"])
                for group in try Status.groups(in: log, stages: stages) {
                    let stage = stages.first { $0.group == group.name }
                    if self.common.json {
                        try Results.json(Self.json(group, stage))
                    } else {
                        table.add([
                            group.name, String(group.members.count), stage?.from ?? "?", stage?.output ?? "?",
                            ProgressReporter.grouped(group.ever.recordsIn), ProgressReporter.grouped(group.lag),
                        ])
                    }
                }
                if !self.common.json { try Results.lines(table.lines) }
            }
        }

        private static func json(_ group: Status.Group, _ stage: WrittenStage?) -> Bytes {
            var json = JSONWriter()
            json.beginObject()
            json.field("group", group.name)
            json.field("members", group.members.count)
            for (name, value) in [("reads", stage?.from), ("writes", stage?.output)] {
                json.key(text: name)
                if let value { json.value(value) } else { json.null() }
            }
            json.field("records", group.ever.recordsIn)
            json.field("lag", group.lag)
            json.endObject()
            return json.bytes
        }
    }

    struct Reset: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Clear groups' offsets with their state and all that they have made.",
            discussion: """
                The next run makes it again from the input, and ends with the same samples. Offsets alone are never reset: \
                what is read again is written again. Where later stages have read what a group has made, name them as well.

                EXAMPLES
                  millrace groups reset nlq.land --dry-run
                  millrace groups reset nlq.generate nlq.land --yes
                """)

        @Argument(help: "The groups, TOPOLOGY.STAGE each.")
        var names: [String]

        @OptionGroup var arguments: RemovalArguments
        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let names = Set(self.names).sorted()
                try RemovalRun(
                    home: home, request: RemovalRequest(groups: names),
                    subject: Quoted.list(names, of: "the group", "the groups"), arguments: self.arguments,
                    isJSON: self.common.json
                ).run()
            }
        }
    }
}

/// Names in a sentence.
enum Quoted {
    /// ``the group `a` ``, or ``the groups `a`, `b` ``.
    static func list(_ names: [String], of one: String, _ many: String) -> String {
        (names.count == 1 ? one : many) + " " + names.map { "`\($0)`" }.joined(separator: ", ")
    }
}
