// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Fuzzing
import Records
import TaskRooms
import Testing

@testable import VideoAnnotations

/// Broken files of the sources of dialogues: an error, a problem or what is well-formed, and never a trap.
@Suite struct ActivitySourceFuzzTests {
    /// A folder with some files, of which one is written anew for each input.
    private struct InputFolder {
        let folder: URL
        let file: URL

        init(_ name: String, _ files: [(path: String, text: String)], fuzzed path: String) throws {
            let marker = try TemporaryFile("", name: name)
            self.folder = marker.url.deletingLastPathComponent().appendingPathComponent("files")
            self.file = self.folder.appendingPathComponent(path)
            for (path, text) in files + [(path, "")] {
                let url = self.folder.appendingPathComponent(path)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: url)
            }
        }

        func path(_ name: String) -> String { self.folder.appendingPathComponent(name).path }
        func write(_ input: FuzzInput) throws { try Data(input.bytes).write(to: self.file) }
    }

    /// Checks the rules that hold for everything an adapter hands out.
    private static func check(_ harvest: Harvest, _ input: FuzzInput) throws {
        for video in harvest.videos {
            let narrations = video.narrations
            try #require(narrations.map(\.index) == Array(0..<narrations.count), "\(input)")
            let times = narrations.map(\.timestampSec)
            try #require(times.allSatisfy { 0...SourceLimits.secondsMax ~= $0 } && times == times.sorted(), "\(input)")
            try #require(narrations.allSatisfy { $0.videoUID == video.video.videoUID }, "\(input)")
            try #require(
                (video.video.durationSec ?? 1) > 0 && video.video.clips.allSatisfy { $0.span.start <= $0.span.end })
            // The order of the file is a permutation, and a parent is one of the narrations.
            try #require(
                narrations.map { $0.details.order ?? $0.index }.sorted() == Array(0..<narrations.count), "\(input)")
            try #require(
                narrations.allSatisfy { $0.details.parent.map(narrations.indices.contains) ?? true }, "\(input)")
        }
    }

    private static func run(
        _ name: String, _ folder: InputFolder, _ seeds: [String], _ tokens: FuzzTokens,
        _ read: (InputFolder) throws -> Harvest
    ) throws {
        for input in Fuzz(name, seeds: seeds, tokens: tokens, seconds: 1) {
            try folder.write(input)
            let harvest: Harvest
            do { harvest = try read(folder) } catch is SourceError { continue }
            if input.number < seeds.count { try #require(harvest.error == nil && !harvest.videos.isEmpty, "\(input)") }
            try Self.check(harvest, input)
        }
    }

    @Test func holoAssist() throws {
        let seed = #"""
            [{"video_name": "R1-lamp", "taskType": "lamp", "videoMetadata": {"duration": {"seconds": 100.0}, "video": {"fps": 24.46}},
              "events": [
               {"start": 0, "end": 9, "attributes": {"Long form description": " The student … "}},
               {"start": 5.5, "end": 20, "attributes": {"Action sentence": "The student grabs the foot_plate."}},
               {"start": 6, "end": 7, "attributes": {"Action Correctness": "Wrong Action", "Incorrect Action Explanation": "x",
                 "Verb": "grab", "Adjective": "long", "Noun": "foot_plate"}},
               {"start": 1, "end": 2, "attributes": {"Conversation Purpose": "student-start", "Transcription": "*unintelligible* it?"}}]},
             {"video_name": "R2", "events": []}]
            """#
        let folder = try InputFolder("holoassist", [], fuzzed: "a.json")
        try Self.run("holoassist", folder, [seed], .json) {
            try Harvest(HoloAssistAdapter(annotations: $0.path("a.json")))
        }
    }

    @Test func holoAssistLists() throws {
        let annotations = #"[{"video_name": "a", "events": []}]"#
        let folder = try InputFolder("lists", [("a.json", annotations)], fuzzed: "val-v1_2.txt")
        try Self.run("holoassist-list", folder, ["a\n\nb\r\n c \n"], .text) {
            try Harvest(HoloAssistAdapter(annotations: $0.path("a.json"), splits: [$0.path("val-v1_2.txt")]))
        }
    }

    @Test func egoExoLearn() throws {
        let seed = """
            video_uid,annotation_id,subset,view,scene,start_sec,end_sec,narration_en,narration_en_no_hand_prompt
            v1,a1,train,ego,kitchen,10.25,12.0,x,"Take, the knife."
            v2,a2,val,ego,lab,3.8,9.79743251,x,
            v3,a3,train,exo,kitchen,0,1,x,never
            v1,a4,train,ego,kitchen,1,2,x,first

            """
        let folder = try InputFolder("egoexolearn", [], fuzzed: "e.csv")
        try Self.run("egoexolearn", folder, [seed], .table) {
            try Harvest(EgoExoLearnAdapter(annotations: $0.path("e.csv")))
        }
    }

    private static let timing = "637000000000000000\n637000001000000000\n"
    private static let steps =
        "637000000000000000\t637000000060000000\tStart\n637000000060000000\t637000000200000000\tPour: it\n"
    private static let talk = "637000000010000000\t637000000020000000\tHello\tOther\n\n"

    @Test(arguments: [
        "Video/VideoMpegTiming.txt", "StepDetection/StepDetection.txt", "TextASR/UserAnnotations_intent.txt",
    ])
    func wTaG(_ file: String) throws {
        let files = [
            ("T1/Video/VideoMpegTiming.txt", Self.timing), ("T1/StepDetection/StepDetection.txt", Self.steps),
            ("T1/TextASR/InstructorAnnotations_intent.txt", ""), ("T1/TextASR/UserAnnotations_intent.txt", Self.talk),
        ]
        let folder = try InputFolder("wtag", files.filter { $0.0 != "T1/" + file }, fuzzed: "T1/" + file)
        let seed = try #require(files.first { $0.0 == "T1/" + file }?.1)
        let name = file.split(separator: "/")[0].lowercased()
        try Self.run("wtag-\(name)", folder, [seed], .table) { try Harvest(WTaGAdapter(folder: $0.folder.path)) }
    }

    private static let sequence = "nusar-2021_action_both_9011-a01_9011_user_id_2021-02-01_000001"
    private static let assembly = [
        (
            "fine-grained-annotations/train.csv",
            """
            id,video,start_frame,end_frame,action_cls,toy_name
            0,\(sequence)/HMC_21110305_mono10bit.mp4,300,330,screw chassis,crane
            1,\(sequence)/C10095_mono10bit.mp4,300,330,screw cabin,crane
            2,\(sequence)/HMC_84355350_mono10bit.mp4,400,430,unscrew chassis,- -

            """
        ),
        (
            "coarse-annotations/coarse_labels/assembly_\(sequence).txt",
            "300\t450\tattach interior to chassis\n450\t600\tattach cabin\n"
        ),
        (
            "assembly101-mistake-detection/annots/\(sequence).csv",
            "300,450,attach,interior,chassis,mistake,\n450,600,detach,cabin,interior,correction\n900,1,x,y,z,correct,\n"
        ),
    ]

    @Test(arguments: [0, 1, 2]) func assembly101(_ number: Int) throws {
        let (path, seed) = Self.assembly[number]
        let folder = try InputFolder("assembly", Self.assembly.filter { $0.0 != path }, fuzzed: path)
        try Self.run("assembly-\(number)", folder, [seed], .table) {
            try Harvest(Assembly101Adapter(annotations: $0.folder.path))
        }
    }

    @Test func llavaPretrain() throws {
        let seed = #"""
            [{"id": "0", "image": "0/0.jpg", "conversations": [{"from": "human", "value": "p"}, {"from": "gpt", "value": "a cup"}]},
             {"id": "1", "image": 7, "conversations": [{"from": "gpt", "value": ""}]},
             {"id": "2", "conversations": []}]
            """#
        let folder = try InputFolder("llava", [], fuzzed: "l.json")
        try Self.run("llava", folder, [seed], .json) {
            try Harvest(LLaVAPretrainAdapter(annotations: $0.path("l.json"), picturesPerFile: 2))
        }
    }
}
