// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
public import TaskRooms
import Threads

/// A program with Millrace's commands: `millrace` itself, or one that knows more tasks.
public enum Program {
    /// Parses the arguments, runs, turns every error into a message and a stable exit code, and exits. As a program
    /// does, and no library, it boots swift-log.
    /// - Parameter more: task rooms beside Millrace's own.
    public static func main(adding more: [TaskRoom] = []) -> Never {
        LoggingSystem.bootstrap({ ConsoleLogHandler(label: $0, metadataProvider: $1) }, metadataProvider: nil)
        LogOptions.prepare(Array(CommandLine.arguments.dropFirst()))
        Tasks.add(more)
        signal(SIGPIPE, SIG_IGN)
        StandardStream.occupy()
        var code = Self.run()
        do throws(OutputFailure) {
            try Results.finish()
        } catch {
            Console.error(error.message)
            code = max(code, 1)
        }
        exit(Interrupts.exitCode ?? code)
    }

    /// Runs the command of the arguments, and says what went wrong.
    /// - Returns: the exit code, where no signal has come and the results reach standard output.
    private static func run() -> Int32 {
        do {
            if Millrace.wantsLongVersion(CommandLine.arguments.dropFirst()) {
                try Results.text(Millrace.configuration.version + "\n" + MatrixKernels.report())
                return 0
            }
            try Tasks.check()
            if let problem = MistypedCommand.problem(in: CommandLine.arguments.dropFirst()) {
                throw CommandFailure(.usage, problem)
            }
            var command = try Millrace.parseAsRoot()
            try DescriptorLimit.require()
            try CommandFailure.reporting { try ThreadProbe.require(ThreadProbe.headroom) }
            try command.run()
            return 0
        } catch is OutputFailure {
            // Said when standard output is closed.
            return 0
        } catch let failure as CommandFailure {
            try? Results.flush()
            if !failure.message.isEmpty { Console.error(failure.message) }
            return failure.code.rawValue
        } catch {
            let code = Millrace.exitCode(for: error)
            let message = Millrace.fullMessage(for: error)
            if code == .success {
                try? Results.text(message)
                return 0
            }
            try? Results.flush()
            if !message.isEmpty { Console.text(message) }
            return code == .validationFailure ? 2 : code.rawValue
        }
    }
}
