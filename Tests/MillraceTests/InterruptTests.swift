// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The exit code of a program that somebody asked to end: never 0, or `run && train` would go on.
@Suite("Interrupts")
struct InterruptTests {
    private static let naq = Workbench.topology("naq")
    private static let nlq = Workbench.topology("nlq")

    /// Starts a command that takes hours, sends it a signal once it is at work, and expects the signal's code.
    private func interrupt(
        _ bench: Workbench, _ command: [String], by signal: Int32, onceAtWork isAtWork: (MillraceProcess) throws -> Bool
    ) async throws {
        let process = try MillraceProcess(
            command, environment: ["MILLRACE_HOME": bench.home], in: bench.folder.url)
        while process.isRunning, try !isAtWork(process) { try await Task.sleep(for: .milliseconds(20)) }
        #expect(process.send(signal))
        let result = try await process.finished(seconds: 60)
        #expect(result.end == .exit(128 + signal), Comment(rawValue: result.story))
        #expect(result.errorText.contains("stopping: committing"))
    }

    private func topics(_ bench: Workbench) throws -> [String] {
        let result = try bench.millrace(["topics", "list", "--json"])
        return try result.outputLines.map { try JSONTree($0)["topic"].string ?? "" }
    }

    @Test("Ctrl-C is 130 and SIGTERM 143 in all that commit what is finished first", arguments: [SIGINT, SIGTERM])
    func first(signal: Int32) async throws {
        let bench = try Workbench(videos: 4)
        try await self.interrupt(bench, Workbench.ingestWorld + ["--max-rate", "0.01"], by: signal) { _ in
            // The topic is there before the first commit; a video is there once Ctrl-C is listened to.
            try self.topics(bench).contains("narrations") && !bench.records("narrations").isEmpty
        }
        try bench.expect(0, Workbench.ingestWorld)
        for (name, command) in [
            ("naq", ["run", Self.naq, "--until-idle"]), ("nlq", ["run", Self.nlq]),
            ("again", ["replay", Self.naq, "--from", "earliest", "--into", "again"]),
        ] {
            try await self.interrupt(bench, command + ["--max-rate", "0.01"], by: signal) { _ in
                try self.topics(bench).contains("\(name).dead-letters")
            }
        }
        // Finished work stayed, and the same commands go on from there.
        try bench.run(Self.naq)
        #expect(!(try bench.samples("naq").isEmpty))
    }

    @Test("A command that only looks is ended by the signal itself", arguments: [SIGINT, SIGTERM])
    func looking(signal: Int32) async throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let process = try MillraceProcess(
            ["topics", "read", "narrations", "--follow"], environment: ["MILLRACE_HOME": bench.home],
            in: bench.folder.url)
        while process.isRunning, process.outputSoFar.isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        process.send(signal)
        let result = try await process.finished(seconds: 60)
        #expect(result.end == .signal(signal), Comment(rawValue: result.story))
    }
}
