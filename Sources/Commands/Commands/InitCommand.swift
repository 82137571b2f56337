// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import DurableFiles
import Foundation
import TaskRooms

/// `millrace init`
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a project folder: a topology, its prompts and test cases, and records to try them on.",
        discussion: """
            The folder's README has the commands that check, test, preview and run it. They need no model and no server. What \
            is in the folder already is left as it is: where a file is in the way, nothing is written.

            EXAMPLES
              millrace init my-queries
              millrace init my-baseline --task naq
            """)

    @Argument(help: "The folder, which may be there.")
    var folder: String

    @Option(help: ArgumentHelp("The task: \(Self.names).", valueName: "name"))
    var task = "nlq"

    @OptionGroup(title: "Options of every command") var logs: LogOptions

    private static var names: String {
        Tasks.registered.projects.map { "\($0.name) (\($0.abstract))" }.joined(separator: ", ")
    }

    func run() throws {
        try self.logs.apply()
        guard let project = Tasks.registered.projects.first(where: { $0.name == self.task }) else {
            let names = Tasks.registered.projects.map(\.name).joined(separator: ", ")
            throw CommandFailure(.usage, "there is no task `\(self.task)`: it is one of \(names)")
        }
        let files = project.files + [ProjectTemplate.File("README.md", Bytes(ProjectReadme(project).text.utf8))]
        let taken = files.map(\.path).filter { self.isThere($0) }
        if let first = taken.first {
            let more = taken.count > 1 ? " and \(taken.count - 1) more" : ""
            throw CommandFailure(
                .usage, "\(self.path(first))\(more) is there already, and nothing was written: name another folder")
        }
        try UserFile.reporting { () throws(FileFailure) in
            for file in files {
                try Folder.create(
                    self.path(file.path.split(separator: "/").dropLast().joined(separator: "/")), isPrivate: false)
                try OutputFile.write(file.content, to: self.path(file.path))
            }
        }
        try Results.lines(files.map { self.path($0.path) })
        try Results.line(
            "next: cd \(self.folder) && millrace test \(project.topology), and so on as its README.md says")
    }

    private func path(_ path: String) -> String { path.isEmpty ? self.folder : "\(self.folder)/\(path)" }

    /// Tells whether something has a name, be it a link that leads nowhere.
    private func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(self.path(path), &status) == 0
    }
}

/// The README of a new project, whose commands work as they stand.
struct ProjectReadme {
    private let project: ProjectTemplate

    init(_ project: ProjectTemplate) { self.project = project }

    /// The commands, in their order.
    var commands: [String] {
        let project = self.project
        return [
            "millrace lint \(project.topology)",
            "millrace test \(project.topology)",
            "millrace preview \(project.records) --topology \(project.topology) -n 5",
            "export MILLRACE_HOME=\"$PWD/home\"",
            (["millrace ingest jsonl --file \(project.records)"] + [project.ingestArguments.joined(separator: " ")])
                .filter { !$0.isEmpty }.joined(separator: " \\\n    "),
            "millrace run \(project.topology) --until-idle",
            "millrace shards cat \(project.set) --limit 3",
        ]
    }

    var text: String {
        let project = self.project
        let prompts = project.files.map(\.path).filter { $0.hasPrefix("prompts/") }
        let prompted = prompts.isEmpty ? "" : "; `prompts/` holds what its steps say to a model"
        return """
            # \(project.name)

            \(project.abstract.prefix(1).uppercased() + project.abstract.dropFirst()): a topology for Millrace.

            ```sh
            \(self.commands.prefix(3).joined(separator: "\n"))
            ```

            The first checks the topology, the second runs its cases, the third shows what it makes of the first records. None
            writes anything. This fills a home in this folder:

            ```sh
            \(self.commands.dropFirst(3).joined(separator: "\n"))
            ```

            `\(project.topology)` is the pipeline\(prompted). Its cases are in
            `\(project.topology.replacing(/\.yaml$/, with: ".test.yaml"))`: change the one with the other. `\(project.records)` are a
            few records to try it on; your own come by `millrace ingest SOURCE`, which `millrace ingest --help` lists. Videos in an
            exclusion list (`--exclude`) never reach a sample.

            """
    }
}
