// SPDX-License-Identifier: Apache-2.0

import ActionAnticipation
import Codecs
import FrameFeatures
import MillraceTesting
import TaskRooms
import VideoAnnotations

/// A trial by its parts.
struct SampleTrial<Adapter: SourceAdapter>: AdapterTrial, CustomStringConvertible {
    var files: [String: Bytes]
    var main: String
    var faults: [AdapterFault]
    var cuts: AdapterCuts
    var isStreamed: Bool
    var isListed: Bool
    var open: @Sendable (String) throws -> Adapter

    /// - Parameter files: the main one first.
    init(
        _ files: [(name: String, text: String)], cuts: AdapterCuts, isStreamed: Bool = true,
        isListed: Bool = false, faults: [AdapterFault],
        open: @escaping @Sendable (String) throws -> Adapter
    ) {
        self.files = Dictionary(uniqueKeysWithValues: files.map { ($0.name, Bytes($0.text.utf8)) })
        self.main = files[0].name
        self.faults = faults
        self.cuts = cuts
        self.isStreamed = isStreamed
        self.isListed = isListed
        self.open = open
    }

    func makeAdapter(in folder: String) throws -> Adapter { try self.open(folder) }

    var description: String { Adapter.name }
}

/// A sample of each source that the program reads, with faults in it.
enum AdapterSamples {
    /// All of them.
    static let all: [any AdapterTrial & CustomStringConvertible] = [
        Self.ego4D, Self.goalStep, Self.epicKitchens, Self.captainCook4D, Self.egoClip, Self.holoAssist,
        Self.egoExoLearn, Self.wTaG, Self.assembly101, Self.llavaPretrain, Self.jsonLines, Self.lta,
        Self.videos,
    ]

