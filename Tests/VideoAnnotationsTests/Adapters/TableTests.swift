// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import TaskRooms
import Testing

@testable import VideoAnnotations

@Suite struct EpicKitchensAdapterTests {
    private static let header = "narration_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,narration\n"

    private static func harvest(_ rows: String, videos: String? = nil) throws -> Harvest {
        let file = try TemporaryFile(self.header + rows)
        let info = try videos.map { try TemporaryFile($0) }
        return try Harvest(EpicKitchensAdapter(annotations: file.path, videos: info?.path))
    }

    @Test func rowsAreGroupedAndSorted() throws {
        let rows = """
            1,B,00:00:05.100,00:00:04.00,00:00:06.5,"take cup, and plate"
            2,A,01:05:27.840,01:05:27.28,01:05:31.97,cut "it"
            3,B,,00:00:01.00,00:00:02.00,"two
            lines"
            """
        let harvest = try Self.harvest(rows, videos: "video_id,duration,fps\nB,600.25,60\n")
        #expect(harvest.reasons.isEmpty)
        #expect(harvest.videos.map(\.video.videoUID) == ["B", "A"])
        #expect(harvest.texts == [["two\nlines", "take cup, and plate"], ["cut \"it\""]])
        #expect(harvest.times == [[1.5, 5.1], [3_927.84]])
        #expect(harvest.videos[0].narrations.map(\.annotated) == [Interval(1, 2), Interval(4, 6.5)])
        #expect(harvest.videos.map(\.video.durationSec) == [600.25, nil])
        #expect(harvest.counts == ["without-narration-time": 1, "not-in-videos": 1])
        #expect(harvest.videos[0].video.clips.map(\.span) == [Interval(0, 480), Interval(480, 600.25)])
        #expect(harvest.videos[1].video.source == "epic-kitchens")
    }

    @Test func badRowsAreProblems() throws {
        let rows = """
            1,A,00:00:01,00:00:04.00,00:00:03.00,reversed
            2,A,nan,00:00:01,00:00:02,a
            3,A,soon,00:00:01,00:00:02,a
            4,A,00:00:01,,00:00:02,a
            5,A,00:00:01,-1,00:00:02,a
            6,A,00:00:01,00:00:01,00:00:02,a,b
            7,,00:00:01,00:00:01,00:00:02,a
            8,A,00:00:01,00:00:01,00:00:02,good
            """
        let harvest = try Self.harvest(rows)
        #expect(
            harvest.reasons == [
                "wrong-field-count", "bad-uid", "reversed-interval", "not-a-number", "not-a-number", "missing-key",
                "negative-time",
            ])
        #expect(harvest.texts == [["good"]])
        #expect(harvest.videos[0].problems[1].message.contains("line 3, byte"))
        #expect(harvest.videos[0].problems[1].raw == Bytes("2,A,nan,00:00:01,00:00:02,a".utf8))
        #expect(throws: SourceError.self) { try Self.harvest("", videos: "video_id,duration\nA,x\n") }
        #expect(throws: SourceError.self) { try Self.harvest("", videos: "video,duration\nA,1\n") }
    }

    @Test(arguments: [
        ("00:00:00.560", 0.56), ("00:05:27.840", 327.84), ("27.5", 27.5), ("1:02.25", 62.25), ("10:00:00", 36_000),
    ])
    func timestamps(text: String, seconds: Double) {
        #expect(EpicKitchensAdapter.seconds(ofTimestamp: text) == seconds)
    }

    @Test(arguments: ["", ":", "a:b", "1:-2", "1:2:3:4", "00:00:1.x", "99999999999:00:00", "1:٣"])
    func noTimestamps(text: String) {
        #expect(EpicKitchensAdapter.seconds(ofTimestamp: text) == nil)
    }
}

@Suite struct EgoClipAdapterTests {
    private static let header =
        "clip_idx\tvideo_uid\tvideo_dur\tnarration_source\tnarration_ind\tnarration_time\tclip_start\tclip_end\tclip_text\n"

    private static func harvest(_ rows: String, passes: PassSelection = .both) throws -> Harvest {
        let file = try TemporaryFile(self.header + rows.replacingOccurrences(of: "|", with: "\t"))
        return try Harvest(EgoClipAdapter(annotations: file.path, passes: passes))
    }

    @Test func rowsOfAVideoAndPassAreAGroup() throws {
        let rows = """
            0|a|1200.5|narration_pass_1|1|9.5|9.25|9.75|#C C picks
            1|a|1200.5|narration_pass_1|0|3.3445|-0.1|3.721266|"#unsure ""x"" "
            2|a|1200.5|narration_pass_2|0|3.0|||b
            3|b||narration_pass_1|0|1|0.5|1.5|c
            """
        let harvest = try Self.harvest(rows)
        #expect(harvest.reasons.isEmpty)
        #expect(harvest.videos.map { "\($0.video.videoUID)/\($0.video.pass)" } == ["a/1", "a/2", "b/1"])
        #expect(harvest.texts == [["#unsure \"x\" ", "#C C picks"], ["b"], ["c"]])
        #expect(harvest.videos[0].narrations.map(\.annotated) == [Interval(0, 3.721266), Interval(9.25, 9.75)])
        #expect(harvest.videos.map(\.video.durationSec) == [1_200.5, 1_200.5, nil])
        #expect(harvest.counts == ["clamped-start": 1, "without-interval": 1])
        let second = try Self.harvest(rows, passes: .second)
        #expect(second.texts == [["b"]])
        #expect(second.counts["other-pass"] == 3)
    }

    @Test func aVideoThatComesBackIsRefused() throws {
        let rows = """
            0|a|10|narration_pass_1|0|1|0|2|x
            1|b|10|narration_pass_1|0|1|0|2|x
            2|a|10|narration_pass_1|1|2|1|3|late
            3|a|10|narration_pass_1|2|3|2|4|later
            4|a|10|narration_pass_2|0|1|0|2|y
            """
        let harvest = try Self.harvest(rows)
        #expect(harvest.texts == [["x"], ["x"], ["y"]])
        #expect(harvest.reasons == ["duplicate-video"])
        #expect(harvest.problems[0].key == "a")
        #expect(harvest.problems[0].message.contains("line 4"))
        #expect(harvest.problems[0].message.contains("sort the file"))
        #expect(harvest.problems[0].message.contains("2 entries"))
        #expect(String(decoding: harvest.problems[0].raw, as: UTF8.self).hasSuffix("late"))
    }

    @Test func badRowsAreProblems() throws {
        let rows = """
            0|a|10|narration_pass_1|0|nan|0|2|x
            1|a|10|narration_pass_1|0|-1|0|2|x
            2|a|10|narration_pass_1|0|1|x|2|x
            3|a|10|narration_pass_1|0|1|3|2|x
            4|a|10|narration_pass_1|0|1|0|2
            5|a|10|narration_pass_3|0|1|0|2|x
            6||10|narration_pass_1|0|1|0|2|x
            7|a|10|narration_pass_1|0|1|0|2|good
            """
        let harvest = try Self.harvest(rows)
        #expect(harvest.texts == [["good"]])
        #expect(
            harvest.problems.map(\.reason) == ["wrong-field-count", "wrong-type", "bad-uid"])
        #expect(
            harvest.videos[0].problems.map(\.reason) == [
                "not-a-number", "negative-time", "not-a-number", "reversed-interval",
            ])
    }
}
