// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Engine

extension ShardsCommand {
    /// `millrace shards drop`
    struct Drop: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove sets: their shards, with the offsets and the state of the stage that made them.",
            discussion: """
                The next run makes a set again from the stage's input, and ends with the same samples. A replay's set goes with \
                all of the replay. Refused while a process is at work on it. One that was interrupted is finished by the same \
                command, or by the next run.

                EXAMPLES
                  millrace shards drop nlq.r1 --dry-run
                  millrace shards drop nlq.r1 --yes
                """)

        @Argument(help: "The sets.")
        var names: [String]

        @OptionGroup var arguments: RemovalArguments
        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let names = Set(self.names).sorted()
                try RemovalRun(
                    home: home, request: RemovalRequest(sets: names),
                    subject: Quoted.list(names, of: "the set", "the sets"), arguments: self.arguments,
                    isJSON: self.common.json
                ).run()
            }
        }
    }
}

extension TopicsCommand {
    /// `millrace topics delete`
    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete topics that no group or set needs any more.",
            discussion: """
                Of a topic that ingest fills, the ledger goes as well, so that it can be filled again. A topic that a group has \
                read or written is deleted only where that group is reset with it, and with those all that follow; the refusal \
                says which.

                EXAMPLES
                  millrace topics delete queries.rejected --dry-run
                  millrace topics delete queries --group nlq.generate \\
                      --group nlq.land --yes
                """)

        @Argument(help: "The topics.")
        var names: [String]

        @Option(
            help: ArgumentHelp("A group to reset with them, as `groups reset` does; repeatable.", valueName: "group"))
        var group: [String] = []

        @OptionGroup var arguments: RemovalArguments
        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let names = Set(self.names).sorted()
                let groups = Set(self.group).sorted()
                let also = groups.isEmpty ? "" : " with " + Quoted.list(groups, of: "the group", "the groups")
                try RemovalRun(
                    home: home, request: RemovalRequest(topics: names, groups: groups),
                    subject: Quoted.list(names, of: "the topic", "the topics") + also, arguments: self.arguments,
                    isJSON: self.common.json
                ).run()
            }
        }
    }
}
