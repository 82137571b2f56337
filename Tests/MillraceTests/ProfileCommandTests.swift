// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `profile`, over shards and over files that people wrote.
@Suite("Profile")
struct ProfileCommandTests {
    private static let traps = MillraceProcess.packageFolder.appendingPathComponent("Tests/Data/nlq_traps.json").path

    /// The validator of a name in what `--json` printed.
    private func validator(_ name: String, in report: JSONTree) throws -> JSONTree {
        try #require(report["validators"].array.first { $0["validator"].string == name })
    }

    @Test("A set's figures stand beside the human ones, the furthest off first, and agree with its samples")
    func shards() throws {
        let bench = try Workbench(videos: 6)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology("nlq"))
        let samples = try bench.samples("nlq").map(JSONTree.init)
        let report = try JSONTree(try bench.succeed("profile", "nlq", "--json").outputText)
        #expect(report["queries"].int == samples.count && report["name"].string == "nlq")
        #expect(report["videos"].int == Set(samples.compactMap { $0["video_uid"].string }).count)
        let distances = report["measures"].array.compactMap { $0["tolerances"].double }
        #expect(distances.count == 19 && zip(distances, distances.dropFirst()).allSatisfy { $0 >= $1 })

        let queries = samples.compactMap { $0["query"].string }
        let words = queries.map { Double($0.split(separator: " ").count) }
        let measures = report["measures"].array
        func value(_ name: String) throws -> Double {
            try #require(measures.first { $0["measure"].string == name }?["value"].double)
        }
        #expect(abs(try value("words-mean") - words.reduce(0, +) / Double(words.count)) < 1e-9)
        #expect(try value("words-max") == words.max())
        #expect(try value("question-mark") == 1)
        let lengths = samples.map { ($0["clip_end_sec"].double ?? 0) - ($0["clip_start_sec"].double ?? 0) }
        #expect(abs(try value("window-max") - (lengths.max() ?? 0)) < 1e-6)
        #expect(try value("window-zero") == 0)
        let different = Set(queries.map { $0.lowercased() }).count
        #expect(report["duplicates"]["distinct"].int == different)
        #expect(report["duplicates"]["exact"].int == queries.count - different)

