// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Synchronization
import Testing

/// A model server that is down, as the user of Millrace sees it.
@Suite("Model waits")
struct ModelWaitTests {
    private typealias Bench = ModelRunTests.Bench

    private func environment(_ url: String) -> [String: String] {
        ["LLM_PROVIDER": "openai", "LLM_MODEL": "m-1", "LLM_BASE_URL": url]
    }

    @Test("`--max-wait` ends a run and a replay with exit code 1; the same command goes on, and nothing is lost")
    func longestWait() async throws {
        let gone = try ReservedPort()
        let bench = try await Bench()
        let run = ["run", bench.topology, "--until-idle", "--allow-unguarded"]
        let replay = ["replay", bench.topology, "--from", "earliest", "--into", "again", "--allow-unguarded"]
        for command in [run, replay] {
            let result = try await bench.home.start(
                command + ["--max-wait", "2s"], environment: self.environment(gone.url)
            ).finished(seconds: 60)
            #expect(result.end == .exit(1), Comment(rawValue: result.story))
            result.says("waited for the model server \(gone.url)", "--max-wait", "nothing is lost")
            result.says("Connection refused;")
            #expect(!result.errorText.contains("errno"), "the words of the system, not of a library")
        }
        let model = try await ScriptedModel(port: gone.port)
        for command in [run, replay] {
            let result = try await bench.home.start(
                command + ["--max-wait", "10m"], environment: self.environment(gone.url)
            ).finished(seconds: 120)
            #expect(result.end == .exit(0), Comment(rawValue: result.story))
        }
        #expect(model.questions.count == bench.blocks)
        for set in ["nlq", "again"] {
            #expect(try await bench.home.output("shards", "cat", set).outputLines.count == bench.blocks * 5)
        }
        let wrong = try await bench.home.start(run + ["--max-wait", "soon"]).finished()
        #expect(wrong.end == .exit(2), Comment(rawValue: wrong.story))
        await model.stop()
    }

    @Test("`status` says what a run in another process waits for, and nothing once that has been killed")
    func status() async throws {
        let gone = try ReservedPort()
        let bench = try await Bench()
        let process = try bench.home.start(
            ["run", bench.topology, "--allow-unguarded"], environment: self.environment(gone.url))
        func waits() async throws -> [JSONTree] {
            try JSONTree(try await bench.home.output("status", "--interval", "0", "--json").output)["waits"].array
        }
        var seen: [JSONTree] = []
        while process.isRunning, seen.first?["message"].string?.contains("no connection") != true {
            try await Task.sleep(for: .milliseconds(100))
            seen = (try? await waits()) ?? []
        }
        let wait = try #require(seen.first)
        #expect(wait["topology"].string == "nlq" && wait["process"].int == Int(process.pid))
        #expect(wait["server"].string?.hasPrefix(gone.url) == true)
        let text = try await bench.home.output("status", "--interval", "0")
        // Wrapped to 80 columns.
        let words = text.outputText.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(words.contains("nlq: process \(process.pid)"), "\(words)")
        #expect(words.contains("is waiting for the model server \(gone.url)"), "\(words)")
        #expect(words.contains("no connection"), "\(words)")
        #expect(process.killNow())
        #expect(try await waits().isEmpty, "nobody waits any more")
    }

    @Test("Progress says what is waited for, on lines that fit a terminal of 80 columns")
    func progress() async throws {
        let gone = try ReservedPort()
        let bench = try await Bench()
        let script = "/usr/bin/script"
        guard FileManager.default.isExecutableFile(atPath: script) else { return }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: script)
        let command = [
            MillraceProcess.binary.path, "run", bench.topology, "--allow-unguarded", "--max-wait", "4", "--home",
            bench.home.url.path,
        ]
        process.arguments = ["-qec", command.map { "'\($0)'" }.joined(separator: " "), "/dev/null"]
        process.environment = ProcessInfo.processInfo.environment.merging(self.environment(gone.url)) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1, "\(output)")
        // Rows stand between one erasure and the next.
        let lines = output.components(separatedBy: "\u{1b}[J").dropFirst().flatMap {
            $0.split(whereSeparator: \.isNewline).map(String.init)
        }
        #expect(lines.contains { $0.hasPrefix("waiting for the model server for ") && $0.contains(": no connection") })
        #expect(lines.contains { $0.hasPrefix("generate ") && $0.contains("waits for the model server") })
        #expect(lines.filter { $0.hasPrefix("waiting for") || $0.hasPrefix("curate") }.allSatisfy { $0.count < 80 })
    }
}
