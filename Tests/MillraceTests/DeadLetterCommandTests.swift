// SPDX-License-Identifier: Apache-2.0

import Codecs
import EmbeddedLog
import Foundation
import HostileServers
import RecordLog
import Records
import Synchronization
import Testing

/// `millrace dead-letters`, `rejects` and `explain` of letters, as an operator at a terminal of 80 columns has them.
@Suite("Dead letters and rejects, commands", .timeLimit(.minutes(5)))
struct DeadLetterCommandTests {
    private typealias Bench = ModelRunTests.Bench

    @Test("A letter is listed, shown, explained and retried, and its samples come once")
    func retried() async throws {
        let isMended = Mutex(false)
        let model = try await ScriptedModel { call in
            let fails = !isMended.withLock { $0 } && call.body.contains("cup 1 on shelf 12")
            return fails ? .fail(400, "the request exceeds the context size") : QueryModel.reply(to: call)
        }
        let bench = try await Bench(ModelTopology(), videos: 2, blocks: 4)
        #expect(try await bench.run(model).code == 0)
        let before = try await bench.home.output("shards", "cat", "nlq").outputLines
        #expect(before.count == (bench.blocks - 1) * 5)

        let list = try await bench.home.output("dead-letters", "list")
        Self.expectNarrow(list)
        list.prints("nlq   generate  llm   context-length", "dead-letters show nlq/")
        let each = try await bench.home.output("dead-letters", "list", "nlq", "--each", "--json")
        let letters = try each.outputLines.map(JSONTree.init)
        let letter = try #require(letters.first)
        let id = try #require(letter["id"].string)
        #expect(letter["state"].string == "open")
        #expect(letter["retry"].string == "whole")
        Self.expectNarrow(try await bench.home.output("dead-letters", "list", "nlq", "--each", "--since", "2h"))
        try await bench.home.output("dead-letters", "list", "nlq", "--reason", "other").prints(
            "no dead letters of `nlq`")

        try await bench.home.output("dead-letters", "show", id).prints(
            "A dead letter of the stage generate: context-length", "the request exceeds the context size", "video-1",
            "block_id", "millrace dead-letters retry \(id)")
        let explained = try await bench.home.output("explain", id)
        explained.prints(
            "Block that the question was written about", "puts cup 1 on shelf 12", "Prompt", "Looked through")

        let arguments = ["nlq", "--stage", "generate", "--reason", "context-length"]
        let dry = try await bench.home.start(["dead-letters", "retry", "--dry-run"] + arguments).finished()
        dry.prints("1 record would be taken again", "nlq.generate.retries", "nothing was done")
        let retry = try await bench.home.start(["dead-letters", "retry"] + arguments).finished()
        retry.prints("1 record handed over", "nlq.generate.retries", "at their next run")
        let second = try await bench.home.output("dead-letters", "retry", id)
        second.prints("nothing to do", "1 letter already handed over")
        try await bench.home.output("dead-letters", "show", id).prints("waits for the next run of `nlq`")

        isMended.withLock { $0 = true }
        #expect(try await bench.run(model).code == 0)
        let after = try await bench.home.output("shards", "cat", "nlq").outputLines
        #expect(after.count == bench.blocks * 5)
        #expect(Set(after).count == after.count)
        #expect(Set(after).isSuperset(of: before))
        try await bench.home.output("dead-letters", "retry", "nlq").prints(
            "nothing to do", "1 letter taken again before")
        #expect(try await bench.run(model).code == 0)
        #expect(try await bench.home.output("shards", "cat", "nlq").outputLines == after)

        // A replay reads the original input alone: the same samples, in the input's order, and no call.
        let calls = model.questions.count
        #expect(try await bench.replay(bench.topology, into: "again", model).code == 0)
        #expect(Set(try await bench.home.output("shards", "cat", "again").outputLines) == Set(after))
        #expect(model.questions.count == calls)
        let refused = try await bench.home.run("dead-letters", "retry", "again")
        #expect(refused.code == 2)
        refused.says("the replay `again`", "reads the original input alone")

        // From the hash of the prompt to samples and block.
        let lineage = try JSONTree(try #require(after.first))["lineage"]
        for member in ["prompt", "answer"] {
            let hash = try #require(lineage[member].string)
            let found = try await bench.home.output("explain", hash)
            found.prints(
                "is that of a\(member == "answer" ? "n" : "") \(member)", "Samples that came of it", "Block that")
        }
        await model.stop()
    }

    @Test("Rejects are a table of queries and narrations, and each leads back to its block")
    func rejects() async throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld + ["--pass", "both"])
        try bench.run(Workbench.topology("nlq"))
        let rejects = try bench.records("queries.rejected")
        let table = try bench.succeed("rejects", "nlq", "--limit", "1000")
        Self.expectNarrow(table)
        table.prints("time", "reason", "query", "narration")
        #expect(table.outputLines.count == rejects.count + 2)
        let json = try bench.succeed("rejects", "queries.rejected", "--json", "--limit", "3").outputLines.map(
            JSONTree.init)
        #expect(json.allSatisfy { $0["cells"]["query"].string?.isEmpty == false })
        let reason = try #require(json.first?["reason"].string)
        let chosen = try bench.succeed("rejects", "nlq", "--json", "--limit", "1000", "--reason", reason).outputLines
        let expected = rejects.filter { $0["value"]["reason"].string == reason }
        #expect(chosen.count == expected.count)
        try bench.succeed("rejects", "nlq", "--since", "2099-01-01").prints("no rejects of --since 2099-01-01")

