// SPDX-License-Identifier: Apache-2.0

import Codecs
import ModelRequests
import ModelServers
import Records
import Testing

/// Tests against a real server, if `MILLRACE_MODEL_URL` names one (and `MILLRACE_MODEL` its model).
@Suite("A real server", .timeLimit(.minutes(5)), .enabled(if: Figures.text("MILLRACE_MODEL_URL") != nil))
struct LiveServerTests {
    @Test("Is probed, obeys a schema, and answers several at a time")
    func live() async throws {
        let model = Figures.text("MILLRACE_MODEL") ?? "default"
        let configuration = try ClientConfiguration(
            url: try #require(Figures.text("MILLRACE_MODEL_URL")), environment: [:])
        let server = ModelServer(client: try ChatClient(configuration))
        let schema = """
            {"type":"object","properties":{"question":{"type":"string","pattern":"^(What|Where) .{5,40}[?]$"}},
            "required":["question"],"additionalProperties":false}
            """
        let found = await server.probe(
            like: try ChatRequest(
                model: model, messages: [ChatMessage(role: .user, content: "Hello")], schema: schema, temperature: 0,
                maxTokens: 60))
        Figures.record("live: \(found)")
        #expect(found.health == .healthy)
        #expect(found.schema == .obeyed)
        #expect(found.reportsUsage == true)
        await withTaskGroup(of: Void.self) { group in
            for thing in ["knife", "cup", "door", "phone"] {
                group.addTask {
                    do {
                        let answer = try await server.ask(
                            try ChatRequest(
                                model: model,
                                messages: [
                                    ChatMessage(role: .user, content: "Ask a short question about the \(thing).")
                                ],
                                schema: schema, temperature: 0, maxTokens: 60, seed: 1))
                        Figures.record("live: \(answer.finishReason ?? "-") \(answer.text)")
                        let question = (try? JSONValue(parsing: answer.text.utf8))?["question"]
                        #expect(answer.isTruncated || question != nil)
                    } catch {
                        Issue.record(error)
                    }
                }
            }
        }
        #expect(server.statistics.answers == 4)
        #expect(server.statistics.inFlight == 0)
        Figures.record("live: \(server.statistics)")
        await server.shutdown()
    }
}
