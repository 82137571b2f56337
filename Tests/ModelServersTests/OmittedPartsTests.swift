// SPDX-License-Identifier: Apache-2.0

import ModelRequests
import Testing

@Suite("Omitted parts")
struct OmittedPartsTests {
    private let schema = #"{"type":"object","properties":{"a":{"type":"array","maxItems":3}}}"#

    private func request(_ schema: String?, whole: Bool = true) throws -> ChatRequest {
        try ChatRequest(
            model: "m", messages: [ChatMessage(role: .user, content: "a")], schema: schema,
            temperature: whole ? 0.5 : nil, topP: whole ? 0.9 : nil, maxTokens: whole ? 16 : nil,
            seed: whole ? 1 : nil, stop: whole ? ["x"] : [])
    }

    @Test("What a form leaves out of a request is named where the request has it")
    func names() throws {
        let whole = try self.request(self.schema)
        #expect(RequestForm().omitted(of: whole) == [])
        #expect(
            RequestForm.bare.omitted(of: whole)
                == ["temperature", "top_p", "seed", "stop", "response_format", "max_tokens"])
        #expect(RequestForm.bare.omitted(of: try self.request(nil, whole: false)) == [])
        var form = RequestForm()
        form.schema = .unbounded
        #expect(form.omitted(of: whole) == ["schema_bounds"])
        #expect(form.omitted(of: try self.request(#"{"type":"object"}"#)) == [], "it has no bounds")
        form.schema = .none
        (form.leavesOut, form.tokenLimit) = ([.seed, .stream], .maxCompletionTokens)
        #expect(form.omitted(of: whole) == ["seed", "response_format"], "another name is no omission")
    }
}
