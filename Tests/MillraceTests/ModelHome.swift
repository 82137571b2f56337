// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Records
import Synchronization
import Testing

/// A deterministic model: its answer depends on the question, and on nothing else.
enum QueryModel {
    /// A question for each note of the prompt, as JSON.
    static func answer(to call: Call) -> String {
        let items = Self.notes(in: call.prompt).map { id, text in
            #"{"narration_ids":[\#(id)],"template":"Objects: What X is Y?","query":"What happened when \#(Self.words(text))?"}"#
        }
        return #"{"queries":["# + items.joined(separator: ",") + "]}"
    }

    /// The notes that a prompt shows last: `[1] (me) takes a cup`.
    static func notes(in prompt: String) -> [(id: Int, text: String)] {
        prompt.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("["), let close = line.firstIndex(of: "]"),
                let id = Int(line[line.index(after: line.startIndex)..<close])
            else { return nil }
            return (id, line[line.index(after: close)...].trimmingCharacters(in: .whitespaces))
        }
    }

    private static func words(_ text: String) -> String {
        text.filter { $0.isLetter || $0.isNumber || $0 == " " }.split(separator: " ").joined(separator: " ")
    }

    /// A whole 200 answer.
    static func reply(to call: Call) -> Reply { .chat(Self.answer(to: call)) }

    /// The reply to the probe or the witness, which every script has to answer.
    static func housekeeping(_ call: Call) -> Reply? {
        if !call.path.hasSuffix("/chat/completions") { return .fail(404) }
        if call.isProbe { return .chat(#"{"colour":"teal"}"#) }
        return call.isWitness ? .chat("OK") : nil
    }
}

/// A model server of a test's own, with a record of its calls.
final class ScriptedModel: Sendable {
    private let server: HostileServer
    private let probes = Mutex(0)

    /// Starts one that answers by a script; the probe is answered well, unless the script is to answer it as well.
    init(
        port: Int = 0, answersProbe: Bool = true,
        _ script: @escaping @Sendable (Call) -> Reply = QueryModel.reply(to:)
    ) async throws {
        self.server = try await HostileServer(port: port) { call in
            let isChat = call.path.hasSuffix("/chat/completions")
            return (answersProbe || !isChat ? QueryModel.housekeeping(call) : nil) ?? script(call)
        }
    }

    var url: String { self.server.url + "/v1" }
    var seen: HostileServer.Counts { self.server.seen }
    func stop() async { await self.server.stop() }

    /// The questions that were asked, in the order of their arrival, without probes and witnesses.
    var questions: [Call] {
        self.server.seen.calls.filter {
            $0.path.hasSuffix("/chat/completions") && !$0.isProbe && !$0.isWitness
        }
    }

    /// The environment that makes `millrace` ask this server.
    func environment(_ more: [String: String] = [:]) -> [String: String] {
        ["LLM_PROVIDER": "openai", "LLM_MODEL": "m-1", "LLM_BASE_URL": self.url].merging(more) { _, new in new }
    }
}

/// `nlq.yaml` for tests of the `llm` step: small commits, and validators that let the model's questions pass.
struct ModelTopology {
    /// Fields of `llm` beside those of the environment, in YAML.
    var llm = "in-flight: 8"
    var validate = """
        { first-word: off, markup: false, answer-leak: false, not-grounded: false, wrong-narration: false, \
        unknown-template: false, duplicate-in-clip: off, near-duplicate: 0, repeats-in-video: 0, maximum-words: 1000 }
        """
    var rotate = "{ samples: 50, seconds: 0 }"
    /// Added to the system's message.
    var prompt = ""
    var maxConsecutiveDeadLetters = 100

    /// Writes the topology, with its prompt, into a folder.
    /// - Returns: its path.
    func write(to name: String, in folder: TestFolder) throws -> String {
        let source = MillraceProcess.packageFolder.appendingPathComponent("topologies")
        let text = try String(contentsOf: source.appendingPathComponent("nlq.yaml"), encoding: .utf8)
        let changes = [
            ("compression: zstd }", "compression: zstd, rotate: \(self.rotate) }"),
            ("    from:", "    commit: { seconds: 0.2 }\n    from:"),
            ("  generate:\n", "  generate:\n    max-consecutive-dead-letters: \(self.maxConsecutiveDeadLetters)\n"),
            ("validate: {}", "validate: \(self.validate)"),
            ("          model:", "          \(self.llm)\n          model:"),
        ]
        let changed = changes.reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
        for (_, new) in changes where !changed.contains(new.prefix(24)) {
            throw ProcessFailure(description: "nlq.yaml is written another way: no place for \(new)")
        }
        let prompt = try String(contentsOf: source.appendingPathComponent("prompts/nlq.txt"), encoding: .utf8)
        let spoken = prompt.replacingOccurrences(of: "@system\n", with: "@system\n\(self.prompt)\n")
        try folder.write(spoken, to: "\(name)/prompts/nlq.txt")
        let small = try String(contentsOf: source.appendingPathComponent("prompts/nlq-small.txt"), encoding: .utf8)
        try folder.write(small, to: "\(name)/prompts/nlq-small.txt")
        return try folder.write(changed, to: "\(name)/nlq.yaml")
    }
}

/// Narrations of a few videos that a test knows word by word.
enum ModelWorld {
    /// Ingests videos of five-narration blocks into a home: `blocks` for each of `videos`, no two alike.
    /// - Parameter change: rewrites a narration's text: video, index, text.
    static func ingest(
        into home: TestHome, in folder: TestFolder, videos: Int = 4, blocks: Int = 10, replace: Bool = false,
        change: (Int, Int, String) -> String = { $2 }
    ) async throws {
        var lines = ""
        for video in 0..<videos {
            for index in 0..<blocks * 5 {
                let text = change(video, index, "#C C puts cup \(video) on shelf \(index)")
                lines += """
                    {"video_uid": "video-\(video)", "timestamp_sec": \(5 + index * 6), "text": "\(text)", "duration_sec": \
                    \(blocks * 30 + 20)}

                    """
            }
        }
        let file = try folder.write(lines, to: "narrations-\(replace).jsonl")
        let more = replace ? ["--replace"] : []
        let result = try await home.start(
            ["ingest", "jsonl", "--file", file, "--clip-seconds", "0"] + more
        ).finished()
        guard result.code == 0 else { throw ProcessFailure(description: result.story) }
    }
}
