// SPDX-License-Identifier: Apache-2.0

import Codecs
import HostileServers
import ModelRequests
import NIOHTTP1
import Records
import Testing

@testable import ModelServers

/// The meanings read from the words of servers that refuse.
@Suite("Refusals", .timeLimit(.minutes(1)))
struct RefusalTests {
    private func room(_ text: String, asked: Int) throws -> RequestRefusal? {
        let request = try ChatRequest(
            model: "m", messages: [ChatMessage(role: .user, content: String(repeating: "x", count: 1_000))],
            maxTokens: asked)
        return AnswerRoom(text.lowercased(), request, RequestForm())?.refusal
    }

    @Test(
        "How many tokens fit",
        arguments: [
            (
                "This model's maximum context length is 1024 tokens. However, you requested 1024 output tokens and your prompt "
                    + "contains at least 769 input tokens, for a total of at least 1793 tokens. (parameter=input_tokens, value=769)",
                1024, 1024, 255
            ),
            (
                "This model's maximum context length is 4097 tokens. However, you requested 4200 tokens (3176 in the messages, "
                    + "1024 in the completion). Please reduce the length of the messages or completion.", 1024, 4097,
                921
            ),
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum context length is 1024 tokens "
                    + "and your request has 769 input tokens (1024 > 1024 - 769).", 1024, 1024, 255
            ),
            (
                "input length and `max_tokens` exceed context limit: 190,000 + 20000 > 200,000, decrease input length",
                20_000,
                200_000, 10_000
            ),
            (
                "`inputs` tokens + `max_new_tokens` must be <= 4097. Given: 3500 `inputs` tokens and 1024 `max_new_tokens`",
                1024,
                4097, 597
            ),
        ])
    func contexts(text: String, asked: Int, context: Int, room: Int) throws {
        let prompt = Double(context - room) / 1_000
        #expect(
            try self.room(text, asked: asked)
                == .context(RequestForm.Context(tokens: context, tokensPerByte: prompt), room: room))
    }

    @Test(
        "How many tokens anyone may have",
        arguments: [
            (
                "max_tokens is too large: 10000. gpt-4-0613 supports at most 4096 completion tokens, whereas you gave 10000.",
                4096
            ),
            ("max_tokens: 10000 > 4096, which is the maximum allowed number of output tokens for claude-3", 4096),
            ("`max_tokens` must be less than or equal to `8192`, less than the `context_window` for this model", 8192),
        ])
    func limits(text: String, tokens: Int) throws {
        #expect(try self.room(text, asked: 10_000) == .tokensAbove(tokens))
    }

    @Test(
        "Where nothing fits, or nothing is said of it, the request stays as it is",
        arguments: [
            "This model's maximum context length is 4097 tokens. However, your messages resulted in 4090 tokens",
            "the request exceeds the available context size", "max_tokens must be positive", "no", "",
            "max_tokens 99999999999999999999999999999999 context 12345678901234567890",
            "maximum context length is 1024, your prompt has 1020 tokens and max_tokens is 1024",
        ])
    func nothing(text: String) throws { #expect(try self.room(text, asked: 1024) == nil) }

    @Test(
        "A status and its words tell whose fault it is",
        arguments: [
            (400, #"{"error":{"message":"Invalid model name passed in model=m.","param":"None"}}"#, "status-400"),
            (400, #"{"error":{"message":"The model `m` does not exist.","code":"model_not_found"}}"#, "status-400"),
            (400, #"{"error":{"message":"API key not valid. Please pass a valid API key."}}"#, "status-400"),
            (
                429, #"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
                "quota-spent"
            ),
            (429, #"{"error":{"message":"Quota exceeded for requests per minute"}}"#, "rate-limited"),
            (402, "", "quota-spent"), (400, #"{"error":{"message":"Your credit balance is too low"}}"#, "quota-spent"),
            (403, #"{"error":{"message":"Insufficient credits"}}"#, "quota-spent"), (403, "no", "status-403"),
            (400, "no", "bad-request"), (422, #"{"detail":[{"loc":["body","x"]}]}"#, "unprocessable"),
            (400, "prompt is too long", "context-length"), (403, "moderation", "content-filter"),
            (500, "the model crashed: not found", "status-500"),
        ])
    func sorting(status: Int, body: String, label: String) {
        let failure = FailureSorting.failure(
            status: status, headers: HTTPHeaders(), body: Bytes(body.utf8), now: 0)
        #expect(failure.label == label)
    }

    @Test("A body decides what an answer is; a type that is not JSON's names what is no answer")
    func contentTypes() {
        let html = BadAnswer(.malformedJSON, "x")
        #expect(FailureSorting.named(html, contentType: "text/html").reason == .htmlPage)
        #expect(FailureSorting.named(html, contentType: "text/plain").reason == .wrongContentType)
        #expect(FailureSorting.named(html, contentType: "application/json").reason == .malformedJSON)
        #expect(FailureSorting.named(html, contentType: nil).reason == .malformedJSON)
        #expect(FailureSorting.named(BadAnswer(.wrongShape, "x"), contentType: "text/plain").reason == .wrongShape)
    }

    @Test(
        "JSON is taken whatever it is called", arguments: ["text/plain; charset=utf-8", "application/octet-stream", ""])
    func types(type: String) async throws {
        let body = Bytes(#"{"choices":[{"message":{"content":"A"}}]}"#.utf8)
        try await withServer(
            { _ in .answer(status: 200, headers: type.isEmpty ? [] : [("Content-Type", type)], body: body) }
        ) { server, _, _ in
            let answer = try await server.ask(try request("a"))
            #expect(answer.text == "A")
            #expect(server.statistics.serverFailures.isEmpty)
        }
    }

    // MARK: Whose fault

    @Test("What refusals mean, as a table")
    func verdicts() {
        var record = ModelRecord()
        for count in 1...ModelRecord.refusalsMax {
            record.refused()
            let isMany = count >= ModelRecord.refusalsMax
            #expect(record.verdict(isQuiet: false) == (isMany ? .shared : .open))
            #expect(record.verdict(isQuiet: true) == (count >= ModelRecord.refusalsAtEnd ? .shared : .own))
        }
        record.answered()
        #expect(record.verdict(isQuiet: false) == .own)
        var probed = ModelRecord()
        probed.isProbeRefused = true
        probed.refused()
        #expect(probed.verdict(isQuiet: false) == .shared)
    }

    @Test("A failure that waiting does not mend ends the run before the first answer, a used-up quota always")
    func hopeless() {
        var record = ModelRecord()
        func isHopeless(_ fault: ServerFault, trial: Bool) -> Bool { record.isHopeless(fault, isTrial: trial) }
        for status in [401, 403, 404, 400, 307] { #expect(isHopeless(.status(status), trial: false)) }
        for fault in [ServerFault.status(500), .refused, .timeout, .rateLimited(retryAfterSeconds: nil), .status(409)] {
            #expect(!isHopeless(fault, trial: true))
        }
        record.hasAnswered = true
        #expect(!isHopeless(.status(401), trial: false))
        #expect(isHopeless(.quotaSpent, trial: false))
        // A probe that was answered is worth a few trials, a request that was answered any number.
        for number in 1...ModelRecord.hopelessTrialsMax {
            #expect(!isHopeless(.status(500), trial: true))
            #expect(isHopeless(.status(403), trial: true) == (number == ModelRecord.hopelessTrialsMax))
        }
        record.answered()
        for _ in 0..<100 { #expect(!isHopeless(.status(401), trial: true)) }
    }

    @Test(
        "What every request meets before any is answered is nobody's fault",
        arguments: [
            (401, "no"), (403, "no"), (404, "no"), (402, "no"), (400, "no such thing"), (422, "no"),
            (400, "Invalid model name"),
        ])
    func shared(status: Int, message: String) async throws {
        try await withServer({ _ in .fail(status, message) }) { server, hostile, _ in
            let words = try await server.askAll((0..<20).map { "p\($0)" }).map(\.word)
            #expect(Set(words) == ["[shared]"])
            #expect(server.statistics.answers == 0)
            #expect(hostile.seen.chats <= 20)
        }
    }

    @Test("One request that is refused is at fault, be it the only one or among others, and so are two")
    func own() async throws {
        try await withServer({ $0.prompt.hasPrefix("bad") ? .fail(400) : .chat($0.prompt) }) { server, _, _ in
            var words = try await server.askAll(["bad"]).map(\.word)
            #expect(words == ["[bad-request]"])
            words = try await server.askAll(["bad 1", "bad 2", "bad 3", "good", "bad 4"]).map(\.word)
            #expect(words == ["[bad-request]", "[bad-request]", "[bad-request]", "good", "[bad-request]"])
        }
    }

    // MARK: Schemas that an engine falls over

    @Test(
        "An engine that dies of the schema, unlike the probe said, is asked with less",
        arguments: ["maxItems", "response_format"])
    func schemaKills(word: String) async throws {
        let schema = #"{"type":"array","maxItems":3,"items":{"type":"string"}}"#
        try await withServer({ call in
            if call.isProbe { return .chat(#"{"colour":"teal"}"#) }
            return call.body.contains(word) ? .fail(500, "boom") : .chat(call.prompt)
        }) { server, hostile, notices in
            _ = await server.probe(like: try request("p", schema: schema))
            for prompt in ["a", "b"] {
                let answer = try await server.ask(try request(prompt, schema: schema))
                #expect(answer.text == prompt)
            }
            #expect(hostile.seen.calls.last?.body.contains("response_format") == (word == "maxItems"))
            #expect(notices.all.count { if case .adapted = $0 { true } else { false } } == 1)
        }
    }

    @Test("An outage at the start costs no schema: it is sent again when the server is well")
    func outageKeepsTheSchema() async throws {
        let schema = #"{"type":"array","maxItems":3}"#
        try await withServer({ call in
            if call.isProbe { return .chat(#"{"colour":"teal"}"#) }
            return call.number < 6 ? .fail(500, "boom") : .chat(call.prompt)
        }) { server, hostile, notices in
            _ = await server.probe(like: try request("p", schema: schema))
            let answer = try await server.ask(try request("a", schema: schema))
            #expect(answer.text == "a")
            _ = try await server.ask(try request("b", schema: schema))
            #expect(hostile.seen.calls.last?.body.contains("maxItems") == true)
            #expect(notices.all.allSatisfy { if case .adapted = $0 { false } else { true } })
        }
    }

    @Test("An answer with nothing in it is asked for again, and taken after some times")
    func missing() async throws {
        let nothing = Reply.json(#"{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}"#)
        try await withServer({ $0.prompt == "never" || $0.number == 0 ? nothing : .chat($0.prompt) }) { server, _, _ in
            let first = try await server.ask(try request("a"))
            #expect(first.text == "a")
            let never = try await server.ask(try request("never"))
            #expect(never.isMissing)
            #expect(server.statistics.calls == 2 + 3)
        }
    }
}
