// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MomentQueries

@Suite struct AnswerLinesTests {
    private static let none: [AnswerProblem: Int] = [.missingTemplate: 1]

    @Test(arguments: [
        "3. Where was A?", "3) Where was A?", "[3] Where was A?", "(3) Where was A?", "3: Where was A?",
        "3 - Where was A?", "3 \u{2013} Where was A?", "  3.  Where was A?  ", "- 3. Where was A?",
        "- [3] Where was A?", "* 3) Where was A?", "**3.** Where was A?", "**3. Where was A?**", "### 3. Where was A?",
        "[3]: Where was A?", "[3] - \"Where was A?\"", "Note 3: Where was A?", "narration [3]: Where was A?",
        "note #3: Where was A?", "id 3: Where was A?", "3. Query: Where was A?", "3. **Question:** Where was A?",
        "[3] \u{201c}Where was A?\u{201d}", "3. `Where was A?`", "> 3. Where was A?",
    ])
    func forms(line: String) {
        AnswerCase(name: line, text: line, items: ["3 Where was A?"], problems: Self.none, form: .numberedLines).check()
    }

    @Test(arguments: [
        "3. (Place: Where did I put X?) Where was A?", "3. [place: where did I put X?] Where was A?",
        "3) Place: Where did I put X?: Where was A?", "[3] Place: Where did I put X? - Where was A?",
        "3. **Place: Where did I put X?** | Where was A?", "3. Where was A? (Place: Where did I put X?)",
        "3. Template: Place: Where did I put X? | Question: Where was A?",
    ])
    func templates(line: String) {
        let parsed = AnswerParser.parse(line, finishReason: "stop", ids: 1..<6)
        #expect(parsed.candidates.map(\.query) == ["Where was A?"])
        #expect(parsed.candidates.map(\.ids) == [[3]])
        #expect(parsed.candidates.compactMap { QueryTemplate(named: $0.template) } == [.whereDidIPut])
        #expect(parsed.problems.isEmpty)
    }

    @Test func templateNamesThatHoldBracketsOrBeginAlike() {
        let text = """
            1. (Objects: How many X's? (quantity question)) How many eggs?
            2. Objects: How many X\u{2019}s? (quantity question): How many cups?
            3. Objects: Where is object X before / after event Y?: Where was it?
            4. Objects: Where is object X? Where was the cup?
            5. (Odd) What was it?
            """
        let parsed = AnswerParser.parse(text, finishReason: "stop", ids: 1..<6)
        #expect(
            parsed.candidates.map { QueryTemplate(named: $0.template) } == [
                .howMany, .howMany, .whereBeforeOrAfter, .whereIsObject, nil,
            ])
        #expect(
            parsed.candidates.map(\.query) == [
                "How many eggs?", "How many cups?", "Where was it?", "Where was the cup?", "What was it?",
            ])
        #expect(parsed.candidates.last?.template == "Odd")
        #expect(parsed.problems == [.unknownTemplate: 1])
    }

    @Test(arguments: [
        AnswerCase(
            name: "among prose", text: "Here you are:\n\n2. A was where?\n5. B was where?\nBye.",
            items: ["2 A was where?", "5 B was where?"], problems: [.lineIgnored: 2, .missingTemplate: 2],
            form: .numberedLines),
        AnswerCase(
            name: "without ids", text: "Where was A?\n- Where was B?\nQuestion 1: Where was C?\nQ2. Where was D?",
            problems: [.lineWithoutID: 4]),
        AnswerCase(
            name: "some without ids", text: "Where was A?\n[2] Where was B?", items: ["2 Where was B?"],
            problems: [.lineWithoutID: 1, .missingTemplate: 1], form: .numberedLines),
        AnswerCase(
            name: "ids of no narration", text: "0. Where was A?\n6. Where was B?\n99999999999999999999. Where was C?",
            problems: [.unknownID: 2, .lineWithoutID: 1]),
        AnswerCase(
            name: "narrations repeated",
            text: "[1] (me) opens the door\n[2] (a man) waves\n[2] Who waved at me?", items: ["2 Who waved at me?"],
            problems: [.lineNotAQuestion: 2, .missingTemplate: 1], form: .numberedLines),
        AnswerCase(
            name: "one id, two questions", text: "1. Where was A?\n1. Where was B?\n2. Where was C?",
            items: ["2 Where was C?"], problems: [.ambiguousID: 2, .missingTemplate: 1], form: .numberedLines),
        AnswerCase(
            name: "one line twice", text: "1. Where was A?\n1. Where was A?", items: ["1 Where was A?"],
            problems: [.duplicateItem: 1, .missingTemplate: 1], form: .numberedLines),
        AnswerCase(
            name: "several ids", text: "[1, 2] Where was A?\n[4] Where was B?",
            items: ["1,2 Where was A?", "4 Where was B?"], problems: [.missingTemplate: 2], form: .numberedLines),
        AnswerCase(
            name: "an id in two lines", text: "[1, 2] Where was A?\n[2] Where was B?", problems: [.ambiguousID: 2]),
        AnswerCase(
            name: "numbers that are no ids", text: "3.5 cups went where?\n3:45 was what time?\n3 cups went where?",
            problems: [.lineWithoutID: 3]),
        AnswerCase(
            name: "cut off in a line", text: "1. Where was A?\n2. Where was B?", finish: "length",
            items: ["1 Where was A?"], problems: [.truncated: 1, .unfinishedLine: 1, .missingTemplate: 1],
            form: .numberedLines),
        AnswerCase(
            name: "cut off after a line", text: "1. Where was A?\n", finish: "length", items: ["1 Where was A?"],
            problems: [.truncated: 1, .missingTemplate: 1], form: .numberedLines),
        AnswerCase(
            name: "empty brackets in prose", text: "1. Where was the list [] kept?\n",
            items: ["1 Where was the list [] kept?"], problems: [.missingTemplate: 1], form: .numberedLines),
        AnswerCase(
            name: "Windows line ends", text: "1. Where was A?\r\n2. Where was B?\r\n",
            items: ["1 Where was A?", "2 Where was B?"], problems: [.missingTemplate: 2], form: .numberedLines),
        AnswerCase(
            name: "too long, and no text",
            text: "1. \(String(repeating: "x", count: 4_096))?\n2. Where was \u{0}?\n3. Where was A?",
            items: ["3 Where was A?"], problems: [.textTooLong: 1, .badText: 1, .missingTemplate: 1],
            form: .numberedLines),
        AnswerCase(
            name: "broken JSON is not read as lines",
            text: "[{\"narration_ids\": 1,\n\"query\": oops\n2. Where was B?", problems: [.brokenItem: 1]),
    ])
    func texts(_ example: AnswerCase) { example.check() }
}
