// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Testing

@testable import MomentQueries

@Suite struct AnswerSchemaTests {
    private func schema(_ schema: AnswerSchema, _ count: Int) throws -> JSONValue {
        let text = schema.json(ids: 1..<count + 1)
        let value = try JSONValue(parsing: text.utf8)
        // Written anew it is the same text: no white space, no other spelling.
        #expect(String(decoding: value.bytes, as: UTF8.self) == text)
        return value
    }

    private static let all = AnswerSchema.QueryForm.allCases.flatMap {
        [AnswerSchema(queryForm: $0, boundsLists: true), AnswerSchema(queryForm: $0, boundsLists: false)]
    }

    @Test(arguments: Self.all) func asOpenAIWantsIt(_ form: AnswerSchema) throws {
        let root = try self.schema(form, 5)
        func check(_ value: JSONValue) {
            if value["type"]?.string == "object", let properties = value["properties"] {
                guard case .object(let members) = properties else {
                    Issue.record("no properties")
                    return
                }
                #expect(value["required"]?.array?.compactMap(\.string) == members.map(\.key))
                #expect(value["additionalProperties"] == .bool(false))
                for member in members { check(member.value) }
            }
            if let items = value["items"] { check(items) }
        }
        #expect(root["type"]?.string == "object")
        check(root)
        let item = try #require(root["properties"]?["queries"]?["items"]?["properties"])
        #expect(item["narration_ids"]?["items"]?["enum"]?.array?.compactMap(\.int) == [1, 2, 3, 4, 5])
        #expect(item["template"]?["enum"]?.array?.compactMap(\.string) == QueryTemplate.allCases.map(\.rawValue))
        #expect((item["query"]?["pattern"] != nil) == (form.queryForm != .free))
        #expect((root["properties"]?["queries"]?["maxItems"] != nil) == form.boundsLists)
        #expect((item["narration_ids"]?["minItems"] != nil) == form.boundsLists)
    }

    @Test(arguments: Self.all) func onlyTheNumberOfNarrationsMatters(_ form: AnswerSchema) throws {
        for count in 0...12 { _ = try self.schema(form, count) }
        #expect(form.json(ids: 1..<4) == form.json(ids: 1..<4))
        #expect(Set((0...12).map { form.json(ids: 1..<$0 + 1) }).count == 13)
    }

    @Test func theTextOfPrompts() throws {
        let value = try JSONValue(parsing: AnswerSchema.promptText.utf8)
        #expect(value["required"]?.array?.compactMap(\.string) == ["queries"])
        #expect(!AnswerSchema.promptText.contains("pattern") && !AnswerSchema.promptText.contains("maxItems"))
    }

    @Test(arguments: [
        ("Where did I put the cup?", true, true), ("What's in the men's room, before I left it?", true, false),
        ("In what location did I see the V60 dripper?", true, true), ("Put the cup on the table?", true, false),
        ("Where did I put the cup", false, false), ("where did I put the cup?", false, false),
        ("Where was it?", false, false), ("(me) puts the cup down?", false, false),
        ("Where did I put  the cup?", false, false),
        ("Where did I? Where was it now?", false, false),
        ("Where" + String(repeating: " x", count: 19) + "?", true, true),
        ("Where" + String(repeating: " x", count: 20) + "?", false, false), ("", false, false),
        ("Whereabouts did I put it?", true, false), ("Where did I put it? ", false, false),
    ])
    func patterns(query: String, isSentence: Bool, isQuestion: Bool) throws {
        for (form, expected) in [(AnswerSchema.QueryForm.sentence, isSentence), (.question, isQuestion)] {
            let pattern = try #require(form.pattern)
            #expect(pattern.hasPrefix("^") && pattern.hasSuffix("$") && !pattern.contains("\\"))
            #expect(try (Regex(pattern).firstMatch(in: query) != nil) == expected, "\(form)")
        }
        #expect(AnswerSchema.QueryForm.free.pattern == nil)
    }
}
