// SPDX-License-Identifier: Apache-2.0

import ActionDescriptions
import Codecs
import FrameGolden
import Testing

/// Chunks, labels, merging, paths, widths and layout against those of the original's functions.
@Suite struct ChunkGoldenTests {
    @Test(arguments: try FrameGolden.cases("chunks"))
    func everyPartIsChecked(_ name: String) throws {
        let json = try JSONValue(parsing: Bytes(try FrameGolden.json(name)))
        let parts: [String: (JSONValue) throws -> Void] = [
            "vllm_chunks": Self.clips, "ldm_chunks": Self.samples, "action_cleaning_ego4d": Self.labels,
            "merge": Self.merges, "feature_path": Self.features, "output_path": Self.outputs,
            "output_width": Self.widths, "conversation": Self.conversation,
        ]
        guard case .object(let members) = json else { throw ExpectationFailed() }
        for member in members {
            guard case .object = member.value else { continue }
            let check = try #require(parts[member.key], "\(name): \(member.key) is checked")
            try check(member.value)
        }
    }

    private struct ExpectationFailed: Error {}

    private static func cases(_ part: JSONValue) throws -> [JSONValue] {
        let cases = try #require(part["cases"]?.array)
        #expect(!cases.isEmpty)
        return cases
    }

    private static func ranges(_ value: JSONValue) throws -> [Range<Int>?] {
        try #require(value["ranges"]?.array).map { range in
            guard let ends = range.array?.compactMap(\.int), ends.count == 2 else { return nil }
            return ends[0]..<ends[1]
        }
    }

    private static func clips(_ part: JSONValue) throws {
        for value in try Self.cases(part) {
            let count = try #require(value["clips"]?.int), chunks = try #require(value["chunks"]?.int)
            let ours = (1...chunks).map { LegoChunks.clips(count, chunks: chunks, chunk: $0) }
            #expect(ours == (try Self.ranges(value)), "\(count) clips in \(chunks)")
        }
    }

    private static func samples(_ part: JSONValue) throws {
        for value in try Self.cases(part) {
            let count = try #require(value["samples"]?.int), chunks = try #require(value["chunks"]?.int)
            let ours = (1...chunks).map { LegoChunks.samples(count, chunks: chunks, chunk: $0) }
            #expect(ours == (try Self.ranges(value)).compactMap(\.self), "\(count) samples in \(chunks)")
        }
    }

    private static func labels(_ part: JSONValue) throws {
        for value in try Self.cases(part) {
            let label = try #require(value["label"]?.string), ours = LegoLabels.mutilated(label)
            #expect(ours.verb == value["verb_before_lemma"]?.string, "\(label)")
            #expect(ours.remainder == value["remainder"]?.string, "\(label)")
        }
    }

    private static func merges(_ part: JSONValue) throws {
        for value in try Self.cases(part) {
            guard case .object(let files) = value["files"] else { throw ExpectationFailed() }
            let (merged, _) = try LegoMerge.merge(
                Dictionary(uniqueKeysWithValues: files.map { ($0.key, $0.value) }))
            // The order of clips and of actions counts.
            #expect(merged == value["merged"])
            guard case .object(let clips) = merged else { throw ExpectationFailed() }
            #expect(clips.map(\.key) == value["clip_order"]?.array?.compactMap(\.string))
        }
    }

    private static func features(_ part: JSONValue) throws {
        for value in try Self.cases(part) {
            let frame = try #require(value["image_0"]?.string)
            #expect(LegoPaths.features(of: frame) == value["feature"]?.string)
        }
    }

    private static func outputs(_ part: JSONValue) throws {
        let seed = try #require(part["seed"]?.int), steps = try #require(part["steps"]?.int)
        for value in try Self.cases(part) {
            let ours = LegoPaths.output(
                checkpoint: try #require(value["checkpoint"]?.string), seed: seed, steps: steps,
                imageScale: try #require(value["image_scale"]?.double),
                target: try #require(value["image_1"]?.string))
            #expect(ours == value["saved"]?.string)
        }
    }

    private static func widths(_ part: JSONValue) throws {
        for value in try Self.cases(part) {
            let ours = LegoPaths.size(
                width: try #require(value["width"]?.int), height: try #require(value["height"]?.int),
                resolution: try #require(value["res"]?.int))
            #expect([ours.height, ours.width] == value["out"]?.array?.compactMap(\.int))
        }
    }

    private static func conversation(_ part: JSONValue) throws {
        let system = try #require(part["system"]?.string), template = try #require(part["question"]?.string)
        let question = LegoConversation.question(template, action: try #require(part["action"]?.string))
        #expect(LegoConversation.prompt(system: system, question: question) == part["inference_prompt"]?.string)
        let training = LegoConversation.training(system: system, question: question, answer: "The answer.")
        #expect(training == part["training_text"]?.string)
    }

    @Test func labelsKeepTheirLetters() {
        #expect(LegoLabels.words("#C C picks up the knife") == "picks up the knife")
        #expect(LegoLabels.words("#c c puts down bowl") == "puts down bowl")
        #expect(LegoLabels.words("C picks the cup") == "C picks the cup")
        #expect(LegoLabels.words("#C C ") == "" && LegoLabels.words("#O A man X talks to C") == "#O A man X talks to C")
    }

    @Test func replacedClipsAreNamed() throws {
        let clip = JSONValue.object([JSONValue.Member("c", .object([]))])
        #expect(try LegoMerge.merge(["a_1.json": clip, "a_2.json": clip]).replaced == ["c"])
        #expect(throws: LegoMerge.Fault.self) { try LegoMerge.merge(["a_1.json": .array([])]) }
    }
}
