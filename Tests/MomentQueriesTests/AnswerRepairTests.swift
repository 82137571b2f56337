// SPDX-License-Identifier: Apache-2.0

import ModelRequests
import Testing

@testable import MomentQueries

@Suite struct AnswerRepairTests {
    private let prompt = [ChatMessage(role: .system, content: "s"), ChatMessage(role: .user, content: "[1] x")]

    private func repair(_ text: String, finish: String? = "stop") -> [ChatMessage]? {
        let block = makeBlock(["#C C opens the box", "#C C closes the box"], firstIndex: 7)
        let parsed = AnswerParser.parse(text, finishReason: finish, ids: 1..<3)
        return AnswerRepair.messages(
            for: PromptedBlock(block: block, messages: self.prompt), answer: text, parsed: parsed)
    }

    @Test func nothingWhereNothingIsGained() {
        let good = answerItem("[1]", "Where did I put it?")
        for text in ["[\(good)]", "[\(good),7,{\"query\":1}]", "[]", "{\"queries\":[]}", "1. Where was it?"] {
            #expect(self.repair(text) == nil, "\(text)")
        }
        #expect(self.repair("[\(good)", finish: "length") == nil)
        #expect(self.repair("", finish: "content_filter") == nil)
        let parsed = AnswerParser.parse("no", finishReason: "stop", ids: 1..<1)
        let empty = PromptedBlock(block: makeBlock([]), messages: self.prompt)
        #expect(AnswerRepair.messages(for: empty, answer: "no", parsed: parsed) == nil)
    }

    @Test(arguments: [
        ("", "stop", "It was empty."), ("I cannot.", "stop", "no item of the shape"),
        ("[{\"narration_ids\":[9],\"query\":\"Q?\"}]", "stop", "only 1 to 2 exist"),
        ("[{\"query\":\"Q?\"}]", "stop", "did not say by id"),
        ("[{\"narration_ids\":[1]}]", "stop", "must have `query`"),
        ("Where was it?", "stop", "did not say by id"), ("{\"queries\":[{", "length", "be brief"),
        (AnswerSchema.promptText, "stop", "repeated the schema"), ("[{\"query\": oops", "stop", "not well-formed"),
        ("{\"narration_ids\":\"x\",\"query\":\"Q?\"}", "stop", "whole numbers"),
        ("1. Where was A?\n1. Where was B?", "stop", "several questions for one id"),
    ])
    func oneTurnThatSaysWhatWasWrong(text: String, finish: String, says: String) throws {
        let messages = try #require(self.repair(text, finish: finish))
        #expect(messages.count == 4)
        #expect(Array(messages.prefix(2)) == self.prompt)
        #expect(messages.map(\.role) == [.system, .user, .assistant, .user])
        #expect(messages[2].content == (text.isEmpty ? "(nothing)" : text))
        #expect(messages[3].content.contains(says), "\(messages[3].content)")
        #expect(messages[3].content.contains("whose ids are 1, 2."))
        #expect(self.repair(text, finish: finish) == messages)
        // A model that repeats the turn has not answered.
        #expect(!AnswerParser.parse(messages[3].content, finishReason: "stop", ids: 1..<3).isUsable)
    }

    @Test func theBadAnswerIsShownInPart() throws {
        let text = "\u{0}\u{1b}" + String(repeating: "üx", count: 50_000)
        let quoted = try #require(self.repair(text))[2].content
        #expect(quoted.utf8.count <= 2_000 + 4)
        #expect(quoted.hasPrefix("üxüx") && quoted.hasSuffix(" …"))
        #expect(try #require(self.repair("\u{0}\u{0}"))[2].content == "(nothing)")
    }
}
