// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import ModelRequests
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct PromptNumberingTests {
    private func prompts(_ blocks: [Block]) throws -> [PromptedBlock] {
        var configuration = Configuration()
        configuration.set(PromptOperator.template, try shippedPrompt())
        var step = try PromptOperator(configuration, OperatorContext(topologyHash: "t"))
        return run(&step, blocks).elements.map(\.value)
    }

    private static let texts = (0..<20).map { "#C C opens box \($0)" }

    private func blocks(_ texts: [String]) -> [Block] {
        stride(from: 0, to: texts.count, by: 5).map {
            makeBlock(Array(texts[$0..<min($0 + 5, texts.count)]), id: "b\($0)", firstIndex: $0)
        }
    }

    /// A prompt depends on the texts, and not on place, time, video, pass, clip and windows.
    @Test func blocksOfTheSameTextsShareAPrompt() throws {
        let texts = ["#C C opens the box ", "#O A man X waves"]
        let first = makeBlock(texts, firstIndex: 3)
        var second = makeBlock(texts, id: "other", video: "w", pass: 2, clip: "d", firstIndex: 1_000)
        second.clip = Clip(clipUID: "d", span: Interval(7, 99))
        second.meanGapSec = nil
        for index in second.narrations.indices {
            second.narrations[index].timestampSec += 31
            second.narrations[index].window = Interval(8, 9)
        }
        // White space and tags that are cleaned away make no difference either.
        let third = makeBlock(["#C C  opens the\nbox", "#O A man X waves"])
        let prompts = try self.prompts([first, second, third])
        #expect(Set(prompts.map(\.promptHash)).count == 1)
        #expect(prompts[0].messages == prompts[1].messages)
        #expect(prompts[0].messages.last?.content.hasSuffix("\n[1] (me) opens the box\n[2] (a man) waves") == true)
    }

    @Test func anotherTextOrActorOrOrderIsAnotherPrompt() throws {
        let blocks = [
            ["#C C opens the box", "#C C waves"], ["#C C opens a box", "#C C waves"], ["#C C opens the box"],
            ["#C C opens the box", "#O A man X waves"], ["#C C waves", "#C C opens the box"],
        ]
        #expect(Set(try self.prompts(blocks.map { makeBlock($0) }).map(\.promptHash)).count == blocks.count)
    }

    /// A narration that is put into another's place changes the prompt of its block alone; one that shifts those after
    /// it changes the blocks whose narrations are others then, and no block before it; and blocks whose narrations stay
    /// together keep their prompts wherever they come to lie.
    @Test func anInsertedNarrationChangesTheBlocksItIsIn() throws {
        let before = try self.prompts(self.blocks(Self.texts)).map(\.promptHash)
        // The blocks as `block` makes them where the inserted one is in the second and stands for five: all later
        // indices are greater by one, the texts of later blocks are as before.
        var later = self.blocks(Self.texts)
        later[1] = makeBlock(Array(Self.texts[5..<8]) + ["#C C sneezes"] + Self.texts[8..<10], id: "x", firstIndex: 5)
        for block in 2..<4 {
            for index in later[block].narrations.indices { later[block].narrations[index].index += 1 }
        }
        let after = try self.prompts(later).map(\.promptHash)
        #expect(zip(before, after).map { $0 == $1 } == [true, false, true, true])
        var shifted = Self.texts
        shifted.insert("#C C sneezes", at: 12)
        let moved = try self.prompts(self.blocks(shifted)).map(\.promptHash)
        #expect(zip(before, moved).map { $0 == $1 } == [true, true, false, false])
    }

    @Test func idsLeadBackToTheNarrations() throws {
        var block = makeBlock(["#C C opens a box", "#C C waves", "#C C reads"], firstIndex: 40)
        // Unsure narrations were left out between them.
        block.narrations[1].index = 44
        block.narrations[2].index = 51
        let prompted = try self.prompts([block])[0]
        #expect(prompted.ids == 1..<4)
        #expect((0...4).map(prompted.narrationIndex(ofID:)) == [nil, 40, 44, 51, nil])
        #expect([-1, 40, 44, 51, .max, .min].allSatisfy { prompted.narrationIndex(ofID: $0) == nil })

        let text = "[\(answerItem("[3,1]", "Where was A?")),\(answerItem("[4]", "Where was B?"))]"
        let parsed = AnswerParser.parse(text, finishReason: "stop", ids: prompted.ids)
        let answer = prompted.answer(from: parsed, answerHash: "h")
        #expect(answer.block == block && answer.promptHash == prompted.promptHash && answer.answerHash == "h")
        #expect(answer.candidates.map(\.narrationIDs) == [[51, 40]])
        #expect(answer.candidates.map(\.query) == ["Where was A?"])
        #expect(answer.gaps == [AnswerGap(narrationID: 44, reason: "not-asked")])

        // An answer that was parsed for other ids is never shifted into place.
        let foreign = ParsedAnswer(
            candidates: [
                ParsedAnswer.Item(ids: [1, 4], template: "t", query: "A?"),
                ParsedAnswer.Item(ids: [0], template: "t", query: "B?"),
                ParsedAnswer.Item(ids: [2], template: "t", query: "C?"),
            ], gaps: [ParsedAnswer.Gap(id: 9, reason: "not-asked"), ParsedAnswer.Gap(id: 3, reason: "not-asked")],
            problems: [:], form: .json, isEmptyList: false)
        let mapped = prompted.answer(from: foreign, answerHash: "h")
        #expect(mapped.candidates == [Candidate(narrationIDs: [44], template: "t", query: "C?")])
        #expect(mapped.gaps == [AnswerGap(narrationID: 51, reason: "not-asked")])
    }

    @Test func aBlockWithoutNarrations() throws {
        let prompted = try self.prompts([makeBlock([])])[0]
        #expect(prompted.ids.isEmpty && prompted.narrationIndex(ofID: 1) == nil)
        #expect(try roundTrip(prompted) == prompted)
    }

    /// Prompts that were stored when ids were indices must not be read as if they counted from 1.
    @Test func promptsNumberedOtherwiseAreRefused() throws {
        let prompted = try self.prompts([makeBlock(["#C C opens a box"], firstIndex: 1)])[0]
        let text = String(decoding: prompted.json, as: UTF8.self)
        for bad in [text.replacing(",\"ids\":1}", with: "}"), text.replacing(",\"ids\":1}", with: ",\"ids\":2}")] {
            #expect(bad != text)
            let error = #expect(throws: JSONError.self) {
                try JSONScanner.scan(bad.utf8) { json throws(JSONError) in try PromptedBlock(json: &json) }
            }
            #expect(error?.message.contains("does not number the block's narrations from 1") == true)
        }
        #expect(PromptedBlock.schemaVersion == 2)
    }
}
