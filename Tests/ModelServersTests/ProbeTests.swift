// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import HostileServers
import ModelRequests
import Records
import Synchronization
import Testing

@testable import ModelServers

extension Reply {
    /// Tells whether it does not name what it refuses.
    fileprivate var isUnnamed: Bool {
        guard case .answer(_, _, let body) = self else { return false }
        return body == Bytes("boom".utf8) || body == Bytes("no".utf8)
    }
}

@Suite("Probing a server", .timeLimit(.minutes(1)))
struct ProbeTests {
    /// A server with llama.cpp's routes.
    private static func llama(_ call: Call, chat: (Call) -> Reply) -> Reply {
        switch call.path {
        case "/health": .json(#"{"status":"ok"}"#)
        case "/props": .json(#"{"total_slots":4,"default_generation_settings":{"n_ctx":2048}}"#)
        case "/v1/models": .json(#"{"object":"list","data":[{"id":"m-1"},{"id":"m-2"}]}"#)
        case "/metrics":
            .answer(
                status: 200, headers: [("Content-Type", "text/plain")],
                body: Bytes(
                    "# HELP x\nllamacpp:requests_processing 3\nllamacpp:prompt_tokens_total{a=\"b c\"} 1e2\n".utf8))
        case "/v1/chat/completions": chat(call)
        default: .fail(404)
        }
    }

    /// A request of the kind that follows, with bounds in its schema.
    private static func real() throws -> ChatRequest {
        try ChatRequest(
            model: "m-1", messages: [ChatMessage(role: .user, content: "a")], schema: Self.schema, temperature: 0.25,
            maxTokens: 300, seed: 7)
    }

    private static let schema = """
        {"type":"object","properties":{"queries":{"type":"array","items":{"type":"string","pattern":"^[A-Z]"},"maxItems":5}}}
        """

    @Test("A server with all routes that obeys a schema")
    func obeys() async throws {
        try await withServer({ Self.llama($0) { _ in .chat(#" {"colour": "teal"} "#) } }) { server, _, _ in
            let found = await server.probe(like: try Self.real())
            #expect(
                found
                    == ServerCapabilities(
                        health: .healthy, models: ["m-1", "m-2"], schema: .obeyed, reportsUsage: true, slots: 4,
                        contextTokens: 2048, hasMetrics: true, failure: nil))
            #expect(found.offers("m-2") == true)
            #expect(found.offers("m-3") == false)
            let metrics = await server.client.metrics()
            #expect(metrics?.running == 3)
            #expect(metrics?.promptTokens == 100)
        }
    }

    @Test("A server that ignores the schema, counts nothing, and offers the chat alone")
    func ignores() async throws {
        let bare = Reply.json(
            #"{"choices":[{"message":{"content":"The sea is wide."},"finish_reason":"stop"}]}"#)
        try await withServer({ $0.path == "/v1/chat/completions" ? bare : .fail(404) }) { server, hostile, _ in
            let found = await server.probe(like: try Self.real())
            #expect(found.schema == .ignored)
            #expect(found.reportsUsage == false)
            #expect(found.health == .notOffered)
            #expect(found.models == nil)
            #expect(found.slots == nil)
            #expect(!found.hasMetrics)
            #expect(hostile.seen.calls.last?.body.contains("json_schema") == true)
        }
    }

    @Test("A server that refuses schemas is asked without from then on")
    func refuses() async throws {
        try await withServer(
            { call in
                Self.llama(call) { $0.body.contains("response_format") ? .fail(400, "unknown field") : .chat("hm") }
            }
        ) { server, hostile, _ in
            let found = await server.probe(like: try Self.real())
            #expect(found.schema == .refused)
            #expect(found.failure == nil)
            let answer = try await server.ask(try request("a", schema: #"{"type":"object"}"#))
            #expect(answer.text == "hm")
            #expect(hostile.seen.calls.last?.body.contains("response_format") == false)
        }
    }

    @Test("The tiny request is put as the real ones are: sampling, limit, and the bounds in the schema")
    func likeTheReal() async throws {
        try await withServer({ call in Self.llama(call) { _ in .chat(#"{"colour":"teal"}"#) } }) { server, hostile, _ in
            _ = await server.probe(like: try Self.real())
            let sent = try JSONValue(parsing: try #require(hostile.seen.calls.last).body.utf8)
            #expect(sent["temperature"]?.double == 0.25 && sent["seed"]?.int == 7 && sent["max_tokens"]?.int == 300)
            let properties = sent["response_format"]?["json_schema"]?["schema"]?["properties"]
            #expect(properties?["marks"]?["maxItems"]?.int == 1)
            #expect(properties?["words"]?["pattern"]?.string == "^[A-Z]")
            #expect(properties?["colour"] != nil)
        }
    }

    /// A request that a server refuses, found by a part of the body, and the server's reply.
    struct Refused: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let when: @Sendable (String) -> Bool
        let reply: Reply
        let change: String

        static func part(_ name: String, _ status: Int, _ body: String, _ change: String) -> Refused {
            Refused(
                testDescription: name, when: { $0.contains("\"\(name)\"") }, reply: .json(body, status: status),
                change: change)
        }

        static let all: [Refused] = [
            .part(
                "max_tokens", 400,
                #"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this "#
                    + #"model. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#,
                "`max_completion_tokens` in place of `max_tokens`"),
            .part(
                "temperature", 400,
                #"{"error":{"message":"Only the default (1) value is supported.","param":"temperature"}}"#,
                "no `temperature`"),
            .part("temperature", 400, #"{"error":"`temperature` is deprecated for this model."}"#, "no `temperature`"),
            .part(
                "seed", 422,
                #"{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not "#
                    + #"permitted","input":0}]}"#, "no `seed`"),
            .part("stream", 400, #"{"error":"Unrecognized request argument supplied: stream"}"#, "no `stream`"),
            .part(
                "maxItems", 400,
                #"{"error":{"message":"Invalid schema for response_format 'answer': 'maxItems' is not "#
                    + #"permitted.","param":"response_format"}}"#, "a schema without bounds of lists and texts"),
            .part(
                "pattern", 500, #"{"error":{"message":"failed to parse grammar"}}"#,
                "a schema without bounds of lists and texts"),
            .part("pattern", 500, "boom", "a schema without bounds of lists and texts"),
            .part("response_format", 400, "Bad Request", "no schema"),
            .part("response_format", 200, #"{"choices":[{"message":{"content":null}}]}"#, "no schema"),
            .part("response_format", 500, "boom", "no schema"),
            Refused(
                testDescription: "a limit of tokens", when: { $0.contains("_tokens\":300") },
                reply: .json(
                    #"{"error":{"message":"max_tokens is too large: 300. This model supports at most 256 completion tokens"}}"#,
                    status: 400), change: "at most 256 tokens for an answer"),
            .part("temperature", 422, "no", "no `temperature`, `top_p`, `seed`, `stop`, `stream`; no schema"),
        ]
    }

    @Test("What a server refuses is found out, remembered and told, and the rest is sent", arguments: Refused.all)
    func refused(what: Refused) async throws {
        try await withServer(
            { call in
                Self.llama(call) {
                    what.when($0.body) ? what.reply : .chat($0.isProbe ? #"{"colour":"teal"}"# : $0.prompt)
                }
            }
        ) { server, hostile, notices in
            let found = await server.probe(like: try Self.real())
            #expect(found.failure == nil)
            #expect(Set(found.form.changes(since: RequestForm())) == Set(what.change.components(separatedBy: "; ")))
            let before = hostile.seen.chats
            let answer = try await server.ask(try Self.real())
            #expect(answer.text == "a")
            #expect(hostile.seen.chats == before + 1, "it is remembered")
            #expect(notices.all.isEmpty, "whoever probes tells")
        }
        // Without a probe it is learnt from the request itself; what only falls over the schema is known by the probe
        // alone.
        guard what.testDescription != "response_format", !what.reply.isUnnamed else { return }
        try await withServer(
            { call in Self.llama(call) { what.when($0.body) ? what.reply : .chat($0.prompt) } }
        ) { server, hostile, notices in
            for _ in 0..<2 {
                let answer = try await server.ask(try Self.real())
                #expect(answer.text == "a")
            }
            #expect(hostile.seen.chats == 3)
            #expect(notices.all == [.adapted(model: "m-1", changes: [what.change])])
        }
    }

    @Test("A server that writes nothing at all, whatever it is asked, is no server that is down")
    func silent() async throws {
        let nothing = Reply.json(#"{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}"#)
        try await withServer({ Self.llama($0) { _ in nothing } }) { server, _, _ in
            let found = await server.probe(like: try Self.real())
            #expect(found.failure == nil)
            #expect(found.form == RequestForm())
            let answer = try await server.ask(try Self.real())
            #expect(answer.isMissing)
        }
    }

    @Test("A server that falls over each schema is asked without; one that fell over once is asked with it")
    func fallsOverSchemas() async throws {
        for failures in [1, 100] {
            let failed = Mutex(0)
            try await withServer(
                { call in
                    Self.llama(call) { call in
                        guard call.body.contains("response_format") else { return .chat("hm") }
                        let number = failed.withLock { failed in
                            failed += 1
                            return failed
                        }
                        return number <= failures ? .fail(500, "grammar") : .chat(#"{"colour":"teal"}"#)
                    }
                }
            ) { server, _, _ in
                let found = await server.probe(like: try Self.real())
                #expect(found.failure == nil)
                #expect(found.schema == (failures == 1 ? .obeyed : .refused))
            }
        }
    }

    @Test("A server that is not there, and one that loads")
    func unreachable() async throws {
        let gone = try ReservedPort()
        let client = try ChatClient(try ClientConfiguration(url: gone.url, environment: [:]))
        let found = await client.probe(like: try Self.real())
        #expect(found.health == .unreachable)
        #expect(found.schema == .unknown)
        #expect(found.failure?.label == "refused")
        await client.shutdown()
        try await withServer({ _ in .fail(503, "Loading model") }) { server, _, _ in
            let found = await server.probe(like: try Self.real())
            #expect(found.health == .loading)
            #expect(found.failure?.label == "unavailable")
        }
    }

    @Test("The key and the headers are sent, and an answer that repeats them does not show them")
    func key() async throws {
        try await withServer(
            {
                .fail(
                    400,
                    "Incorrect API key provided: \($0.headers["authorization"] ?? "none") \($0.headers["x-a"] ?? "")")
            },
            configure: {
                $0.apiKey = Secret("sk-hunter2hunter2")
                $0.headers = [("X-A", Secret("swordfish"))]
            }
        ) { server, hostile, _ in
            let result = await server.result(try request("a"))
            guard case .failure(let failure) = result else {
                Issue.record("answered")
                return
            }
            #expect(hostile.seen.calls.first?.headers["authorization"] == "Bearer sk-hunter2hunter2")
            #expect(hostile.seen.calls.first?.headers["x-a"] == "swordfish")
            #expect(failure.description.contains("Incorrect API key"))
            #expect(!failure.description.contains("hunter2"))
            #expect(!failure.description.contains("swordfish"))
        }
    }

    @Test("A proxy is asked for a tunnel to the server")
    func proxy() async throws {
        let proxy = try await HostileServer { call in
            if call.method != "CONNECT" { return .chat("by proxy") }
            return call.path == "models.invalid:8000"
                ? .stall(after: Bytes("HTTP/1.1 200 OK\r\n\r\n".utf8)) : .fail(404)
        }
        var configuration = try ClientConfiguration(
            url: "http://models.invalid:8000",
            environment: ["HTTP_PROXY": "http://u:p@127.0.0.1:\(proxy.port)"])
        configuration.inFlightMax = 2
        let client = try ChatClient(configuration)
        let answer = try await client.complete(try request("a"))
        #expect(answer.text == "by proxy")
        #expect(proxy.seen.calls.first?.headers["proxy-authorization"] == "Basic dTpw")
        #expect(proxy.seen.calls.last?.headers["proxy-authorization"] == nil)
        await client.shutdown()
        await proxy.stop()
    }
}
