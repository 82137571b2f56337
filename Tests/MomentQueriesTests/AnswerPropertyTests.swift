// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Testing

@testable import MomentQueries

/// A small generator (SplitMix64), so that a failure can be repeated from its seed.
private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Whatever becomes of a good answer on its way, no query may come out of it that is not in the text beside its own
/// ids.
@Suite struct AnswerPropertyTests {
    private static let ids = 1..<10

    /// Queries that name their id, so that one beside another id is seen.
    private static func items(_ random: inout Random) -> [ParsedAnswer.Item] {
        let endings = ["", " \"in\" the box", ", [then]", " {where}", " – ü", "\\n", ": 3. 4"]
        return Self.ids.shuffled(using: &random).prefix(Int.random(in: 1...6, using: &random)).map { id in
            let template = QueryTemplate.allCases.randomElement(using: &random) ?? .howMany
            let ending = endings.randomElement(using: &random) ?? ""
            return ParsedAnswer.Item(
                ids: [id], template: template.rawValue, query: "Where was thing\(id)\(ending)?")
        }
    }

    private static func json(_ items: [ParsedAnswer.Item], _ random: inout Random) -> Bytes {
        let candidates = items.map { Candidate(narrationIDs: $0.ids, template: $0.template, query: $0.query) }
        let list = String(decoding: Candidate.json(candidates), as: UTF8.self)
        let forms = [
            list, "{\"queries\":\(list)}", "```json\n\(list)\n```", "Here: \(list) Done.",
            list.replacing("},{", with: "},\n{"), list.replacing(",\"", with: ", \""),
        ]
        return Bytes((forms.randomElement(using: &random) ?? list).utf8)
    }

    private static func lines(_ items: [ParsedAnswer.Item], _ random: inout Random) -> Bytes {
        let lines = items.map { "\($0.ids[0]). (\($0.template)) \($0.query)\n" }
        return Bytes(lines.joined().utf8)
    }

