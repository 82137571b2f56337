// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import TaskRooms
import Testing

@testable import VideoAnnotations

/// The sources of dialogues: what their records say, and what becomes of a fault.
@Suite struct ActivitySourceTests {
    /// Files in a folder of their own.
    private static func folder(_ files: [(path: String, text: String)]) throws -> URL {
        let folder = try TemporaryFile("").url.deletingLastPathComponent().appendingPathComponent("files")
        for (path, text) in files {
            let url = folder.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        return folder
    }

    @Test(arguments: [
        ("goalstep_train.json", SourceSplit.train), ("a/EPIC_100_validation.csv", .val), ("goalstep_valid.json", .val),
        ("test-v1_2.txt", .test), ("data-annotation-trainval-v1_1.json", nil), ("val/x.json", nil),
        ("train_and_test.json", nil),
    ])
    func `the name of a file says its part`(_ path: String, _ split: SourceSplit?) {
        #expect(SourceSplit(path: path) == split)
    }

    // MARK: GoalStep and EPIC-KITCHENS

    @Test func `GoalStep keeps the order of the file, the part and the start`() throws {
        let file = try TemporaryFile(
            #"""
            {"videos": [{"video_uid": "a", "start_time": 10.5, "end_time": 90, "segments": [
              {"start_time": 50, "end_time": 60, "step_description": "second"},
              {"start_time": 20, "end_time": 30, "step_description": "first"}]}]}
            """#, name: "goalstep_val.json")
        let video = try #require(try Harvest(GoalStepAdapter(annotations: file.path)).videos.first)
        #expect(video.video.details == VideoDetails(sourceSplit: "val", annotatedStartSec: 10.5))
        #expect(video.narrations.map(\.text) == ["first", "second"])
        #expect(video.narrations.map(\.details.order) == [1, 0])
    }

    @Test func `EPIC-KITCHENS says rate, person and part`() throws {
        let table = "video_id,start_timestamp,stop_timestamp,narration\nP01_11,00:00:01.0,00:00:02.0,x\n"
        let annotations = try TemporaryFile(table, name: "EPIC_100_train.csv")
        let videos = try TemporaryFile("video_id,duration,fps\nP01_11,60.5,59.94\n", name: "info.csv")
        let video = try #require(
            try Harvest(EpicKitchensAdapter(annotations: annotations.path, videos: videos.path)).videos.first)
        #expect(video.video.details == VideoDetails(sourceSplit: "train", session: "P01", fps: 59.94))
        #expect(video.narrations.map(\.details) == [NarrationDetails()])
        let other = try Harvest(
            EpicKitchensAdapter(annotations: annotations.path, videos: videos.path, split: .test))
        #expect(other.videos.map(\.video.details.sourceSplit) == ["test"])
    }

    @Test func `Ego4D says the part of a video where it is asked to`() throws {
        let narrations = try TemporaryFile(
            #"{"a": {"narrations": []}, "b": {"narrations": []}, "c": {"narrations": []}, "d": {"narrations": []}}"#)
        let metadata = try TemporaryFile(
            #"""
            {"videos": [{"video_uid": "a", "split_em": "train", "split_fho": null}, {"video_uid": "b", "split_em": "val",
             "split_goalstep": "test"}, {"video_uid": "c", "split_av": "val", "split_em": "multi"}, {"video_uid": "d"}]}
            """#, name: "ego4d.json")
        func parts(_ saysParts: Bool) throws -> [String?] {
            let adapter = try Ego4DAdapter(
                narrations: narrations.path, metadata: metadata.path, saysParts: saysParts)
            return try Harvest(adapter).videos.map(\.video.details.sourceSplit)
        }
        #expect(try parts(true) == ["train", "test", "val", nil])
        #expect(try parts(false) == [nil, nil, nil, nil])
    }

    // MARK: HoloAssist

    @Test func `HoloAssist's events are what their attributes say`() throws {
        let file = try TemporaryFile(
            #"""
            [{"video_name": "R1-lamp", "taskType": "assemble lamp",
              "videoMetadata": {"duration": {"seconds": 100.0}, "video": {"fps": 24.46}}, "events": [
               {"label": "x", "start": 0, "end": 100, "attributes": {"Long form description": " The student does it. "}},
               {"label": "x", "start": 9, "end": 11, "attributes": {"Conversation Purpose": "student-ask",
                 "Transcription": "Is this *unintelligible* it?"}},
               {"label": "x", "start": 11, "end": 12, "attributes": {"Conversation Purpose": "instructor-reply",
                 "Transcription": "*unintelligible*"}},
               {"label": "x", "start": 5, "end": 20, "attributes": {"Action sentence": "The student grabs the foot_plate."}},
               {"label": "x", "start": 12, "end": 13.5, "attributes": {"Action Correctness": "otherwise", "Verb": "screw",
                 "Incorrect Action Explanation": "The student took it.", "Adjective": "long", "Noun": "foot_bolt"}},
               {"label": "x", "start": 14, "end": 15, "attributes": {"Action Correctness": "Correct Action", "Verb": "take",
                 "Adjective": "wrong", "Noun": "bolt"}},
               {"label": "x", "start": 14, "end": 15, "attributes": {"Action Correctness": "Correct Action", "Verb": "take"}},
               {"label": "x", "start": 16, "end": 15, "attributes": {"Action sentence": "backwards"}},
               {"label": "x", "start": 16, "end": 17, "attributes": {"Other": 1}}]}]
            """#)
        let list = try TemporaryFile("\nR1-lamp\r\nother\n", name: "val-v1_2.txt")
        let harvest = try Harvest(HoloAssistAdapter(annotations: file.path, splits: [list.path]))
        let video = try #require(harvest.videos.first)
        #expect(
            video.video.details
                == VideoDetails(
                    goal: "assemble lamp", sourceSplit: "val", session: "R1", summary: "The user does it.", fps: 24.46))
        #expect(video.video.durationSec == 100)
        #expect(
            video.narrations.map(\.text) == [
                "Is this  it?", "The user grabs the foot plate.", "screw long foot bolt", "take bolt",
            ])
        #expect(video.narrations.map(\.timestampSec) == [10, 12.5, 12.75, 14.5])
        #expect(
            video.narrations.map(\.details) == [
                NarrationDetails(level: .substep, parent: 1, role: "user"),
                NarrationDetails(level: .step),
                NarrationDetails(
                    level: .substep, parent: 1, mistake: true, mistakeNote: "The user took it.", verb: "screw"),
                NarrationDetails(level: .substep, parent: 1, mistake: false, verb: "take"),
            ])
        #expect(harvest.reasons.sorted() == ["missing-key", "reversed-interval"])
        #expect(harvest.counts == ["without-text": 1, "other-events": 1])
        #expect(harvest.problems.isEmpty)
    }

    @Test func `a video in two lists, and a list without a part, are refused`() throws {
        let file = try TemporaryFile("[]")
        let (one, two) = (try TemporaryFile("a\n", name: "train.txt"), try TemporaryFile("a\n", name: "val.txt"))
        #expect(throws: SourceError.self) {
            _ = try HoloAssistAdapter(annotations: file.path, splits: [one.path, two.path])
        }
        #expect(throws: SourceError.self) {
            _ = try HoloAssistAdapter(annotations: file.path, splits: [TemporaryFile("a\n", name: "videos.txt").path])
        }
    }

    // MARK: WTaG

    private static let timing = "637000000000000000\n637000001000000000\n"

    private static func recording(_ name: String, steps: String, talk: String) -> [(path: String, text: String)] {
        [
            ("\(name)/Video/VideoMpegTiming.txt", Self.timing), ("\(name)/StepDetection/StepDetection.txt", steps),
            ("\(name)/TextASR/InstructorAnnotations_intent.txt", ""),
            ("\(name)/TextASR/UserAnnotations_intent.txt", talk),
        ]
    }

    @Test func `WTaG's ticks are seconds, and a recording's fault is its own`() throws {
        let steps = "637000000010000000\t637000000200000000\tPour water\n\n\t\nx\ty\tz\n637000000010000000\t63\n"
        let talk =
            "637000000120000000\t637000000140000000\tNow?\tQuestion\n636999999990000000\t637000000010000000\tEarly\n"
        let folder = try Self.folder(
            Self.recording("T2", steps: steps, talk: talk) + Self.recording("T55a", steps: steps, talk: talk) + [
                ("T1/Video/VideoMpegTiming.txt", "637000000000000000\n"), ("README.md", "not a recording"),
                ("T3/notes.txt", ""),
            ])
        let harvest = try Harvest(WTaGAdapter(folder: folder.path))
        let video = try #require(harvest.videos.first)
        #expect(harvest.videos.count == 1 && video.video.videoUID == "T2" && video.video.durationSec == 100)
        #expect(video.video.details == VideoDetails(sourceSplit: "train", session: "T2"))
        #expect(video.narrations.map(\.text) == ["Pour water", "Now?"])
        #expect(video.narrations.last?.details == NarrationDetails(level: .substep, parent: 0, role: "user"))
        #expect(abs((video.narrations.last?.timestampSec ?? 0) - 13) < 1e-4)
        // Of the recordings that cannot be read each is one problem, whose key it is.
        #expect(harvest.problems.map(\.key) == ["T1", "T3"])
        #expect(harvest.problems.map(\.reason) == ["unreadable-file", "missing-file"])
        #expect(harvest.counts == ["no-folder": 1, "left-out": 1, "blank-lines": 2])
        #expect(video.problems.map(\.reason).sorted() == ["negative-time", "not-a-number", "wrong-field-count"])
    }

    @Test func `the first forty recordings are for training`() throws {
        let names = (1...42).map { "T\($0)" }
        let folder = try Self.folder(names.flatMap { Self.recording($0, steps: "", talk: "") })
        let videos = try Harvest(WTaGAdapter(folder: folder.path)).videos
        #expect(videos.map(\.video.videoUID) == names.sorted())
        #expect(videos.map { $0.video.details.sourceSplit == "train" } == (1...42).map { $0 <= 40 })
    }

    // MARK: EgoExoLearn

    @Test func `EgoExoLearn's rows are gathered by video, those of other views counted`() throws {
        let file = try TemporaryFile(
            """
            video_uid,annotation_id,subset,view,scene,start_sec,end_sec,narration_en,narration_en_no_hand_prompt
            v1,a,train,ego,kitchen,10,12,x,"Take, it."
            v2,b,validation,ego,lab,0,5,x,
            v3,c,train,exo,kitchen,0,1,x,never
            v1,d,train,ego,kitchen,3,9,x,Open
            v1,e,train,ego,kitchen,nan,9,x,Odd

            """, name: "e.csv")
        let harvest = try Harvest(EgoExoLearnAdapter(annotations: file.path))
        #expect(harvest.texts == [["Open", "Take, it."], [""]])
        #expect(
            harvest.videos.map(\.video.details) == [
                VideoDetails(sourceSplit: "train", scene: "kitchen"), VideoDetails(sourceSplit: "val", scene: "lab"),
            ])
        #expect(harvest.reasons == ["not-a-number"])
        #expect(harvest.counts == ["other-views": 1, "without-text": 1])
    }

    // MARK: Assembly101

    private static let sequence = "nusar-2021_action_both_9011-a01_9011_user_id_2021-02-01_000001"

    @Test func `Assembly101's steps are what the file of mistakes says, a video for each camera`() throws {
        let name = Self.sequence
        let folder = try Self.folder([
            (
                "fine-grained-annotations/train.csv",
                """
                id,video,start_frame,end_frame,action_cls,toy_name
                0,\(name)/HMC_21110305_mono10bit.mp4,330,360,screw chassis,crane
                1,\(name)/C10095_mono10bit.mp4,330,360,screw cabin,crane
                2,\(name)/HMC_21110305_mono10bit.mp4,9000,9030,screw later,crane

                """
            ),
            (
                "coarse-annotations/coarse_labels/assembly_\(name).txt",
                "300\t450\tattach interior\n450\t600\tattach cabin\n600\t750\tattach arm\nodd\n"
            ),
            ("coarse-annotations/coarse_labels/disassembly_other.txt", "0\t1\tdetach\n"),
            (
                "assembly101-mistake-detection/annots/\(name).csv",
                "300,450,attach,interior,chassis,mistake,wrong order\n450,600,detach,cabin,interior,correction\n"
            ),
            ("videos/\(name)/HMC_84358933_mono10bit.mp4", ""), ("videos/\(name)/C10095.mp4", ""),
        ])
        let harvest = try Harvest(
            Assembly101Adapter(annotations: folder.path, videos: folder.appendingPathComponent("videos").path))
        let video = try #require(harvest.videos.first)
        #expect(harvest.videos.count == 1)
        #expect(video.video.videoUID == "assembly_\(name)__HMC_84358933_mono10bit")
        #expect(
            video.video.details
                == VideoDetails(
                    goal: "assemble toy crane", camera: "HMC_84358933_mono10bit", sourceSplit: "train", session: "9011")
        )
        #expect(
            video.narrations.map(\.text) == [
                "screw chassis", "attach interior to chassis", "detach cabin from interior", "attach arm",
            ])
        #expect(
            video.narrations.map { $0.details.mistake } == [nil, true, nil, nil]
                && video.narrations.map { $0.details.correction } == [nil, nil, true, nil])
        #expect(video.narrations[1].details.mistakeNote == "wrong order")
        #expect(video.narrations[0].details.parent == 1 && video.narrations[1].annotated == Interval(10, 15))
        #expect(harvest.reasons == ["wrong-field-count"])
        #expect(harvest.counts == ["without-fine-annotations": 1])
        let whole = try Harvest(Assembly101Adapter(annotations: folder.path))
        #expect(whole.videos.map(\.video.videoUID) == ["assembly_\(name)"])
    }

    // MARK: LLaVA-Pretrain

    @Test func `captions stand at their pictures, whatever is missing before them`() throws {
        func picture(_ number: Int, _ gpt: String) -> String {
            #"{"id": "\#(number)", "image": "0/\#(number).jpg", "conversations": [{"from": "human", "value": "?"}\#(gpt)]}"#
        }
        let file = try TemporaryFile(
            "["
                + [
                    picture(0, #", {"from": "gpt", "value": "a"}"#), picture(1, ""),
                    picture(2, #", {"from": "gpt", "value": "c"}"#),
                    picture(3, #", {"from": "gpt", "value": "d"}"#),
                ].joined(separator: ",") + "]", name: "blip.json")
        let harvest = try Harvest(LLaVAPretrainAdapter(annotations: file.path, picturesPerFile: 3))
        #expect(harvest.videos.map(\.video.videoUID) == ["blip-00000", "blip-00001"])
        #expect(harvest.videos.map(\.video.durationSec) == [1.5, 0.5])
        #expect(harvest.times == [[0, 1], [0]])
        #expect(harvest.videos[0].narrations[1].details == NarrationDetails(picture: "0/2.jpg"))
        #expect(harvest.reasons == ["missing-key"])
        #expect(throws: SourceError.self) {
            _ = try LLaVAPretrainAdapter(annotations: file.path, picturesPerFile: 0)
        }
    }

    // MARK: Samples and real files

    private static func sample(_ path: String) -> String { SharedData.path("proassist-samples/\(path)") }
    private static let isThere = SharedData.exists("proassist-samples/handmade")

    @Test(.enabled(if: Self.isThere, "needs ../shared/data/proassist-samples"))
    func `the samples of all sources are read without a complaint`() throws {
        let lists = ["train", "val", "test"].map { Self.sample("handmade/holoassist/\($0)-v1_2.txt") }
        let assembly = Self.sample("handmade/assembly101")
        let harvests = [
            try Harvest(
                HoloAssistAdapter(
                    annotations: Self.sample("handmade/holoassist/data-annotation-trainval-v1_1.json"), splits: lists)),
            try Harvest(
                EgoExoLearnAdapter(
                    annotations: Self.sample("handmade/EgoExoLearn/annotations/fine_annotation_trainval_en.csv"))),
            try Harvest(WTaGAdapter(folder: Self.sample("handmade/WTaG"))),
            try Harvest(Assembly101Adapter(annotations: assembly + "/annotations", videos: assembly + "/videos")),
            try Harvest(
                LLaVAPretrainAdapter(
                    annotations: Self.sample("handmade/LLaVA-Pretrain/blip_laion_cc_sbu_558k.json"))),
        ]
        for harvest in harvests {
            #expect(!harvest.videos.isEmpty && harvest.reasons.isEmpty && harvest.error == nil)
            #expect(harvest.videos.allSatisfy { !$0.narrations.isEmpty })
        }
    }

    private static let mistakes = "proassist-samples/real/assembly101-mistake-detection"

    @Test(.enabled(if: SharedData.exists(Self.mistakes), "needs ../shared/data/proassist-samples/real"))
    func `a real file of mistakes is read`() throws {
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: SharedData.path(Self.mistakes)).first {
                $0.hasSuffix(".csv")
            })
        let path = SharedData.path(Self.mistakes) + "/" + name
        let truths = try Assembly101Truths(path: path)
        #expect(truths.problems.isEmpty)
        let rows = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline)
        for row in rows {
            let fields = row.split(separator: ",", omittingEmptySubsequences: false)
            let start = try #require(Double(fields[0])) / 30
            let truth = try #require(truths[start])
            #expect(["attach", "detach", "position"].contains(truth.verb))
            #expect(["correct", "mistake", "correction"].contains(truth.label))
        }
    }

    @Test(.enabled(if: Self.isThere, "needs ../shared/data/proassist-samples"))
    func `real rows of GoalStep and EPIC-KITCHENS are read`() throws {
        let steps = try Harvest(
            GoalStepAdapter(annotations: Self.sample("real/ego4d-goalstep/goalstep_valid.sample.json")))
        let actions = try Harvest(
            EpicKitchensAdapter(
                annotations: Self.sample("real/epic-kitchens-100/EPIC_100_validation.sample.csv"),
                videos: Self.sample("real/epic-kitchens-100/EPIC_100_video_info.sample.csv")))
        for harvest in [steps, actions] {
            #expect(harvest.videos.count == 1 && harvest.reasons.isEmpty)
            #expect(harvest.videos.first?.video.details.sourceSplit == "val")
        }
        #expect(actions.texts.joined().count == 15)
    }
}
