// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Testing
import VideoAnnotations

@testable import Dialogues

@Suite struct ActivityTests {
    static let activity: Activity = {
        let lines = [
            ActivityLine(level: .step, start: 2.25, end: 12.35, text: "boil water"),
            ActivityLine(level: .substep, start: 3, text: "take \"the\" kettle"),
        ]
        let clip = ActivityClip(
            span: Interval(2.25, 12.35), text: lines.map { $0.printed + "\n" }.joined(), lines: lines)
        return Activity(
            dataset: "ego4d", domain: "cooking", knowledgeType: "cooking recipe", videoUID: "v", goal: "Make tea",
            stepDescriptions: clip.text, lines: lines, clips: [clip], durationSec: 99.5, annotatedShare: 0.1,
            stepCount: 1, substepCount: 1, fps: 30, split: "val", session: "s")
    }()

    @Test func linesArePrintedAsTheModelIsShownThem() {
        #expect(Self.activity.stepDescriptions == "[2.2s-12.3s] boil water\n - [3.0s] take \"the\" kettle\n")
    }

    @Test func whatIsWrittenIsReadBack() throws {
        var activity = Self.activity
        #expect(try JSONScanner.scan(activity.json) { json throws(JSONError) in try Activity(json: &json) } == activity)
        activity.drafts = ["a", "b"]
        activity.knowledge = "k"
        activity.labels = ["1": 9, "0": 1]
        #expect(try JSONScanner.scan(activity.json) { json throws(JSONError) in try Activity(json: &json) } == activity)
    }

    @Test func whatIsMissingIsSaid() {
        let json = #"{"dataset":"x","video_uid":"v","duration_sec":NaN}"#
        #expect(throws: JSONError.self) {
            try JSONScanner.scan(Array(json.utf8)) { json throws(JSONError) in try Activity(json: &json) }
        }
    }
}
