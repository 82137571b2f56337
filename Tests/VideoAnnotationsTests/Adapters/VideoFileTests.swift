// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import TaskRooms
import Testing

@testable import VideoAnnotations

@Suite struct GoalStepAdapterTests {
    private static func harvest(_ videos: String) throws -> Harvest {
        let file = try TemporaryFile(#"{"version": "1.0", "split": "val", "videos": [\#(videos)]}"#)
        return try Harvest(GoalStepAdapter(annotations: file.path))
    }

    @Test func stepsAndSubstepsAreNarrations() throws {
        let harvest = try Self.harvest(
            #"""
            {"video_uid": "a", "start_time": 531.8, "end_time": 1956.5, "segments": [
              {"start_time": 600, "end_time": 700, "step_description": "Makes dough", "segments": [
                {"start_time": 640.0, "end_time": 660.0, "step_description": "Adds flour"},
                {"start_time": 600.0, "end_time": 610.0, "step_description": "Takes bowl"},
                {"start_time": 600.0, "end_time": 610.0, "step_description": " "}, {"start_time": 1, "end_time": 2}]},
              {"start_time": 540, "end_time": 541, "step_description": "Washes hands", "segments": []}]}
            """#)
        #expect(harvest.reasons.isEmpty)
        #expect(harvest.texts == [["Washes hands", "Takes bowl", "Makes dough", "Adds flour"]])
        #expect(harvest.times == [[540.5, 605, 650, 650]])
        #expect(harvest.videos[0].narrations[2].annotated == Interval(600, 700))
        #expect(harvest.videos[0].video.durationSec == 1_956.5)
        #expect(harvest.counts == ["without-text": 2])
    }

    @Test func badSegmentsAreProblemsAndTheirSubstepsGoOn() throws {
        let harvest = try Self.harvest(
            #"""
            {"video_uid": "a", "end_time": NaN, "segments": [
              {"start_time": NaN, "end_time": 2, "step_description": "a", "segments": [
                {"start_time": 1, "end_time": 2, "step_description": "good"}]},
              {"start_time": 3, "end_time": 2, "step_description": "a"}, {"start_time": -1, "end_time": 2,
              "step_description": "a"}, {"end_time": 2, "step_description": "a"}, 5,
              {"start_time": 1, "end_time": "2", "step_description": "a"}, {"start_time": 01, "step_description": "a"},
              {"start_time": 1, "end_time": 3, "step_description": "b", "segments": 7}]},
            {"video_uid": "a"}, {"start_time": 1}, 7, {"video_uid": "b", "segments": {}}, {"video_uid": "c"}
            """#)
        #expect(harvest.texts == [["good", "b"], []])
        #expect(
            harvest.videos[0].problems.map(\.reason) == [
                "not-a-number", "reversed-interval", "negative-time", "missing-key", "wrong-type", "wrong-type",
                "malformed-json", "wrong-type",
            ])
        #expect(harvest.problems.map(\.reason) == ["duplicate-video", "missing-key", "wrong-type", "wrong-type"])
        #expect(harvest.counts["without-duration"] == 2)
        #expect(harvest.videos[0].problems[1].message.contains("line 4"))
        #expect(harvest.videos[0].problems[4].raw == Bytes("5".utf8))
    }

    /// 92 seconds, and then a stack without room, for 30,000 levels.
    @Test(.timeLimit(.minutes(1)), arguments: [16, 17, 30_000])
    func segmentsHaveADepth(_ depth: Int) throws {
        let open = #"[{"start_time": 1, "end_time": 2, "step_description": "a", "segments": "#
        let text = String(repeating: open, count: depth) + "[]" + String(repeating: "}]", count: depth)
        let harvest = try Self.harvest(#"{"video_uid": "a", "end_time": 9, "segments": \#(text)}"#)
        #expect(harvest.texts == [Array(repeating: "a", count: min(depth, GoalStepAdapter.depthMax))])
        #expect(harvest.reasons == (depth > GoalStepAdapter.depthMax ? ["too-deep"] : []))
    }

    @Test func wholeNumbersBeyondAllTimesAreProblems() throws {
        let harvest = try Self.harvest(
            #"""
            {"video_uid": "a", "end_time": -9223372036854775808, "segments": [
              {"start_time": -9223372036854775808, "end_time": 2, "step_description": "x"},
              {"start_time": 1, "end_time": 9223372036854775807, "step_description": "x"}]}
            """#)
        #expect(harvest.reasons == ["negative-time", "time-out-of-range"])
        #expect(harvest.counts == ["without-duration": 1])
    }

    @Test func aFileOfAnotherKindIsAnError() throws {
        let file = try TemporaryFile(#"{"v": {"narration_pass_1": {}}}"#)
        #expect(try Harvest(GoalStepAdapter(annotations: file.path)).error?.message.contains("goalstep") == true)
    }
}

@Suite struct CaptainCook4DAdapterTests {
    @Test func stepsNotPerformedAreSkipped() throws {
        let file = try TemporaryFile(
            #"""
            {"1_7": {"recording_id": "1_7", "steps": [
               {"step_id": 3, "start_time": 50.5, "end_time": 60.5, "description": "Pour-Pour 1 egg"},
               {"start_time": -1, "end_time": -1, "description": "x"}, {"start_time": -1.0, "end_time": 4},
               {"start_time": 7.0, "end_time": 8.0, "description": "Coat -Coat"}, {"start_time": 1, "end_time": 2}]},
             "2_1": {"steps": []}}
            """#)
        let harvest = try Harvest(CaptainCook4DAdapter(annotations: file.path))
        #expect(harvest.texts == [["Coat -Coat", "Pour-Pour 1 egg"], []])
        #expect(harvest.times == [[7.5, 55.5], []])
        #expect(harvest.counts == ["not-performed": 2, "without-text": 1])
        #expect(harvest.videos.map(\.video.videoUID) == ["1_7", "2_1"])
        #expect(harvest.videos[0].video.clips.map(\.span) == [Interval(0, 60.5)])
        #expect(harvest.videos[1].video.clips == [])
        #expect(harvest.reasons.isEmpty)
    }

    @Test func badStepsAreProblems() throws {
        let file = try TemporaryFile(
            #"""
            {"a": {"recording_id": "a", "steps": [
               {"start_time": -2, "end_time": 3, "description": "x"}, {"start_time": 1, "end_time": -1, "description": "x"},
               {"start_time": NaN, "end_time": 3, "description": "x"}, {"start_time": 4, "end_time": 3, "description": "x"},
               {"start_time": "4", "end_time": 3, "description": "x"}, null]},
             "b": 5, "c": {"recording_id": "a", "steps": []}, "d": {"recording_id": "d"}, "e": {"steps": 5}}
            """#)
        let harvest = try Harvest(CaptainCook4DAdapter(annotations: file.path))
        #expect(
            harvest.videos.first?.problems.map(\.reason) == [
                "negative-time", "negative-time", "not-a-number", "reversed-interval", "wrong-type", "wrong-type",
            ])
        #expect(harvest.problems.map(\.reason) == ["wrong-type", "duplicate-video", "missing-key", "wrong-type"])
        #expect(harvest.problems[0].key == "b")
    }
}

@Suite struct JSONLinesAdapterTests {
    private static func harvest(_ text: String) throws -> Harvest {
        try Harvest(JSONLinesAdapter(file: TemporaryFile(text, name: "n.jsonl").path))
    }

    @Test func wholeNumbersBeyondAllPassesAreProblems() throws {
        let harvest = try Self.harvest(
            #"""
            {"video_uid": "a", "timestamp_sec": 1, "text": "x", "pass": -9223372036854775808}
            {"video_uid": "a", "timestamp_sec": -9223372036854775808, "text": "x"}
            {"video_uid": "a", "timestamp_sec": 2, "text": "good", "z": -9223372036854775808}
            {"kind": "narration", "video_uid": "a", "pass": 1, "index": -9223372036854775808, "timestamp_sec": 1, "text": "x"}
            """#)
        #expect(harvest.reasons.sorted() == ["negative-time", "wrong-type", "wrong-type"])
        #expect(harvest.texts == [["good"]])
    }

    @Test func looseNarrationsInAnyKeyOrder() throws {
        let harvest = try Self.harvest(
            #"""
            {"video_uid": "a", "timestamp_sec": 5, "text": "late", "duration_sec": 900}

            {"narration_text": "early\n", "time": 1.5, "start_sec": 1, "end_sec": 2, "video_uid": "a", "x": [1]}
            {"video_uid": "a", "pass": 2, "start_sec": 4, "end_sec": 8, "text": "second"}
            """# + "\r\n" + #"{"video_uid":"b","time":0,"text":"t"}"#)
        #expect(harvest.reasons.isEmpty)
        #expect(harvest.texts == [["early\n", "late"], ["second"], ["t"]])
        #expect(harvest.times == [[1.5, 5], [6], [0]])
        #expect(harvest.videos[0].narrations[0].annotated == Interval(1, 2))
        #expect(harvest.videos[0].video.durationSec == 900)
        #expect(harvest.videos.map(\.video.pass) == [1, 2, 1])
        #expect(harvest.videos[2].video.source == "jsonl")
    }

    @Test func ourOwnRecordsComeBackAsTheyWere() throws {
        let clip = Clip(clipUID: "c", span: Interval(0, 10))
        let video = Video(
            videoUID: "v", pass: 2, source: "ego4d", durationSec: 10, clips: [clip], splits: ["val"],
            hasFeatures: true, revision: 3)
        let narrations = (0..<3).map {
            Narration(
                videoUID: "v", pass: 2, index: $0, timestampSec: Double($0), text: "n\($0)", annotated: Interval(0, 9))
        }
        let events: [NarrationEvent] =
            [.video(video)] + narrations.map { .narration($0) }
            + [.end(EndOfVideo(videoUID: "v", pass: 2, narrations: 3))]
        let text = events.map { String(decoding: $0.json, as: UTF8.self) + "\n" }.joined()
        let harvest = try Self.harvest(text)
        #expect(harvest.videos == [VideoNarrations(video: video, narrations: narrations)])
        #expect(harvest.reasons.isEmpty)
        let cut = try Self.harvest(text.split(separator: "\n").dropLast().joined(separator: "\n"))
        #expect(cut.reasons == ["missing-end"])
        let lost = try Self.harvest(
            text.split(separator: "\n").enumerated().filter { $0.offset != 2 }.map(\.element).joined(separator: "\n"))
        #expect(lost.reasons == ["count-mismatch"])
        #expect(lost.videos[0].narrations.map(\.index) == [0, 1])
        let twice = try Self.harvest(text + text)
        #expect(twice.videos.count == 1)
        #expect(twice.reasons == ["duplicate-video"])
    }

    @Test func badLinesAreProblemsWithTheirLine() throws {
        let bad: [(String, String)] = [
            ("{", "malformed-json"), ("[]", "wrong-type"), ("5", "wrong-type"),
            (#"{"time": 1, "text": "t"}"#, "missing-key"),
            (#"{"video_uid": "", "time": 1, "text": "t"}"#, "bad-uid"), (#"{"video_uid": 5}"#, "wrong-type"),
            (#"{"video_uid": "a", "time": 1, "text": "t"} x"#, "malformed-json"),
            (#"{"video_uid": "a", "time": "1", "text": "t"}"#, "wrong-type"),
            (#"{"video_uid": "a", "time": NaN, "text": "t"}"#, "not-a-number"),
            (#"{"video_uid": "a", "time": -1, "text": "t"}"#, "negative-time"),
            (#"{"video_uid": "a", "text": "t"}"#, "missing-key"), (#"{"video_uid": "a", "time": 1}"#, "missing-key"),
            (#"{"video_uid": "a", "time": 1, "text": "t", "pass": 0}"#, "wrong-type"),
            (#"{"video_uid": "a", "time": 1, "text": "t", "start_sec": 1}"#, "missing-key"),
            (#"{"video_uid": "a", "time": 1, "text": "t", "start_sec": 2, "end_sec": 1}"#, "reversed-interval"),
            (#"{"kind": "thing", "video_uid": "a"}"#, "wrong-type"),
            (#"{"kind": "narration", "video_uid": "a"}"#, "missing-key"),
            (#"{"kind": "end", "video_uid": "zz", "narrations": 0}"#, "count-mismatch"),
            (#"{"video_uid": "a", "time": 1, "text": "\#(String(repeating: "x", count: 8 << 20))"}"#, "text-too-long"),
        ]
        for (line, reason) in bad {
            let good = #"{"video_uid": "a", "time": 1, "text": "good"}"#
            let harvest = try Self.harvest("\(good)\n\(line)\n\(good)\n")
            #expect(harvest.texts == [["good", "good"]])
            #expect(harvest.reasons == [reason], "\(line.prefix(80))")
            let problem = (harvest.problems + harvest.videos.flatMap(\.problems)).first
            #expect(problem?.message.contains("line 2, byte 46") == true, "\(line.prefix(80))")
            #expect(problem?.raw.prefix(100) == Bytes(line.utf8).prefix(100))
        }
    }

    @Test func invalidUTF8IsAProblem() throws {
        let bytes = Bytes(#"{"video_uid": "a", "time": 1, "text": ""#.utf8) + [0xff] + Bytes(#""}"#.utf8)
        let harvest = try Harvest(JSONLinesAdapter(file: TemporaryFile(bytes).path))
        #expect(harvest.reasons == ["invalid-utf8"])
    }

    @Test func aVideoThatComesBackIsRefused() throws {
        let line = { (uid: String, time: Int) in "{\"video_uid\": \"\(uid)\", \"time\": \(time), \"text\": \"t\"}\n" }
        let harvest = try Self.harvest(line("a", 1) + line("b", 1) + line("a", 2) + line("a", 3) + line("b", 2))
        #expect(harvest.times == [[1], [1]])
        #expect(harvest.reasons == ["duplicate-video", "duplicate-video"])
        #expect(harvest.problems[0].message.contains("2 entries"))
    }

    @Test func aVideoThatDoesNotFitInMemoryIsOneProblem() throws {
        let text = String(repeating: "x", count: 4 << 20)
        let lines = (0..<10).map { "{\"video_uid\": \"a\", \"time\": \($0), \"text\": \"\(text)\"}\n" }.joined()
        let harvest = try Self.harvest(lines + #"{"video_uid": "b", "time": 1, "text": "t"}"#)
        #expect(harvest.reasons == ["video-too-large"])
        #expect(harvest.texts == [["t"]])
    }
}
