// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Fuzzing
import Records
import TaskRooms
import Testing

@testable import VideoAnnotations

/// Broken files of every source: an error, a problem or what another reader reads, and never a trap.
@Suite struct AdapterFuzzTests {
    /// One file that is written anew for each input.
    private struct InputFile {
        let file: TemporaryFile
        var path: String { self.file.path }

        init(_ name: String) throws { self.file = try TemporaryFile("", name: name) }

        func write(_ input: FuzzInput) throws { try Data(input.bytes).write(to: self.file.url) }
    }

    private static let ego4d = [
        ##"""
        {"v1": {"narration_pass_1": {"narrations": [
            {"timestamp_sec": 3.5, "timestamp_frame": 105, "narration_text": "#C C picks a cup\n", "annotation_uid": "u"},
            {"narration_text": " #unsure C holds \"it\" ", "annotation_uid": null, "timestamp_sec": 1},
            {"timestamp_sec": 3.5, "narration_text": "#O A man Z talks, \u00fc \ud83d\ude00"}],
            "summaries": [{"start_sec": 0, "end_sec": 300, "summary_text": "#Summary"}, {}]},
          "narration_pass_2": {"summaries": [], "narrations": [{"timestamp_sec": 2.25, "narration_text": "b"}]}},
         "v3": {"status": "redacted"}}
        """##,
        ##"{"videos": {"flat": {"summaries": [], "narrations": [{"time": 2.5, "text": "#C C cuts"}]}}}"##,
    ]
    private static let goalStep = [
        #"""
        {"version": "1.0", "videos": [{"video_uid": "a", "start_time": 531.8, "end_time": 1956.5, "segments": [
          {"start_time": 600, "end_time": 700, "step_description": "Makes dough", "segments": [
            {"start_time": 640.0, "end_time": 660.0, "step_description": "Adds flour"}]},
          {"start_time": 540, "end_time": 541, "step_description": "Washes hands", "segments": []}]}]}
        """#
    ]
    private static let cook = [
        #"""
        {"1_7": {"recording_id": "1_7", "steps": [
           {"step_id": 3, "start_time": 50.5, "end_time": 60.5, "description": "Pour-Pour 1 egg"},
           {"start_time": -1.0, "end_time": -1, "description": "x"}]}, "2_1": {"steps": []}}
        """#
    ]
    private static let lines = [
        ##"""
        {"video_uid": "a", "timestamp_sec": 5, "text": "late", "duration_sec": 900, "pass": 1}
        {"narration_text": "early\n", "time": 1.5, "start_sec": 1, "end_sec": 2, "video_uid": "a", "x": [1]}

        {"kind":"video","video_uid":"b","pass":1,"source":"x","clips":[{"clip_uid":"c","start_sec":0,"end_sec":9}],"revision":1}
        {"kind":"narration","video_uid":"b","pass":1,"index":0,"timestamp_sec":3,"text":"#C C picks"}
        {"kind":"end","video_uid":"b","pass":1,"narrations":1}
        """##
    ]
    private static let egoClip = [
        """
        video_uid\tvideo_dur\tnarration_source\tnarration_time\tclip_start\tclip_end\tclip_text
        a\t480.5\tnarration_pass_1\t3.25\t2.0\t4.5\t#C C picks a cup
        a\t480.5\tnarration_pass_2\t3.25\t2.0\t4.5\t"#C C ""picks"" a cup"
        b\t\tnarration_pass_1\t0.0\t\t\t#O man

        """
    ]
    private static let epic = [
        #"""
        narration_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,narration,verb
        P01_01_0,P01_01,00:00:01.089,00:00:00.14,00:00:03.37,open door,open
        P01_01_1,P01_01,,00:00:04.37,01:00:06.17,"turn-on light, ""now""",turn
        P02_01_0,P02_01,00:00:01,00:00:01,00:00:02,x,y

        """#
    ]

    /// Checks the rules that hold for everything an adapter hands out.
    private static func check(_ harvest: Harvest, _ input: FuzzInput) throws {
        for video in harvest.videos {
            try #require(video.narrations.map(\.index) == Array(0..<video.narrations.count), "\(input)")
            let times = video.narrations.map(\.timestampSec)
            try #require(times.allSatisfy { 0...SourceLimits.secondsMax ~= $0 } && times == times.sorted(), "\(input)")
            try #require(video.narrations.allSatisfy { $0.videoUID == video.video.videoUID }, "\(input)")
            try #require(
                (video.video.durationSec ?? 1) > 0 && video.video.clips.allSatisfy { $0.span.start <= $0.span.end })
        }
    }

    /// Feeds an adapter.
    private static func run(
        _ name: String, _ seeds: [String], _ tokens: FuzzTokens, _ read: (String) throws -> Harvest,
        _ check: (Harvest, FuzzInput) throws -> Void = { _, _ in }
    ) throws {
        let file = try InputFile(name)
        for input in Fuzz(name, seeds: seeds, tokens: tokens, seconds: 1) {
            try file.write(input)
            let harvest: Harvest
            do { harvest = try read(file.path) } catch is SourceError {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            if input.isSeed { try #require(harvest.error == nil && !harvest.videos.isEmpty, "\(input)") }
            try Self.check(harvest, input)
            try check(harvest, input)
        }
    }

    private static func foundation(_ input: FuzzInput) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(input.bytes))) as? [String: Any]
    }

    @Test func ego4D() throws {
        try Self.run("ego4d", Self.ego4d, .json) { path in
            try Harvest(Ego4DAdapter(narrations: path, passes: .both))
        } _: { harvest, input in
            // Every narration that Foundation finds is there, unless the adapter complained.
            guard harvest.reasons.isEmpty, harvest.error == nil, let root = Self.foundation(input) else { return }
            var count = 0
            for video in ((root["videos"] as? [String: Any]) ?? root).values {
                guard let video = video as? [String: Any] else { continue }
                for holder in [video, video["narration_pass_1"], video["narration_pass_2"]] {
                    count += ((holder as? [String: Any])?["narrations"] as? [Any])?.count ?? 0
                }
            }
            let found = harvest.videos.reduce(0) { $0 + $1.narrations.count }
            // Of a repeated key Foundation keeps one.
            try #require(found >= count || root["videos"] != nil, "\(input)")
        }
    }

    @Test func ego4DMetadata() throws {
        let seed = #"""
            {"version": "2", "clips": [
              {"clip_uid": "c2", "video_uid": "a", "video_start_sec": 480.0, "video_end_sec": 960},
              {"clip_uid": "c1", "video_uid": "a", "video_start_sec": -0.01, "video_end_sec": 480}],
             "videos": [{"video_uid": "a", "duration_sec": 900.25, "clips": [
               {"clip_uid": "n", "video_start_sec": 1, "video_end_sec": 2}]}]}
            """#
        let file = try InputFile("metadata")
        for input in Fuzz("metadata", seeds: [seed], tokens: .json, seconds: 1) {
            try file.write(input)
            guard let metadata = try? Ego4DMetadata(path: file.path) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            for entry in metadata.videos.values {
                try #require(0...SourceLimits.secondsMax ~= entry.durationSec ?? 0, "\(input)")
                try #require(entry.clips.allSatisfy { $0.span.length > 0 && $0.span.length.isFinite }, "\(input)")
            }
        }
    }

    @Test func goalStep() throws {
        try Self.run("goalstep", Self.goalStep, .json) { try Harvest(GoalStepAdapter(annotations: $0)) }
    }

    @Test func captainCook4D() throws {
        try Self.run("cook", Self.cook, .json) { try Harvest(CaptainCook4DAdapter(annotations: $0)) }
    }

    @Test func jsonLines() throws {
        try Self.run("jsonl", Self.lines, .json) { try Harvest(JSONLinesAdapter(file: $0)) }
    }

    @Test func egoClip() throws {
        try Self.run("egoclip", Self.egoClip, .table) { try Harvest(EgoClipAdapter(annotations: $0)) }
    }

    @Test func epicKitchens() throws {
        try Self.run("epic", Self.epic, .table) { try Harvest(EpicKitchensAdapter(annotations: $0)) }
    }

    @Test func exclusionLists() throws {
        let seeds = [
            #"{"version":"1","split":"val","videos":[{"video_uid":"a","split":"test","clips":[{"annotations":[]}]}]}"#,
            #"["a","b"]"#, "# split: val\na\nb.mp4\n\n# more\nc\n", "video_uid,x\n\"a\",1\nb,2\n",
        ]
        let file = try InputFile("exclude")
        for input in Fuzz("exclusion", seeds: seeds, tokens: .json + .table, seconds: 1) {
            try file.write(input)
            guard let list = try? ExclusionList(paths: [file.path]) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            try #require(list.count > 0, "\(input)")
            try #require(list.notes.allSatisfy { $0.contains(file.path) }, "\(input)")
            try #require(Set(list.splits(of: "a")).isSubset(of: ["train", "val", "test"]), "\(input)")
            if input.isSeed { try #require(!list.splits(of: "a").isEmpty, "\(input)") }
        }
    }

    // MARK: Tables by themselves

    /// A second reader of tables, a byte at a time: `nil` where a quote stays open.
    private static func rows(_ text: Bytes, _ delimiter: UInt8) -> [[Bytes]]? {
        var text = text[...]
        if text.starts(with: [0xef, 0xbb, 0xbf]) { text = text.dropFirst(3) }
        var rows: [[Bytes]] = []
        while !text.isEmpty {
            var row: [Bytes] = []
            var isInRow = true
            while isInRow {
                var field: Bytes = []
                if text.first == 0x22 {
                    text = text.dropFirst()
                    while true {
                        guard let byte = text.popFirst() else { return nil }
                        if byte != 0x22 {
                            field.append(byte)
                        } else if text.first != 0x22 {
                            break
                        } else {
                            field.append(0x22)
                            text = text.dropFirst()
                        }
                    }
                }
                var rest: Bytes = []
                var end: UInt8?
                while let byte = text.popFirst() {
                    if byte == delimiter || byte == 0x0a {
                        end = byte
                        break
                    }
                    rest.append(byte)
                }
                isInRow = end == delimiter
                if !isInRow, rest.last == 0x0d { rest.removeLast() }
                row.append(field + rest)
            }
            if row != [[]] { rows.append(row) }
        }
        return rows
    }

    private static func table(_ path: String, _ delimiter: UInt8) throws -> [[Bytes]] {
        var table = try DelimitedText(path: path, delimiter: delimiter, requiring: [])
        var rows: [[Bytes]] = []
        while try table.next() { rows.append((0..<table.fieldCount).map { table.withField($0) { Bytes($0) } }) }
        return rows
    }

    @Test func tablesAreReadAsAnotherReaderReadsThem() throws {
        let file = try InputFile("table")
        let marks: [Bytes] = [[0x1f, 0x8b], [0x28, 0xb5, 0x2f, 0xfd], [0x50, 0x4b, 0x03, 0x04]]
        for input in Fuzz("table", seeds: Self.epic + Self.egoClip, tokens: .table) {
            if marks.contains(where: { input.bytes.starts(with: $0) }) { continue }
            try file.write(input)
            for delimiter in [UInt8(ascii: ","), UInt8(ascii: "\t")] {
                guard let rows = Self.rows(input.bytes, delimiter) else {
                    #expect(throws: SourceError.self, "\(input)") { try Self.table(file.path, delimiter) }
                    continue
                }
                guard let found = try? Self.table(file.path, delimiter) else { continue }
                try #require(found == Array(rows.dropFirst()), "\(input)")
            }
        }
    }

    @Test func narrationsAreScannedAsTheyAreParsed() throws {
        let seeds = [
            ##"{"timestamp_sec": 3.5, "narration_text": "#C C picks \u00fc", "annotation_uid": null, "n": -1.5e3}"##,
            #"{"text":"plain","time":12345.678901}"#,
        ]
        for input in Fuzz("scan", seeds: seeds, tokens: .json) {
            let scan = input.bytes.withUnsafeBufferPointer { bytes in
                bytes.baseAddress.map { NarrationScan($0, from: 0, to: bytes.count) }
            }
            guard let scan, scan.isGood, let value = try? JSONValue(parsing: input.bytes[..<scan.position]),
                case .object(let members) = value
            else { continue }
            let time = members.last { ["timestamp_sec", "time"].contains($0.key) }?.value
            let text = members.last { ["narration_text", "text"].contains($0.key) }?.value
            try #require(time?.double == scan.seconds && text?.string == scan.text, "\(input)")
        }
    }
}
