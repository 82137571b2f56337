// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import HostileServers
import Records
import Synchronization
import Testing

/// `millrace run` against servers that misbehave: nothing is lost, nothing is misaligned, nothing crashes.
@Suite("Model runs, hostile servers", .timeLimit(.minutes(5)))
struct ModelHostileTests {
    private typealias Bench = ModelRunTests.Bench

    /// A fault that a server shows for a while or to one block; then it answers well.
    enum Fault: String, CaseIterable, Sendable {
        case storm, unavailable, slowFirstByte, hang, reset, truncatedJSON, wrongShape, htmlPage, wrongContentType
        case hugeAnswer, serverError, unauthorized

        /// The number of calls that meet it.
        var calls: Int {
            switch self {
            // Each round of a storm holds everybody back for twice as long as the one before.
            case .storm: 12
            case .hang, .hugeAnswer, .unauthorized: 1
            case .slowFirstByte: Int.max
            default: 3
            }
        }

        func reply(to call: Call) -> Reply {
            let whole = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"choices\""
            switch self {
            case .storm: return .fail(429, headers: [("Retry-After", "1")])
            case .unavailable: return .fail(503, headers: [("Retry-After", "1")])
            case .slowFirstByte: return .after(0.3, QueryModel.reply(to: call))
            case .hang: return .hang
            case .reset: return .reset(after: Bytes(whole.utf8))
            case .truncatedJSON: return .json(#"{"choices":[{"message":{"content":"{\"queries\""#)
            case .wrongShape: return .json(#"{"result":"fine"}"#)
            case .htmlPage:
                return .answer(status: 200, headers: [("Content-Type", "text/html")], body: Bytes("<html>".utf8))
            case .wrongContentType:
                return .answer(status: 200, headers: [("Content-Type", "image/png")], body: Bytes("{}".utf8))
            case .hugeAnswer: return .flood(bytes: 50 << 20)
            case .serverError: return .fail(500)
            case .unauthorized: return .fail(401)
            }
        }
    }

    /// Calls whose server falls silent: their deadline is what is tried, and it should not take a minute.
    private static let quick = Self.calls(firstByte: 2, total: 4)
    /// Calls whose deadline is not what is tried: it holds on a machine that is busy with something else.
    private static let patient = Self.calls(firstByte: 30, total: 60)

    private static func calls(firstByte: Int, total: Int) -> String {
        "in-flight: 4\n          first-byte-timeout: \(firstByte)\n          total-timeout: \(total)"
    }

    @Test("What the server does wrong is waited out: no dead letter, all samples", arguments: Fault.allCases)
    func waitedOut(fault: Fault) async throws {
        let met = Mutex(0)
        let model = try await ScriptedModel { call in
            let meets = met.withLock { met in
                met += 1
                return met <= fault.calls
            }
            return meets ? fault.reply(to: call) : QueryModel.reply(to: call)
        }
        let llm = fault == .hang ? Self.quick : Self.patient
        let bench = try await Bench(ModelTopology(llm: llm), videos: 2, blocks: 6)
        let result = try await bench.run(model)
        #expect(result.code == 0, Comment(rawValue: result.story))
        try await Self.expectAll(bench, result)
        if fault != .slowFirstByte { #expect(try Bench.count("llm.retries", in: result) > 0) }
        await model.stop()
    }

    /// `OutageTests` has outages of minutes, on a clock that runs faster.
    @Test("An outage at the start, and another in the midst, make no dead letter and lose nothing")
    func outage() async throws {
        let port = try ReservedPort()
        let bench = try await Bench(ModelTopology(llm: Self.quick), videos: 4, blocks: 10)
        let script: @Sendable (Call) -> Reply = { .after(0.1, QueryModel.reply(to: $0)) }
        let environment = ["LLM_PROVIDER": "openai", "LLM_MODEL": "m-1", "LLM_BASE_URL": port.url]
        let process = try bench.home.start(
            ["run", bench.topology, "--until-idle", "--json", "--allow-unguarded"], environment: environment)
        while process.isRunning, !process.errorsSoFar.contains("does not answer") {
            try await Task.sleep(for: .milliseconds(10))
        }
        let first = try await ScriptedModel(port: port.port, script)
        while process.isRunning, first.questions.count < 15 { try await Task.sleep(for: .milliseconds(5)) }
        await first.stop()
        let asked = first.questions.count
        // Tried again and again: the wait is said each second.
        var waited = 0.0
        while process.isRunning, waited < 3 {
            try await Task.sleep(for: .milliseconds(100))
            let status = try? await bench.home.output("status", "--interval", "0", "--json").output
            let since = try status.flatMap { try JSONTree($0)["waits"].array.first?["since"].double }
            waited = since.map { Date().timeIntervalSince1970 - $0 / 1000 } ?? 0
        }
        #expect(process.isRunning, "it waits")
        let second = try await ScriptedModel(port: port.port, script)
        let result = try await process.finished(seconds: 120)
        #expect(result.code == 0, Comment(rawValue: result.story))
        #expect(asked < bench.blocks)
        #expect(second.questions.count >= bench.blocks - asked)
        result.says("answers again")
        try await Self.expectAll(bench, result)
        await second.stop()
    }

    // MARK: Requests at fault

    /// A fault that only one block meets, again and again, and the reason its dead letter gives.
    enum BadRequest: String, CaseIterable, Sendable {
        case badRequest = "bad-request"
        case contextLength = "context-length"
        case contentFilter = "content-filter"
        case unusable = "unusable-answer"
        case timeout = "timeout"
        case badAnswer = "bad-answer"

        var reply: Reply {
            switch self {
            case .badRequest: .fail(400, "no such thing")
            case .contextLength: .fail(400, "the request exceeds the context size")
            case .contentFilter: .chat("", finish: "content_filter")
            case .unusable: .chat(#"{"queries":[{"narration_ids":[77],"template":"x","query":"What is it?"}]}"#)
            case .timeout: .hang
            case .badAnswer: .flood(bytes: 50 << 20)
            }
        }
    }

    @Test(
        "A request's own failure is a dead letter with its reason and prompt; the stream goes on",
        arguments: BadRequest.allCases)
    func deadLetter(fault: BadRequest) async throws {
        let model = try await ScriptedModel { call in
            // The repair turn ends in other words, but quotes the notes before them.
            call.body.contains("cup 1 on shelf 12") ? fault.reply : .after(0.02, QueryModel.reply(to: call))
        }
        let llm = fault == .timeout ? Self.quick : Self.patient
        let bench = try await Bench(ModelTopology(llm: llm), videos: 2, blocks: 6)
        let result = try await bench.run(model)
        #expect(result.code == 0, Comment(rawValue: result.story))
        let letters = try await bench.home.records(of: "nlq.dead-letters").joined().map { try JSONTree("{\($0)") }
        #expect(letters.count == 1)
        let letter = try #require(letters.first)["value"]
        #expect(letter["reason"].string == fault.rawValue, Comment(rawValue: letter["message"].string ?? ""))
        #expect(letter["message"].string?.contains("; prompt ") == true)
        #expect(letter["verdict_on"]["block"]["narrations"].array.count == 5)
        try await Self.expectAligned(bench, count: (bench.blocks - 1) * 5)
        await model.stop()
    }

    // MARK: Answers

    @Test("Ids that do not exist are repaired in one turn, and duplicates and foreign items dropped")
    func repaired() async throws {
        let model = try await ScriptedModel { call in
            let isRepair = call.prompt.contains("That answer cannot be used.")
            let body = try? JSONValue(parsing: call.body.utf8)
            let notes =
                (body?["messages"]?.array ?? []).compactMap { $0["content"]?.string }
                .last { !QueryModel.notes(in: $0).isEmpty } ?? ""
            let first = #"{"queries":[{"narration_ids":[99],"template":"x","query":"What is it?"}]}"#
            var asked = call
            asked.body = ""
            let items = QueryModel.notes(in: notes).map { id, text in
                let words = text.filter { $0.isLetter || $0.isNumber || $0 == " " }
                return #"{"narration_ids":[\#(id)],"template":"x","query":"What happened when \#(words)?"}"#
            }
            // Each item twice, and one about a narration of nobody's.
            let list = (items + items + [#"{"narration_ids":[1,99],"template":"x","query":"What was it?"}"#])
            return .chat(isRepair ? "{\"queries\":[\(list.joined(separator: ","))]}" : first)
        }
        let bench = try await Bench(videos: 2, blocks: 6)
        let result = try await bench.run(model)
        #expect(result.code == 0, Comment(rawValue: result.story))
        try await Self.expectAll(bench, result)
        #expect(model.questions.count == 2 * bench.blocks)
        #expect(try Bench.count("llm.repairs", in: result) == bench.blocks)
        #expect(try Bench.count("llm.answer.duplicate-item", in: result) == bench.blocks * 5)
        // Both turns are kept under keys of their own.
        let again = try await bench.replay(bench.topology, into: "again", model)
        #expect(again.code == 0, Comment(rawValue: again.story))
        #expect(model.questions.count == 2 * bench.blocks)
        #expect(try await bench.home.shards(of: "again") == bench.home.shards(of: "nlq"))
        await model.stop()
    }

    @Test("Of an answer that reached the limit of tokens, what is complete is kept")
    func truncated() async throws {
        let model = try await ScriptedModel { call in
            let text = QueryModel.answer(to: call)
            // In the midst of the fourth item.
            let cut = text.components(separatedBy: "{\"narration_ids\":[4]")[0] + "{\"narration_ids\":[4],\"temp"
            return .chat(cut, finish: "length")
        }
        let bench = try await Bench(videos: 2, blocks: 6)
        let result = try await bench.run(model)
        #expect(result.code == 0, Comment(rawValue: result.story))
        try await Self.expectAligned(bench, count: bench.blocks * 3)
        #expect(try Bench.count("llm.answer.truncated", in: result) == bench.blocks)
        #expect(
            try Bench.count("llm.no-query.truncated", in: result) + Bench.count("llm.no-query.broken-item", in: result)
                > 0)
        #expect(model.questions.count == bench.blocks, "a partial answer is not asked for again")
        await model.stop()
    }

    @Test("A server that refuses schemas, or ignores them and writes lines, works too, and is told in the counts")
    func freeText() async throws {
        let model = try await ScriptedModel { call in
            if call.body.contains("response_format") { return .fail(400, "unknown field response_format") }
            let lines = QueryModel.notes(in: call.prompt).map { id, text in
                "\(id). What happened when \(text.filter { $0.isLetter || $0.isNumber || $0 == " " })?"
            }
            return .chat(lines.reversed().joined(separator: "\n"))
        }
        let bench = try await Bench(videos: 2, blocks: 6)
        // The scripted probe obeys, so the schema is left out by the topology.
        let topology = try ModelTopology(llm: "response-format: none").write(to: "free", in: bench.folder)
        let result = try await bench.home.start(
            ["run", topology, "--until-idle", "--json", "--allow-unguarded"], environment: model.environment()
        ).finished()
        #expect(result.code == 0, Comment(rawValue: result.story))
        try await Self.expectAll(bench, result)
        #expect(try Bench.count("llm.free-text", in: result) == bench.blocks)
        await model.stop()
    }

    // MARK: What must hold

    /// Every block has all its samples, each about the narration that it quotes, and there is no dead letter.
    private static func expectAll(_ bench: Bench, _ result: ProcessResult) async throws {
        let stages = try JSONTree(result.output)["stages"].array
        #expect(stages.allSatisfy { $0["dead_letters"].int == 0 }, Comment(rawValue: result.outputText))
        try await Self.expectAligned(bench, count: bench.blocks * 5)
    }

    private static func expectAligned(_ bench: Bench, count: Int) async throws {
        let samples = try await bench.home.output("shards", "cat", "nlq").outputLines.map(JSONTree.init)
        #expect(samples.count == count)
        for sample in samples {
            let index = sample["lineage"]["narrations"].array.first?.int ?? -1
            #expect(sample["query"].string?.hasSuffix(" shelf \(index)?") == true)
        }
    }
}
