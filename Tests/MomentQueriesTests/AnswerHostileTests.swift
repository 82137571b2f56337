// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Testing

@testable import MomentQueries

/// Texts that are meant to take time, memory or stack.
@Suite struct AnswerHostileTests {
    private static let item = answerItem("[2]", "Where did I put it?")

    private func parse(_ text: Bytes, finish: String? = "stop") -> ParsedAnswer {
        AnswerParser.parse(text, finishReason: finish, ids: 1..<6)
    }

    @Test(arguments: [
        "[", "{", "[{", "{\"a\":", "[[],", "{\"a\":{},", "\"", "\\", "<", "[\"", "(", "1. ", "1. ?\n", "[1]", "[]",
        "{}", "<think>", "</think>", "<think></think>", "[THINK]", "[/THINK]", "<|channel|>", "<|channel|>final",
        "<|end|>", "◁think▷", "<th", "`", "<|channel|>a<|message|>", "\"{\\\"",
    ])
    func repeatedAMillionTimes(piece: String) {
        let text = Bytes(String(repeating: piece, count: 1_000_000).utf8)
        #expect(!self.parse(text).isUsable)
        // Items before it are found, unless a mark makes them a thought; nothing is looked for after the limit.
        let after = self.parse(Bytes("[\(Self.item)]\n".utf8) + text)
        let isThought = ["</think>", "[/THINK]", "<|channel|>final"].contains(piece)
        #expect(after.candidates.map(\.ids) == (isThought ? [] : [[2]]))
        #expect(after.problems[.tooLarge] == (text.count < AnswerParser.bytesMax ? nil : 1))
    }

    @Test func aTextOfFiftyMegabytes() {
        let text = String(repeating: "x", count: 50 << 20)
        for (answer, found) in [
            (text, 0), ("[\(Self.item),{\"narration_ids\":[1],\"query\":\"\(text)\"}]", 1),
            ("[\(Self.item)]" + text, 1), (text + "[\(Self.item)]", 0),
        ] {
            let parsed = AnswerParser.parse(answer, finishReason: "stop", ids: 1..<6)
            #expect(parsed.candidates.count == found)
            #expect(parsed.problems[.tooLarge] == 1)
        }
    }

    @Test func itemsWithoutEnd() {
        let items = (0..<5_000).map { answerItem("[1]", "Where was thing \($0)?") }
        let parsed = self.parse(Bytes("[\(items.joined(separator: ","))]".utf8))
        #expect(parsed.candidates.isEmpty)
        #expect(parsed.problems == [.tooManyItems: 5_000 - 40, .ambiguousID: 40])
        let lines = (0..<5_000).map { "1. Where was thing \($0)?\n" }
        let free = self.parse(Bytes(lines.joined().utf8))
        #expect(free.candidates.isEmpty)
        #expect(free.problems == [.tooManyItems: 5_000 - 40, .ambiguousID: 40])
        let ids = "[\(String(repeating: "1,", count: 100_000))2]"
        #expect(self.parse(Bytes("[\(answerItem(ids, "Q?"))]".utf8)).candidates.map(\.ids) == [[1, 2]])
    }

    @Test func nestedTooDeep() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        // As a field it is dropped with the item's other extra fields; as an item it is counted.
        let field = self.parse(Bytes("[{\"x\":\(nested(100_000)),\(Self.item.dropFirst())]".utf8))
        #expect(field.candidates.map(\.ids) == [[2]])
        #expect(field.problems == [.extraField: 1])
        let element = self.parse(Bytes("[\(Self.item),\(nested(100_000))]".utf8))
        #expect(element.candidates.map(\.ids) == [[2]])
        #expect(element.problems == [.tooDeep: 1])
        let wrapped = String(repeating: "[", count: 60) + Self.item + String(repeating: "]", count: 60)
        #expect(self.parse(Bytes(wrapped.utf8)).candidates.count == 1)
    }

    @Test func bytesThatAreNoText() {
        let bad = Bytes("[{\"narration_ids\":[1],\"query\":\"Where \u{ff}".utf8).dropLast(2) + [0xff, 0xc3]
        let parsed = self.parse(Bytes(bad) + Bytes("?\"},\(Self.item)]".utf8))
        #expect(parsed.candidates.map(\.ids) == [[2]])
        #expect(parsed.problems == [.badText: 1])
        for byte in UInt8.min...UInt8.max { #expect(!self.parse(Bytes(repeating: byte, count: 100)).isUsable) }
        #expect(self.parse([0, 0xff, 0] + Bytes("[\(Self.item)]".utf8) + [0xfe]).candidates.count == 1)
    }

    @Test func randomBytes() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Bytes("[]{}\",:\\ \n123?.narration_idsquery".utf8)
        for _ in 0..<500 {
            let text = (0..<400).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            let parsed = self.parse(text)
            #expect(parsed.candidates.allSatisfy { !$0.ids.isEmpty && $0.ids.allSatisfy((1..<6).contains) })
        }
    }
}
