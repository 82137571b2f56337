// SPDX-License-Identifier: Apache-2.0

import Chat
import HostileServers
import Records
import Synchronization
import Testing

@testable import ModelServers

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

    @Test("A server with all routes that obeys a schema")
    func obeys() async throws {
        try await withServer({ Self.llama($0) { _ in .chat(#" {"colour": "teal"} "#) } }) { server, _, _ in
            let found = await server.probe(model: "m-1")
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
            let found = await server.probe(model: "m-1")
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
            let found = await server.probe(model: "m-1")
            #expect(found.schema == .refused)
            #expect(found.failure == nil)
            let answer = try await server.ask(try request("a", schema: #"{"type":"object"}"#))
            #expect(answer.text == "hm")
            #expect(hostile.seen.calls.last?.body.contains("response_format") == false)
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
                let found = await server.probe(model: "m-1")
                #expect(found.failure == nil)
                #expect(found.schema == (failures == 1 ? .obeyed : .refused))
            }
        }
    }

    @Test("A server that is not there, and one that loads")
    func unreachable() async throws {
        let gone = try ReservedPort()
        let client = try ChatClient(try ClientConfiguration(url: gone.url, environment: [:]))
        let found = await client.probe(model: "m-1")
        #expect(found.health == .unreachable)
        #expect(found.schema == .unknown)
        #expect(found.failure?.label == "refused")
        await client.shutdown()
        try await withServer({ _ in .fail(503, "Loading model") }) { server, _, _ in
            let found = await server.probe(model: "m-1")
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
