// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Testing

@testable import Commands

/// Help as it stands on a terminal of 80 columns.
@Suite("Help")
struct HelpTests {
    /// All commands, from the top down, with their names from the root.
    private static func commands(
        _ command: any ParsableCommand.Type = Millrace.self, _ path: String = "millrace"
    ) -> [(path: String, configuration: CommandConfiguration)] {
        let below = command.configuration.subcommands.flatMap { below in
            Self.commands(below, "\(path) \(below.configuration.commandName ?? "\(below)".lowercased())")
        }
        return [(path, command.configuration)] + below
    }

    @Test("Examples can be pasted from 80 columns: none is so long that it is wrapped")
    func examples() {
        var count = 0
        for (path, configuration) in Self.commands() {
            let lines = configuration.discussion.split(separator: "\n")
            guard let start = lines.firstIndex(where: { $0.contains("EXAMPLES") }) else { continue }
            for line in lines[start...] {
                #expect(line.count <= 80, "\(path): \(line)")
                count += 1
            }
        }
        #expect(count > 60)
    }

    @Test("Shells get completions, of new commands too", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) throws {
        let bench = try Workbench()
        let script = try bench.succeed("--generate-completion-script", shell)
        script.prints("preview", "init", "log-format", "run")
        guard shell == "bash" else { return }
        try bench.folder.write(script.outputText, to: "completions")
        #expect(try bench.shell("bash -n completions", []).code == 0)
    }

    @Test("The commands come in groups, and each command's own options stand before those that all have")
    func groups() throws {
        let bench = try Workbench()
        let root = try bench.succeed("--help")
        root.prints("RUNNING SUBCOMMANDS:", "TOPOLOGY SUBCOMMANDS:", "DATA SUBCOMMANDS:", "TRAINING SUBCOMMANDS:")
        for command in ["run topologies/nlq.yaml", "shards list", "status"] {
            let words = command.split(separator: " ").map(String.init)
            let help = try bench.expect(0, words + ["--help"]).outputText
            let shared = try #require(help.range(of: "OPTIONS OF EVERY COMMAND:"))
            for option in ["--home", "--log-level", "--env-file", "--json"] {
                #expect(help[shared.upperBound...].contains("  \(option)"), "\(command) \(option)")
                #expect(!help[..<shared.lowerBound].contains("\n  \(option) "), "\(command) \(option)")
            }
            let lines = help.split(separator: "\n").filter { !$0.hasPrefix("USAGE:") }
            #expect(lines.allSatisfy { $0.count <= 80 })
        }
    }
}
