// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records
import Testing
import VideoAnnotations

@testable import Dialogues

/// Videos as they come, record by record, and what becomes of them.
@Suite struct ActivityOperatorTests {
    /// The output of the operator.
    private struct Outcome {
        var activities: [Activity] = []
        var counts: [String: Int] = [:]
        var letters: [Letter] = []
    }

    private static let context = OperatorContext(topologyHash: "topology")

    private static func elements(_ videos: [VideoNarrations]) -> [Element<NarrationEvent>] {
        var events: [NarrationEvent] = []
        for video in videos {
            events.append(video.first(revision: 1))
            video.forEach { events.append($0) }
            events.append(video.end)
        }
        return events.enumerated().map { offset, event in
            Element(key: Bytes(event.videoUID.utf8), value: event, origin: Offset(offset))
        }
    }

    private static func run(
        _ step: inout ActivityOperator, _ elements: some Sequence<Element<NarrationEvent>>
    ) -> Outcome {
        var collector = Collector<Activity>(step: "activity")
        for element in elements { step.process(element, into: &collector) }
        return Outcome(
            activities: collector.elements.map(\.value), counts: collector.notes.counts,
            letters: collector.notes.letters)
    }

    private static func run(
        _ videos: [VideoNarrations], _ configure: (inout Configuration) -> Void = { _ in }
    ) throws -> Outcome {
        var configuration = Configuration()
        configure(&configuration)
        var step = try ActivityOperator(configuration, Self.context)
        return Self.run(&step, Self.elements(videos))
    }

    /// A video with steps of 8 s each, with or without pauses between them.
    private static func video(
        _ uid: String, steps: Int, every seconds: Double = 10, text: String = "does it", split: String? = nil
    ) -> VideoNarrations {
        let narrations = (0..<steps).map { index in
            let start = Double(index) * seconds
            return Narration(
                videoUID: uid, index: index, timestampSec: start + 4, text: "\(text) \(index)",
                annotated: Interval(start, start + 8))
        }
        let video = Video(
            videoUID: uid, source: "epic-kitchens", durationSec: max(1, Double(steps) * seconds),
            details: VideoDetails(sourceSplit: split))
        return VideoNarrations(video: video, narrations: narrations)
    }

    @Test func `a video is an activity where enough of it is annotated`() throws {
        let outcome = try Self.run([
            Self.video("a", steps: 45), Self.video("b", steps: 5, every: 40), Self.video("c", steps: 0),
        ])
        let activity = try #require(outcome.activities.first)
        #expect(outcome.activities.count == 1 && outcome.letters.isEmpty)
        #expect(outcome.counts == ["little-annotated": 1, "no-steps": 1])
        #expect(activity.clips.map(\.span) == [Interval(0, 198), Interval(200, 398), Interval(400, 448)])
        #expect(activity.clips.map(\.lines.count) == [20, 20, 5])
        // Four steps more are shown behind a clip, five before it.
        #expect(activity.clips[1].text.hasPrefix("[150.0s-158.0s] does it 15\n"))
        #expect(activity.clips[1].text.hasSuffix("\n[430.0s-438.0s] does it 43"))
        #expect(activity.stepCount == 45 && activity.lines.count == 45)
        #expect(abs(activity.annotatedShare - 0.8) < 1e-12)
    }

    @Test func `the least share, and the parts that are left out, can be chosen`() throws {
        let videos = [Self.video("a", steps: 5, every: 40, split: "train"), Self.video("b", steps: 5, split: "test")]
        let outcome = try Self.run(videos) {
            $0.set(ActivityOperator.leastAnnotated, 0.1)
            $0.set(ActivityOperator.excludeSplits, [.val, .test])
        }
        #expect(outcome.activities.map(\.videoUID) == ["a"] && outcome.activities.map(\.split) == ["train"])
        #expect(outcome.counts == ["excluded-split": 1])
    }

