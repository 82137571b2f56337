// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import DurableFiles
import Foundation
import RecordLog
import TaskRooms

/// `millrace export`
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write samples in another project's format.",
        subcommands: Self.forms(of: Tasks.registered))

    /// A command for each form that tasks write their samples in.
    static func forms(of tasks: TaskRegistry) -> [any ParsableCommand.Type] { tasks.exports.map { Self.command($0) } }

    private static func command<Export: SampleExport>(_: Export.Type) -> any ParsableCommand.Type { Form<Export>.self }

    /// `millrace export NAME`
    struct Form<Export: SampleExport>: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: Export.name, abstract: Export.abstract, discussion: Export.discussion)
        }

        @Option(help: "The shard set.")
        var shards: String

        @Option(help: ArgumentHelp("The file to write; it is replaced as a whole.", valueName: "file"))
        var output: String

        @OptionGroup var export: Export
        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let set = try home.shardSet(self.shards, in: log)
                if !OutputFile.isStandardOutput(self.output) {
                    let folder = URL(fileURLWithPath: self.output).deletingLastPathComponent().path
                    try UserFile.reporting { () throws(FileFailure) in try Folder.create(folder, isPrivate: false) }
                }
                try Results.lines(try self.export.write(set, to: self.output), beside: self.output)
            }
        }
    }
}
