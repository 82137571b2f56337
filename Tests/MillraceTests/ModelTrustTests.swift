// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import HostileServers
import Records
import Synchronization
import Testing

/// `millrace run` with models and servers as people report them: right samples, honest dead letters, or none.
@Suite("Model runs, models as they are", .timeLimit(.minutes(5)))
struct ModelTrustTests {
    private typealias Bench = ModelRunTests.Bench

    /// A question for each note that is withdrawn later.
    private static func draft(_ call: Call) -> String {
        QueryModel.answer(to: call).replacing("What happened", with: "What draft happened")
    }

    /// The ways a model drafts before it answers.
    enum Drafting: String, CaseIterable, Sendable {
        case marks, channels, fences

        func text(draft: String, final: String) -> String {
            switch self {
            case .marks: "<thought>Maybe \(draft), no.</thought>\n\(final)"
            case .channels:
                "<|channel|>analysis<|message|>\(draft)<|end|><|start|>assistant<|channel|>final<|message|>\(final)"
            case .fences: "```json\n\(draft)\n```\nWait, I was not to use that word. Corrected:\n```json\n\(final)\n```"
            }
        }
    }

    @Test("Of a draft nothing reaches a sample", arguments: Drafting.allCases)
    func drafts(drafting: Drafting) async throws {
        let model = try await ScriptedModel { call in
            .chat(drafting.text(draft: Self.draft(call), final: QueryModel.answer(to: call)))
        }
        let bench = try await Bench(videos: 2, blocks: 6)
        let result = try await bench.run(model)
        try await Self.expectAll(bench, result)
        #expect(model.questions.count == bench.blocks)
        await model.stop()
    }

