// SPDX-License-Identifier: Apache-2.0

import Foundation
import Fuzzing
import ModelRequests
import NIOHTTP1
import Records
import Testing

@testable import ModelServers

/// Broken bodies and headers of model servers.
@Suite("Broken answers of servers") struct HTTPFuzzTests {
    private static let answer = #"""
        {"id":"x","object":"chat.completion","created":1700000000,"model":"m-1","choices":[{"index":0,"message":{"role":
        "assistant","content":"a\u00e9","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":7,
        "completion_tokens":3,"total_tokens":10},"timings":{"predicted_ms":1.5}}
        """#

    @Test("A body is an answer, as another reader finds it, or a described fault")
    func answers() throws {
        let parts = #"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"text":"b"}]}}],"error":null}"#
        for input in Fuzz("chat-answer", seeds: [Self.answer, parts], tokens: .http) {
            let answer: ChatAnswer
            do throws(BadAnswer) {
                answer = try ChatAnswer(parsing: input.bytes)
            } catch {
                try #require(!error.message.isEmpty && error.message.utf8.count < 4096, "\(input)")
                continue
            }
            for tokens in [answer.promptTokens, answer.completionTokens] {
                try #require(0...(1 << 31) ~= tokens ?? 0, "\(input)")
            }
            // The sum over a flood of such answers.
            var statistics = ServerState(ModelServer.Settings(inFlightMax: 4))
            for _ in 0..<4 { statistics.count(answer, of: "m", seconds: 1) }
            guard
                let root = try? JSONSerialization.jsonObject(with: Data(input.bytes)) as? [String: Any],
                let choices = root["choices"] as? [[String: Any]], choices.count == 1,
                let message = choices[0]["message"] as? [String: Any], let content = message["content"] as? String
            else { continue }
            // Of a repeated key Foundation keeps the first; an answer may lie elsewhere where this is empty.
            let isPlain = String(decoding: input.bytes, as: UTF8.self).split(separator: "\"content\"").count == 2
            if isPlain, !content.isEmpty { try #require(answer.text == content, "\(input)") }
        }
    }

    private static func words(of failure: ChatFailure) -> String {
        switch failure {
        case .request(_, let message), .server(_, let message), .shared(let message): message
        default: ""
        }
    }

    @Test("Whatever comes with an error is sorted, and said in a paragraph")
    func errors() throws {
        let seeds = [
            #"{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            #"{"detail":[{"loc":["body"],"msg":"x"}]}"#, "<html><body>502</body></html>", "busy",
        ]
        let schema = #"{"type":"array","maxItems":3}"#
        let request = try ChatRequest(model: "m", messages: [], schema: schema, temperature: 0, maxTokens: 64, seed: 1)
        for input in Fuzz("error-body", seeds: seeds, tokens: .http) {
            let body = ErrorBody(input.bytes)
            for status in [400, 422, 500] { _ = RequestRefusal(status: status, body, request, RequestForm()) }
            try #require(body.message.unicodeScalars.count <= 2 * ErrorBody.lengthMax, "\(input)")
            for status in [200, 400, 401, 404, 422, 429, 500, 503, 599] {
                let failure = FailureSorting.failure(status: status, headers: [:], body: input.bytes, now: 0)
                try #require(Self.words(of: failure).unicodeScalars.count <= 4 * ErrorBody.lengthMax, "\(input)")
            }
        }
    }

    @Test("Rests are finite and not negative")
    func headers() throws {
        let seeds = ["120", "0.5", "Sun, 06 Nov 1994 08:49:37 GMT", "Thu, 31 Dec 9999 23:59:60 GMT"]
        for input in Fuzz("retry-after", seeds: seeds, tokens: .numbers, seconds: 1) {
            let text = String(decoding: input.bytes, as: UTF8.self)
            for headers: HTTPHeaders in [
                ["Retry-After": text], ["retry-after-ms": text], ["Retry-After": seeds[2], "Date": text],
            ] {
                guard let seconds = RetryAfter.seconds(headers, now: 784_111_777) else { continue }
                try #require(seconds.isFinite && seconds >= 0, "\(input)")
                var admission = AdmissionControl(limitMax: 4)
                let ticket = admission.enter(now: 0)
                admission.throttled(ticket, retryAfterSeconds: seconds, now: 0, random: 0.5)
                try #require(admission.heldUntil <= 2 * AdmissionControl.restMaxSeconds, "\(input)")
            }
            _ = FailureSorting.named(BadAnswer(.malformedJSON, "x"), contentType: text)
        }
    }

    @Test("Metrics and probes")
    func metrics() throws {
        let seed = """
            # HELP llamacpp:requests_processing Number of requests processing.
            llamacpp:requests_processing 1
            vllm:num_requests_running{model_name="m \\" }"} 2.0e0

            """
        for input in Fuzz("metrics", seeds: [seed], tokens: .numbers + .text, seconds: 1) {
            let metrics = ServerMetrics(parsing: String(decoding: input.bytes, as: UTF8.self))
            let numbers = [metrics.running, metrics.waiting, metrics.promptTokens, metrics.generatedTokens]
            if input.number == 0 { try #require(metrics.running == 2, "vLLM's before llama.cpp's") }
            try #require(numbers.allSatisfy { $0?.isNaN != true }, "\(input)")
            if let answer = try? ChatAnswer(parsing: input.bytes) {
                try #require(ChatClient.judge(answer) != .refused, "\(input)")
            }
        }
    }
}
