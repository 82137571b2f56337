// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Dataflow

/// Looks for a command that is none before the parser does, which says no more than that an argument is unexpected.
enum MistypedCommand {
    /// Returns what to say of arguments whose command, or whose command's command, does not exist.
    static func problem(in arguments: some Sequence<String>) -> String? {
        var command: any ParsableCommand.Type = Millrace.self
        var path = ["millrace"]
        for word in arguments {
            let commands = command.configuration.subcommands
            // Behind an option it may be the option's value.
            if commands.isEmpty || word.hasPrefix("-") || word == "help" { return nil }
            guard let next = commands.first(where: { Self.names(of: $0).contains(word) }) else {
                let name = path.joined(separator: " ")
                let help = Spelling.help(for: word, among: commands.flatMap(Self.names))
                return "`\(name)` has no command `\(word)`; \(help)\(help.hasSuffix("?") ? " " : ". ")"
                    + "`\(name) --help` says what each does"
            }
            path.append(word)
            command = next
        }
        return nil
    }

    /// The names of a command: by default its type's, in lower case with hyphens, as the parser has it.
    private static func names(of command: any ParsableCommand.Type) -> [String] {
        let name = command.configuration.commandName ?? Self.hyphenated(String(describing: command))
        return [name] + command.configuration.aliases
    }

    private static func hyphenated(_ name: String) -> String {
        var words = ""
        for character in name {
            if character.isUppercase, !words.isEmpty { words += "-" }
            words += character.lowercased()
        }
        return words
    }
}