    private static func mutate(_ text: Bytes, _ random: inout Random) -> Bytes {
        var text = text
        let bytes = Bytes("[]{}\",:\\ \n0123456789abnrtu?.()*".utf8) + [0, 0xff, 0xc3, 0x80]
        for _ in 0..<Int.random(in: 1...4, using: &random) where !text.isEmpty {
            let place = Int.random(in: 0..<text.count, using: &random)
            let end = min(text.count, place + Int.random(in: 1...40, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: text[place] = bytes.randomElement(using: &random) ?? 0
            case 1: text.insert(bytes.randomElement(using: &random) ?? 0, at: place)
            case 2: text.remove(at: place)
            case 3: text.removeSubrange(place..<end)
            case 4: text.insert(contentsOf: text[place..<end], at: Int.random(in: 0...text.count, using: &random))
            default: text.removeSubrange(place...)
            }
        }
        return text
    }

    /// The items of all stretches from a brace to a brace that strict JSON takes, spare commas left out and unknown
    /// escapes replaced: found without the parser under test.
    private static func oracle(_ text: Bytes) -> Set<ParsedAnswer.Item> {
        var items: Set<ParsedAnswer.Item> = []
        for start in text.indices where text[start] == UInt8(ascii: "{") {
            for end in text.indices where end > start && text[end] == UInt8(ascii: "}") {
                let stretch = Self.mended(text[start...end])
                guard let value = try? JSONValue(parsing: stretch),
                    let query = Self.only(["query"], value)?.string
                else { continue }
                let list = Self.only(["narrationids", "narrationid"], value)
                let ids = list?.array?.compactMap(\.int) ?? list?.int.map { [$0] } ?? []
                var distinct: [Int] = []
                for id in ids where !distinct.contains(id) { distinct.append(id) }
                let template = Self.only(["template"], value)?.string ?? ""
                items.insert(ParsedAnswer.Item(ids: distinct, template: template, query: query))
            }
        }
        return items
    }

    private static func only(_ keys: [String], _ value: JSONValue) -> JSONValue? {
        guard case .object(let members) = value else { return nil }
        let named = members.filter { member in
            keys.contains(member.key.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " })
        }
        let values = Set(named.map(\.value))
        return values.count == 1 ? values.first : nil
    }

    private static func mended(_ text: ArraySlice<UInt8>) -> Bytes {
        var result: Bytes = []
        var isInText = false
        var isEscaped = false
        for byte in text {
            if !isInText, byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") {
                while let last = result.last, last == 0x2c || last == 0x20 || last == 0x0a { result.removeLast() }
            }
            if isEscaped, !Bytes("\"\\/bfnrtu".utf8).contains(byte) {
                result.removeLast()
                result += byte == UInt8(ascii: "'") ? [byte] : Bytes("\u{fffd}".utf8)
                isEscaped = false
                continue
            }
            if byte == UInt8(ascii: "\""), !isEscaped { isInText.toggle() }
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
            // Extra commas between others.
            let before = result.last { $0 != 0x20 && $0 != 0x0a }
            let isSpare = !isInText && byte == 0x2c && [0x2c, 0x5b, 0x7b].contains(before)
            if !isSpare { result.append(byte) }
        }
        return Bytes(String(decoding: result, as: UTF8.self).utf8)
    }

    @Test func whatIsWrittenIsRead() {
        for seed in 0..<300 {
            var random = Random(state: UInt64(seed))
            let items = Self.items(&random)
            var distinct: [ParsedAnswer.Item] = []
            for item in items where !distinct.contains(item) { distinct.append(item) }
            let parsed = AnswerParser.parse(Self.json(items, &random), finishReason: "stop", ids: Self.ids)
            #expect(parsed.candidates == distinct, "seed \(seed)")
        }
    }

    /// A prefix of an answer holds the items that end in it, in order, and no other.
    @Test func everyTruncation() {
        for seed in 0..<12 {
            var random = Random(state: UInt64(seed))
            let items = Self.items(&random)
            let text = Self.json(items, &random)
            let whole = AnswerParser.parse(text, finishReason: "stop", ids: Self.ids).candidates
            var count = 0
            for end in 0...text.count {
                let parsed = AnswerParser.parse(Bytes(text[..<end]), finishReason: "length", ids: Self.ids)
                #expect(parsed.candidates == Array(whole.prefix(parsed.candidates.count)), "seed \(seed), \(end) bytes")
                #expect(parsed.candidates.count >= count, "seed \(seed), \(end) bytes")
                count = parsed.candidates.count
            }
            #expect(count == whole.count)
        }
    }

    /// A draft, a thought and a final answer, cut off anywhere, give nothing of the draft.
    @Test func noDraftOfThoughts() {
        let marks = [
            ("<think>", "</think>"), ("", "</think>"), ("<Thinking mode=\"x\">", "</Thinking>"),
            ("[THINK]", "[/THINK]"),
            ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
            ("<|begin_of_thought|>", "<|end_of_thought|><|begin_of_solution|>"), ("◁think▷", "◁/think▷"),
        ]
        for seed in 0..<21 {
            var random = Random(state: UInt64(seed) &* 7919)
            let items = Self.items(&random)
            let drafts = items.map { ParsedAnswer.Item(ids: $0.ids, template: $0.template, query: "Draft \($0.ids)?") }
            let (opening, closing) = marks[seed % marks.count]
            let draft = Bytes(opening.utf8) + Self.json(drafts, &random) + Bytes(" no. \(closing)".utf8)
            let text = draft + Self.json(items, &random)
            #expect(AnswerParser.parse(text, finishReason: "stop", ids: Self.ids).candidates == items, "seed \(seed)")
            for end in (opening.isEmpty ? draft.count : 0)...text.count {
                let parsed = AnswerParser.parse(Bytes(text[..<end]), finishReason: "length", ids: Self.ids)
                // A mark that is cut off itself is none.
                guard end >= opening.utf8.count else { continue }
                #expect(parsed.candidates.allSatisfy { !$0.query.hasPrefix("Draft") }, "seed \(seed), \(end) bytes")
            }
        }
    }

    @Test func everyTruncationOfLines() {
        for seed in 0..<12 {
            var random = Random(state: UInt64(seed))
            var items = Self.items(&random)
            for index in items.indices { items[index].ids = [index + 1] }
            let text = Self.lines(items, &random)
            for end in 0...text.count {
                let parsed = AnswerParser.parse(Bytes(text[..<end]), finishReason: "length", ids: Self.ids)
                let lines = text[..<end].count { $0 == UInt8(ascii: "\n") }
                #expect(parsed.candidates == Array(items.prefix(lines)), "seed \(seed), \(end) bytes")
            }
        }
    }

    @Test func nothingIsMadeUp() {
        var found = 0
        for seed in 0..<1_500 {
            var random = Random(state: UInt64(seed) &* 977)
            let text = Self.mutate(Self.json(Self.items(&random), &random), &random)
            let finish = Bool.random(using: &random) ? "stop" : "length"
            let parsed = AnswerParser.parse(text, finishReason: finish, ids: Self.ids)
            found += parsed.candidates.count
            guard parsed.form != .numberedLines else { continue }
            let oracle = Self.oracle(text)
            for item in parsed.candidates {
                #expect(oracle.contains(item), "seed \(seed): \(item) from \(String(decoding: text, as: UTF8.self))")
            }
            self.expectAccounts(parsed)
        }
        #expect(found > 2_000)
    }

    @Test func nothingIsMadeUpOfLines() {
        var found = 0
        for seed in 0..<2_000 {
            var random = Random(state: UInt64(seed) &* 31)
            let text = Self.mutate(Self.lines(Self.items(&random), &random), &random)
            let parsed = AnswerParser.parse(text, finishReason: "stop", ids: Self.ids)
            found += parsed.candidates.count
            let lines = text.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            for item in parsed.candidates where parsed.form == .numberedLines {
                let isThere = lines.contains { line in
                    let number = line.drop { !$0.isNumber }.prefix { $0.isNumber || $0 == "," || $0 == " " }
                    let ids = number.split { !$0.isNumber }.compactMap { Int($0) }
                    return ids.starts(with: item.ids) && line.contains(item.query) && line.contains(item.template)
                }
                #expect(isThere, "seed \(seed): \(item) from \(lines)")
            }
            self.expectAccounts(parsed)
        }
        #expect(found > 2_000)
    }

    /// Each id of the prompt has a query or a gap.
    private func expectAccounts(_ parsed: ParsedAnswer) {
        let asked = Set(parsed.candidates.flatMap(\.ids))
        #expect((asked + parsed.gaps.map(\.id)).sorted() == Array(Self.ids))
        #expect(parsed.gaps.allSatisfy { !asked.contains($0.id) })
        for item in parsed.candidates {
            #expect(!item.ids.isEmpty && item.ids.allSatisfy(Self.ids.contains))
            #expect(Set(item.ids).count == item.ids.count)
        }
        if parsed.candidates.isEmpty, !parsed.isEmptyList { #expect(!parsed.problems.isEmpty) }
    }
}
