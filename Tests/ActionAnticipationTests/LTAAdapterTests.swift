// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Fuzzing
import Records
import TaskRooms
import Testing

@testable import ActionAnticipation

@Suite struct LTAAdapterTests {
    /// The items that an adapter hands out of a file.
    struct Reading {
        var groups: [ActionGroup] = []
        var problems: [SourceProblem] = []
        var counts: [String: Int] = [:]

        init(_ text: String, verbs: Int = 3, nouns: Int = 3, split: String? = nil) throws {
            let folder = try TestFolder()
            let adapter = try LTAAdapter(
                annotations: try folder.write(text, to: "a.json"),
                taxonomy: try folder.write(TestFolder.taxonomy(verbs: verbs, nouns: nouns), to: "t.json"), split: split)
            try adapter.read { item in
                switch item {
                case .group(let group): self.groups.append(group)
                case .problem(let problem): self.problems.append(problem)
                case .count(let reason, let number): self.counts[reason, default: 0] += number
                }
            }
        }
    }

    private static func segment(_ clip: String, _ rank: Int, _ rest: String = "\"verb_label\":1,\"noun_label\":2")
        -> String
    {
        "{\"clip_uid\":\"\(clip)\",\"video_uid\":\"v\",\"action_clip_start_sec\":\(rank),\"action_clip_end_sec\":\(rank + 8),"
            + "\"action_idx\":\(rank)" + (rest.isEmpty ? "" : ",") + rest + "}"
    }

    private static func file(_ segments: [String]) -> String {
        "{\"version\":\"v2\",\"split\":\"train\",\"clips\":[" + segments.joined(separator: ",") + "]}"
    }

    @Test func clipsAreGatheredAndSorted() throws {
        let reading = try Reading(
            Self.file([
                Self.segment("b", 4), Self.segment("a", 1), Self.segment("b", 2), Self.segment("a", 0),
                Self.segment("b", 2, "\"verb_label\":0,\"noun_label\":0"),
            ]))
        #expect(reading.problems.isEmpty)
        #expect(reading.groups.map(\.clip.clipUID) == ["b", "a"])
        #expect(reading.groups[0].segments.map(\.rank) == [2, 2, 4])
        #expect(reading.groups[0].segments.map(\.verb) == [1, 0, 1])
        #expect(reading.groups[0].counts == ["repeated-action_idx": 1, "gapped-action_idx": 1])
        #expect(reading.groups[0].clip.split == "train")
        #expect(reading.groups[0].name == "b/train")
    }

    @Test func allButClipRankAndTimesMayBeMissing() throws {
        let reading = try Reading(
            Self.file([
                Self.segment("a", 0, ""), Self.segment("a", 1, "\"verb_label\":-1,\"noun_label\":-1,\"verb\":null"),
                "{\"clip_uid\":\"c\",\"action_clip_start_frame\":30,\"action_clip_end_frame\":60,\"action_idx\":0,"
                    + "\"clip_parent_start_frame\":300,\"verb\":\"verb2\",\"noun\":\"noun0\",\"clip_id\":7}",
            ]), split: "test")
        #expect(reading.problems.isEmpty)
        #expect(reading.groups[0].segments.allSatisfy { $0.verb == nil && $0.noun == nil })
        let other = reading.groups[1]
        #expect(other.clip.videoUID == "c" && other.clip.startSec == 10 && other.clip.split == "test")
        #expect(other.segments == [ActionSegment(rank: 0, startSec: 1, endSec: 2, verb: 2, noun: 0)])
    }

    @Test func aPlainListIsReadToo() throws {
        #expect(try Reading("[" + Self.segment("a", 0) + "]").groups.count == 1)
    }

    @Test(
        arguments: [
            ("\"verb_label\":3,\"noun_label\":0", "label-out-of-range", "verb_label"),
            ("\"verb_label\":0,\"noun_label\":-2", "wrong-type", "noun_label"),
            ("\"verb_label\":0,\"noun_label\":1.5", "wrong-type", "noun_label"),
            ("\"verb_label\":0", "missing-key", "noun_label"),
            ("\"verb\":\"other\",\"noun_label\":1", "unknown-label", "verb"),
        ])
    func aBadLabelCostsTheLabelsAlone(_ rest: String, _ reason: String, _ field: String) throws {
        let reading = try Reading(Self.file([Self.segment("a", 0), Self.segment("a", 1, rest)]))
        #expect(reading.problems.map(\.reason) == [reason])
        #expect(reading.problems[0].message.contains(field) && reading.problems[0].key == "a")
        #expect(reading.groups[0].segments.map(\.isLabelled) == [true, false])
    }

