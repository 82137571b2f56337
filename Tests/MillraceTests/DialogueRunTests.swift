// SPDX-License-Identifier: Apache-2.0

import EmbeddedLog
import Foundation
import RecordLog
import Records
import Testing

/// Dialogues from activities to shards and to ProAssist's files, by rules, as a user runs it.
@Suite("Dialogues")
struct DialogueRunTests {
    private static func activity(_ number: Int, split: String) -> String {
        let steps = ["fills the kettle", "boils water", "pours tea", "adds milk"].enumerated().map {
            #"{"level":"step","start_sec":\#($0 * 15 + 2),"end_sec":\#($0 * 15 + 12),"text":"\#($1)"}"#
        }.joined(separator: ",")
        return """
            {"dataset":"ego4d","domain":"cooking","knowledge_type":"cooking recipe","video_uid":"grp-\(number)",\
            "goal":"Making tea","step_descriptions":"[2.0s-12.0s] fills the kettle\\n","lines":[\(steps)],\
            "clips":[],"duration_sec":70.5,"annotated_share":0.6,"steps":4,"substeps":0,"split":"\(split)"}
            """
    }

    /// The shipped topology without its first stage, which makes activities of narrations.
    private func topology(_ bench: Workbench) throws -> String {
        let source = MillraceProcess.packageFolder.appendingPathComponent("topologies")
        let text = try String(contentsOf: source.appendingPathComponent("proassist.yaml"), encoding: .utf8)
        let parts = text.components(separatedBy: "  prepare:\n")
        let rest = try #require(parts.last?.components(separatedBy: "  know:\n").last)
        for name in try FileManager.default.contentsOfDirectory(atPath: source.path + "/prompts") {
            let prompt = try String(contentsOf: source.appendingPathComponent("prompts/\(name)"), encoding: .utf8)
            try bench.folder.write(prompt, to: "prompts/\(name)")
        }
        try bench.folder.write(parts[0] + "  know:\n" + rest, to: "proassist.yaml")
        return bench.folder.file("proassist.yaml").path
    }

    private func append(_ values: [String], in bench: Workbench) throws {
        try FileManager.default.createDirectory(atPath: bench.home, withIntermediateDirectories: true)
        let log = try EmbeddedLog(path: bench.home + "/log.db")
        defer { log.close() }
        try log.createTopic(TopicSpecification(name: "activities", partitions: 4))
        var transaction = Transaction()
        transaction.outputs = values.enumerated().map { number, value in
            let record = Record(key: "grp-\(number)", value: value, headers: [Header("schema", "activity/1")])
            return .init(topic: "activities", partition: number % 4, records: RecordBatch([record]))
        }
        try log.makeWriter(id: "a-stranger").commit(transaction)
    }

    @Test("Rules make dialogues, sequences, and the files that ProAssist reads; a second run adds nothing")
    func run() throws {
        let bench = try Workbench()
        try self.append((0..<8).map { Self.activity($0, split: $0 < 6 ? "train" : "val") }, in: bench)
        let topology = try self.topology(bench)
        try bench.run(topology)
        let dialogues = try bench.samples("dialogues")
        // Ten of a training video, one of each type of user of another.
        #expect(dialogues.count == 66)
        let sequences = try bench.samples("sequences")
        #expect(sequences.count == 66)
        try bench.run(topology)
        #expect(try bench.samples("dialogues") == dialogues)

        let set = bench.folder.file("set").path
        try bench.succeed(
            "export", "proassist", "--shards", "sequences", "--split", "train", "--output", set + ".jsonl")
        let lines = try String(contentsOfFile: set + ".jsonl", encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 60)
        for line in lines {
            let sample = try JSONTree(String(line))
            #expect(sample["frames_file"].string?.hasPrefix("frames/") == true)
            #expect(sample["video_uid"].string?.hasPrefix("grp-") == false)
        }
        try bench.succeed(
            "export", "proassist", "--shards", "dialogues", "--split", "train", "--output", set + ".json")
        let videos = try JSONTree(Data(contentsOf: bench.folder.file("set.json")))
        #expect(videos.array.count == 6)
        #expect(videos.array.allSatisfy { $0["conversations"].array.count == 10 })
        try bench.succeed("profile", "dialogues").prints("ego4d: 8 videos, 66 dialogues", "ProAssist: 23.10")
    }

