// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import TaskRooms
import Testing
import VideoAnnotations

@Suite struct Ego4DAdapterTests {
    private static func harvest(
        _ text: String, passes: PassSelection = .first, options: SourceOptions = SourceOptions()
    ) throws -> Harvest {
        let file = try TemporaryFile(text)
        return try Harvest(Ego4DAdapter(narrations: file.path, passes: passes, options: options))
    }

    private static let twoPasses = #"""
        {"v1": {"narration_pass_1": {"narrations": [
            {"timestamp_sec": 3.5, "timestamp_frame": 105, "_unmapped_timestamp_sec": 3.55,
             "narration_text": "#C C picks a cup\n", "annotation_uid": "u"},
            {"narration_text": " #unsure C holds \"it\" ", "annotation_uid": null, "timestamp_sec": 1},
            {"timestamp_sec": 3.5, "narration_text": "#O A man Z talks, \u00fc \ud83d\ude00"}],
            "summaries": [{"start_sec": 0, "end_sec": 300, "summary_text": "#Summary"}, {}]},
          "narration_pass_2": {"summaries": [], "narrations": [{"timestamp_sec": 2.25, "narration_text": "b"}]},
          "status": "complete"},
         "v2": {"narration_pass_2": {"narrations": []}, "status": "x"},
         "v3": {"status": "redacted"}}
        """#

    @Test func passesAreReadSortedWithTagsAsTheyAre() throws {
        let harvest = try Self.harvest(Self.twoPasses)
        #expect(harvest.videos.count == 1)
        #expect(harvest.texts == [[" #unsure C holds \"it\" ", "#C C picks a cup\n", "#O A man Z talks, ü 😀"]])
        #expect(harvest.times == [[1, 3.5, 3.5]])
        #expect(harvest.videos[0].narrations.map(\.index) == [0, 1, 2])
        #expect(harvest.videos[0].narrations.allSatisfy { $0.videoUID == "v1" && $0.pass == 1 && $0.annotated == nil })
        #expect(harvest.counts == ["summaries": 2, "missing-pass": 2])
        #expect(harvest.reasons.isEmpty)
        let video = harvest.videos[0].video
        #expect(video.source == "ego4d")
        #expect(video.splits == nil)
        #expect(video.hasFeatures == nil)
        #expect(video.revision == 1)
    }

    @Test func bothPassesAreGroupsOfTheirOwn() throws {
        let harvest = try Self.harvest(Self.twoPasses, passes: .both)
        #expect(harvest.videos.map { "\($0.video.videoUID)/\($0.video.pass)" } == ["v1/1", "v1/2", "v2/2"])
        #expect(harvest.videos.map(\.narrations.count) == [3, 1, 0])
        #expect(harvest.counts["missing-pass"] == 3)
        let second = try Self.harvest(Self.twoPasses, passes: .second)
        #expect(second.videos.map { "\($0.video.videoUID)/\($0.video.pass)" } == ["v1/2", "v2/2"])
    }

    @Test func theShapeIsRecognisedVideoByVideo() throws {
        let text = #"""
            {"videos": {
              "flat": {"summaries": [{"start_time": 0}], "narrations": [
                {"time": 2.5, "text": "#C C cuts", "_clip_time_start": null}, {"text": "a", "time": 0.1}]},
              "passes": {"narration_pass_1": {"narrations": [{"narration_text": "x", "timestamp_sec": 7}]}}}}
            """#
        let harvest = try Self.harvest(text, passes: .both)
        #expect(harvest.texts == [["a", "#C C cuts"], ["x"]])
        #expect(harvest.videos.map(\.video.pass) == [1, 1])
        #expect(harvest.counts == ["summaries": 1, "missing-pass": 2])
        #expect(try Self.harvest(text, passes: .second).videos.isEmpty)
    }

    @Test func badNarrationsAreProblemsAndTheVideoGoesOn() throws {
        let long = String(repeating: "y", count: 8 << 20)
        let fine = String(repeating: "z", count: 1 << 20)
        let bad: [(json: String, reason: String)] = [
            (#"{"timestamp_sec": NaN, "narration_text": "a"}"#, "not-a-number"),
            (#"{"timestamp_sec": Infinity, "narration_text": "a"}"#, "not-a-number"),
            (#"{"timestamp_sec": -Infinity, "narration_text": "a"}"#, "not-a-number"),
            (#"{"timestamp_sec": 1e999, "narration_text": "a"}"#, "not-a-number"),
            (#"{"timestamp_sec": -0.5, "narration_text": "a"}"#, "negative-time"),
            (#"{"timestamp_sec": 1e7, "narration_text": "a"}"#, "time-out-of-range"),
            (#"{"timestamp_sec": "1.5", "narration_text": "a"}"#, "wrong-type"),
            (#"{"timestamp_sec": [1], "narration_text": "a"}"#, "wrong-type"),
            (#"{"timestamp_sec": 1, "narration_text": 5}"#, "wrong-type"),
            (#"{"timestamp_sec": 1, "narration_text": {"a": "]"}}"#, "wrong-type"),
            (#"{"timestamp_sec": 1, "narration_text": null}"#, "missing-key"),
            (#"{"timestamp_sec": null, "narration_text": "a"}"#, "missing-key"),
            (#"{"timestamp_sec": 1}"#, "missing-key"), (#"{"narration_text": "a"}"#, "missing-key"),
            ("{}", "missing-key"), ("null", "wrong-type"), ("5", "wrong-type"), (#""text""#, "wrong-type"),
            ("[]", "wrong-type"),
            (#"{"timestamp_sec": 1.2.3, "narration_text": "a"}"#, "malformed-json"),
            (#"{"timestamp_sec": 01, "narration_text": "a"}"#, "malformed-json"),
            (#"{"timestamp_sec": 1, "narration_text": "\x"}"#, "malformed-json"),
            (#"{"timestamp_sec": , "narration_text": "a"}"#, "malformed-json"),
            (#"{"timestamp_sec": 1 "narration_text": "a"}"#, "malformed-json"),
            (#"{"timestamp_sec": 1, "narration_text": "\#(long)"}"#, "text-too-long"),
        ]
        let good = #"{"timestamp_sec": 4, "narration_text": "\#(fine)"}"#
        let list = ([good] + bad.map(\.json) + [good]).joined(separator: ",\n")
        let harvest = try Self.harvest(#"{"v": {"narration_pass_1": {"narrations": [\#(list)]}}}"#)
        #expect(harvest.videos.count == 1)
        #expect(harvest.times == [[4, 4]])
        #expect(harvest.reasons == bad.map(\.reason))
        let problems = try #require(harvest.videos.first?.problems)
        for (number, (problem, bad)) in zip(problems, bad).enumerated() {
            #expect(problem.key == "v")
            #expect(problem.message.contains("line \(number + 2), byte"))
            #expect(problem.message.contains("narration \(number + 1) of pass 1"))
            #expect(problem.raw.starts(with: Bytes(bad.json.utf8).prefix(SourceProblem.rawBytesMax)))
        }
    }

    @Test func escapedControlsCountAgainstTheLimit() throws {
        let text = String(repeating: "\\u0001", count: 2 << 20)
        let harvest = try Self.harvest(#"{"v": {"narrations": [{"time": 1, "text": "\#(text)"}]}}"#)
        #expect(harvest.reasons == ["text-too-long"])
    }

    @Test func invalidUTF8IsAProblem() throws {
        let bytes =
            Bytes(#"{"v": {"narrations": [{"time": 1, "text": "ok"}, {"time": 2, "text": "a"#.utf8) + [0xc3, 0x28]
            + Bytes(#""}, {"time": 3, "text": "ü"}]}}"#.utf8)
        let file = try TemporaryFile(bytes)
        let harvest = try Harvest(Ego4DAdapter(narrations: file.path))
        #expect(harvest.texts == [["ok", "ü"]])
        #expect(harvest.reasons == ["invalid-utf8"])
    }

    @Test(arguments: [
        #"{"narration_pass_1": {"narrations": [{"timestamp_sec": 1, "narration_text": "a"} {}]}}"#,
        #"{"narration_pass_1": {"narrations": [], "summaries" []}}"#, #"{"narrations": [5 6]}"#,
    ])
    func aVideoWithBrokenStructureIsNotHandedOutInPart(json: String) throws {
        let harvest = try Self.harvest(#"{"a": \#(json), "b": {"narrations": [{"time": 1, "text": "t"}]}}"#)
        #expect(harvest.videos.map(\.video.videoUID) == ["b"])
        #expect(harvest.reasons == ["malformed-json"])
        #expect(harvest.problems[0].raw == Bytes(json.utf8))
        #expect(harvest.problems[0].key == "a")
        #expect(harvest.error == nil)
    }

    @Test func passesOfTheWrongTypeAreProblems() throws {
        let text = #"""
            {"a": 5, "b": {"narration_pass_1": [1]}, "c": {"narration_pass_1": {"narrations": {"x": 1}}},
             "d": {"narration_pass_1": null}, "e": {"narration_pass_1": {"narrations": null}},
             "f": {"narrations": [], "narration_pass_1": {"narrations": [{"timestamp_sec": 1, "narration_text": "t"}]}}}
            """#
        let harvest = try Self.harvest(text)
        #expect(harvest.reasons == ["wrong-type", "wrong-type", "wrong-type", "duplicate-video"])
        #expect(harvest.problems.map(\.key) == ["a", "b", "c", "f"])
        #expect(harvest.counts["missing-pass"] == 2)
        #expect(harvest.videos.map(\.video.videoUID) == ["f"])
    }

    @Test func wholeVideosBeforeATruncationAreHandedOut() throws {
        let harvest = try Self.harvest("{\"a\": {\"narrations\": []},\n\"b\": {\"narrations\": [{\"time\": 1,")
        #expect(harvest.videos.map(\.video.videoUID) == ["a"])
        #expect(harvest.error?.line == 2)
        #expect(harvest.error?.message.contains("truncated") == true)
    }

    @Test func metadataSplitsAndFeatures() throws {
        let narrations = try TemporaryFile(
            #"{"a": {"narrations": [{"time": 900.5, "text": "t"}]}, "b": {"narrations": [{"time": 1, "text": "t"}]}}"#)
        let metadata = try TemporaryFile(
            #"""
            {"version": "2", "concurrent_video_sets": [[]], "clips": [
              {"clip_uid": "c2", "video_uid": "a", "video_start_sec": 480.0, "video_end_sec": 960},
              {"clip_uid": "c1", "video_uid": "a", "video_start_sec": -0.01, "video_end_sec": 480},
              {"clip_uid": "c3", "video_uid": "a", "video_start_sec": 5, "video_end_sec": 5},
              {"clip_uid": "c4", "video_uid": "b", "video_start_sec": NaN, "video_end_sec": 5}, {"clip_uid": "x"}, 7],
             "videos": [{"video_uid": "a", "duration_sec": 900.25, "clips": [
               {"clip_uid": "c1", "video_start_sec": 0, "video_end_sec": 480},
               {"clip_uid": "n", "video_start_sec": 1, "video_end_sec": 2}]}]}
            """#)
        let val = try TemporaryFile(#"{"videos": [{"video_uid": "a", "split": "val"}]}"#, name: "nlq_val.json")
        let features = try TemporaryFile("", name: "b.pt")
        let adapter = try Ego4DAdapter(
            narrations: narrations.path, metadata: metadata.path,
            options: SourceOptions(
                exclusions: [val.path], features: features.url.deletingLastPathComponent().path))
        let harvest = try Harvest(adapter)
        #expect(harvest.reasons == ["bad-clip", "bad-clip", "missing-key", "missing-key"])
        let (a, b) = (harvest.videos[0], harvest.videos[1])
        #expect(a.video.durationSec == 900.25)
        #expect(a.video.clips.map(\.clipUID) == ["c2", "c1", "n"])
        #expect(a.video.clips[1].span == Interval(-0.01, 480))
        #expect(a.counts == ["after-the-end": 1])
        #expect(a.video.splits == ["val"])
        #expect(a.video.hasFeatures == false)
        #expect(b.video.splits == [])
        #expect(b.video.hasFeatures == true)
        #expect(b.video.durationSec == nil)
        #expect(b.video.clips.map(\.span) == [Interval(0, 1)])
        #expect(b.counts == ["not-in-metadata": 1])
        #expect(throws: SourceError.self) { try Ego4DAdapter(narrations: "x", metadata: narrations.path) }
        #expect(throws: SourceError.self) {
            try Ego4DAdapter(narrations: "x", options: SourceOptions(features: "/no/such/folder"))
        }
        #expect(throws: SourceError.self) { try Ego4DAdapter(narrations: "x", options: SourceOptions(clipSeconds: -1)) }
    }

    @Test func progressReachesTheSizeOfTheFile() throws {
        let file = try TemporaryFile(Self.twoPasses)
        var last: SourceProgress?
        try Ego4DAdapter(narrations: file.path).read(progress: { last = $0 }, { _ in })
        #expect(last == SourceProgress(bytesRead: Self.twoPasses.utf8.count, bytesTotal: Self.twoPasses.utf8.count))
    }

    @Test func whatTheBodyThrowsEndsTheReading() throws {
        struct Stop: Error {}
        let file = try TemporaryFile(Self.twoPasses)
        #expect(throws: Stop.self) { try Ego4DAdapter(narrations: file.path).read { _ in throw Stop() } }
    }
}
