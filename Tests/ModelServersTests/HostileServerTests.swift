// SPDX-License-Identifier: Apache-2.0

import Codecs
import HostileServers
import ModelRequests
import ModelServers
import Records
import Synchronization
import Testing

/// Every test asks through a real connection, and checks that no place, waiter or request is left over (`withServer`).
@Suite("A hostile server", .timeLimit(.minutes(2)))
struct HostileServerTests {
    private static let prompts = (0..<24).map { "p\($0)" }

    @Test("Answers come back to those who asked, with their tokens")
    func answers() async throws {
        try await withServer({ .chat("re: \($0.prompt)") }) { server, hostile, notices in
            let words = try await server.askAll(Self.prompts).map(\.word)
            #expect(words == Self.prompts.map { "re: \($0)" })
            let statistics = server.statistics
            #expect(statistics.calls == 24)
            #expect(statistics.retries == 0)
            #expect(statistics.promptTokens == 7 * 24)
            #expect(statistics.completionTokens == 3 * 24)
            #expect(statistics.latency.count == 24)
            #expect(hostile.seen.busyMax <= 8)
            #expect(notices.all.isEmpty)
        }
    }

    @Test(
        "A 429 storm ends in answers for all, with Retry-After in seconds, as a date, and without",
        arguments: ["", "1", "date"])
    func storm(retryAfter: String) async throws {
        var headers: [(String, String)] = []
        if retryAfter == "date" {
            headers = [
                ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Retry-After", "Sun, 06 Nov 1994 08:49:39 GMT"),
            ]
        } else if !retryAfter.isEmpty {
            headers = [("Retry-After", retryAfter)]
        }
        let sent = headers
        try await withServer({ $0.number < 40 ? .fail(429, headers: sent) : .chat($0.prompt) }) { server, _, _ in
            let words = try await server.askAll(Self.prompts).map(\.word)
            #expect(words == Self.prompts)
            let statistics = server.statistics
            #expect(statistics.serverFailures["rate-limited"] == 40)
            #expect(statistics.calls == 64)
            #expect(statistics.requestFailures.isEmpty)
        }
    }

    @Test("503 with Retry-After is obeyed by all")
    func unavailable() async throws {
        let times = Mutex<[ContinuousClock.Instant]>([])
        try await withServer(
            { call in
                times.withLock { $0.append(.now) }
                return call.number == 0 ? .fail(503, headers: [("Retry-After", "5")]) : .chat(call.prompt)
            }, inFlightMax: 1, speed: 50
        ) { server, _, _ in
            let words = try await server.askAll(Self.prompts).map(\.word)
            #expect(words == Self.prompts)
            let seen = times.withLock { $0 }
            // Five seconds of a clock that runs fifty times as fast.
            #expect(seen[0].duration(to: seen[1]) >= .milliseconds(100))
        }
    }

    @Test("A slow first byte and a hang are given up at the deadline and asked again")
    func slow() async throws {
        try await withServer(
            { call in
                switch call.number {
                case 0: .after(5, .chat("late"))
                case 1: .hang
                case 2: .stall(after: Bytes("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".utf8))
                default: .chat(call.prompt)
                }
            },
            configure: {
                $0.firstByteTimeoutSeconds = 0.2
                $0.totalTimeoutSeconds = 0.4
            }
        ) { server, _, _ in
            let words = try await server.askAll(Self.prompts).map(\.word)
            #expect(words == Self.prompts)
            // On a busy machine a call or two more may be late.
            #expect(Set(server.statistics.serverFailures.keys) == ["timeout"])
            #expect(server.statistics.serverFailures["timeout"] ?? 0 >= 3)
        }
    }

