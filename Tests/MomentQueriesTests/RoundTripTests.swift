// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import ModelRequests
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct RoundTripTests {
    private let block = makeBlock(["#C C opens the \"red\" box\n", "#C C takes a cup – ü"], firstIndex: 12)

    @Test func promptedBlock() throws {
        let prompted = PromptedBlock(
            block: self.block,
            messages: [ChatMessage(role: .system, content: "a\n\"b\""), ChatMessage(role: .user, content: "[12] ü")])
        #expect(try roundTrip(prompted) == prompted)
        #expect(PromptedBlock.typeName == "prompt")
    }

    @Test func thePromptHashIsThatOfTheMessages() {
        let messages = [ChatMessage(role: .system, content: "be brief"), ChatMessage(role: .user, content: "hello")]
        let json = #"[{"role":"system","content":"be brief"},{"role":"user","content":"hello"}]"#
        #expect(PromptedBlock(block: self.block, messages: messages).promptHash == ContentHash.sha256(json))
        #expect(PromptedBlock.hash(of: messages.reversed()) != PromptedBlock.hash(of: messages))
    }

    @Test func answer() throws {
        let answer = Answer(
            block: self.block, promptHash: "p", answerHash: "a",
            candidates: [
                Candidate(narrationIDs: [12, 13], template: QueryTemplate.howMany.rawValue, query: "How many?"),
                Candidate(narrationIDs: [], template: "", query: ""),
            ], gaps: [AnswerGap(narrationID: 13, reason: "no-object")])
        #expect(try roundTrip(answer) == answer)
        #expect(Answer.typeName == "answer")
    }

    @Test func unknownFieldsArePassedOver() throws {
        var text = String(
            decoding: Answer(block: self.block, promptHash: "p", answerHash: "a", candidates: []).json, as: UTF8.self)
        text = text.replacing("{\"block\":", with: "{\"usage\":{\"tokens\":[1,2]},\"block\":")
        let answer = try JSONScanner.scan(text.utf8) { json throws(JSONError) in try Answer(json: &json) }
        #expect(answer.promptHash == "p")
    }

    @Test(arguments: [
        "{}", #"{"prompt":"p","answer":"a"}"#, #"{"block":{},"prompt":"p","answer":"a"}"#,
        #"{"candidates":[{"query":1}]}"#,
        #"{"gaps":[{"reason":"x"}]}"#, "[]", "",
    ])
    func badAnswers(text: String) {
        #expect(throws: JSONError.self) {
            try JSONScanner.scan(text.utf8) { json throws(JSONError) in try Answer(json: &json) }
        }
    }

    @Test(arguments: ["{}", #"{"messages":[{"role":"robot","content":""}]}"#, #"{"messages":[{"role":"user"}]}"#])
    func badPrompts(text: String) {
        #expect(throws: JSONError.self) {
            try JSONScanner.scan(text.utf8) { json throws(JSONError) in try PromptedBlock(json: &json) }
        }
    }
}
