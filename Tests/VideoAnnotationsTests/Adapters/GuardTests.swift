// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records
import TaskRooms
import Testing

@testable import VideoAnnotations

@Suite struct RecordingNameTests {
    private static let uid = "11111111-aaaa-4aaa-8aaa-00000000000f"

    @Test(
        "a recording is known by whatever a file or a camera makes of its name",
        arguments: [
            "11111111-aaaa-4aaa-8aaa-00000000000f.mp4", "11111111-AAAA-4AAA-8AAA-00000000000F",
            "full_scale/11111111-aaaa-4aaa-8aaa-00000000000f.MP4",
            "C:\\ego4d\\11111111-aaaa-4aaa-8aaa-00000000000f.mkv",
            " \"11111111-aaaa-4aaa-8aaa-00000000000f\"\t", "'11111111-aaaa-4aaa-8aaa-00000000000f'",
            "11111111-aaaa-4aaa-8aaa-00000000000f_360p.mp4.npy", "11111111-aaaa-4aaa-8aaa-00000000000f_cam02",
            "11111111-aaaa-4aaa-8aaa-00000000000f_HMC_84346135_mono10bit.mp4",
            "11111111-aaaa-4aaa-8aaa-00000000000f-gopro_4K", "\u{feff}11111111-aaaa-4aaa-8aaa-00000000000f",
        ])
    func same(_ name: String) { #expect(RecordingName.canonical(name) == Self.uid) }

    @Test("what tells two recordings apart stays")
    func different() {
        let names = [
            "P01_11", "P01_1", "P01", "1_7", "1_10", "cmu_bike01_2", "cmu_bike01_3", "a.b", "a.c", "hmc", "rgb",
            "z024-june-25-22-printer", "z024-june-25-22-printer_2", Self.uid, "grp-" + Self.uid,
        ]
        #expect(Set(names.map { RecordingName.canonical($0) }).count == names.count)
        for name in names { #expect(RecordingName.canonical(name) == name.lowercased()) }
        #expect(RecordingName.canonical("") == "" && RecordingName.canonical("//") == "")
    }

    @Test("a group is called after its first")
    func groups() {
        #expect(RecordingName.firstOfGroup(RecordingName.canonical("GRP-A.mp4")) == "a")
        #expect(RecordingName.firstOfGroup("grp-") == nil)
        #expect(RecordingName.firstOfGroup("group-a") == nil)
    }
}

@Suite struct ExclusionFormTests {
    static let uid = "44444444-0000-4000-8000-00000000000a"

    /// Ways to write a list of the one video, and whether in the split `val`.
    static let forms: [(name: String, text: String)] = [
        ("file names", "\(uid).mp4\n"), ("a path", "ego4d/v2/full_scale/\(uid).mp4"), ("upper case", uid.uppercased()),
        ("quotes", "\"\(uid)\"\n"), ("single quotes", "'\(uid)'\n"), ("CRLF", "\r\n\(uid)\r\n"),
        ("a byte-order mark", "\u{feff}\(uid)\n"), ("a mark and quotes", "\u{feff}\"\(uid).mp4\"\r\n"),
        ("more on the line", "\(uid), mine\n"), ("a tab", "\(uid)\tmine\n"), ("blanks", "  \(uid)  mine\n"),
        ("a table", "query,video_uid\n\"Where, when?\",\(uid)\n"),
        ("a quoted table", "\"query\",\"video_uid\"\r\n\"Where,\nwhen?\",\"\(uid)\"\r\n"),
        ("a table with a mark", "\u{feff}\"video_uid\",\"query\"\r\n\"\(uid)\",\"Where is \"\"it\"\"?\"\r\n"),
        ("tabs", "query\tvideo_uid\nWhere, when?\t\(uid).mp4\n"),
        ("semicolons", "query;Video_ID\nWhere, when?;\(uid)\n"),
        ("a narration first", "narration,video_uid\n#C C picks up a cup,\(uid)\n"),
        ("a comment, then a table", "# split: val\n# mine\nvideo_uid\n\(uid)\n"),
        ("one column", "video_uid\n\(uid)\n"), ("names of files", "video_name\n\(uid)_360p.mp4\n"),
        ("a JSON array", "[\"\(uid).mp4\"]"), ("objects", "[{\"video_uid\": \"\(uid)\"}]"),
        ("JSON by split", "{\"val\": [\"\(uid)\"]}"), ("a map", "{\"videos\": {\"\(uid)\": {}}}"),
        ("clips with their videos", "{\"clips\": [{\"clip_uid\": \"c\", \"video_uid\": \"\(uid)\"}]}"),
        ("a mark before JSON", "\u{feff}\n{\"videos\": [{\"video_uid\": \"\(uid.uppercased())\"}]}\n"),
    ]

    @Test("whatever form a list has, its video is found", arguments: Self.forms.map(\.name))
    func isFound(_ form: String) throws {
        let text = try #require(Self.forms.first { $0.name == form }?.text)
        let list = try ExclusionList(paths: [TemporaryFile(text, name: "nlq_val.txt").path])
        #expect(list.splits(of: Self.uid) == ["val"])
        #expect(list.splits(of: "\(Self.uid.uppercased())_cam1.mp4") == ["val"])
        #expect(list.files.map(\.ids) == [1] && list.count == 1 && list.notes.isEmpty)
    }

    @Test("each file is counted by itself, each video of it once")
    func counts() throws {
        let val = try TemporaryFile("a\nb\nA.mp4\n", name: "val.txt")
        let test = try TemporaryFile("video_uid,split\nb,test\nb,val\nc,\n", name: "test.csv")
        let list = try ExclusionList(paths: [val.path, test.path])
        #expect(list.count == 3)
        #expect(list.files.map(\.ids) == [2, 2] && list.files.map(\.splits) == [["val"], ["test", "val"]])
        #expect(list.files[1].path == test.path && list.files[1].example == "b")
        #expect(list.splits(of: "b") == ["test", "val"] && list.splits(of: "c") == ["test"])
        #expect(Set(list.match(["b"]).entries.map(\.file)) == [0, 1])
        #expect(list.match(["x"]).entries.isEmpty)
    }

    @Test("a split that topologies do not know is a test set, and said", arguments: ["holdout", "dev2", "challenge"])
    func strangeSplits(_ split: String) throws {
        for text in [
            "# split: \(split)\na\n", #"{"split": "\#(split)", "videos": ["a"]}"#, "video_uid,split\na,\(split)\n",
        ] {
            let list = try ExclusionList(paths: [TemporaryFile(text, name: "mine.txt").path])
            #expect(list.splits(of: "a") == ["test"])
            #expect(list.notes.count == 1 && list.notes[0].contains("`\(split)`"))
        }
        let dev = try ExclusionList(paths: [TemporaryFile("# split: dev\na\n", name: "mine.txt").path])
        #expect(dev.splits(of: "a") == ["val"] && dev.notes.isEmpty)
    }

    @Test("a list of train videos keeps nothing out, and says so")
    func train() throws {
        let list = try ExclusionList(paths: [TemporaryFile("a\n", name: "nlq_train.txt").path])
        #expect(list.splits(of: "a") == ["train"] && list.notes.count == 1 && list.notes[0].contains("`train`"))
    }

    @Test("a stray quote that takes in other lines is an error, not a shorter list")
    func strayQuote() throws {
        for text in ["a\n\"b\nc\"\n", "video_uid\n\"a\nb\"\n", "a\n\"b\n"] {
            let error = #expect(throws: SourceError.self) {
                try ExclusionList(paths: [TemporaryFile(text, name: "val.txt").path])
            }
            #expect(error?.line == 2 && error?.message.contains("quote") == true)
        }
    }

    @Test("a clip's id stands for its video, in the list and in the source")
    func clips() throws {
        let narrations = try TemporaryFile(
            #"{"v": {"narrations": [{"time": 9, "text": "t"}]}, "w": {"narrations": [{"time": 9, "text": "t"}]}}"#)
        let metadata = try TemporaryFile(
            #"""
            {"videos": [{"video_uid": "v"}, {"video_uid": "w"}], "clips": [
              {"clip_uid": "cv", "video_uid": "v", "video_start_sec": 0, "video_end_sec": 9},
              {"clip_uid": "cw", "video_uid": "w", "video_start_sec": 0, "video_end_sec": 9}]}
            """#)
        for text in ["cv.mp4\n", "clip_uid\nCV\n", #"{"clips": [{"clip_uid": "cv"}]}"#] {
            let list = try TemporaryFile(text, name: "val.txt")
            let adapter = try Ego4DAdapter(
                narrations: narrations.path, metadata: metadata.path, options: SourceOptions(exclusions: [list.path]))
            let videos = try Harvest(adapter).videos
            #expect(videos.map(\.video.splits) == [["val"], []])
            #expect(videos.map(\.listed.count) == [1, 0])
        }
        // A source whose recordings are the clips of an NLQ file.
        let nlq = try TemporaryFile(
            #"{"videos": [{"video_uid": "v", "clips": [{"clip_uid": "C-1", "source_clip_uid": "s"}]}]}"#,
            name: "nlq_val.json")
        let lines = try TemporaryFile(
            ["c-1", "s", "x"].map { #"{"video_uid": "\#($0)", "time": 1, "text": "t"}"# }.joined(separator: "\n"),
            name: "clips.jsonl")
        let options = SourceOptions(exclusions: [nlq.path])
        let videos = try Harvest(JSONLinesAdapter(file: lines.path, options: options)).videos
        #expect(videos.map(\.video.splits) == [["val"], ["val"], []])
    }

    @Test("a folder of clips' features has the features of their videos")
    func clipFeatures() throws {
        let narrations = try TemporaryFile(#"{"v": {"narrations": []}, "w": {"narrations": []}}"#)
        let metadata = try TemporaryFile(
            #"""
            {"videos": [{"video_uid": "v"}, {"video_uid": "w"}],
             "clips": [{"clip_uid": "cv", "video_uid": "v", "video_start_sec": 0, "video_end_sec": 9}]}
            """#)
        let features = try TemporaryFile("", name: "cv.npy").url.deletingLastPathComponent().path
        let adapter = try Ego4DAdapter(
            narrations: narrations.path, metadata: metadata.path, options: SourceOptions(features: features))
        #expect(try Harvest(adapter).videos.map(\.video.hasFeatures) == [true, false])
    }

    @Test("what a record said of its splits before is not forgotten for another list's sake")
    func recordsKeepTheirSplits() throws {
        let lines = try TemporaryFile(
            #"""
            {"kind": "video", "video_uid": "v", "source": "ego4d", "clips": [], "splits": ["val"], "features": null, "revision": 1}
            {"kind": "end", "video_uid": "v", "narrations": 0}
            """#, name: "copy.jsonl")
        let list = try TemporaryFile("other\n", name: "test.txt")
        let adapter = try JSONLinesAdapter(file: lines.path, options: SourceOptions(exclusions: [list.path]))
        #expect(try Harvest(adapter).videos.map(\.video.splits) == [["val"]])
    }
}

/// Recordings that were joined to one.
@Suite struct VideoGroupTests {
    private static let table = "university\tvideo_group\nx\t['a', 'B.mp4']\ny\t[\"c\",\"d\"]\r\nz\t['e', 'c']\n"

    private static func groups(_ text: String) throws -> VideoGroups {
        try VideoGroups(path: TemporaryFile(text, name: "goalstep_video_groups.tsv").path)
    }

    @Test("members are those of the row that begins with the group's id, or else of any row that has it")
    func members() throws {
        for text in [
            Self.table, "\u{feff}" + Self.table,
            "university,Video_Group\nx,\"['a', 'b']\"\ny,\"['c', 'd']\"\nz,\"['e', 'c']\"\n",
        ] {
            let groups = try Self.groups(text)
            #expect(groups.members(ofGroupNamedAfter: "a") == ["a", "b"])
            #expect(groups.members(ofGroupNamedAfter: "c") == ["c", "d"])
            #expect(groups.members(ofGroupNamedAfter: "b") == ["a", "b"])
            #expect(groups.members(ofGroupNamedAfter: "x") == nil)
        }
    }

    @Test(
        "a table of another kind, or a group of nobody, is an error",
        arguments: ["", "a\tb\n1\t2\n", "video_group\n[]\n", "video_group\n"])
    func errors(_ text: String) throws {
        let error = #expect(throws: SourceError.self) { try Self.groups(text) }
        #expect(
            error?.message.contains("goalstep_video_groups.tsv") == true || error?.message.contains("['UID'") == true)
    }

    private static func goalStep(_ list: String, groups: String?) throws -> [VideoNarrations] {
        let videos = ["grp-a", "GRP-x", "e", "d"].map { #"{"video_uid": "\#($0)", "segments": []}"# }
        let file = try TemporaryFile(#"{"videos": [\#(videos.joined(separator: ","))]}"#)
        let options = SourceOptions(
            exclusions: [try TemporaryFile(list, name: "nlq_val.txt").path],
            groups: try groups.map { try TemporaryFile($0, name: "groups.tsv").path })
        return try Harvest(GoalStepAdapter(annotations: file.path, options: options)).videos
    }

    @Test("a group is in every split of its members; one whose members are unknown is in unknown splits")
    func guardedByMembers() throws {
        let known = try Self.goalStep("b\n", groups: Self.table)
        #expect(known.map(\.video.splits) == [["val"], nil, [], []])
        #expect(known.map(\.video.knownSplits) == [nil, nil, nil, nil])
        #expect(known.map { $0.counts[SourceCount.unknownMembers] } == [nil, 1, nil, nil])

        let unknown = try Self.goalStep("a\n", groups: nil)
        #expect(unknown.map(\.video.splits) == [nil, nil, [], []])
        #expect(unknown.map(\.video.knownSplits) == [["val"], nil, nil, nil], "of the first it is known")
        #expect(unknown.map(\.listed.count) == [1, 0, 0, 0])
        let event = NarrationEvent.video(unknown[0].video)
        #expect(try JSONScanner.scan(event.json) { json throws(JSONError) in try NarrationEvent(json: &json) } == event)
    }

    @Test("a group in a list stands for its members")
    func listed() throws {
        let known = try Self.goalStep("grp-c\n", groups: Self.table)
        #expect(known.map(\.video.splits) == [[], nil, [], ["val"]])
        let list = try TemporaryFile("grp-c\n", name: "val.txt")
        let alone = try ExclusionList(paths: [list.path])
        #expect(alone.splits(of: "c") == ["val"] && alone.splits(of: "grp-C") == ["val"] && alone.splits(of: "d") == [])
        #expect(alone.notes.count == 1 && alone.notes[0].contains("--groups"))
    }
}