    /// Answers that are none, each given once in a while; the request is asked again and answered.
    static let badReplies: [(String, Reply)] = [
        ("truncated-json", .json(#"{"choices":[{"message":{"content":"a"#)),
        ("malformed-json", .json(#"{"choices":[}]"#)),
        ("wrong-shape", .json(#"{"choices":[]}"#)),
        ("wrong-shape", .json(#"{"choices":[{"message":{"content":7}}]}"#)),
        ("wrong-shape", .json(#"["choices"]"#)),
        ("wrong-shape", .json(#"{"error":{"message":"upstream is gone"}}"#)),
        ("html-page", .answer(status: 200, headers: [("Content-Type", "text/html")], body: Bytes("<html>".utf8))),
        ("html-page", .json("<!DOCTYPE html><html><body>Sign in</body></html>")),
        (
            "wrong-content-type",
            .answer(status: 200, headers: [("Content-Type", "text/plain")], body: Bytes("hello".utf8))
        ),
        ("too-large", .flood(bytes: 50_000_000)),
        ("not-http", .close(after: Bytes("I am not a web server\r\n\r\n".utf8))),
        ("disconnected", .reset(after: Bytes("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"choices\"".utf8))),
        ("disconnected", .close(after: Bytes("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"choices\"".utf8))),
        ("disconnected", .close(after: [])),
        ("status-500", .fail(500)),
        ("status-502", .answer(status: 502, headers: [("Content-Type", "text/html")], body: Bytes("<html>".utf8))),
        ("timeout", .fail(504)),
    ]

    @Test("An answer that is none is the server's failure first: asked again, it is answered", arguments: 0..<17)
    func badAnswerOnce(index: Int) async throws {
        let (label, reply) = Self.badReplies[index]
        try await withServer({ $0.number % 3 == 0 && $0.number < 12 ? reply : .chat($0.prompt) }) {
            server, _, _ in
            let words = try await server.askAll(Self.prompts).map(\.word)
            #expect(words == Self.prompts)
            #expect(server.statistics.serverFailures == [label: 4])
        }
    }

    @Test("Given to one request always, it becomes that request's failure; the others are answered", arguments: 0..<17)
    func badAnswerAlways(index: Int) async throws {
        let (label, reply) = Self.badReplies[index]
        let expected =
            switch label {
            case "disconnected", "timeout": "[\(label)]"
            case "status-500", "status-502": "[server-error]"
            default: "[bad-answer]"
            }
        try await withServer({ $0.prompt == "p5" ? reply : .chat($0.prompt) }, inFlightMax: 4) { server, _, _ in
            let words = try await server.askAll(Self.prompts).map(\.word)
            #expect(words == Self.prompts.map { $0 == "p5" ? expected : $0 })
            #expect(server.statistics.requestFailures.values.reduce(0, +) == 1)
        }
    }

    @Test("A 50 MB answer is cut off at the limit, while it is read")
    func flood() async throws {
        try await withServer(
            { $0.prompt == "big" ? .flood(bytes: 50_000_000) : .chat("OK") }, inFlightMax: 1,
            configure: { $0.answerBytesMax = 1 << 20 }
        ) { server, hostile, _ in
            let words = try await server.askAll(["big"]).map(\.word)
            #expect(words == ["[bad-answer]"])
            let tries = server.statistics.serverFailures["too-large"] ?? 0
            #expect(tries >= 3)
            // The limit, and what lies in the sockets' buffers.
            #expect(hostile.seen.bytesFlooded < tries * (16 << 20))
        }
    }

    @Test("A 50 MB answer that says so is not read at all")
    func announcedFlood() async throws {
        let head = Bytes("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50000000\r\n\r\n".utf8)
        try await withServer({ $0.number == 0 ? .stall(after: head) : .chat($0.prompt) }) { server, _, _ in
            let words = try await server.askAll(["a"]).map(\.word)
            #expect(words == ["a"])
            #expect(server.statistics.serverFailures == ["too-large": 1])
        }
    }

    @Test("An answer cut off at the token limit, or filtered, is an answer that says so")
    func finishReasons() async throws {
        try await withServer(
            { call in
                call.prompt == "f"
                    ? .json(#"{"choices":[{"message":{"content":null},"finish_reason":"content_filter"}]}"#)
                    : .chat("{\"que", finish: "length")
            }
        ) { server, _, _ in
            let answer = try await server.ask(try request("a"))
            #expect(answer.isTruncated)
            #expect(answer.text == "{\"que")
            let filtered = try await server.ask(try request("f"))
            #expect(filtered.isFiltered)
            #expect(filtered.text.isEmpty)
            #expect(server.statistics.finishReasons == ["length": 1, "content_filter": 1])
            #expect(server.statistics.answersWithoutUsage == 1)
        }
    }

    @Test(
        "A failure of the request is told at once",
        arguments: [
            (400, "no", "bad-request"), (413, "no", "request-too-large"), (422, "no", "unprocessable"),
            (400, "This model's maximum context length is 4096 tokens", "context-length"),
            (400, "the request exceeds the available context size (exceed_context_size_error)", "context-length"),
            (500, "the prompt exceeds the context window", "context-length"),
            (400, "The response was filtered: content_filter", "content-filter"),
            (403, "flagged by moderation", "content-filter"),
        ])
    func requestFailure(status: Int, message: String, label: String) async throws {
        try await withServer({ $0.prompt == "p3" ? .fail(status, message) : .chat($0.prompt) }) { server, _, _ in
            let words = try await server.askAll(Self.prompts).map(\.word)
            #expect(words == Self.prompts.map { $0 == "p3" ? "[\(label)]" : $0 })
            #expect(server.statistics.calls == 24)
            #expect(server.statistics.serverFailures.isEmpty)
        }
    }
}
