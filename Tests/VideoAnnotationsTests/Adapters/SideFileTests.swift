// SPDX-License-Identifier: Apache-2.0

import Records
import TaskRooms
import Testing
import VideoAnnotations

@Suite struct ExclusionListTests {
    private static func list(_ text: String, _ name: String) throws -> ExclusionList {
        try ExclusionList(paths: [TemporaryFile(text, name: name).path])
    }

    @Test func theVideosOwnSplitCountsMost() throws {
        let list = try Self.list(
            #"{"videos": [{"video_uid": "a", "split": "train"}, {"video_uid": "b"}], "split": "val"}"#, "nlq_test.json")
        #expect(list.splits(of: "a") == ["train"])
        #expect(list.splits(of: "b") == ["val"])
        #expect(list.splits(of: "c") == [])
        #expect(list.count == 2)
        #expect(list.notes.isEmpty)
    }

    @Test(arguments: [
        ("nlq_val.json", "val"), ("NLQ-Validation.v2.json", "val"), ("nlq_test_unannotated.json", "test"),
        ("nlq_train.json", "train"),
    ])
    func theNameTells(name: String, split: String) throws {
        #expect(try Self.list(#"{"videos": [{"video_uid": "a"}]}"#, name).splits(of: "a") == [split])
        #expect(try Self.list("a\n", name).splits(of: "a") == [split])
    }

    @Test func queriesWithoutWindowsAreATestSet() throws {
        let json =
            #"{"videos": [{"video_uid": "a", "clips": [{"annotations": [{"language_queries": [{"query": "Where?"}]}]}]}]}"#
        let list = try Self.list(json, "nlq.json")
        #expect(list.splits(of: "a") == ["test"])
        #expect(list.notes.isEmpty)
    }

    @Test func textWithCommentsAndAStatedSplit() throws {
        let list = try Self.list("\n# split: val\r\n# mine\n  a  \r\n\nb,more\n", "mine.txt")
        #expect(list.splits(of: "a") == ["val"])
        #expect(list.splits(of: "b") == ["val"])
        #expect(list.count == 2)
    }

    @Test func whatNothingTellsIsHeldOutWithANote() throws {
        for text in ["a\nb\n", #"["a", "b"]"#] {
            let list = try Self.list(text, "mine.txt")
            #expect(list.splits(of: "b") == ["test"])
            #expect(list.notes.count == 1)
        }
    }

    @Test func severalListsAddUp() throws {
        let val = try TemporaryFile("a\nb", name: "val.txt")
        let test = try TemporaryFile("b", name: "test.txt")
        let list = try ExclusionList(paths: [val.path, test.path, val.path])
        #expect(list.splits(of: "a") == ["val"])
        #expect(list.splits(of: "b") == ["test", "val"])
    }

    @Test(arguments: ["", "# nothing\n", #"{"videos": []}"#, #"{"videos": [{"clips": []}]}"#, #"{"videos": [{"#, "[5]"])
    func aListThatProtectsNothingIsAnError(text: String) throws {
        #expect(throws: SourceError.self) { try Self.list(text, "val.json") }
    }

    @Test("a table's ids are in its column of ids, wherever that is")
    func tables() throws {
        let list = try Self.list(
            "narration_id,participant_id,video_id\nP01_11_0,P01,P01_11\nP01_12_3,P01,\"P01_12\"\n", "table.csv")
        #expect(list.count == 2)
        #expect(list.splits(of: "P01_11") == ["test"] && list.splits(of: "P01_12") == ["test"])
        #expect(throws: SourceError.self) { try Self.list("a,video_uid\nx\n", "table.csv") }
    }

    @Test func bytesThatAreNoTextAreAnError() throws {
        #expect(throws: SourceError.self) { try ExclusionList(paths: [TemporaryFile([0x61, 0xff, 0x0a]).path]) }
    }
}

@Suite struct ClipPlanTests {
    @Test(arguments: [
        (480.0, 0.0, []), (480, 100, [100.0]), (480, 480, [480]), (480, 539.9, [539.9]), (480, 540, [480, 540]),
        (480, 960, [480, 960]), (480, 1_019, [480, 1_019]), (480, 1_500.5, [480, 960, 1_440, 1_500.5]),
        (0, 5_000, [5_000]), (30, 95, [30, 60, 95]),
    ])
    func spansAreConsecutive(seconds: Double, duration: Double, ends: [Double]) throws {
        let plan = try #require(ClipPlan(seconds: seconds))
        let spans = try #require(plan.spans(duration: duration))
        #expect(spans.map(\.end) == ends)
        #expect(spans.map(\.start) == Array(([0] + ends).dropLast()))
    }

    @Test func lengthsAndCountsAreBounded() {
        #expect(ClipPlan(seconds: -1) == nil)
        #expect(ClipPlan(seconds: .nan) == nil)
        #expect(ClipPlan(seconds: 0.5) == nil)
        #expect(ClipPlan(seconds: 1)?.spans(duration: 1_000_000) == nil)
        #expect(ClipPlan.standard.spans(duration: 1_000_000)?.count == 2_084)
    }

    @Test func idsAreDerivedAndDiffer() throws {
        let json =
            #"{"v": {"narrations": [{"time": 1200, "text": "t"}]}, "w": {"narrations": [{"time": 1200, "text": "t"}]}}"#
        let file = try TemporaryFile(json)
        let first = try Harvest(Ego4DAdapter(narrations: file.path))
        let second = try Harvest(Ego4DAdapter(narrations: file.path))
        #expect(first.videos == second.videos)
        #expect(
            first.videos[0].video.clips.map(\.span) == [Interval(0, 480), Interval(480, 960), Interval(960, 1_200)])
        #expect(Set(first.videos.flatMap { $0.video.clips.map(\.clipUID) }).count == 6)
        let many = try Harvest(
            Ego4DAdapter(
                narrations: TemporaryFile(#"{"v": {"narrations": [{"time": 999999, "text": "t"}]}}"#).path,
                options: SourceOptions(clipSeconds: 1)))
        #expect(many.reasons == ["too-many-clips"])
    }
}
