// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Options of every command for what goes to standard error.
struct LogOptions: ParsableArguments {
    @Option(name: .long, help: "Least level of messages on standard error: error, warning, info or debug.")
    var logLevel: LogLevel = .info

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Form of these messages: text, which is time, level and message on every line, or json, an object a line (or "
                + "MILLRACE_LOG_FORMAT). By default text, and on a terminal the message alone.",
            valueName: "form"))
    var logFormat: LogFormat?

    /// Sets level and form, and learns which values of the environment and the arguments are secret.
    func apply() throws {
        let environment = ProcessInfo.processInfo.environment
        Secrets.know { $0.learn(environment: environment) }
        Console.set(self.logLevel, try self.logFormat ?? Self.format(in: environment))
    }

    private static let variable = "MILLRACE_LOG_FORMAT"

    private static func format(in environment: [String: String]) throws -> LogFormat? {
        guard let name = environment[self.variable], !name.isEmpty else { return nil }
        guard let format = LogFormat(rawValue: name) else {
            throw CommandFailure(.usage, "\(self.variable) is text or json, not `\(name)`")
        }
        return format
    }

    /// Prepares for messages before the arguments are parsed: that they cannot be parsed is one, and has the form that
    /// was asked for.
    static func prepare(_ arguments: [String]) {
        let environment = ProcessInfo.processInfo.environment
        Secrets.know { secrets in
            secrets.learn(environment: environment)
            secrets.learn(arguments: arguments)
        }
        let option = "--log-format"
        let named =
            arguments.firstIndex(of: option).flatMap { arguments.dropFirst($0 + 1).first }
            ?? arguments.first { $0.hasPrefix(option + "=") }.map { String($0.dropFirst(option.count + 1)) }
        Console.set(.info, named.flatMap(LogFormat.init) ?? (try? Self.format(in: environment)) ?? nil)
    }
}
