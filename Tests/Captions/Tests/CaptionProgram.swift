// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A run of `millrace-captions`, the program with one task more.
final class CaptionProgram {
    /// Time for a run to end: it takes a second on a quiet machine, and minutes beside all other tests of a broker.
    static let endSeconds = 400.0

    private let process = Process()
    private let output: URL
    private let errors: URL

    /// The executable, which is built beside the test bundle.
    private static let binary: URL = {
        let bundle = URL(fileURLWithPath: CommandLine.arguments.first ?? ".").deletingLastPathComponent()
        let candidates = [bundle, Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent()]
            .map { $0.appending(path: "millrace-captions") }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? candidates[0]
    }()

    /// Starts it, with nothing of Millrace's in the environment but what is given.
    /// - Parameter folder: takes what it prints.
    init(_ arguments: [String], environment: [String: String], in folder: URL) throws {
        let name = UUID().uuidString
        self.output = folder.appending(path: "\(name).out")
        self.errors = folder.appending(path: "\(name).err")
        for file in [self.output, self.errors] { try Data().write(to: file) }
        let inherited = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("MILLRACE_") && !$0.key.hasPrefix("LLM_")
        }
        self.process.executableURL = Self.binary
        self.process.arguments = arguments
        self.process.environment = inherited.merging(environment) { _, new in new }
        self.process.standardInput = FileHandle.nullDevice
        self.process.standardOutput = try FileHandle(forWritingTo: self.output)
        self.process.standardError = try FileHandle(forWritingTo: self.errors)
        try self.process.run()
    }

    deinit { if self.process.isRunning { kill(self.process.processIdentifier, SIGKILL) } }

    var isRunning: Bool { self.process.isRunning }

    /// Kills it at once and waits until it is gone.
    /// - Returns: whether it was this that ended it.
    func killNow() async throws -> Bool {
        kill(self.process.processIdentifier, SIGKILL)
        try await self.awaitEnd(seconds: 30)
        return self.process.terminationReason == .uncaughtSignal
    }

    /// Waits for its end, which must be a good one.
    /// - Returns: the lines that it printed.
    @discardableResult
    func lines(at place: SourceLocation = #_sourceLocation) async throws -> [String] {
        try await self.awaitEnd(seconds: Self.endSeconds)
        let arguments = self.process.arguments?.joined(separator: " ") ?? ""
        let said = try self.said.suffix(2000)
        let isWell = self.process.terminationReason == .exit && self.process.terminationStatus == 0
        #expect(isWell, "\(arguments): \(self.process.terminationStatus)\n\(said)", sourceLocation: place)
        return try String(contentsOf: self.output, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// Asks it to stop, and waits until it has.
    /// - Returns: the lines that it printed.
    func interrupt() async throws -> [String] {
        self.process.interrupt()
        _ = try await self.failure(130)
        return try String(contentsOf: self.output, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// Waits for its end, which must be of a code.
    /// - Returns: its errors.
    func failure(_ code: Int32 = 1, at place: SourceLocation = #_sourceLocation) async throws -> String {
        try await self.awaitEnd(seconds: Self.endSeconds)
        let said = try self.said
        let isFailure = self.process.terminationReason == .exit && self.process.terminationStatus == code
        #expect(isFailure, "\(self.process.terminationStatus)\n\(said)", sourceLocation: place)
        return said
    }

    /// Waits until it has said something on standard error.
    func awaitMessage(_ words: String) async throws {
        while self.process.isRunning, !(try self.said).contains(words) { try await Task.sleep(for: .milliseconds(5)) }
        let said = try self.said
        #expect(said.contains(words), "\(said)")
    }

    private var said: String { get throws { try String(contentsOf: self.errors, encoding: .utf8) } }

    private func awaitEnd(seconds: Double) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while self.process.isRunning {
            guard ContinuousClock.now < deadline else {
                kill(self.process.processIdentifier, SIGKILL)
                throw StillRunning(arguments: self.process.arguments ?? [], said: String(try self.said.suffix(2000)))
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    struct StillRunning: Error {
        var arguments: [String]
        /// The end of what it said on standard error.
        var said: String
    }
}
