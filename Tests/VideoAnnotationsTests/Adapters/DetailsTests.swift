// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records
import TaskRooms
import Testing

@testable import VideoAnnotations

/// Facts that only some sources have: where they come from, and that they cost nothing elsewhere.
@Suite struct DetailsTests {
    private static func goalStep(_ video: String) throws -> VideoNarrations {
        let file = try TemporaryFile(#"{"videos": [{"video_uid": "a", "end_time": 900, \#(video)}]}"#)
        return try #require(try Harvest(GoalStepAdapter(annotations: file.path)).videos.first)
    }

    @Test func `GoalStep says goal, level, parent and relevance, whatever the order of times`() throws {
        let group = try Self.goalStep(
            #"""
            "goal_category": "COOKING:MAKE_BREAD", "goal_description": "Makes the bread ", "segments": [
              {"start_time": 600, "end_time": 700, "step_description": "Makes dough", "is_relevant": "essential", "segments": [
                {"start_time": 640.0, "end_time": 660.0, "step_description": "Adds flour", "is_relevant": "optional"},
                {"start_time": 600.0, "end_time": 610.0, "step_description": "Takes bowl", "is_relevant": null,
                 "segments": [{"start_time": 601, "end_time": 602, "step_description": "Looks"}]}]},
              {"start_time": 720, "end_time": 730, "step_description": " ", "segments": [
                {"start_time": 721, "end_time": 722, "step_description": "Rests"}]},
              {"start_time": 540, "end_time": 541, "step_description": "Washes hands", "segments": []}]
            """#)
        #expect(group.video.details == VideoDetails(goal: "Makes the bread", goalCategory: "COOKING:MAKE_BREAD"))
        let texts = ["Washes hands", "Looks", "Takes bowl", "Makes dough", "Adds flour", "Rests"]
        #expect(group.narrations.map(\.text) == texts)
        #expect(
            group.narrations.map(\.details) == [
                NarrationDetails(level: .step, order: 5), NarrationDetails(level: .substep, parent: 2, order: 3),
                NarrationDetails(level: .substep, parent: 3),
                NarrationDetails(level: .step, relevance: "essential", order: 0),
                NarrationDetails(level: .substep, parent: 3, relevance: "optional", order: 1),
                NarrationDetails(level: .substep, order: 4),
            ])
        #expect(group.counts == ["without-text": 1])
    }

    @Test func `a detail of another type, or too long, is counted and costs nothing else`() throws {
        let long = String(repeating: "x", count: 5000)
        let group = try Self.goalStep(
            #"""
            "goal_category": 7, "goal_description": "\#(long)", "segments": [
              {"start_time": 1, "end_time": 2, "step_description": "a", "is_relevant": {"x": [1]}},
              {"start_time": 2, "end_time": 3, "step_description": "b", "is_relevant": "\#(long)"}]
            """#)
        #expect(group.narrations.map(\.text) == ["a", "b"])
        #expect(group.video.details.isEmpty)
        #expect(group.narrations.allSatisfy { $0.details == NarrationDetails(level: .step) })
        #expect(group.problems.isEmpty)
        #expect(
            group.counts == [
                "unread-goal_category": 1, "unread-goal_description": 1, "unread-is_relevant": 1, "unread-relevance": 1,
            ])
    }

    @Test func `CaptainCook4D says goal and mistakes`() throws {
        let file = try TemporaryFile(
            #"""
            {"1_7": {"activity_name": "Egg Sandwich", "steps": [
              {"start_time": 1, "end_time": 2, "description": "Coat", "has_errors": false},
              {"start_time": 3, "end_time": 4, "description": "Pour", "has_errors": true},
              {"start_time": 5, "end_time": 6, "description": "Stir", "has_errors": "yes"},
              {"start_time": 7, "end_time": 8, "description": "Eat"}]}}
            """#)
        let group = try #require(try Harvest(CaptainCook4DAdapter(annotations: file.path)).videos.first)
        #expect(group.video.details == VideoDetails(goal: "Egg Sandwich"))
        #expect(group.narrations.map(\.details.mistake) == [false, true, nil, nil])
        #expect(group.counts == ["unread-has_errors": 1])
    }

    @Test func `Ego4D's metadata says the camera`() throws {
        let narrations = try TemporaryFile(
            #"{"a": {"narrations": []}, "b": {"narrations": []}, "c": {"narrations": []}}"#)
        let metadata = try TemporaryFile(
            #"""
            {"videos": [{"video_uid": "a", "duration_sec": 9, "device": "GoPro Hero 7"}, {"video_uid": "b", "device": "none"},
            {"video_uid": "c", "device": 4}]}
            """#, name: "ego4d.json")
        let videos = try Harvest(Ego4DAdapter(narrations: narrations.path, metadata: metadata.path)).videos
        #expect(videos.map(\.video.details.camera) == ["GoPro Hero 7", nil, nil])
    }

    // MARK: Records

    private static let full = NarrationDetails(
        level: .substep, parent: 0, role: "user", relevance: "essential", mistake: true, mistakeNote: "the wrong bowl",
        camera: "HMC_1", order: 4, verb: "hold", correction: false, picture: "0/1.jpg")

    private static func record(_ details: NarrationDetails) -> NarrationEvent {
        .narration(Narration(videoUID: "a", index: 1, timestampSec: 2, text: "b", details: details))
    }

    private static func read(_ text: String) throws -> NarrationEvent {
        try JSONScanner.scan(Bytes(text.utf8)) { json throws(JSONError) in try NarrationEvent(json: &json) }
    }

    @Test func `records say what is known and nothing else, and are read back`() throws {
        #expect(
            String(decoding: Self.record(NarrationDetails()).json, as: UTF8.self)
                == #"{"kind":"narration","video_uid":"a","pass":1,"index":1,"timestamp_sec":2.0,"text":"b"}"#)
        let written = String(decoding: Self.record(Self.full).json, as: UTF8.self)
        #expect(
            written.hasSuffix(
                #""text":"b","level":"substep","parent":0,"role":"user","relevance":"essential","mistake":true,"#
                    + #""mistake_note":"the wrong bowl","camera":"HMC_1","order":4,"verb":"hold","correction":false,"#
                    + #""picture":"0/1.jpg"}"#))
        #expect(try Self.read(written) == Self.record(Self.full))
        let video = Video(
            videoUID: "a", source: "s",
            details: VideoDetails(
                goal: "g", goalCategory: "c", camera: "GoPro", sourceSplit: "val", session: "P1", scene: "lab",
                summary: "all", fps: 29.97, annotatedStartSec: 1.5))
        let json = String(decoding: NarrationEvent.video(video).json, as: UTF8.self)
        #expect(
            json.hasSuffix(
                #""revision":1,"goal":"g","goal_category":"c","camera":"GoPro","source_split":"val","session":"P1","#
                    + #""scene":"lab","summary":"all","fps":29.97,"annotated_start_sec":1.5}"#))
        #expect(try Self.read(json) == .video(video))
    }

    @Test func `details of another type are passed over, as unknown fields always were`() throws {
        let odd =
            #""level":"scene","parent":1.5,"role":{"a":[1]},"relevance":7,"mistake":"no","mistake_note":[],"camera":null,"#
            + #""order":-1,"verb":{},"correction":0,"picture":1"#
        let event = try Self.read(
            #"{"kind":"narration","video_uid":"a","index":1,"timestamp_sec":2,"text":"b",\#(odd)}"#)
        #expect(event == Self.record(NarrationDetails()))
        #expect(
            try Self.read(
                #"{"kind":"video","video_uid":"a","goal":1,"goal_category":[],"camera":{},"source_split":[1],"session":2,"#
                    + #""scene":null,"summary":{},"fps":"x","annotated_start_sec":null}"#)
                == .video(Video(videoUID: "a", source: "")))
    }

    @Test func `blocks are as they were`() throws {
        let clip = Clip(clipUID: "c", span: Interval(0, 9))
        func block(_ details: NarrationDetails) -> Bytes {
            let narration = Narration(
                videoUID: "a", index: 1, timestampSec: 2, text: "b", window: Interval(1, 3), details: details)
            return Block(blockID: "k", videoUID: "a", pass: 1, clip: clip, narrations: [narration], meanGapSec: 1).json
        }
        #expect(block(Self.full) == block(NarrationDetails()))
    }

    // MARK: Groups

    private func group(_ details: NarrationDetails, _ video: VideoDetails = VideoDetails()) -> VideoNarrations {
        VideoNarrations(
            video: Video(videoUID: "a", source: "s", details: video),
            narrations: [Narration(videoUID: "a", index: 0, timestampSec: 2, text: "b", details: details)])
    }

    @Test func `the digest leaves details out, and a digest of its own has them`() {
        let plain = EncodedGroup(self.group(NarrationDetails()))
        let detailed = EncodedGroup(self.group(NarrationDetails(level: .step)))
        let goal = EncodedGroup(self.group(NarrationDetails(), VideoDetails(goal: "g")))
        #expect(plain.detailsDigest == nil)
        #expect(plain.digest == detailed.digest && plain.digest == goal.digest)
        #expect(Set([plain.digest, detailed.detailsDigest, goal.detailsDigest]).count == 3)
        // As every version of the program has computed it: the video at revision 0, and the narrations.
        let text =
            #"{"kind":"video","video_uid":"a","pass":1,"source":"s","duration_sec":null,"clips":[],"splits":null,"#
            + #""features":null,"revision":0}{"kind":"narration","video_uid":"a","pass":1,"index":0,"timestamp_sec":2.0,"#
            + #""text":"b"}"#
        #expect(plain.digest == ContentHash.sha256(text))
    }

    private static func files() throws -> [(name: String, groups: [VideoNarrations])] {
        let goalStep = try TemporaryFile(
            #"{"videos": [{"video_uid": "a", "segments": [{"start_time": 1, "end_time": 2, "step_description": "x"}]}]}"#
        )
        let cook = try TemporaryFile(
            #"{"1": {"steps": [{"start_time": 1, "end_time": 2, "description": "x"}]}}"#)
        let epic = try TemporaryFile(
            "video_id,start_timestamp,stop_timestamp,narration\nP1,00:00:01.0,00:00:02.0,x\n", name: "e.csv")
        let egoclip = try TemporaryFile(
            "video_uid\tnarration_source\tnarration_time\tclip_text\nv\tnarration_pass_1\t2\tx\n", name: "e.tsv")
        let ego4d = try TemporaryFile(
            #"{"v": {"narration_pass_1": {"narrations": [{"timestamp_sec": 1, "narration_text": "x"}]}}}"#)
        let lines = try TemporaryFile(#"{"video_uid": "v", "timestamp_sec": 1, "text": "x"}"#, name: "l.jsonl")
        let holoAssist = try TemporaryFile(
            #"[{"video_name": "v", "events": [{"start": 1, "end": 2, "attributes": {"Action sentence": "x"}}]}]"#)
        let egoExoLearn = try TemporaryFile(
            "video_uid,subset,view,scene,start_sec,end_sec,narration_en_no_hand_prompt\nv,val,ego,lab,1,2,x\n",
            name: "f.csv")
        let pictures = try TemporaryFile(#"[{"conversations": [{"from": "gpt", "value": "x"}]}]"#)
        return [
            ("holoassist", try Harvest(HoloAssistAdapter(annotations: holoAssist.path)).videos),
            ("egoexolearn", try Harvest(EgoExoLearnAdapter(annotations: egoExoLearn.path)).videos),
            ("llava-pretrain", try Harvest(LLaVAPretrainAdapter(annotations: pictures.path)).videos),
            ("wtag", try Harvest(WTaGAdapter(folder: Self.wTaG())).videos),
            ("assembly101", try Harvest(Assembly101Adapter(annotations: Self.assembly101())).videos),
            ("goalstep", try Harvest(GoalStepAdapter(annotations: goalStep.path)).videos),
            ("captaincook4d", try Harvest(CaptainCook4DAdapter(annotations: cook.path)).videos),
            ("epic-kitchens", try Harvest(EpicKitchensAdapter(annotations: epic.path)).videos),
            ("egoclip", try Harvest(EgoClipAdapter(annotations: egoclip.path)).videos),
            ("ego4d", try Harvest(Ego4DAdapter(narrations: ego4d.path)).videos),
            ("jsonl", try Harvest(JSONLinesAdapter(file: lines.path)).videos),
        ]
    }

    /// Files in a folder, whose path is answered.
    private static func folder(_ files: [(path: String, text: String)]) throws -> String {
        let folder = try TemporaryFile("").url.deletingLastPathComponent().appendingPathComponent("files")
        for (path, text) in files {
            let url = folder.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        return folder.path
    }

    private static func wTaG() throws -> String {
        try Self.folder([
            ("T1/Video/VideoMpegTiming.txt", "0\n100000000\n"), ("T1/StepDetection/StepDetection.txt", "1\t2\tx\n"),
            ("T1/TextASR/InstructorAnnotations_intent.txt", ""), ("T1/TextASR/UserAnnotations_intent.txt", ""),
        ])
    }

    private static func assembly101() throws -> String {
        try Self.folder([
            (
                "fine-grained-annotations/train.csv",
                "video,start_frame,end_frame,action_cls,toy_name\ns/HMC_21110305.mp4,900,901,x,car\n"
            ),
            ("coarse-annotations/coarse_labels/assembly_s.txt", "1\t2\tx\n"),
            ("assembly101-mistake-detection/annots/s.csv", "5,6,attach,a,b,correct,\n"),
        ])
    }

    @Test func `every source's groups begin with their video and end with an end that counts`() throws {
        let files = try Self.files()
        #expect(Set(files.map(\.name)) == Set(TaskRoom.videoAnnotations.sources.map(TaskRegistry.name)))
        for (name, groups) in files {
            let group = try #require(groups.first, "\(name)")
            var batch = RecordBatch()
            EncodedGroup(group).append(to: &batch, key: Bytes(group.key.utf8), revision: 3)
            let events = try (0..<batch.count).map {
                try Self.read(String(decoding: batch[$0].value ?? [], as: UTF8.self))
            }
            guard case .video(let video) = events.first, case .end(let end) = events.last else {
                Issue.record("\(name) does not begin and end as it should")
                continue
            }
            #expect(video.revision == 3 && events.count == 3, "\(name)")
            #expect(end == EndOfVideo(videoUID: group.key, pass: group.video.pass, narrations: 1), "\(name)")
        }
    }

    @Test func `JSON Lines keep details, and parents where a record before them cannot be read`() throws {
        func line(_ index: Int, _ time: String, _ details: NarrationDetails) -> String {
            let narration = Narration(videoUID: "v", index: index, timestampSec: 5, text: "n\(index)", details: details)
            return String(decoding: NarrationEvent.narration(narration).json, as: UTF8.self).replacing(
                "5.0", with: time)
        }
        let video = Video(videoUID: "v", source: "s", details: VideoDetails(goal: "g"))
        let lines = [
            String(decoding: NarrationEvent.video(video).json, as: UTF8.self),
            line(0, "NaN", NarrationDetails()), line(1, "3", NarrationDetails(level: .substep, parent: 3)),
            line(2, "1", NarrationDetails(parent: 0, role: "user")), line(3, "4", NarrationDetails(level: .step)),
            String(decoding: NarrationEvent.end(EndOfVideo(videoUID: "v", narrations: 4)).json, as: UTF8.self),
            #"{"video_uid": "w", "timestamp_sec": 1, "text": "x", "role": "assistant", "parent": 1, "mistake": false}"#,
        ]
        let harvest = try Harvest(JSONLinesAdapter(file: TemporaryFile(lines.joined(separator: "\n")).path))
        #expect(harvest.reasons == ["not-a-number"])
        let (first, loose) = (try #require(harvest.videos.first), try #require(harvest.videos.last))
        #expect(first.video.details.goal == "g")
        #expect(first.narrations.map(\.text) == ["n2", "n1", "n3"])
        #expect(
            first.narrations.map(\.details) == [
                NarrationDetails(role: "user"), NarrationDetails(level: .substep, parent: 2),
                NarrationDetails(level: .step),
            ])
        #expect(first.counts["parent-missing"] == 1)
        #expect(loose.narrations.map(\.details) == [NarrationDetails(role: "assistant", mistake: false)])
    }
}
