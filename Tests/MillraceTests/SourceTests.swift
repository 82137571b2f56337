// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The real annotation files beside the package, if they are there.
private enum RealFile: String {
    case goalStep = "ego4d-goalstep/goalstep_valid.json"
    case epic = "epic-kitchens-100/EPIC_100_validation.csv"
    case epicVideos = "epic-kitchens-100/EPIC_100_video_info.csv"
    case captainCook = "captaincook4d/complete_step_annotations.json"

    var path: String {
        MillraceProcess.packageFolder.deletingLastPathComponent()
            .appendingPathComponent("shared/data/\(self.rawValue)").path
    }

    var exists: Bool { FileManager.default.fileExists(atPath: self.path) }
}

/// The sources other than Ego4D's narrations, from file to shard.
@Suite("Sources")
struct SourceTests {
    /// Ingests twice, runs NaQ, which takes the source's own intervals, and checks every sample.
    private static func throughToShards(_ bench: Workbench, _ ingest: [String], atLeast: Int) throws {
        let report = try JSONTree(try bench.expect(0, ingest + ["--json"]).outputText)
        let videos = try #require(report["videos"].int)
        #expect(report["narrations"].int ?? 0 >= atLeast)
        let rerun = try JSONTree(try bench.expect(0, ingest + ["--json"]).outputText)
        #expect(rerun["videos"].int == 0 && rerun["unchanged"].int == videos)
        try bench.succeed("run", Workbench.topology("naq"), "--until-idle", "--allow-unguarded")
        let samples = try bench.samples("naq").map(JSONTree.init)
        #expect(samples.count >= atLeast * 9 / 10)
        let whole = samples.allSatisfy { sample in
            guard let start = sample["clip_start_sec"].double, let end = sample["clip_end_sec"].double,
                let length = sample["clip_duration_sec"].double, sample["query"].string?.isEmpty == false
            else { return false }
            return start >= 0 && start <= end && end <= length + 1e-6
        }
        #expect(whole)
        #expect(try bench.records("naq.dead-letters").isEmpty)
    }

    @Test("Goal-Step", .enabled(if: RealFile.goalStep.exists, "needs ../shared/data/ego4d-goalstep"))
    func goalStep() throws {
        let bench = try Workbench(videos: 3)
        let ingest = ["ingest", "goalstep", "--annotations", RealFile.goalStep.path, "--exclude", "world/nlq_val.json"]
        try Self.throughToShards(bench, ingest, atLeast: 7000)
        // 33 of its 134 videos are groups, and the table of their members is not here.
        bench.home = bench.folder.file("strict").path
        try bench.expect(0, ingest).says("33 groups of joined videos", "none of the")
        try bench.fail(1, "run", Workbench.topology("naq"), "--until-idle").says("unguarded-video", "--groups")
        try bench.succeed("run", Workbench.topology("naq"), "--until-idle", "--allow-unguarded")
            .says("of 33 videos and passes it is not known")
    }

    @Test("EPIC-KITCHENS", .enabled(if: RealFile.epic.exists, "needs ../shared/data/epic-kitchens-100"))
    func epicKitchens() throws {
        let videos = RealFile.epicVideos.path
        try Self.throughToShards(
            try Workbench(), ["ingest", "epic-kitchens", "--annotations", RealFile.epic.path, "--videos", videos],
            atLeast: 9000)
    }

    @Test("CaptainCook4D", .enabled(if: RealFile.captainCook.exists, "needs ../shared/data/captaincook4d"))
    func captainCook4D() throws {
        let bench = try Workbench()
        try Self.throughToShards(
            bench,
            ["ingest", "captaincook4d", "--annotations", RealFile.captainCook.path, "--clip-seconds", "0"],
            atLeast: 5000)
        let again = ["ingest", "captaincook4d", "--annotations", RealFile.captainCook.path, "--topic", "other"]
        try bench.expect(0, again).prints("counted, not-performed: 287")
    }

    @Test("EgoClip, a table with tabs")
    func egoClip() throws {
        let bench = try Workbench()
        var rows = [
            "clip_idx\tvideo_uid\tvideo_dur\tnarration_source\tnarration_ind\tnarration_time\tclip_start\tclip_end\tclip_text"
                + "\ttag_verb\ttag_noun"
        ]
        for index in 0..<60 {
            let time = Double(index) * 10 + 5
            rows.append(
                "\(index)\tvideo-\(index / 30)\t600.0\tnarration_pass_\(index / 15 % 2 + 1)\t\(index % 15)\t\(time)\t\(time - 0.4)\t\(time + 0.4)"
                    + "\t#C C picks up cup \(index)\t[1]\t[2]")
        }
        rows.append("60\tvideo-9\t600.0\tnarration_pass_1\t0\tsoon\t1\t2\t#C C stops\t[1]\t[2]")
        try bench.folder.write(rows.joined(separator: "\n") + "\n", to: "egoclip.csv")
        try bench.succeed("ingest", "egoclip", "--annotations", "egoclip.csv", "--pass", "1", "--topic", "first")
            .prints("30 narrations written", "counted, other-pass: 30", "dead letters, not-a-number: 1")
        let ingest = try bench.succeed("ingest", "egoclip", "--annotations", "egoclip.csv", "--topic", "bad")
        ingest.prints("60 narrations written", "dead letters, not-a-number: 1")
        ingest.says("egoclip.csv, line 62, byte", "`narration_time`")
        try Self.throughToShards(bench, ["ingest", "egoclip", "--annotations", "egoclip.csv"], atLeast: 60)
    }

    @Test("JSON Lines: loose narrations, and what `topics read` prints")
    func jsonLines() throws {
        let bench = try Workbench()
        let lines = (0..<40).map {
            #"{"video_uid": "v\#($0 / 20)", "timestamp_sec": \#($0 % 20 * 7), "start_sec": \#($0 % 20 * 7), "end_sec": "#
                + #"\#($0 % 20 * 7 + 2), "text": "picks up cup \#($0)", "duration_sec": 200}"#
        }
        try bench.folder.write(lines.joined(separator: "\n"), to: "loose.jsonl")
        try Self.throughToShards(bench, ["ingest", "jsonl", "--file", "loose.jsonl"], atLeast: 40)

        // The topic's values are a file for another home, which comes out with the same samples.
        let values = try bench.succeed("topics", "read", "narrations").outputLines.compactMap {
            $0.split(separator: "\t", maxSplits: 1).last.map(String.init)
        }
        try bench.folder.write(values.joined(separator: "\n") + "\n", to: "copy.jsonl")
        let samples = try bench.samples("naq").sorted()
        bench.home = bench.folder.file("copy").path
        try Self.throughToShards(bench, ["ingest", "jsonl", "--file", "copy.jsonl"], atLeast: 40)
        #expect(try bench.samples("naq").sorted() == samples)
    }
}
