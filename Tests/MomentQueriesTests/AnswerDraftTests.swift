// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MomentQueries

/// Drafts, thoughts and corrections: a question that a model withdraws is no query.
@Suite struct AnswerDraftTests {
    private static let draft =
        #"{"queries":[\#(answerItem("[1]", "Draft A?")),\#(answerItem("[3]", "Draft B?"))]}"#
    private static let final =
        #"{"queries":[\#(answerItem("[1]", "Where was A?")),\#(answerItem("[3]", "Where was B?"))]}"#
    private static let both = ["1 Where was A?", "3 Where was B?"]

    /// The final answer alone is read, whatever stands around the draft, be they lists or lone items.
    @Test(arguments: [
        "<think>⟨d⟩</think>⟨f⟩", "⟨d⟩</think>⟨f⟩", "<thinking>\n⟨d⟩ no\n</thinking>\n⟨f⟩", "<thought>⟨d⟩</thought>⟨f⟩",
        "<THOUGHTS>⟨d⟩</THOUGHTS>⟨f⟩", "[THINK]⟨d⟩[/THINK]⟨f⟩", "<reasoning>⟨d⟩</reasoning>⟨f⟩",
        "<reflection>⟨d⟩</reflection>⟨f⟩",
        "<analysis>⟨d⟩</analysis><answer>⟨f⟩</answer>", "<seed:think>⟨d⟩</seed:think>⟨f⟩", "◁think▷⟨d⟩◁/think▷⟨f⟩",
        "<|begin_of_thought|>⟨d⟩<|end_of_thought|>\n<|begin_of_solution|>⟨f⟩<|end_of_solution|>",
        "<|START_THINKING|>⟨d⟩<|END_THINKING|><|START_RESPONSE|>⟨f⟩<|END_RESPONSE|>",
        "<longcat_think>⟨d⟩</longcat_think>⟨f⟩",
        "<|channel|>analysis<|message|>⟨d⟩<|end|><|start|>assistant<|channel|>final<|message|>⟨f⟩<|return|>",
        "<|channel|>analysis<|message|>⟨d⟩<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>⟨f⟩",
        "<|channel>thought\n⟨d⟩<channel|>⟨f⟩", "<unused94>thought\n⟨d⟩<unused95>⟨f⟩",
        "<antThinking>⟨d⟩</antThinking>⟨f⟩",
        "<details type=\"reasoning\" done=\"true\"><summary>⟨d⟩</summary></details>⟨f⟩",
        "<scratchpad>⟨d⟩</scratchpad>⟨f⟩",
        "<think>⟨d⟩<think>⟨d⟩</think>⟨d⟩</think>⟨f⟩", "<think>a</think>⟨d⟩</think>⟨f⟩",
        "<think>⟨d⟩<answer>⟨f⟩</answer>",
        "<think>use <answer>⟨d⟩</answer></think><answer>⟨f⟩</answer>", "⟨f⟩<think>was ⟨d⟩ better?</think>",
        "⟨f⟩\n<think>⟨d⟩",
        "<think>⟨d⟩</thinking>⟨f⟩", "<think/>⟨f⟩", "<think></think>⟨f⟩",
    ])
    func thoughts(text: String) {
        for draft in [Self.draft, answerItem("[1]", "Draft A?") + "\n" + answerItem("[5]", "Draft E?")] {
            self.expectFinal(text.replacing("⟨d⟩", with: draft).replacing("⟨f⟩", with: Self.final))
        }
    }

    /// The last of several whole answers counts, with marks that nobody knows or none.
    @Test(arguments: [
        "```json\n⟨d⟩\n```\nWait, that is wrong. Corrected:\n```json\n⟨f⟩\n```", "⟨d⟩\n⟨f⟩", "⟨d⟩ ⟨f⟩",
        "```\n⟨d⟩\n```\n```\n⟨f⟩\n```",
        "<mull>⟨d⟩</mull>⟨f⟩", "analysisMaybe ⟨d⟩ no.assistantfinal⟨f⟩",
        "Here is my thought process: ⟨d⟩\nHere is my response:\n⟨f⟩",
        "First ⟨d⟩, then ⟨d⟩, at last ⟨f⟩", "**Draft**\n⟨d⟩\n\n**Final**\n⟨f⟩\n\nI hope [this] helps.",
    ])
    func several(text: String) {
        let filled = text.replacing("⟨d⟩", with: Self.draft).replacing("⟨f⟩", with: Self.final)
        let parsed = self.expectFinal(filled)
        #expect(parsed.problems[.supersededAnswer] != nil)
    }

    @discardableResult
    private func expectFinal(_ text: String) -> ParsedAnswer {
        let parsed = AnswerParser.parse(text, finishReason: "stop", ids: 1..<6)
        let items = parsed.candidates.map { "\($0.ids.map(String.init).joined(separator: ",")) \($0.query)" }
        #expect(items == Self.both, Comment(rawValue: text))
        return parsed
    }

