// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Options that every command has.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where the embedded log, the shards and the checkpoints are (or MILLRACE_HOME; default .millrace).",
            valueName: "dir"))
    var home: String?

    @Option(
        name: .long,
        help: ArgumentHelp("The log: embedded (or MILLRACE_LOG; the default).", valueName: "log"))
    var log: String?

    @Flag(name: .long, help: "Print results as JSON.")
    var json = false

    @Option(name: .long, help: "How much to say on standard error: error, warning, info or debug.")
    var logLevel: LogLevel = .info

    /// The home that these options name.
    func makeHome() throws -> Home {
        Console.set(self.logLevel)
        let environment = ProcessInfo.processInfo.environment
        let named = self.log ?? environment["MILLRACE_LOG"] ?? "embedded"
        guard named == "embedded" else {
            throw CommandFailure(
                .usage, "unknown log `\(named)`: this version has `embedded`; leave --log and MILLRACE_LOG away")
        }
        return Home(path: self.home ?? environment["MILLRACE_HOME"] ?? ".millrace")
    }
}
