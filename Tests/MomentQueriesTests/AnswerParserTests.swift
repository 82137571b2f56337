// SPDX-License-Identifier: Apache-2.0

import ModelRequests
import Testing

@testable import MomentQueries

/// An answer for ids 1 to 5, and the result expected of it.
struct AnswerCase: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    var finish: String? = "stop"
    /// `1 Where?`: the ids, with commas, and the query.
    var items: [String] = []
    var problems: [AnswerProblem: Int] = [:]
    var form: ParsedAnswer.Form?
    var isEmptyList = false

    var testDescription: String { self.name }

    func check() {
        let parsed = AnswerParser.parse(self.text, finishReason: self.finish, ids: 1..<6)
        let items = parsed.candidates.map { "\($0.ids.map(String.init).joined(separator: ",")) \($0.query)" }
        #expect(items == self.items)
        #expect(parsed.problems == self.problems)
        #expect(parsed.form == self.form)
        #expect(parsed.isEmptyList == self.isEmptyList)
        #expect(parsed.isUsable == (!self.items.isEmpty || self.isEmptyList))
        // Each id has a query or a gap, never both.
        let asked = parsed.candidates.flatMap(\.ids)
        #expect((Array(Set(asked)) + parsed.gaps.map(\.id)).sorted() == [1, 2, 3, 4, 5])
        #expect(AnswerParser.parse(Array(self.text.utf8), finishReason: self.finish, ids: 1..<6) == parsed)
    }
}

/// An item as asked for.
func answerItem(_ ids: String, _ query: String, template: String = "Place: Where did I put X?") -> String {
    #"{"narration_ids":\#(ids),"template":"\#(template)","query":"\#(query)"}"#
}

@Suite struct AnswerParserTests {
    private static let a = answerItem("[1]", "Where was A?")
    private static let b = answerItem("[3]", "Where was B?")
    private static let both = ["1 Where was A?", "3 Where was B?"]

