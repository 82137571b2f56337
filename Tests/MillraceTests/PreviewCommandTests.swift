// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Testing

/// `preview`: a topology over the first records of an annotation file, in memory.
@Suite("Preview", .timeLimit(.minutes(5)))
struct PreviewCommandTests {
    /// Everything in a folder, by path.
    private static func listing(_ bench: Workbench) throws -> Set<String> {
        Set(try FileManager.default.subpathsOfDirectory(atPath: bench.folder.path))
    }

    private static let texts = [
        "#C C puts the knife on the table", "#C C takes a jug from the shelf", "#C C opens the drawer",
        "#C C picks up three nails from the box", "#C C closes the fridge",
    ]

    @Test("Rows have query, template, window, verdict and narration, on 80 columns, and nothing is written")
    func table() throws {
        let bench = try Workbench(videos: 3)
        let before = try Self.listing(bench)
        let preview = ["preview", "world/narration.json", "-n", "8", "--topology", Workbench.topology("nlq")]
        let text = try bench.expect(0, preview)
        text.prints(
            "kept", "“", "?”", " s", "from: #C C", "nlq on ego4d; nothing was written", "curate", "not looked at")
        for line in text.outputLines { #expect(line.count <= 80, "\(line)") }
        let tree = try JSONTree(try bench.expect(0, preview + ["--json"]).outputText)
        let rows = tree["rows"].array
        #expect(rows.count == 8)
        for row in rows where row["verdict"].string == "kept" {
            #expect(row["query"].string?.hasSuffix("?") == true && row["template"].string != nil)
            #expect(row["window"].array.count == 2 && row["narrations"].array.count > 0)
            #expect(row["record"]["query_id"].string != nil)
        }
        #expect(rows.contains { $0["verdict"].string == "kept" })
        #expect(try Self.listing(bench) == before, "no home, no file")
    }

    @Test("What is dropped is counted by reason; what is rejected is shown with it")
    func fates() throws {
        let bench = try Workbench()
        let texts = [
            "#C C puts the knife on the table", "#C C picks up a #unsure", "#C C opens the drawer",
            "#C C opens the drawer", "#C C closes the drawer", "#C C takes a jug", "#C C fills the jug",
        ]
        let lines = texts.enumerated().map {
            #"{"video_uid":"v","timestamp_sec":\#($0 * 5 + 5),"text":"\#($1)","duration_sec":60}"#
        }
        try bench.folder.write((lines + ["{broken"]).joined(separator: "\n") + "\n", to: "few.jsonl")
        let tree = try JSONTree(
            try bench.expect(
                0, ["preview", "few.jsonl", "--topology", Workbench.topology("nlq"), "--json"]
            ).outputText)
        #expect(tree["source"].string == "jsonl")
        let stages = tree["stages"].array
        #expect(stages[0]["counts"]["filter.unsure"].int == 1)
        #expect(tree["problems"].keys.count == 1)
        let out = stages.last?["out"].int ?? 0
        let fallen = tree["rows"].array.filter { $0["verdict"].string != "kept" }
        #expect(tree["rows"].array.count == out + fallen.count)
        for row in fallen { #expect(row["reason"].string?.contains(".") == true && row["message"].string != nil) }
    }

    @Test("A model is asked about no more records than are shown, and not at all with --no-model")
    func model() async throws {
        let bench = try Workbench()
        try bench.folder.write(
            (0..<60).map { number in
                let text = Self.texts[number % Self.texts.count]
                return ##"{"video_uid":"v","timestamp_sec":\##(number * 5 + 5),"text":"\##(text)","duration_sec":400}"##
            }.joined(separator: "\n") + "\n", to: "many.jsonl")
        let model = try await ScriptedModel(answersProbe: true) { QueryModel.reply(to: $0) }
        let path = try ModelTopology().write(to: "topology", in: bench.folder)
        let preview = ["preview", "many.jsonl", "--topology", path, "--json"]
        let asked = try JSONTree(
            try bench.expect(0, preview + ["-n", "3"], environment: model.environment()).outputText)
        #expect(asked["rows"].array.count == 3)
        #expect((1...3).contains(model.questions.count), "\(model.questions.count)")
        #expect(asked["stages"].array[1]["asked"].int == model.questions.count)
        #expect(asked["stages"].array[1]["not_looked_at"].int ?? 0 > 0)
        let before = model.questions.count
        let rules = try JSONTree(
            try bench.expect(0, preview + ["--no-model"], environment: model.environment()).outputText)
        #expect(model.questions.count == before)
        #expect(rules["rows"].array.contains { $0["query"].string != nil })
        #expect(!FileManager.default.fileExists(atPath: bench.home))
        await model.stop()
    }

    @Test("A model server that is away is waited for so long, and then the remedy is said")
    func serverAway() throws {
        let bench = try Workbench(videos: 3)
        let gone = try ReservedPort()
        let result = try bench.expect(
            1,
            [
                "preview", "world/narration.json", "--topology", Workbench.topology("nlq"), "--max-wait", "2",
            ],
            environment: ["LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_BASE_URL": gone.url])
        result.says("--no-model")
    }

    @Test("Files of every source are known by their content, and one that is nobody's is refused with the reasons")
    func sources() throws {
        let bench = try Workbench(videos: 3)
        let data = MillraceProcess.packageFolder.deletingLastPathComponent().appendingPathComponent("shared/data")
        let naq = ["--topology", Workbench.topology("naq"), "--json", "-n", "3"]
        for (file, source) in [
            ("world/narration.json", "ego4d"),
            (data.appendingPathComponent("ego4d-goalstep/goalstep_valid.json").path, "goalstep"),
            (data.appendingPathComponent("epic-kitchens-100/EPIC_100_validation.csv").path, "epic-kitchens"),
            (data.appendingPathComponent("captaincook4d/complete_step_annotations.json").path, "captaincook4d"),
        ] {
            guard !file.hasPrefix("/") || FileManager.default.fileExists(atPath: file) else { continue }
            let more =
                source == "epic-kitchens"
                ? ["--", "--videos", data.appendingPathComponent("epic-kitchens-100/EPIC_100_video_info.csv").path] : []
            let result = try bench.expect(
                0, ["preview", file] + naq + (more.isEmpty ? [] : ["--source", source]) + more)
            #expect(try JSONTree(result.outputText)["source"].string == source, "\(result.story)")
        }
        try bench.folder.write("nothing that anybody reads\n", to: "other.txt")
        try bench.expect(2, ["preview", "other.txt"] + naq).says("no source makes records of other.txt", "--source")
        try bench.expect(2, ["preview", "nowhere.json"] + naq).says("there is no file nowhere.json")
        try bench.expect(2, ["preview", "other.txt", "--source", "ego5d"] + naq).says("no source `ego5d`", "ego4d")
        try bench.expect(2, ["preview", "other.txt"]).says("--topology")
        try bench.fail(2, "preview", "other.txt", "-n", "0").says("-n wants")
    }

    @Test("Hostile narrations are shown written out")
    func hostile() throws {
        let bench = try Workbench()
        let text = #"#C C puts the \u001b[2J\u202eknife on the table"#
        try bench.folder.write(
            (0..<6).map { #"{"video_uid":"v","timestamp_sec":\#($0 * 5 + 5),"text":"\#(text)","duration_sec":60}"# }
                .joined(separator: "\n") + "\n", to: "esc.jsonl")
        for more in [[], ["--json"]] {
            let result = try bench.expect(
                0, ["preview", "esc.jsonl", "--topology", Workbench.topology("naq")] + more)
            #expect(!result.outputText.contains("\u{1b}") && !result.outputText.contains("\u{202e}"))
        }
    }
}