        let id = try #require(json.first?["id"].string)
        let explained = try bench.succeed("explain", id)
        explained.prints(
            "A reject of the stage generate: \(reason)", "Narration", "Block that", "Validators")
        try bench.fail(2, "rejects", "nothing").says("`nothing` is no topic and no topology", "queries.rejected")
        try bench.fail(2, "dead-letters", "retry", id).says("holds no dead letters")
    }

    @Test("What names nothing or is no value is refused, with the field, the value and the remedy")
    func usage() throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        for since in ["yesterday", "2x", "-3d"] {
            try bench.fail(2, "dead-letters", "list", "--since=\(since)").says("--since", "`\(since)`", "2h, 3d")
            try bench.fail(2, "rejects", "nlq", "--since=\(since)").says("--since", "2h, 3d")
        }
        try bench.fail(2, "dead-letters", "list", "--limit", "0").says("--limit wants at least 1")
        try bench.fail(2, "dead-letters", "list", "other").says("no dead letters of `other`", "narrations")
        try bench.fail(2, "dead-letters", "show", "narrations").says("names no letter", "NAME/PARTITION/OFFSET")
        try bench.fail(2, "dead-letters", "show", "narrations/0/99").says("no record at offset 99")
        try bench.fail(2, "explain", String(repeating: "0", count: 64)).says(
            "no sample has the id", "shards:", "letters:")
        try bench.fail(2, "explain", "x", "--search-seconds", "0").says("--search-seconds wants 1 to 86400")
        try bench.succeed("dead-letters", "list").prints("no dead letters")
    }

    @Test("Letters with broken JSON, escapes, overrides and huge fields are shown bounded and harmless")
    func hostile() throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let evil = "\u{1b}]0;owned\u{7}\u{202e}<script>\u{9b}31m\r"
        func text(_ text: String) -> String {
            var json = JSONWriter()
            json.value(text)
            return String(decoding: json.bytes, as: UTF8.self)
        }
        let long = String(repeating: "e\u{301}", count: 200_000)
        let letters = [
            "{\(evil)", evil, String(repeating: "[", count: 200_000), "",
            #"{"reason":\#(text(evil)),"stage":\#(text(evil)),"step":\#(text(evil)),"message":\#(text(evil)),"kind":"dead","topic":\#(text(evil)),"partition":0,"offset":1,"key":\#(text(evil)),"value":\#(text(evil)),"headers":[{"name":\#(text(evil)),"value":\#(text(evil))}],"retry":"whole"}"#,
            #"{"reason":\#(text(long)),"stage":"s","message":\#(text(long)),"value":\#(text(long)),"verdict_on":{"q":\#(text(long))}}"#,
        ]
        try {
            let log = try EmbeddedLog(path: bench.home + "/log.db")
            defer { log.close() }
            try log.createTopic(TopicSpecification(name: "x.dead-letters", partitions: 1))
            var transaction = Transaction()
            transaction.outputs = [
                .init(
                    topic: "x.dead-letters", partition: 0,
                    records: RecordBatch(letters.map { Record(key: evil, value: $0) }))
            ]
            let writer = try log.makeWriter(id: "stranger")
            try writer.commit(transaction)
            writer.close()
        }()
        var commands = [
            ["dead-letters", "list"], ["dead-letters", "list", "--json"], ["dead-letters", "list", "x", "--each"],
            ["dead-letters", "list", "x", "--each", "--json"], ["dead-letters", "retry", "x", "--dry-run"],
            ["dead-letters", "retry", "x", "--assume-whole"], ["rejects", "x.dead-letters"],
            ["rejects", "x.dead-letters", "--json"],
        ]
        for offset in letters.indices {
            commands.append(["dead-letters", "show", "x/0/\(offset)"])
            commands.append(["dead-letters", "show", "x/0/\(offset)", "--json"])
            commands.append(["explain", "x/0/\(offset)"])
        }
        for command in commands {
            let result = try bench.expect(0, command)
            let shown = result.outputText + result.errorText
            #expect(
                !shown.unicodeScalars.contains { "\u{1b}\u{7}\u{202e}\u{9b}\r".unicodeScalars.contains($0) },
                "\(command)")
            if !command.contains("--json") {
                #expect(result.outputText.utf8.count < 100_000, "\(command)")
                if command.contains("list") || command[0] == "rejects" { Self.expectNarrow(result) }
            }
        }
    }

    /// Whatever is killed, and when: each record's samples come, and come once.
    @Test("Retries and runs that are killed again and again lose nothing and give nothing twice")
    func kills() async throws {
        let isMended = Mutex(false)
        let model = try await ScriptedModel { call in
            let fails = !isMended.withLock { $0 } && call.body.contains("cup 1 on shelf")
            return fails ? .fail(400, "the request exceeds the context size") : .after(0.01, QueryModel.reply(to: call))
        }
        let bench = try await Bench(ModelTopology(), videos: 2, blocks: 12)
        #expect(try await bench.run(model).code == 0)
        isMended.withLock { $0 = true }
        let seed = SeededNumbers.seed()
        var numbers = SeededNumbers(seed: seed)
        let run = ["run", bench.topology, "--until-idle", "--allow-unguarded", "--session-timeout", "1000"]
        for life in 0..<14 {
            let arguments = life % 3 == 0 ? ["dead-letters", "retry", "nlq", "--limit", "\(1 + life)"] : run
            let process = try bench.home.start(arguments, environment: model.environment())
            let end = ContinuousClock.now + .milliseconds(Int.random(in: 30...500, using: &numbers))
            while ContinuousClock.now < end, process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
            if !process.killNow() { _ = try await process.finished() }
        }
        _ = try await bench.home.output("dead-letters", "retry", "nlq")
        #expect(try await bench.run(model).code == 0)
        let samples = try await bench.home.output("shards", "cat", "nlq").outputLines
        #expect(Set(samples).count == bench.blocks * 5, "seed \(seed)")
        #expect(samples.count == bench.blocks * 5, "seed \(seed)")
        try await bench.home.output("dead-letters", "retry", "nlq").prints("12 letters taken again before")
        await model.stop()
    }

    private static func expectNarrow(_ result: ProcessResult, at place: SourceLocation = #_sourceLocation) {
        for line in result.outputLines { #expect(line.count <= 80, "\(line)", sourceLocation: place) }
    }
}