    @Test("What a server refuses of the requests is left out, said once, and the answers are found again by a replay")
    func refusedParts() async throws {
        let model = try await ScriptedModel(answersProbe: false) { call in
            if call.body.contains(#""max_tokens""#) {
                return .fail(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
            }
            if call.body.contains(#""temperature""#) {
                return .fail(400, "Unsupported value: 'temperature' does not support 0 with this model.")
            }
            if call.body.contains(#""seed""#) {
                return .json(
                    #"{"detail":[{"loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}"#, status: 422)
            }
            if call.body.contains("maxItems") { return .fail(500, "failed to parse grammar") }
            if call.isProbe { return .chat(#"{"colour":"teal"}"#) }
            return QueryModel.reply(to: call)
        }
        let bench = try await Bench(ModelTopology(llm: "in-flight: 4\n          seed: 3"), videos: 2, blocks: 6)
        let result = try await bench.run(model)
        try await Self.expectAll(bench, result)
        #expect(model.questions.count == bench.blocks, "the probe has found out what is refused")
        result.says(
            "refuses something of the requests", "max_completion_tokens", "no `temperature`, `seed`",
            "a schema without bounds")
        let again = try await bench.replay(bench.topology, into: "again", model)
        #expect(again.code == 0, Comment(rawValue: again.story))
        #expect(model.questions.count == bench.blocks)
        #expect(try await bench.home.shards(of: "again") == bench.home.shards(of: "nlq"))
        await model.stop()
    }

    /// A failure that every request meets.
    enum Shared: String, CaseIterable, Sendable {
        case badKey, badKeyBehindProbe, noModel, noModel400, quota, refusesAll, refusesBlocks

        func reply(to call: Call) -> Reply? {
            switch self {
            case .badKey: .fail(401, "Unauthorized")
            case .badKeyBehindProbe: call.isProbe ? nil : .fail(401, "Unauthorized")
            case .noModel: .fail(404, "no such thing")
            case .noModel400: .fail(400, "Invalid model name passed in model=m-1")
            case .quota:
                call.number < 5
                    ? nil
                    : .json(
                        #"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#, status: 429)
            case .refusesAll: .fail(400, "no")
            case .refusesBlocks: call.isProbe ? nil : .fail(400, "System role not supported")
            }
        }
    }

    @Test(
        "What all requests meet ends the run with 1 and no dead letter; set right, all samples come",
        arguments: Shared.allCases)
    func shared(fault: Shared) async throws {
        let isWell = Mutex(false)
        let model = try await ScriptedModel(answersProbe: false) { call in
            if !isWell.withLock({ $0 }), let reply = fault.reply(to: call) { return reply }
            return call.isProbe ? .chat(#"{"colour":"teal"}"#) : QueryModel.reply(to: call)
        }
        let bench = try await Bench(videos: 2, blocks: 10)
        let failed = try await bench.run(model)
        #expect(failed.code == 1, Comment(rawValue: failed.story))
        failed.says("will answer no request for `m-1`", "No record was made a dead letter")
        #expect(try await bench.home.run("topics", "read", "nlq.dead-letters", "--json").outputLines.isEmpty)
        isWell.withLock { $0 = true }
        try await Self.expectAll(bench, try await bench.run(model))
        await model.stop()
    }

    /// The place where a server puts an answer.
    enum Place: String, CaseIterable, Sendable {
        case reasoning, plainText, events, emptyContent

        func reply(_ text: String) -> Reply {
            var json = JSONWriter()
            json.value(text)
            let quoted = String(decoding: json.bytes, as: UTF8.self)
            func whole(_ message: String) -> String {
                #"{"choices":[{"message":{"role":"assistant",\#(message)},"finish_reason":"stop"}]}"#
            }
            switch self {
            case .reasoning: return .json(whole(#""content":null,"reasoning":\#(quoted)"#))
            case .emptyContent: return .json(whole(#""content":"","reasoning_content":\#(quoted)"#))
            case .plainText:
                return .answer(
                    status: 200, headers: [("Content-Type", "text/plain")],
                    body: Bytes(whole(#""content":\#(quoted)"#).utf8))
            case .events:
                let event = #"{"choices":[{"delta":{"content":\#(quoted)},"finish_reason":"stop"}]}"#
                return .answer(
                    status: 200, headers: [("Content-Type", "text/event-stream")],
                    body: Bytes("data: \(event)\n\ndata: [DONE]\n\n".utf8))
            }
        }
    }

    @Test("An answer is read where the server puts it, the probe's as well", arguments: Place.allCases)
    func places(place: Place) async throws {
        let model = try await ScriptedModel(answersProbe: false) { call in
            place.reply(call.isProbe ? #"{"colour":"teal"}"# : QueryModel.answer(to: call))
        }
        let bench = try await Bench(videos: 2, blocks: 6)
        let result = try await bench.run(model)
        try await Self.expectAll(bench, result)
        #expect(model.questions.count == bench.blocks)
        result.says("obeys schemas")
        await model.stop()
    }

    @Test("Thoughts without an answer are dead letters that say so, and no failure of the server")
    func thoughtsAlone() async throws {
        let model = try await ScriptedModel { call in
            var json = JSONWriter()
            json.value("Maybe \(Self.draft(call)) and then")
            let thoughts = String(decoding: json.bytes, as: UTF8.self)
            return .json(
                #"{"choices":[{"message":{"content":null,"reasoning":\#(thoughts)},"finish_reason":"length"}]}"#)
        }
        let bench = try await Bench(videos: 2, blocks: 3)
        let result = try await bench.run(model)
        #expect(result.code == 0, Comment(rawValue: result.story))
        let letters = try await bench.home.records(of: "nlq.dead-letters").joined().map { try JSONTree("{\($0)") }
        #expect(letters.count == bench.blocks)
        let letter = try #require(letters.first)["value"]
        #expect(letter["reason"].string == "truncated")
        #expect(
            letter["message"].string?.hasPrefix("the model thought and wrote no answer within its 1024 tokens") == true)
        #expect(try Bench.count("llm.retries", in: result) == 0)
        #expect(model.questions.count == 2 * bench.blocks, "each once, and once more for the repair")
        await model.stop()
    }

    private static func expectAll(_ bench: Bench, _ result: ProcessResult) async throws {
        #expect(result.code == 0, Comment(rawValue: result.story))
        let stages = try JSONTree(result.output)["stages"].array
        #expect(stages.allSatisfy { $0["dead_letters"].int == 0 }, Comment(rawValue: result.outputText))
        let samples = try await bench.home.output("shards", "cat", "nlq").outputLines.map(JSONTree.init)
        #expect(samples.count == bench.blocks * 5, Comment(rawValue: result.story))
        for sample in samples {
            let index = sample["lineage"]["narrations"].array.first?.int ?? -1
            let query = sample["query"].string ?? ""
            #expect(query.hasSuffix(" shelf \(index)?") && !query.contains("draft"), Comment(rawValue: query))
        }
    }
}