    static let ego4D = SampleTrial(
        [
            (
                "narration.json",
                ##"""
                {"v1": {"narration_pass_1": {"narrations": [
                    {"timestamp_sec": 3.5, "narration_text": "#C C picks a cup"},
                    {"timestamp_sec": 9.25, "narration_text": "#O A man talks"}],
                  "summaries": [{"start_sec": 0, "end_sec": 300, "summary_text": "#Summary"}]}},
                 "v2": {"narration_pass_1": {"narrations": [
                    {"timestamp_sec": 1, "narration_text": "#C C opens the door"}], "summaries": []}}}
                """##
            )
        ], cuts: .anywhere,
        faults: [
            AdapterFault(
                "9.25", with: "-2", is: .problem("negative-time"), saying: ["timestamp_sec", "-2"], touching: ["v1/1"]),
            AdapterFault(
                "9.25", with: "\"soon\"", is: .problem("wrong-type"), saying: ["timestamp_sec"], touching: ["v1/1"]),
            AdapterFault(
                "\"narration_text\": \"#C C opens the door\"", with: "\"x\": 1", is: .problem("missing-key"),
                saying: ["narration_text"], touching: ["v2/1"]),
        ]
    ) { try Ego4DAdapter(narrations: $0 + "/narration.json") }

    static let goalStep = SampleTrial(
        [
            (
                "goalstep_train.json",
                #"""
                {"version": "1.0", "videos": [{"video_uid": "a", "start_time": 531.8, "end_time": 1956.5, "segments": [
                  {"start_time": 600, "end_time": 700, "step_description": "Makes dough", "segments": [
                    {"start_time": 640.5, "end_time": 660.0, "step_description": "Adds flour"}]}]},
                 {"video_uid": "b", "start_time": 0, "end_time": 90, "segments": [
                  {"start_time": 5, "end_time": 9, "step_description": "Washes hands", "segments": []}]}]}
                """#
            )
        ], cuts: .anywhere,
        faults: [
            AdapterFault(
                "640.5", with: "-7", is: .problem("negative-time"), saying: ["start_time", "-7"], touching: ["a/1"])
        ]
    ) { try GoalStepAdapter(annotations: $0 + "/goalstep_train.json") }

    static let epicKitchens = SampleTrial(
        [
            (
                "EPIC_100_train.csv",
                #"""
                narration_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,narration,verb
                P01_01_0,P01_01,00:00:01.089,00:00:00.14,00:00:03.37,open door,open
                P01_01_1,P01_01,,00:00:04.37,00:00:06.17,"turn-on light, ""now""",turn
                P02_01_0,P02_01,00:00:02.5,00:00:01,00:00:02,take cup,take

                """#
            )
        ], cuts: .none, isStreamed: false,
        faults: [
            AdapterFault(
                "00:00:02.5", with: "noon", is: .problem("not-a-number"), saying: ["narration_timestamp", "noon"],
                touching: ["P02_01/1"]),
            AdapterFault(
                "take cup,take", with: "take cup", is: .problem("wrong-field-count"), saying: ["line 4"],
                touching: ["P02_01/1"]),
        ]
    ) { try EpicKitchensAdapter(annotations: $0 + "/EPIC_100_train.csv") }

    static let captainCook4D = SampleTrial(
        [
            (
                "complete_step_annotations.json",
                #"""
                {"1_7": {"recording_id": "1_7", "activity_name": "Soup", "steps": [
                   {"step_id": 3, "start_time": 50.5, "end_time": 60.5, "description": "Pour-Pour 1 egg"},
                   {"start_time": 70, "end_time": 71, "description": "Stir"}]},
                 "2_1": {"recording_id": "2_1", "steps": [{"start_time": 1, "end_time": 2, "description": "Cut"}]}}
                """#
            )
        ], cuts: .anywhere,
        faults: [
            AdapterFault("70", with: "-1", is: .count("not-performed"), touching: ["1_7/1"]),
            AdapterFault("\"Stir\"", with: "\" \"", is: .count("without-text"), touching: ["1_7/1"]),
            AdapterFault(
                "60.5", with: "40", is: .problem("reversed-interval"), saying: ["end_time", "40"], touching: ["1_7/1"]),
            AdapterFault(
                "\"recording_id\": \"2_1\"", with: "\"recording_id\": \"1_7\"", is: .problem("duplicate-video"),
                saying: ["1_7"], touching: ["2_1/1"]),
        ]
    ) { try CaptainCook4DAdapter(annotations: $0 + "/complete_step_annotations.json") }

    static let egoClip = SampleTrial(
        [
            (
                "egoclip.csv",
                """
                video_uid\tvideo_dur\tnarration_source\tnarration_time\tclip_start\tclip_end\tclip_text
                a\t480.5\tnarration_pass_1\t3.25\t2.0\t4.5\t#C C picks a cup
                a\t480.5\tnarration_pass_2\t3.25\t2.0\t4.5\t"#C C ""picks"" a cup"
                b\t\tnarration_pass_1\t0.75\t\t\t#O man

                """
            )
        ], cuts: .none,
        faults: [
            AdapterFault(
                "0.75", with: "later", is: .problem("not-a-number"), saying: ["narration_time", "later"],
                touching: ["b/1"]),
            AdapterFault(
                "b\t\tnarration_pass_1", with: "b\t\tpass_9", is: .problem("wrong-type"),
                saying: ["narration_source", "pass_9"], touching: ["b/1"]),
        ]
    ) { try EgoClipAdapter(annotations: $0 + "/egoclip.csv") }

    static let holoAssist = SampleTrial(
        [
            (
                "annotations.json",
                #"""
                [{"video_name": "R1-lamp", "taskType": "lamp", "videoMetadata": {"duration": {"seconds": 100.0}},
                  "events": [
                   {"start": 5.5, "end": 20, "label": "Narration", "attributes": {"Action sentence": "The student grabs the foot_plate."}},
                   {"start": 6, "end": 7, "attributes": {"Action Correctness": "Wrong Action", "Verb": "grab", "Noun": "plate"}}]},
                 {"video_name": "R2", "videoMetadata": {"duration": {"seconds": 10}}, "events": [
                   {"start": 1, "end": 2, "attributes": {"Action sentence": "The student waits."}}]}]
                """#
            )
        ], cuts: .anywhere,
        faults: [
            AdapterFault(
                "5.5", with: "-3", is: .problem("negative-time"), saying: ["start", "-3"], touching: ["R1-lamp/1"])
        ]
    ) { try HoloAssistAdapter(annotations: $0 + "/annotations.json") }

    static let egoExoLearn = SampleTrial(
        [
            (
                "fine.csv",
                """
                video_uid,annotation_id,subset,view,scene,start_sec,end_sec,narration_en,narration_en_no_hand_prompt
                v1,a1,train,ego,kitchen,10.25,12.0,x,"Take, the knife."
                v2,a2,train,ego,lab,3.8,9.79743251,x,Pour it
                v1,a4,train,ego,kitchen,1,2,x,first

                """
            )
        ], cuts: .none, isStreamed: false,
        faults: [
            AdapterFault(
                "10.25", with: "ten", is: .problem("not-a-number"), saying: ["start_sec", "ten"], touching: ["v1/1"])
        ]
    ) { try EgoExoLearnAdapter(annotations: $0 + "/fine.csv") }

    private static func recording(_ name: String) -> [(name: String, text: String)] {
        [
            (
                "\(name)/StepDetection/StepDetection.txt",
                "637000000000000000\t637000000060000000\tStart\n637000000060000000\t637000000200000000\tPour: it\n"
            ),
            ("\(name)/Video/VideoMpegTiming.txt", "637000000000000000\n637000001000000000\n"),
            ("\(name)/TextASR/InstructorAnnotations_intent.txt", ""),
            (
                "\(name)/TextASR/UserAnnotations_intent.txt",
                "637000000010000000\t637000000020000000\tHello\tOther\n"
            ),
        ]
    }

    static let wTaG = SampleTrial(
        Self.recording("T1") + Self.recording("T2"), cuts: .none, isStreamed: false,
        faults: [
            AdapterFault(
                "637000000200000000\tPour", with: "x\tPour", is: .problem("not-a-number"), saying: ["line 2"],
                touching: ["T1/1"])
        ]
    ) { try WTaGAdapter(folder: $0) }

    private static let sequence = "nusar-2021_action_both_9011-a01_9011_user_id_2021-02-01_000001"
    private static let other = "nusar-2021_action_both_9012-b02_9012_user_id_2021-02-01_000002"

    /// A sequence's three files.
    private static func toy(_ sequence: String) -> [(name: String, text: String)] {
        [
            (
                "coarse-annotations/coarse_labels/assembly_\(sequence).txt",
                "300\t450\tattach interior to chassis\n450\t600\tattach cabin\n"
            ),
            (
                "assembly101-mistake-detection/annots/\(sequence).csv",
                "300,450,attach,interior,chassis,mistake,\n450,600,attach,cabin,interior,correct,\n"
            ),
        ]
    }

    static let assembly101 = SampleTrial(
        Self.toy(Self.sequence) + [
            (
                "fine-grained-annotations/train.csv",
                """
                id,video,start_frame,end_frame,action_cls,toy_name
                0,\(sequence)/HMC_21110305_mono10bit.mp4,300,330,screw chassis,crane
                1,\(sequence)/HMC_21110305_mono10bit.mp4,400,430,unscrew chassis,crane
                2,\(other)/HMC_84355350_mono10bit.mp4,500,530,screw cabin,crane

                """
            )
        ] + Self.toy(Self.other), cuts: .none, isStreamed: false, isListed: true,
        faults: [
            AdapterFault(
                "450\t600", with: "soon\t600", is: .problem("not-a-number"), saying: ["soon"],
                touching: ["assembly_\(sequence)/1"]),
            AdapterFault(
                "400,430", with: "later,430", in: "fine-grained-annotations/train.csv", is: .problem("not-a-number"),
                saying: ["start_frame", "later"], touching: ["assembly_\(sequence)/1"]),
        ]
    ) { try Assembly101Adapter(annotations: $0) }

    static let llavaPretrain = SampleTrial(
        [
            (
                "blip_laion_cc_sbu_558k.json",
                #"""
                [{"id": "0", "image": "0/0.jpg", "conversations": [{"from": "human", "value": "p"}, {"from": "gpt", "value": "a cup"}]},
                 {"id": "1", "image": "0/1.jpg", "conversations": [{"from": "gpt", "value": "a door"}]},
                 {"id": "2", "image": "0/2.jpg", "conversations": [{"from": "gpt", "value": "a lamp"}]}]
                """#
            )
        ], cuts: .anywhere, faults: []
    ) { try LLaVAPretrainAdapter(annotations: $0 + "/blip_laion_cc_sbu_558k.json", picturesPerFile: 1) }

    static let lta = SampleTrial(
        [
            (
                "fho_lta_train.json",
                #"""
                {"version": "v2", "split": "train", "clips": [
                  {"clip_uid": "a", "video_uid": "v", "action_idx": 1, "action_clip_start_sec": 3.5, "action_clip_end_sec": 11.5,
                   "verb_label": 1, "noun_label": 0, "clip_parent_start_sec": 292},
                  {"clip_uid": "b", "video_uid": "w", "action_idx": 0, "action_clip_start_sec": 1, "action_clip_end_sec": 9,
                   "verb_label": 0, "noun_label": 1},
                  {"clip_uid": "a", "video_uid": "v", "action_idx": 0, "action_clip_start_sec": 1.5, "action_clip_end_sec": 9.5,
                   "verb_label": 0, "noun_label": 0}]}
                """#
            ), ("taxonomy.json", #"{"verbs": ["put", "take"], "nouns": ["cup", "bag"]}"#),
        ], cuts: .anywhere, isStreamed: false,
        faults: [
            AdapterFault(
                "\"verb_label\": 1", with: "\"verb_label\": 7", is: .problem("label-out-of-range"),
                saying: ["verb_label", "7"], touching: ["a/train"])
        ]
    ) { try LTAAdapter(annotations: $0 + "/fho_lta_train.json", taxonomy: $0 + "/taxonomy.json") }

    /// Of a folder's videos only their names and sizes are read, so that what is broken is a file that is none.
    static let videos = SampleTrial(
        [("notes.txt", "not a video\n"), ("kitchen/P01_01.MP4", "1"), ("P02_03.mov", "22")], cuts: .none,
        isStreamed: false, isListed: true, faults: []
    ) { VideosAdapter(folder: $0) }

    static let jsonLines = SampleTrial(
        [
            (
                "narrations.jsonl",
                ##"""
                {"video_uid": "a", "timestamp_sec": 5.5, "text": "late", "duration_sec": 900, "pass": 1}
                {"narration_text": "early", "time": 1.5, "start_sec": 1, "end_sec": 2, "video_uid": "a"}

                {"kind":"video","video_uid":"b","pass":1,"source":"x","clips":[],"revision":1}
                {"kind":"narration","video_uid":"b","pass":1,"index":0,"timestamp_sec":3,"text":"#C C picks"}
                {"kind":"end","video_uid":"b","pass":1,"narrations":1}

                """##
            )
        ], cuts: .withinLines,
        faults: [
            AdapterFault(
                "5.5", with: "-5", is: .problem("negative-time"), saying: ["timestamp_sec", "-5"], touching: ["a/1"]),
            AdapterFault(
                "\"narrations\":1", with: "\"narrations\":3", is: .problem("count-mismatch"), saying: ["3"],
                touching: ["b/1"]),
        ]
    ) { try JSONLinesAdapter(file: $0 + "/narrations.jsonl") }
}