    @Test(arguments: [
        AnswerCase(name: "as asked", text: #"{"queries":[\#(a),\#(b)]}"#, items: both, form: .json),
        AnswerCase(
            name: "white space", text: " \n{ \"queries\" :\t[ \(a) ,\r\n \(b) ] }\n\n", items: both, form: .json),
        AnswerCase(name: "byte order mark", text: "\u{feff}[\(a)]", items: [both[0]], form: .json),
        AnswerCase(name: "bare list", text: "[\(a),\(b)]", items: both, form: .json),
        AnswerCase(name: "single item", text: b, items: [both[1]], form: .json),
        AnswerCase(name: "another name", text: #"{"result":{"questions":[\#(a),\#(b)]}}"#, items: both, form: .json),
        AnswerCase(name: "list of lists", text: "[[\(a)],[\(b)]]", items: both, form: .json),
        AnswerCase(
            name: "fields beside the list", text: #"{"id":7,"note":"x","queries":[\#(a)],"tags":["y"]}"#,
            items: [both[0]], problems: [.notAnItem: 1], form: .json),
        AnswerCase(
            name: "ids beside the list",
            text: #"{"narration_ids":[1,3],"queries":[\#(a)]}"#, items: [both[0]], problems: [.notAnItem: 2],
            form: .json),
        AnswerCase(
            name: "fence", text: "```json\n{\"queries\":[\(a),\(b)]}\n```", items: both, form: .jsonInText),
        AnswerCase(
            name: "prose", text: "Sure! [1] and {3}, \"as asked\":\n[\(a),\(b)]\nHope it [helps].", items: both,
            form: .jsonInText),
        AnswerCase(name: "brackets of prose before", text: "[note: {see [\(a)]", items: [both[0]], form: .jsonInText),
        AnswerCase(name: "lines of items", text: "\(a)\n\(b)\n", items: both, form: .jsonInText),
        AnswerCase(
            name: "draft and final", text: "First: [\(a)]. Better: [\(a),\(b)].", items: both,
            problems: [.supersededAnswer: 1], form: .jsonInText),
        AnswerCase(
            name: "thought before", text: "<think>maybe [\(b)]</think>\n[\(a)]", items: [both[0]], form: .json),
        AnswerCase(name: "trailing commas", text: "[\(a),\(b.dropLast()),},]", items: both, form: .json),
        AnswerCase(name: "no commas", text: "[\(a)\n\(b)]", items: both, form: .json),
    ])
    func shapes(_ example: AnswerCase) { example.check() }

    @Test(arguments: [
        AnswerCase(name: "id as text", text: "[\(answerItem("\"3\"", "Q?"))]", items: ["3 Q?"], form: .json),
        AnswerCase(name: "id in brackets", text: "[\(answerItem("\"[3]\"", "Q?"))]", items: ["3 Q?"], form: .json),
        AnswerCase(
            name: "ids as texts", text: "[\(answerItem("[\"3\",\" 4 \"]", "Q?"))]", items: ["3,4 Q?"], form: .json),
        AnswerCase(name: "ids in a text", text: "[\(answerItem("\"3, 4\"", "Q?"))]", items: ["3,4 Q?"], form: .json),
        AnswerCase(name: "id as number", text: "[\(answerItem("3", "Q?"))]", items: ["3 Q?"], form: .json),
        AnswerCase(name: "id as 3.0", text: "[\(answerItem("3.0", "Q?"))]", items: ["3 Q?"], form: .json),
        AnswerCase(
            name: "other names",
            text: #"[{"narration_id":2,"template":"Objects: State of an object","question":"Q?"}]"#,
            items: ["2 Q?"], form: .json),
        AnswerCase(
            name: "id", text: #"[{"id":2,"Template":"Objects: State of an object","Query":"Q?"}]"#, items: ["2 Q?"],
            form: .json),
        AnswerCase(
            name: "the item's own number is not the narration's",
            text: #"[{"id":1,"narrationIds":[4],"template":"Objects: State of an object","query":"Q?"}]"#,
            items: ["4 Q?"], problems: [.extraField: 1], form: .json),
        AnswerCase(
            name: "twice in one item", text: "[\(answerItem("[3,3,4]", "Q?"))]", items: ["3,4 Q?"],
            problems: [.repeatedID: 1], form: .json),
        AnswerCase(name: "zero", text: "[\(answerItem("[0]", "Q?"))]", problems: [.unknownID: 1]),
        AnswerCase(name: "too great", text: "[\(answerItem("[6]", "Q?"))]", problems: [.unknownID: 1]),
        AnswerCase(name: "far too great", text: "[\(answerItem("[1e300]", "Q?"))]", problems: [.badID: 1]),
        AnswerCase(
            name: "digits without end", text: "[\(answerItem(String(repeating: "9", count: 999), "Q?"))]",
            problems: [.badID: 1]),
        AnswerCase(name: "one known, one not", text: "[\(answerItem("[1,6]", "Q?"))]", problems: [.unknownID: 1]),
        AnswerCase(name: "negative", text: "[\(answerItem("[-1]", "Q?"))]", problems: [.unknownID: 1]),
        AnswerCase(name: "no number", text: "[\(answerItem("[4.]", "Q?"))]", problems: [.badID: 1]),
        AnswerCase(name: "a zero in front", text: "[\(answerItem("[04]", "Q?"))]", problems: [.badID: 1]),
        AnswerCase(name: "half", text: "[\(answerItem("[1.5]", "Q?"))]", problems: [.badID: 1]),
        AnswerCase(name: "word", text: "[\(answerItem("\"first\"", "Q?"))]", problems: [.badID: 1]),
        AnswerCase(name: "range", text: "[\(answerItem("\"1-3\"", "Q?"))]", problems: [.badID: 1]),
        AnswerCase(name: "object", text: "[\(answerItem("{\"id\":1}", "Q?"))]", problems: [.badID: 1]),
        AnswerCase(name: "none", text: "[\(answerItem("[]", "Q?"))]", problems: [.missingID: 1]),
        AnswerCase(name: "null", text: "[\(answerItem("null", "Q?"))]", problems: [.missingID: 1]),
        AnswerCase(name: "no field", text: #"[{"query":"Q?"}]"#, problems: [.missingID: 1]),
    ])
    func ids(_ example: AnswerCase) { example.check() }

    @Test(arguments: [
        AnswerCase(name: "no query", text: #"[{"narration_ids":[1],"template":"x"}]"#, problems: [.missingQuery: 1]),
        AnswerCase(name: "blank query", text: "[\(answerItem("[1]", " \\n"))]", problems: [.missingQuery: 1]),
        AnswerCase(name: "query null", text: #"[{"narration_ids":[1],"query":null}]"#, problems: [.missingQuery: 1]),
        AnswerCase(name: "query number", text: #"[{"narration_ids":[1],"query":5}]"#, problems: [.badQuery: 1]),
        AnswerCase(
            name: "query list", text: #"[{"narration_ids":[1],"template":"x","query":["Q?"]}]"#,
            problems: [.badQuery: 1]),
        AnswerCase(
            name: "no template", text: #"[{"narration_ids":[1],"query":"Q?"}]"#, items: ["1 Q?"],
            problems: [.missingTemplate: 1], form: .json),
        AnswerCase(
            name: "template number", text: #"[{"narration_ids":[1],"template":4,"query":"Q?"}]"#, items: ["1 Q?"],
            problems: [.badTemplate: 1], form: .json),
        AnswerCase(
            name: "unknown template", text: "[\(answerItem("[1]", "Q?", template: "Where?"))]", items: ["1 Q?"],
            problems: [.unknownTemplate: 1], form: .json),
        AnswerCase(
            name: "another spelling of a template",
            text: "[\(answerItem("[1]", "Q?", template: "objects: how many X's? (Quantity question)"))]",
            items: ["1 Q?"], form: .json),
        AnswerCase(
            name: "other fields", text: #"[{"why":["x"],\#(a.dropFirst())]"#, items: [both[0]],
            problems: [.extraField: 1], form: .json),
        AnswerCase(
            name: "two queries in one item",
            text: #"[{"narration_ids":[1],"query":"A?","narration_ids":[2],"query":"B?"}]"#,
            problems: [.repeatedField: 1]),
        AnswerCase(
            name: "the same twice in one item", text: #"[{"narration_ids":[1],\#(a.dropFirst())]"#, items: [both[0]],
            form: .json),
        AnswerCase(
            name: "word for word again", text: "[\(a),\(a),\(b)]", items: both, problems: [.duplicateItem: 1],
            form: .json),
        AnswerCase(
            name: "two questions for one narration", text: "[\(a),\(answerItem("[1]", "Q?")),\(b)]",
            items: [both[1]], problems: [.ambiguousID: 2], form: .json),
        AnswerCase(
            name: "two questions for one of several narrations",
            text: "[\(answerItem("[1,2]", "Q?")),\(answerItem("[2,4]", "R?")),\(b)]", items: [both[1]],
            problems: [.ambiguousID: 2], form: .json),
        AnswerCase(
            name: "bad ones between good ones", text: "[\(a),7,\"x\",null,{},{\"query\":1},\(b)]", items: both,
            problems: [.notAnItem: 4, .missingID: 1], form: .json),
        AnswerCase(
            name: "escapes", text: #"[\#(answerItem("[1]", #"W\u00fc\ud83d\ude00 \"it\"\/ \'s?"#))]"#,
            items: ["1 Wü😀 \"it\"/ 's?"], form: .json),
        AnswerCase(
            name: "half a pair, control characters, an unknown escape",
            text:
                "[\(answerItem("[1]", "\\ud83d?")),\(answerItem("[2]", "\u{0}?")),\(answerItem("[4]", "\\x41?")),\(b)]",
            items: [both[1]], problems: [.badText: 3], form: .json),
        AnswerCase(
            name: "too long a text",
            text: "[\(answerItem("[1]", String(repeating: "x", count: 4_097))),\(b)]", items: [both[1]],
            problems: [.textTooLong: 1], form: .json),
    ])
    func items(_ example: AnswerCase) { example.check() }

    @Test(arguments: [
        AnswerCase(name: "refused", text: "[\(a)]", finish: "content_filter", problems: [.refused: 1]),
        AnswerCase(
            name: "truncated in an item", text: "{\"queries\":[\(a),\(b.dropLast(4))", finish: "length",
            items: [both[0]], problems: [.truncated: 1, .brokenItem: 1], form: .json),
        AnswerCase(
            name: "truncated between items", text: "{\"queries\":[\(a),", finish: "length", items: [both[0]],
            problems: [.truncated: 1], form: .json),
        AnswerCase(
            name: "truncated before an item", text: "{\"queries\":[", finish: "length",
            problems: [.truncated: 1, .noAnswer: 1]),
        AnswerCase(
            name: "the limit reached at the end", text: "[\(a)]", finish: "length", items: [both[0]],
            problems: [.truncated: 1], form: .json),
        AnswerCase(
            name: "cut off, though it is said to be complete", text: "[\(a),\(b)", items: both,
            problems: [.unfinishedJSON: 1], form: .json),
        AnswerCase(name: "no reason given", text: "[\(a)]", finish: nil, items: [both[0]], form: .json),
        AnswerCase(name: "another reason", text: "[\(a)]", finish: "tool_calls", items: [both[0]], form: .json),
        AnswerCase(
            name: "an item that is no JSON", text: "[{\"narration_ids\":[2],\"query\": where?},\(b)]",
            items: [both[1]], problems: [.brokenItem: 1], form: .jsonInText),
        AnswerCase(
            name: "quotes within quotes", text: "[\(answerItem("[1]", "Where was the \"big\" box?")),\(b)]",
            items: [both[1]], problems: [.brokenItem: 1], form: .jsonInText),
        AnswerCase(
            name: "a closing quote missing", text: "[{\"narration_ids\":[1],\"query\":\"Where?},\n\(b)]",
            items: [both[1]], problems: [.brokenItem: 1], form: .jsonInText),
        AnswerCase(
            name: "a closing brace missing", text: "[{\"narration_ids\":[1],\"query\":\"Where?\",\n\(b)]",
            items: [both[1]], problems: [.brokenItem: 1], form: .jsonInText),
        AnswerCase(
            name: "a line break in a text", text: "[\(answerItem("[1]", "Where\nwas A?")),\(b)]", items: [both[1]],
            problems: [.brokenItem: 1], form: .jsonInText),
        AnswerCase(name: "empty list", text: #"{"queries":[]}"#, form: .json, isEmptyList: true),
        AnswerCase(name: "bare empty list", text: " [ ] ", form: .json, isEmptyList: true),
        AnswerCase(
            name: "empty list in a fence", text: "```\n{\"queries\": []}\n```", form: .jsonInText, isEmptyList: true),
        AnswerCase(name: "an error for an answer", text: #"{"errors":[]}"#, problems: [.noAnswer: 1]),
        AnswerCase(name: "another error", text: #"{"error":"busy"}"#, problems: [.notAnItem: 1]),
        AnswerCase(name: "empty object", text: "{}", problems: [.notAnItem: 1]),
        AnswerCase(name: "list of texts", text: #"["Where was A?"]"#, problems: [.notAnItem: 1]),
        AnswerCase(name: "nothing", text: "", problems: [.emptyAnswer: 1]),
        AnswerCase(name: "white space only", text: " \n\t", problems: [.emptyAnswer: 1]),
        AnswerCase(
            name: "thought without end", text: "<think>[\(a)]", finish: "length",
            problems: [.truncated: 1, .emptyAnswer: 1]),
        AnswerCase(name: "the schema", text: AnswerSchema.promptText, problems: [.schemaEcho: 1]),
        AnswerCase(
            name: "the schema, then an answer", text: AnswerSchema.promptText + "\n[\(a)]", items: [both[0]],
            problems: [.schemaEcho: 1], form: .jsonInText),
        AnswerCase(name: "a page", text: "<!DOCTYPE html>\n<p>502</p>", problems: [.lineIgnored: 2, .noAnswer: 1]),
    ])
    func endings(_ example: AnswerCase) { example.check() }

    @Test func templatesAndQueriesAreKeptAsTheyAre() {
        let text = "[\(answerItem("[2,1]", " Where  was it ", template: " place "))]"
        let parsed = AnswerParser.parse(text, finishReason: "stop", ids: 1..<3)
        #expect(parsed.candidates == [ParsedAnswer.Item(ids: [2, 1], template: " place ", query: " Where  was it ")])
    }

    @Test func gapsSayWhy() {
        let text = "[\(Self.a),\(answerItem("[2,9]", "Q?")),{\"narration_ids\":[3],\"query\":\"\"},"
        let cut = AnswerParser.parse(text, finishReason: "length", ids: 1..<5)
        #expect(cut.gaps.map(\.id) == [2, 3, 4])
        #expect(cut.gaps.map(\.reason) == ["unknown-id", "missing-query", "truncated"])
        let whole = AnswerParser.parse(text + "]", finishReason: "stop", ids: 1..<5)
        #expect(whole.gaps.map(\.reason) == ["unknown-id", "missing-query", "not-asked"])
        let refused = AnswerParser.parse(text, finishReason: "content_filter", ids: 1..<3)
        #expect(refused.gaps.map(\.reason) == ["refused", "refused"])
        #expect(refused.isRefused && !refused.isUsable)
        #expect(AnswerParser.parse("no", finishReason: "stop", ids: 1..<2).gaps.map(\.reason) == ["no-answer"])
    }

    @Test func examplesRepeated() throws {
        let template = try QueryPrompt(try shippedPrompt())
        let block = makeBlock(["#C C takes a cup", "#C C fills it"])
        let prompted = PromptedBlock(block: block, messages: template.render(block))
        let examples = prompted.exampleQueries
        #expect(examples.count == 8 && examples.contains("Where was the jug before I rinsed the cup?"))
        let echo = try #require(prompted.messages.first { $0.role == .assistant }).content
        let parsed = AnswerParser.parse(echo, finishReason: "stop", ids: 1..<6, examples: examples)
        #expect(parsed.candidates.isEmpty && parsed.isUsable && !parsed.isEmptyList)
        #expect(parsed.problems == [.exampleEcho: 4])
        #expect(
            parsed.gaps.map(\.reason) == ["example-echo", "example-echo", "not-asked", "example-echo", "example-echo"])
        #expect(AnswerRepair.messages(for: prompted, answer: echo, parsed: parsed) == nil)
        #expect(AnswerParser.parse(echo, finishReason: "stop", ids: 1..<6).candidates.count == 4)
        let mixed = "[\(Self.a),\(answerItem("[2]", "Where did I put my phone?"))]"
        let some = AnswerParser.parse(mixed, finishReason: "stop", ids: 1..<6, examples: examples)
        #expect(some.candidates.map(\.query) == ["Where was A?"])
    }

    @Test func aPromptWithoutNarrations() {
        let parsed = AnswerParser.parse("[\(Self.a)]", finishReason: "stop", ids: 1..<1)
        #expect(parsed.candidates.isEmpty && parsed.gaps.isEmpty)
        #expect(parsed.problems == [.unknownID: 1])
    }

    @Test func codes() {
        let codes = AnswerProblem.allCases.map(\.rawValue)
        #expect(Set(codes).count == codes.count)
        for code in codes { #expect(code.utf8.allSatisfy { 0x61...0x7a ~= $0 || $0 == 0x2d }) }
    }
}
