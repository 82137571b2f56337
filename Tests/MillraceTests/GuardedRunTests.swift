// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Videos of exclusion lists must never reach a sample, from annotation file to shard, however they are named.
@Suite("Guarded runs")
struct GuardedRunTests {
    private static let naq = Workbench.topology("naq")

    private static func uid(_ number: Int) -> String { "11111111-aaaa-4aaa-8aaa-00000000000\(number)" }

    /// Goal-Step annotations with steps for each video.
    private static func goalStep(_ videos: [(uid: String, steps: Int)]) -> String {
        let entries = videos.map { video in
            let steps = (0..<video.steps).map { step in
                #"{"start_time": \#(10 + step * 10), "end_time": \#(18 + step * 10), "step_description": "put spoon \#(step) in the drawer", "segments": []}"#
            }
            return
                #"{"video_uid": "\#(video.uid)", "start_time": 0, "end_time": 300, "segments": [\#(steps.joined(separator: ","))]}"#
        }
        return #"{"split": "train", "videos": [\#(entries.joined(separator: ","))]}"#
    }

    /// A group of which a video is in the list, a video of the list, and one that is in no list.
    private static func groupBench() throws -> Workbench {
        let bench = try Workbench()
        try bench.folder.write(
            self.goalStep([("grp-\(self.uid(1))", 5), (self.uid(2), 3), (self.uid(3), 3)]), to: "goalstep_train.json")
        try bench.folder.write(
            "university\tvideo_group\nx\t['\(self.uid(1))', '\(self.uid(9))']\n", to: "goalstep_video_groups.tsv")
        // Of the group it is not the first that is listed.
        try bench.folder.write(
            #"{"videos": [{"video_uid": "\#(self.uid(9))", "split": "val"}, {"video_uid": "\#(self.uid(2))"}]}"#,
            to: "nlq_val.json")
        return bench
    }

    private static let ingestGroups = [
        "ingest", "goalstep", "--annotations", "goalstep_train.json", "--exclude", "nlq_val.json",
    ]

    private static func videos(_ bench: Workbench, _ set: String) throws -> [String: Int] {
        try bench.samples(set).reduce(into: [:]) { counts, line in
            counts[try JSONTree(line)["video_uid"].string ?? "", default: 0] += 1
        }
    }

    @Test("A group goes when one of its videos is excluded")
    func groupOfAnExcludedVideo() throws {
        let bench = try Self.groupBench()
        let report = try bench.expect(0, Self.ingestGroups + ["--groups", "goalstep_video_groups.tsv"])
        report.prints("list nlq_val.json (val): 2 ids, 2 among the videos of this source")
        #expect(report.errorText.isEmpty, "\(report.story)")
        try bench.run(Self.naq).prints("filter.excluded-split: 2")
        #expect(try Self.videos(bench, "naq") == [Self.uid(3): 3])
    }

    @Test("A group whose videos are not known is refused, or passes by number; the remedy is one")
    func groupOfUnknownVideos() throws {
        let bench = try Self.groupBench()
        let ingest = try bench.expect(0, Self.ingestGroups)
        ingest.says("1 groups of joined videos", "--groups goalstep_video_groups.tsv")
        ingest.prints("counted, groups-of-unknown-members: 1")
        try bench.fail(1, "run", Self.naq, "--until-idle").says("unguarded-video", "grp-\(Self.uid(1))", "--groups")

        let allowing = bench.home
        let copy = bench.folder.file("copy").path
        try FileManager.default.copyItem(atPath: allowing, toPath: copy)
        bench.home = copy
        try bench.succeed("run", Self.naq, "--until-idle", "--allow-unguarded")
            .says("of 1 videos and passes it is not known", "--allow-unguarded")
        #expect(try Self.videos(bench, "naq") == ["grp-\(Self.uid(1))": 5, Self.uid(3): 3])

        bench.home = allowing
        let repaired = Self.ingestGroups + ["--groups", "goalstep_video_groups.tsv"]
        try bench.expect(1, repaired).says("1 videos have changed", "--replace")
        try bench.expect(0, repaired + ["--replace"]).prints("replaced by a new revision: 1")
        let run = try bench.run(Self.naq)
        run.prints("filter.superseded-revision: 1", "filter.excluded-split: 2")
        #expect(!run.errorText.contains("newer revision"), "nothing had been read before: \(run.story)")
        #expect(try Self.videos(bench, "naq") == [Self.uid(3): 3])
    }

    @Test("Each list is judged by itself, in text and in JSON, and one that keeps nothing out is said aloud")
    func lists() throws {
        let bench = try Workbench()
        let lines = (0..<4).flatMap { video in
            (0..<4).map {
                ##"{"video_uid": "\##(Self.uid(video))", "time": \##($0 * 4 + 3), "text": "#C C puts cup \##($0) down"}"##
            }
        }
        try bench.folder.write(lines.joined(separator: "\n"), to: "n.jsonl")
        try bench.folder.write("\(Self.uid(0))\n", to: "nlq_val.txt")
        try bench.folder.write("videos/\(Self.uid(1)).mp4\n", to: "nlq_test_files.txt")
        try bench.folder.write("query,video_uid\r\n\"Where, when?\",\(Self.uid(2))\r\n", to: "test_quoted.csv")
        try bench.folder.write("P01_11\nP01_12\n", to: "strangers_test.txt")
        let command =
            ["ingest", "jsonl", "--file", "n.jsonl"]
            + ["nlq_val.txt", "nlq_test_files.txt", "test_quoted.csv", "strangers_test.txt"].flatMap {
                ["--exclude", $0]
            }
        let result = try bench.expect(0, command)
        result.prints(
            "list nlq_val.txt (val): 1 id, 1 among", "list nlq_test_files.txt (test): 1 id, 1 among",
            "list test_quoted.csv (test): 1 id, 1 among", "list strangers_test.txt (test): 2 ids, 0 among")
        result.says("none of the 2 ids in strangers_test.txt", "`P01_11`", Self.uid(0))
        #expect(result.errorText.components(separatedBy: "keeps nothing out").count == 2, "\(result.story)")
        let again = try JSONTree(try bench.expect(0, command + ["--json"]).outputText)
        #expect(again["unchanged"].int == 4)
        #expect(again["lists"].array.map { $0["matched"].int } == [1, 1, 1, 0])
        #expect(again["lists"].array.map { $0["ids"].int } == [1, 1, 1, 2])
        try bench.run(Self.naq)
        #expect(try Array(Self.videos(bench, "naq").keys) == [Self.uid(3)])
    }