        let table = try bench.succeed("profile", "nlq")
        table.prints("nlq: ", " queries of ", "human train", "words-mean", "first-words", "said before, word for word")
        #expect(table.errorText.isEmpty)
        // Narrations as queries are nothing like questions, and have no template.
        try bench.run(Workbench.topology("naq"))
        try bench.succeed("profile", "naq").prints("figures are off", "first-words, the furthest off:", "tolerances")
    }

    @Test("Every validator's rate on queries that people wrote, by template, with the file's oddities counted")
    func humanFile() throws {
        let bench = try Workbench()
        let report = try JSONTree(try bench.succeed("profile", "--nlq", Self.traps, "--json").outputText)
        #expect(report["entries"].int == 15 && report["queries"].int == 13)
        #expect(report["oddities"]["missing-query"].int == 1 && report["oddities"]["no-question-mark"].int == 3)
        let window = try self.validator("window", in: report)
        #expect(window["judged"].int == 14 && window["rejected"].int == 3)
        #expect(abs((window["share"].double ?? 0) - 3.0 / 14) < 1e-12)
        let state = window["by_template"].array.first { $0["template"].string == "Objects: State of an object" }
        #expect(state?["judged"].int == 3 && state?["rejected"].int == 2)
        #expect(try self.validator("not-grounded", in: report)["note"].string?.contains("narrations") == true)
        #expect(try self.validator("any", in: report)["rejected"].int == 10)
        let text = try bench.succeed("profile", "--nlq", Self.traps)
        text.prints(
            "odd, and lived with", "curly-quote: 1", "first-word (strict)", "needs the narrations",
            "marker: “Who did the person talk to? And why?”: it says \"the person\"", "Objects: State of an object")
    }

    @Test("The validators are tried as a topology sets them")
    func topology() throws {
        let bench = try Workbench()
        let source = try String(contentsOfFile: Workbench.topology("nlq"), encoding: .utf8)
        try bench.folder.write("@system\nx\n@user\n{{narrations}}\n", to: "prompts/nlq.txt")
        try bench.folder.write(source.replacing("validate: {}", with: "validate: { minimum-words: 6 }"), to: "nlq.yaml")
        let report = try JSONTree(
            try bench.succeed("profile", "--nlq", Self.traps, "--topology", "nlq.yaml", "--json").outputText)
        #expect(try self.validator("too-short", in: report)["rejected"].int == 7)
        try bench.fail(2, "profile", "--nlq", Self.traps, "--topology", Workbench.topology("naq")).says("no `validate`")
    }

    @Test("A set or a file stands beside another, with distances and by how much they are off")
    func against() throws {
        let bench = try Workbench(videos: 6)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology("nlq"))
        let human = try JSONTree(try bench.succeed("profile", "nlq", "--against", "human-val", "--json").outputText)
        #expect(human["here"]["name"].string == "nlq" && human["there"]["queries"].int == 3875)
        #expect(human["here"]["windows_empty"].int == 0 && human["here"]["windows_outside"].int == 0)
        let figures = human["figures"].array
        let names = figures.compactMap { $0["figure"].string }
        #expect(names.prefix(4) == ["relative-start", "relative-end", "duration", "templates"])
        #expect(figures.allSatisfy { ($0["distance"].double ?? -1) >= 0 && ($0["tolerances"].double ?? -1) >= 0 })

        let same = try bench.succeed("profile", "nlq", "--against", "nlq")
        same.prints("against nlq", "nothing is off", "duration")
        let worlds = try bench.succeed("profile", "--nlq", "world/nlq_val.json", "--against", "world/nlq_train.json")
        worlds.prints(
            "world/nlq_val.json: ", "against world/nlq_train.json: ", "said-before", "templates, here instead")
        try bench.fail(2, "profile", "nlq", "--against", "none").says("there is no shard set `none`")
        try bench.fail(2, "profile", "nlq", "--against", "./none.json").says("--against: cannot open")
        try bench.folder.write("{\"train\":\n{\"templates\":3}}", to: "bad.json")
        try bench.fail(1, "profile", "nlq", "--against", "bad.json").says("bad.json:2: ")
        try bench.fail(2, "profile", "--nlq", Self.traps, "--topology", "x", "--against", "nlq").says("no validators")
    }

    @Test("The sample world's own queries pass the validators")
    func sampleWorld() throws {
        let bench = try Workbench(videos: 12)
        let report = try JSONTree(try bench.succeed("profile", "--nlq", "world/nlq_val.json", "--json").outputText)
        #expect(report["queries"].int ?? 0 > 10)
        for name in ["too-short", "too-long", "several-questions", "markup", "marker", "first-word"] {
            #expect(try self.validator(name, in: report)["rejected"].int == 0, "\(name)")
        }
    }

    @Test("What is no annotation file is said with its line; wrong usage ends with 2")
    func errors() throws {
        let bench = try Workbench()
        try bench.folder.write("{\"videos\":\n[\n{\"clips\": 3}]}", to: "bad.json")
        try bench.fail(1, "profile", "--nlq", "bad.json").says("bad.json:3: expected an array", "nlq_train.json")
        try bench.fail(2, "profile", "--nlq", "none.json").says("cannot open none.json: No such file")
        try bench.folder.write("{}", to: "empty.json")
        try bench.fail(1, "profile", "--nlq", "empty.json").says("an object with `videos`")
        try bench.fail(2, "profile").says("--nlq")
        try bench.fail(2, "profile", "nlq", "--nlq", "empty.json").says("--nlq")
        try bench.fail(2, "profile", "nlq", "--topology", "x.yaml").says("goes with --nlq")
        try bench.fail(2, "profile", "nlq", "--similarity", "2").says("0.1 to 1")
        try bench.fail(2, "profile", "nlq").says("no log in the home")
    }
}