    private static let one = answerItem("[1]", "Where was A?")
    private static let three = answerItem("[3]", "Where was B?")

    @Test(arguments: [
        AnswerCase(
            name: "a correction that has less", text: "\(draft) Better: [\(one)]", items: ["1 Where was A?"],
            problems: [.supersededAnswer: 1], form: .jsonInText),
        AnswerCase(
            name: "a correction that is cut off", text: "\(draft) Better: {\"queries\":[\(one),{\"narr",
            finish: "length", items: ["1 Where was A?"],
            problems: [.supersededAnswer: 1, .truncated: 1],
            form: .jsonInText),
        AnswerCase(
            name: "a correction that says that there is none", text: "\(draft) None is good: {\"queries\":[]}",
            problems: [.supersededAnswer: 1], form: .jsonInText, isEmptyList: true),
        AnswerCase(
            name: "a list in pieces", text: "[\(one)]\n[\(three)]", items: both, form: .jsonInText),
        AnswerCase(
            name: "items with words between", text: "Note 1: \(one)\nNote 3: \(three)", items: both, form: .jsonInText),
        AnswerCase(
            name: "items once more, all of them", text: "\(answerItem("[1]", "Draft?"))\nCorrected: \(one) \(three)",
            items: both, problems: [.supersededAnswer: 1], form: .jsonInText),
        AnswerCase(
            name: "one item once more", text: "\(one)\n\(three)\nOr rather: \(answerItem("[3]", "Which?"))",
            items: ["1 Where was A?"], problems: [.ambiguousID: 2], form: .jsonInText),
        AnswerCase(
            name: "an example of the shape after the answer",
            text: "\(final)\nAs in {\"queries\":[{\"narration_ids\":[<id>]}]}", items: both,
            problems: [.brokenItem: 1], form: .jsonInText),
        AnswerCase(name: "thoughts alone", text: "<thought>\(draft)</thought>", problems: [.emptyAnswer: 1]),
        AnswerCase(
            name: "thoughts without end", text: "<|channel|>analysis<|message|>\(draft)", finish: "length",
            problems: [.emptyAnswer: 1, .truncated: 1]),
        AnswerCase(
            name: "marks in a text of the answer",
            text: #"{"why":"<think>x</think>","queries":[\#(one)]}"#, items: ["1 Where was A?"],
            form: .json),
        AnswerCase(
            name: "JSON in a JSON text", text: #""{\"queries\":[{\"narration_ids\":[1],\"query\":\"Q?\"}]}""#,
            items: ["1 Q?"], problems: [.missingTemplate: 1], form: .json),
        AnswerCase(
            name: "lines, corrected", text: "1. Draft A?\n3. Draft B?\n\nWait:\n1. Where was A?\n3. Where was B?",
            items: both, problems: [.supersededAnswer: 1, .lineIgnored: 1, .missingTemplate: 2], form: .numberedLines),
        AnswerCase(
            name: "lines with remarks between", text: "1. Where was A?\n(the shelf)\n3. Where was B?\n(the sink)",
            items: both, problems: [.lineIgnored: 2, .missingTemplate: 2], form: .numberedLines),
        AnswerCase(
            name: "drafts as lines in thoughts", text: "<thought>\n1. Draft?\n</thought>\n1. Where was A?",
            items: ["1 Where was A?"], problems: [.missingTemplate: 1], form: .numberedLines),
    ])
    func texts(_ example: AnswerCase) { example.check() }

    /// An answer that a server puts in the place of thoughts is taken; thoughts are not.
    @Test(arguments: [
        ("⟨f⟩", "stop", 2), ("⟨f⟩", "length", 2), ("```json\n⟨f⟩\n```", "stop", 2), ("Maybe ⟨d⟩. No. ⟨f⟩", "stop", 2),
        ("<think>⟨d⟩</think>⟨f⟩", "stop", 2), ("1. Where was A?\n3. Where was B?", "stop", 2),
        ("Maybe ⟨d⟩. No.", "stop", 0), ("Maybe ⟨d⟩", "length", 0), ("Maybe:\n1. Draft A?", "stop", 0),
        ("⟨d⟩. That is it", nil, 0),
    ])
    func placeOfThoughts(text: String, finish: String?, count: Int) {
        let filled = text.replacing("⟨d⟩", with: Self.draft).replacing("⟨f⟩", with: Self.final)
        let parsed = AnswerParser.parse(filled, finishReason: finish, ids: 1..<6, isThought: true)
        #expect(parsed.candidates.count == count)
        #expect(parsed.candidates.allSatisfy { !$0.query.contains("Draft") })
        #expect(parsed.isUsable == (count > 0))
        #expect((parsed.problems[.emptyAnswer] != nil) == (count == 0))
    }
}