    @Test func `a video with more text than a record holds is a dead letter, and others go on`() throws {
        let long = String(repeating: "x", count: 400_000)
        let outcome = try Self.run([
            Self.video("a", steps: 45, text: long), Self.video("b", steps: 3),
            Self.video("c", steps: ActivityFault.linesMax + 1),
        ])
        #expect(outcome.activities.map(\.videoUID) == ["b"])
        #expect(outcome.letters.map(\.reason) == ["activity-too-large", "activity-too-long"])
        #expect(outcome.letters.allSatisfy { $0.message.contains("video ") && $0.message.contains("shorter videos") })
    }

    @Test func `a stage that is killed anywhere goes on where it was`() throws {
        let elements = Self.elements([Self.video("a", steps: 30), Self.video("b", steps: 8)])
        var step = try ActivityOperator(Configuration(), Self.context)
        let whole = Self.run(&step, elements)
        for cut in 0...elements.count {
            var first = try ActivityOperator(Configuration(), Self.context)
            let before = Self.run(&first, elements[..<cut])
            let state = first.stateChanges().compactMap { change in
                change.value.map { StateEntry(key: change.key, value: $0) }
            }
            var second = try ActivityOperator(Configuration(), Self.context)
            try second.restore(state)
            let after = Self.run(&second, elements[cut...])
            #expect(before.activities + after.activities == whole.activities, "cut at \(cut)")
        }
    }

    @Test func `numbers that are none, and intervals that run backwards, are dropped`() throws {
        var video = Self.video("a", steps: 4)
        video.narrations[1].annotated = Interval(9, 3)
        video.narrations[2].annotated = nil
        video.narrations[3].annotated = Interval(.nan, 4)
        let outcome = try Self.run([video]) { $0.set(ActivityOperator.leastAnnotated, 0) }
        #expect(outcome.activities.map(\.stepCount) == [1])
        #expect(outcome.counts == ["no-interval": 3])
    }

    @Test func `opposites are those of the original, inside words too`() {
        #expect(StepReading.opposite(of: "attach cabin to chassis", verb: "attach") == "detach cabin from chassis")
        #expect(StepReading.opposite(of: "attach motor to bottom", verb: "attach") == "detach mofromr from botfromm")
        #expect(StepReading.opposite(of: "detach a from b", verb: "detach") == "attach a to b")
    }

    // MARK: Real files

    private static let shared: URL = {
        var root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root.deletingLastPathComponent().appendingPathComponent("shared/data")
    }()