    @Test(
        arguments: [
            ("{\"clip_uid\":\"a\",\"action_clip_start_sec\":0,\"action_clip_end_sec\":8}", "missing-key"),
            ("{\"clip_uid\":\"a\",\"action_idx\":3,\"action_clip_end_sec\":8}", "missing-key"),
            (
                "{\"clip_uid\":\"a\",\"action_idx\":3,\"action_clip_start_sec\":9,\"action_clip_end_sec\":8}",
                "reversed-interval"
            ),
            (
                "{\"clip_uid\":\"a\",\"action_idx\":3,\"action_clip_start_sec\":\"x\",\"action_clip_end_sec\":8}",
                "wrong-type"
            ),
            (
                "{\"clip_uid\":\"a\",\"action_idx\":3,\"action_clip_start_sec\":-1,\"action_clip_end_sec\":8}",
                "time-out-of-range"
            ),
        ])
    func aSegmentThatCannotBeReadTakesItsClipAlong(_ segment: String, _ reason: String) throws {
        let reading = try Reading(Self.file([Self.segment("a", 0), segment, Self.segment("b", 0)]))
        #expect(reading.problems.map(\.reason) == [reason])
        #expect(reading.groups.map(\.clip.clipUID) == ["b"])
        #expect(reading.counts == ["incomplete-clips": 1])
    }

    @Test func otherTextsAreCounted() throws {
        let reading = try Reading(
            Self.file([Self.segment("a", 0, "\"verb_label\":1,\"verb\":\"verb0\",\"noun_label\":1,\"noun\":\"noun1\"")])
        )
        #expect(reading.groups[0].counts == ["other-label-text": 1])
        #expect(!LTAAdapter.warnings(about: reading.groups[0].counts).isEmpty)
    }

    @Test(arguments: ["{}", "{\"clips\":[]}", "{\"videos\":[{}]}", "[]", "", "7"])
    func aFileWithoutSegmentsIsRefused(_ text: String) throws {
        #expect(throws: SourceError.self) { try Reading(text) }
    }

    @Test(arguments: ["{}", "[]", "{\"verbs\":[],\"nouns\":[\"a\"]}", "{\"verbs\":[1],\"nouns\":[\"a\"]}", "x"])
    func aTaxonomyThatIsNoneIsRefused(_ text: String) throws {
        let error = #expect(throws: SourceError.self) { try Taxonomy(Bytes(text.utf8), path: "t.json") }
        #expect(error?.description.contains("t.json") == true)
        #expect(throws: SourceError.self) { try Taxonomy(path: "/nowhere/taxonomy.json") }
    }

    @Test func hostileFilesNeitherTrapNorLie() throws {
        let seed = Self.file([Self.segment("a", 0), Self.segment("b", 1), Self.segment("a", 1)])
        for input in Fuzz("lta", seeds: [seed], tokens: .json) {
            let text = String(decoding: input.bytes, as: UTF8.self)
            let reading = try? Reading(text)
            if input.isSeed { try #require(reading?.groups.count == 2, "\(input)") }
            for group in reading?.groups ?? [] {
                try #require(group.segments.allSatisfy { $0.startSec <= $0.endSec && $0.startSec >= 0 }, "\(input)")
                try #require(
                    group.segments.allSatisfy { (0..<3).contains($0.verb ?? 0) && (0..<3).contains($0.noun ?? 0) })
                // A record that is written is read again as it was.
                try group.first(revision: 1).checkRoundTrip()
                var records: [ActionRecord] = []
                group.forEach { records.append($0) }
                for record in records { try record.checkRoundTrip() }
            }
        }
    }
}

extension ActionRecord {
    fileprivate func checkRoundTrip() throws {
        let again = try JSONScanner.scan(self.json) { json throws(JSONError) in try ActionRecord(json: &json) }
        try #require(again == self)
    }
}