    @Test("One command runs all of it on the sample world: goals, steps with substeps, talk and mistakes")
    func sampleWorld() throws {
        let bench = try Workbench(videos: 8)
        for part in ["train", "val"] {
            try bench.succeed("ingest", "goalstep", "--annotations", "world/goalstep_\(part).json")
        }
        try bench.succeed(
            "ingest", "holoassist", "--annotations", "world/holoassist.json", "--list", "world/holoassist_train.txt",
            "--list", "world/holoassist_val.txt")
        try bench.run(Workbench.topology("proassist"))
        let dialogues = try bench.samples("dialogues").map(JSONTree.init)
        #expect(Set(dialogues.compactMap { $0["dataset"].string }) == ["ego4d", "holoassist"])
        #expect(Set(dialogues.compactMap { $0["split"].string }).contains("train"))
        let turns = dialogues.flatMap { $0["conversation"].array }
        #expect(turns.contains { $0["content"].string?.hasPrefix("That was not right: ") == true })
        #expect(turns.allSatisfy { $0["role"].string == "user" || $0["progress"].string != nil })
        #expect(try bench.samples("sequences").count >= dialogues.count)

        // The original's way, as the control: another set of the same videos.
        let preset = MillraceProcess.packageFolder.appendingPathComponent("topologies/proassist-original.env").path
        try bench.succeed(
            "replay", Workbench.topology("proassist"), "--env-file", preset, "--from", "earliest", "--into", "original")
        let original = try bench.samples("original.dialogues").map(JSONTree.init)
        #expect(!original.isEmpty)
        let ids = Set(original.compactMap { $0["dialogue_id"].string })
        #expect(!ids.isDisjoint(with: dialogues.compactMap { $0["dialogue_id"].string }))
        #expect(Set(original.compactMap { $0["lineage"]["topology"].string }).count == 1)
    }

    @Test("Auxiliary sequences: narrations as speech of training videos alone, and captions of pictures")
    func auxiliary() throws {
        let bench = try Workbench(videos: 12)
        try bench.succeed(
            "ingest", "ego4d", "--narrations", "world/narration.json", "--metadata", "world/ego4d.json", "--parts")
        try bench.run(Workbench.topology("auxiliary"))
        let speech = try bench.samples("auxiliary")
        let world = try JSONTree(Data(contentsOf: bench.folder.file("world/ego4d.json")))
        let training = world["videos"].array.filter { !["val", "test"].contains($0["split_em"].string) }
        let videos = try Set(speech.compactMap { try JSONTree($0)["video_uid"].string })
        #expect(!videos.isEmpty && videos.isSubset(of: training.compactMap { $0["video_uid"].string }))
        for sample in try speech.map({ try JSONTree($0) }) {
            #expect(try #require(sample["seq_len"].int) <= 4096)
            #expect(sample["conversation"].array.first?["role"].string == "system")
            #expect(sample["conversation"].array.contains { $0["role"].string == "assistant" })
        }
        try bench.run(Workbench.topology("auxiliary"))
        #expect(try bench.samples("auxiliary") == speech)

        let rows = (0..<30).map { number in
            #"{"id":"\#(number)","image":"a/\#(number).jpg","conversations":"#
                + #"[{"from":"human","value":"<image>"},{"from":"gpt","value":"cup \#(number)"}]}"#
        }
        let pictures = try bench.folder.write("[\(rows.joined(separator: ","))]", to: "pictures.json")
        let captions = try bench.folder.write("AUXILIARY_MATERIAL=captions\n", to: "captions.env")
        try bench.succeed("ingest", "llava-pretrain", "--annotations", pictures, "--topic", "pictures")
        let topology = try bench.folder.write(
            String(contentsOfFile: Workbench.topology("auxiliary"), encoding: .utf8)
                .replacingOccurrences(of: "from: narrations", with: "from: pictures"), to: "pictures.yaml")
        try bench.succeed("run", topology, "--as", "captions", "--env-file", captions, "--until-idle")
        let packed = try bench.samples("captions").map(JSONTree.init)
        let said = packed.flatMap { $0["conversation"].array }.filter { $0["role"].string == "assistant" }
        #expect(said.count == 30)
    }
}