    private static func path(_ name: String) -> String { Self.shared.appendingPathComponent(name).path }
    private static func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: Self.path(name)) }

    @Test(.enabled(if: Self.exists("ego4d-goalstep"), "needs ../shared/data/ego4d-goalstep"))
    func `GoalStep's validation file makes the activities that the original makes`() throws {
        let videos = try SourceVideos(
            GoalStepAdapter(annotations: Self.path("ego4d-goalstep/goalstep_valid.json"))
        ).videos
        let original = try Self.run(videos) { $0.set(Manner.field, .original) }
        let mended = try Self.run(videos)
        // 119 of the 134 reach one half; five have no essential step.
        let made = try videos.map { try ActivityMaking(.original).activity(of: $0.video, $0.narrations) }
        #expect(made.compactMap(\.activity).count { $0.annotatedShare >= 0.5 } == 119)
        #expect(made.compactMap(\.activity).count { $0.annotatedShare > 1 } == 2)
        #expect(made.compactMap(\.activity).reduce(0) { $0 + $1.clips.count } == 621)
        #expect(made.compactMap(\.activity).map(\.clips.count).max() == 22)
        #expect(made.count { $0.drop == .noSteps } == 5)
        #expect(mended.activities.count == original.activities.count)
        #expect(mended.activities.allSatisfy { $0.split == "val" })
        print(
            "goalstep_valid: \(videos.count) videos, \(mended.activities.count) kept, "
                + "\(mended.activities.reduce(0) { $0 + $1.clips.count }) clips, "
                + "\(mended.counts.sorted { $0.key < $1.key })")
    }

    @Test(.enabled(if: Self.exists("epic-kitchens-100"), "needs ../shared/data/epic-kitchens-100"))
    func `EPIC-KITCHENS' validation file makes the activities that the original makes`() throws {
        let videos = try SourceVideos(
            EpicKitchensAdapter(
                annotations: Self.path("epic-kitchens-100/EPIC_100_validation.csv"),
                videos: Self.path("epic-kitchens-100/EPIC_100_video_info.csv"))
        ).videos
        let outcome = try Self.run(videos)
        let made = try videos.map { try ActivityMaking(.original).activity(of: $0.video, $0.narrations).activity }
        #expect(made.count { ($0?.annotatedShare ?? 0) >= 0.5 } == 126)
        #expect(made.count { ($0?.annotatedShare ?? 0) > 1 } == 4)
        #expect(outcome.activities.count == 126 && outcome.counts["little-annotated"] == 12)
        print("EPIC_100_validation: \(videos.count) videos, \(outcome.activities.count) kept, \(outcome.counts)")
    }

    // MARK: Samples

    private static let samples = "proassist-samples/handmade"

    /// The samples' folders, by data set, and what ProAssist's own loaders and parsers make of them.
    @Test(
        .enabled(if: Self.exists(Self.samples), "needs ../shared/data/proassist-samples"),
        arguments: ["ego4d", "egoexolearn", "epickitchens", "assembly101", "holoassist", "wtag"])
    func `the samples make what the original makes of them`(_ dataset: String) throws {
        let parsed = try JSONValue(
            parsing: Bytes(try Data(contentsOf: URL(fileURLWithPath: Self.path("\(Self.samples)/parsed.json")))))
        let expected = try ["train", "val"].flatMap { try #require(parsed[dataset]?[$0]?.array) }
        let videos = try Self.sampleVideos(dataset)
        let made = try videos.compactMap {
            try ActivityMaking(.original).activity(of: $0.video, $0.narrations).activity
        }
        for one in expected {
            let uid = try one.text("video_uid")
            let activity = try #require(made.first { $0.videoUID == uid }, "\(uid)")
            #expect(activity.stepDescriptions == (try one.text("all_step_descriptions")))
            #expect(activity.clips.map(\.text) == (try one.list("clips").compactMap { $0.array?.last?.string }))
            #expect(abs(activity.durationSec - (try one.number("duration"))) < 1e-6)
            #expect(abs(activity.annotatedShare - (try one.number("ann_ratio"))) < 1e-6)
            #expect(activity.stepCount == (try one.whole("num_steps")))
            #expect(activity.videoStartSec == (try one.number("video_start_time")))
        }
        #expect(made.count == expected.count)
    }

    private static func sampleVideos(_ dataset: String) throws -> [VideoNarrations] {
        func path(_ name: String) -> String { Self.path("\(Self.samples)/\(name)") }
        switch dataset {
        case "ego4d":
            return try ["train", "val"].flatMap {
                try SourceVideos(
                    GoalStepAdapter(annotations: path("ego4d_track2/v2/annotations/goalstep_\($0).json"))
                ).videos
            }
        case "holoassist":
            let lists = ["train", "val", "test"].map { path("holoassist/\($0)-v1_2.txt") }
            let videos = try SourceVideos(
                HoloAssistAdapter(annotations: path("holoassist/data-annotation-trainval-v1_1.json"), splits: lists)
            ).videos
            return videos.filter { $0.video.details.sourceSplit == "train" || $0.video.details.sourceSplit == "val" }
        case "egoexolearn":
            return try SourceVideos(
                EgoExoLearnAdapter(annotations: path("EgoExoLearn/annotations/fine_annotation_trainval_en.csv"))
            ).videos
        case "epickitchens":
            let tables = path("epic-kitchens/epic-kitchens-100-annotations")
            return try ["train", "validation"].flatMap {
                try SourceVideos(
                    EpicKitchensAdapter(
                        annotations: "\(tables)/EPIC_100_\($0).csv", videos: "\(tables)/EPIC_100_video_info.csv")
                ).videos
            }
        case "wtag": return try SourceVideos(WTaGAdapter(folder: path("WTaG"))).videos
        default:
            return try SourceVideos(
                Assembly101Adapter(annotations: path("assembly101/annotations"), videos: path("assembly101/videos"))
            ).videos
        }
    }
}