    @Test(
        "A list that comes later holds for what was ingested before, in runs and in replays, and is told where it is late"
    )
    func laterLists() throws {
        let bench = try Workbench(videos: 6)
        let first = [
            "ingest", "ego4d", "--narrations", "world/narration.json", "--metadata", "world/ego4d.json", "--exclude",
            "world/nlq_test_unannotated.json", "--pass", "both",
        ]
        try bench.expect(0, first)
        let early = bench.folder.file("early").path
        try FileManager.default.copyItem(atPath: bench.home, toPath: early)
        try bench.run(Self.naq)
        let val = Set(try bench.json("world/nlq_val.json")["videos"].array.compactMap { $0["video_uid"].string })
        let leaked = try Self.videos(bench, "naq").filter { val.contains($0.key) }
        try #require(!leaked.isEmpty, "without its list the validation set is trained on")

        // The second pass is not ingested again, and must be kept out all the same.
        let second = first.dropLast(2) + ["--exclude", "world/nlq_val.json", "--replace"]
        for home in [bench.home, early] {
            bench.home = home
            let report = try JSONTree(try bench.expect(0, second + ["--json"]).outputText)
            #expect(report["replaced"].int == leaked.count)
        }
        let fresh = try bench.run(Self.naq)
        #expect(try Self.videos(bench, "naq").keys.allSatisfy { !val.contains($0) }, "\(fresh.story)")
        let clean = try bench.samples("naq").sorted()

        bench.home = bench.folder.file("home").path
        try bench.run(Self.naq).says(
            "\(leaked.count) videos and passes came as a newer revision", "\(leaked.count) of them are excluded now",
            "millrace replay")
        let replay = try bench.expect(0, ["replay", Self.naq, "--from", "earliest", "--into", "clean"])
        replay.says("left out: \(leaked.count) older revisions", "\(leaked.count) videos that were not excluded")
        #expect(try bench.samples("clean").sorted() == clean)
        try bench.expect(0, ["replay", Self.naq, "--from", "earliest", "--dry-run"]).prints("left out: ")
    }

    @Test("A topology that judges no videos cannot tell revisions apart, and says so")
    func withoutFilter() throws {
        let bench = try Workbench()
        let topology = """
            name: bare
            stages:
              land: { from: narrations, steps: [{ window: {} }, { format: {} }], to: { shards: bare } }
            """
        try bench.folder.write(topology, to: "bare.yaml")
        for (text, option) in [("takes", []), ("drops", ["--replace"])] {
            let lines = (1...3).map {
                #"{"video_uid": "v", "time": \#($0 * 9), "text": "C \#(text) it", "duration_sec": 60}"#
            }
            try bench.folder.write(lines.joined(separator: "\n"), to: "n.jsonl")
            try bench.expect(0, ["ingest", "jsonl", "--file", "n.jsonl"] + option)
        }
        try bench.run("bare.yaml").says("`land` has no step `filter", "all of their revisions pass")
        #expect(try bench.samples("bare").count == 6)
        try bench.fail(2, "replay", "bare.yaml", "--from", "earliest").says(
            "1 older revisions", "`land` has no step `filter")
    }

    @Test("Blocks and queries of a video that is excluded by now go no further")
    func excludedBehindTheFilter() throws {
        let bench = try Workbench(videos: 6)
        try bench.expect(
            0, Array(Workbench.ingestWorld.dropLast(4)) + ["--exclude", "world/nlq_test_unannotated.json"])
        let nlq = Workbench.topology("nlq")
        // The first stage alone has been run when the list comes.
        let text = try String(contentsOfFile: nlq, encoding: .utf8)
        let curate = try #require(text.firstRange(of: "  generate:\n"))
        try bench.folder.write(String(text[..<curate.lowerBound]), to: "curate.yaml")
        try bench.run("curate.yaml")
        let val = Set(try bench.json("world/nlq_val.json")["videos"].array.compactMap { $0["video_uid"].string })
        let blocks = try bench.records("blocks").count { val.contains($0["key"].string ?? "") }
        try #require(blocks > 0)
        try bench.expect(0, Workbench.ingestWorld + ["--replace"])
        let run = try JSONTree(try bench.expect(0, ["run", nlq, "--until-idle", "--json"]).outputText)
        let generate = run["stages"].array.first { $0["stage"].string == "generate" }
        #expect(generate?["counts"]["read.excluded-split"].int == blocks)
        #expect(try Self.videos(bench, "nlq").keys.allSatisfy { !val.contains($0) })
        // From that stage on, a replay cannot tell the revisions apart, and says so.
        try bench.fail(2, "replay", nlq, "--from", "earliest", "--stage", "generate").says("older revisions", "--stage")
    }
}
