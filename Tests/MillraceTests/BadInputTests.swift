// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Annotations that cannot be used: the file's fault is said with its place, and everything else goes through.
@Suite("Bad annotations")
struct BadAnnotationTests {
    /// One narration that is wrong, and the problem that must be reported.
    struct BadNarration: CustomTestStringConvertible, Sendable {
        var raw: [UInt8]
        var reason: String
        var says: [String]
        var testDescription: String { self.reason + ": " + String(decoding: self.raw.prefix(60), as: UTF8.self) }

        init(_ raw: String, _ reason: String, _ says: String...) {
            self.init(bytes: Array(raw.utf8), reason, says)
        }

        init(bytes: [UInt8], _ reason: String, _ says: [String]) {
            self.raw = bytes
            self.reason = reason
            self.says = says
        }
    }

    static let badNarrations = [
        BadNarration(
            #"{"timestamp_sec": 25, "narration_text": 7}"#, "wrong-type", "`narration_text`", "a string", "a number"),
        BadNarration(
            #"{"timestamp_sec": "soon", "narration_text": "x"}"#, "wrong-type", "`timestamp_sec`", "a number",
            "a string"),
        BadNarration(#"{"timestamp_sec": NaN, "narration_text": "x"}"#, "not-a-number", "`timestamp_sec`", "nan"),
        BadNarration(#"{"timestamp_sec": -Infinity, "narration_text": "x"}"#, "not-a-number", "`timestamp_sec`"),
        BadNarration(#"{"timestamp_sec": -4.5, "narration_text": "x"}"#, "negative-time", "`timestamp_sec`", "-4.5"),
        BadNarration(#"{"timestamp_sec": 1e300, "narration_text": "x"}"#, "time-out-of-range", "`timestamp_sec`"),
        BadNarration(#"{"narration_text": "x"}"#, "missing-key", "`timestamp_sec`", "is missing"),
        BadNarration(#"{"timestamp_sec": 25, "narration_text": null}"#, "missing-key", "`narration_text`"),
        BadNarration(#"[1, 2]"#, "wrong-type", "expected an object"),
        BadNarration(
            bytes: Array(#"{"timestamp_sec": 25, "narration_text": "a "#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8),
            "invalid-utf8", ["`narration_text`", "write the file as UTF-8"]),
    ]

    static let good = (1...4).map {
        ##"{"timestamp_sec": \##($0 * 10), "narration_text": "#C C washes cup \##($0)"}"##
    }

    /// A bench with metadata of the videos `first` and `second`, and nothing else.
    private static func bench() throws -> Workbench {
        let bench = try Workbench()
        try bench.folder.write(
            #"{"videos":[{"video_uid":"first","duration_sec":600},{"video_uid":"second","duration_sec":600}],"clips":[]}"#,
            to: "ego4d.json")
        try bench.folder.write(#"{"videos":[{"video_uid":"other","split":"val"}]}"#, to: "nlq_val.json")
        return bench
    }

    private static let ingest = [
        "ingest", "ego4d", "--narrations", "narration.json", "--metadata", "ego4d.json", "--exclude", "nlq_val.json",
    ]

    /// A file of two videos, one narration a line, from line 2 on.
    private static func file(_ first: [[UInt8]], _ second: [String] = good) -> Data {
        func video(_ uid: String, _ lines: [[UInt8]]) -> [UInt8] {
            Array("\"\(uid)\": {\"narration_pass_1\": {\"narrations\": [\n".utf8)
                + lines.joined(separator: Array(",\n".utf8))
                + Array("\n]}}".utf8)
        }
        let second = video("second", second.map { Array($0.utf8) })
        return Data(Array("{".utf8) + video("first", first) + Array(",\n".utf8) + second + Array("}\n".utf8))
    }

    @Test("A bad narration is a dead letter with its place, and the rest goes through", arguments: badNarrations)
    func badNarration(_ bad: BadNarration) throws {
        let bench = try Self.bench()
        let good = Self.good.map { Array($0.utf8) }
        let content = Self.file([good[0], good[1], bad.raw, good[2], good[3]])
        try content.write(to: bench.folder.file("narration.json"))
        let offset = try #require(content.range(of: Data(bad.raw))).lowerBound

        let ingest = try bench.expect(0, Self.ingest)
        ingest.prints("2 videos and passes, 8 narrations written", "dead letters, \(bad.reason): 1")
        ingest.says(
            "warning: \(bad.reason): narration.json, line 4, byte \(offset): video first, narration 2 of pass 1")
        for word in bad.says { ingest.says(word) }

        let letters = try bench.records("narrations.dead-letters")
        #expect(letters.count == 1)
        let letter = try #require(letters.first)["value"]
        #expect(letter["reason"].string == bad.reason)
        #expect(letter["key"].string == "first")
        let kept =
            letter["value"].string.map { Array($0.utf8) }
            ?? letter["value_base64"].string.flatMap { Data(base64Encoded: $0) }.map(Array.init)
        #expect(kept == bad.raw, "the letter holds the narration as it was")

        // A rerun keeps no second letter, and all good narrations become samples.
        try bench.expect(0, Self.ingest).prints("there already, unchanged: 2")
        #expect(try bench.records("narrations.dead-letters").count == 1)
        try bench.run(Workbench.topology("naq"))
        #expect(try bench.samples("naq").count == 8)
    }

    @Test("A narration of 1 MB goes through whole")
    func longNarration() throws {
        let bench = try Self.bench()
        let text = "#C C washes " + String(repeating: "a very long cup, ", count: 1 << 16)
        let long = #"{"timestamp_sec": 25, "narration_text": "\#(text)"}"#
        try Self.file((Self.good + [long]).map { Array($0.utf8) }).write(to: bench.folder.file("narration.json"))
        try bench.expect(0, Self.ingest).prints("9 narrations written")
        try bench.run(Workbench.topology("naq"))
        let samples = try bench.samples("naq")
        #expect(samples.count == 9)
        let longest = try JSONTree(#require(samples.max { $0.utf8.count < $1.utf8.count }))
        #expect(longest["query"].string == text.trimmingCharacters(in: .whitespaces))
        try bench.succeed("shards", "verify", "naq").prints("sound")
        try bench.succeed("export", "nlq", "--shards", "naq", "--output", "long.json").prints("9 queries")
        try bench.run(Workbench.topology("nlq"))
        #expect(try bench.records("nlq.dead-letters").isEmpty)
    }

    @Test("A file that breaks off: what is whole is kept, and the whole file completes it")
    func truncatedFile() throws {
        let bench = try Workbench(videos: 6)
        let whole = try Data(contentsOf: bench.folder.file("world/narration.json"))
        let clean = bench.folder.file("clean").path
        let disturbed = bench.home
        bench.home = clean
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology("naq"))
        let expected = try bench.samples("naq").sorted()

        bench.home = disturbed
        try whole.prefix(whole.count * 3 / 5).write(to: bench.folder.file("world/narration.json"))
        let broken = try bench.expect(1, Workbench.ingestWorld)
        broken.says("world/narration.json, line 1, byte \(whole.count * 3 / 5)", "truncated", "get the file again")
        let kept = try bench.records("narrations").count { $0["value"]["kind"].string == "video" }
        #expect((1..<6).contains(kept), "the videos before the break are there: \(kept)")
        broken.says("\(kept) videos and passes were written")
        try bench.run(Workbench.topology("naq"))

        try whole.write(to: bench.folder.file("world/narration.json"))
        try bench.expect(0, Workbench.ingestWorld)
            .prints("\(6 - kept) videos and passes", "there already, unchanged: \(kept)")
        try bench.run(Workbench.topology("naq"))
        #expect(try bench.samples("naq").sorted() == expected)
    }

    @Test(
        "A file that is something else is refused",
        arguments: [
            ("", "is empty"), ("<html>404</html>", "not JSON"), ("[1, 2]", "narration.json here"),
            ("\0\0\0\0", "not JSON"),
            (#"{"first" 1}"#, "byte"), (#"{"first": {"narration_pass_1": {}}} trailing"#, "byte"),
        ])
    func otherFile(_ content: String, _ says: String) throws {
        let bench = try Self.bench()
        try bench.folder.write(content, to: "narration.json")
        let result = try bench.expect(1, Self.ingest)
        result.says("error: narration.json, line 1, byte", says)
        try Self.file(Self.good.map { Array($0.utf8) }).write(to: bench.folder.file("narration.json"))
        try bench.expect(0, Self.ingest)
        try bench.run(Workbench.topology("naq"))
        #expect(try bench.samples("naq").count == 8)
    }

    @Test("A video without clips gets some, and one that the metadata lacks is counted")
    func videoWithoutClips() throws {
        let bench = try Self.bench()
        try bench.folder.write(
            #"{"videos":[{"video_uid":"first","duration_sec":1000}],"clips":[]}"#, to: "ego4d.json")
        try Self.file(Self.good.map { Array($0.utf8) }).write(to: bench.folder.file("narration.json"))
        try bench.expect(0, Self.ingest).prints("counted, not-in-metadata: 1", "8 narrations written")
        let videos = try bench.records("narrations").map { $0["value"] }.filter { $0["kind"].string == "video" }
        let clips = videos.first { $0["video_uid"].string == "first" }?["clips"].array ?? []
        // 480 s each, and a tail under 60 s would join the one before it; this one is 40 s.
        #expect(clips.map { $0["start_sec"].double } == [0, 480])
        #expect(clips.map { $0["end_sec"].double } == [480, 1000])
        let run = try bench.run(Workbench.topology("naq"))
        // The last narration of the video of unknown length ends with it, so no clip holds its window.
        run.prints("format.no-clip: 1")
        #expect(try bench.samples("naq").count == 7)
    }

    @Test("A video that occurs twice is read once, and its second occurrence is a dead letter")
    func duplicateVideo() throws {
        let bench = try Self.bench()
        let text = String(decoding: Self.file(Self.good.map { Array($0.utf8) }), as: UTF8.self)
        try bench.folder.write(text.replacingOccurrences(of: "\"second\"", with: "\"first\""), to: "narration.json")
        let ingest = try bench.expect(0, Self.ingest)
        ingest.prints("1 videos and passes, 4 narrations written", "dead letters, duplicate-video: 1")
        ingest.says("narration.json, line 7, byte", "video first", "occurs a second time", "remove one")
        #expect(
            try bench.records("narrations.dead-letters").map { $0["value"]["reason"].string } == ["duplicate-video"])
        try bench.run(Workbench.topology("naq"))
        #expect(try bench.samples("naq").count == 4)

        // Mended, the same command brings what was missing.
        try bench.folder.write(text, to: "narration.json")
        try bench.expect(0, Self.ingest).prints("1 videos and passes", "there already, unchanged: 1")
        try bench.run(Workbench.topology("naq"))
        #expect(try bench.samples("naq").count == 8)
    }

    @Test("Lines of JSON Lines that are no narrations are dead letters")
    func badLines() throws {
        let bench = try Workbench()
        let lines = [
            #"{"video_uid": "a", "timestamp_sec": 1, "text": "one"}"#,
            #"{"video_uid": "a", "timestamp_sec": "2", "text": "two"}"#,
            "not json", #"{"video_uid": "a", "timestamp_sec": 3, "text": "three"}"#, #"{"video_uid": "a", "timestamp_"#,
        ]
        try bench.folder.write(lines.joined(separator: "\n") + "\n", to: "lines.jsonl")
        let ingest = try bench.succeed("ingest", "jsonl", "--file", "lines.jsonl")
        ingest.prints("1 videos and passes, 2 narrations written")
        ingest.says("lines.jsonl, line 2, byte 54", "lines.jsonl, line 3, byte", "lines.jsonl, line 5, byte")
        #expect(try bench.records("narrations.dead-letters").count == 3)
    }

    @Test(
        "A file that is not there is named, and nothing is done",
        arguments: [
            "world/narration.json", "world/ego4d.json", "world/nlq_val.json", "world/features",
        ])
    func missingFile(_ name: String) throws {
        let bench = try Workbench(videos: 3, features: true)
        let command = Workbench.ingestWorld + ["--features", "world/features"]
        let aside = bench.folder.file("aside")
        try FileManager.default.moveItem(at: bench.folder.file(name), to: aside)
        try bench.expect(2, command).says("error: \(name)", "No such file or directory")
        try FileManager.default.moveItem(at: aside, to: bench.folder.file(name))
        try bench.expect(0, command).prints("3 videos and passes")
    }
}

/// Topologies that cannot be run: all errors come at once with their places, before anything is done.
@Suite("Bad topologies")
struct BadTopologyTests {
    @Test("An unknown operator, an unknown key and a wrong type are said together, with the nearest word")
    func unknownWords() throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let good = """
            name: mine
            stages:
              land:
                from: narrations
                steps:
                  - filter: { narrations: { drop-unsure: true } }
                  - window: { method: contextual, alpha: 4.9 }
                  - format: { schema: nlq }
                to: { shards: mine }
            """
        try bench.folder.write(
            good.replacing("filter:", with: "filtr:").replacing("alpha: 4.9", with: "alpha: much")
                .replacing("schema:", with: "shema:"), to: "mine.yaml")
        for command in [["lint", "mine.yaml"], ["run", "mine.yaml", "--until-idle"], ["plan", "mine.yaml"]] {
            let result = try bench.expect(2, command)
            result.says("mine.yaml:6:9: error: unknown operator `filtr`; did you mean `filter`?")
            result.says("mine.yaml:7:46: error: expected a number, found `much`")
            result.says("mine.yaml:8:19: error: unknown key `shema`; did you mean `schema`?")
            #expect(result.outputText.isEmpty)
        }
        #expect(try bench.succeed("topics", "list", "--json").outputText.contains("shards.mine") == false)
        try bench.folder.write(good, to: "mine.yaml")
        try bench.run("mine.yaml")
        #expect(try !bench.samples("mine").isEmpty)
    }

    @Test("A cycle is refused")
    func cycle() throws {
        let bench = try Workbench()
        try bench.folder.write(
            """
            name: loop
            stages:
              one: { from: b, steps: [{ filter: { narrations: { drop-unsure: true } } }], to: a }
              two: { from: a, steps: [{ filter: { narrations: { drop-unsure: true } } }], to: b }
            """, to: "loop.yaml")
        for command in [["lint", "loop.yaml"], ["run", "loop.yaml", "--until-idle"]] {
            try bench.expect(2, command).says("loop.yaml:3:3: error: a cycle", "`one`", "`two`")
        }
        #expect(!FileManager.default.fileExists(atPath: bench.home), "nothing was done")
    }

    @Test(
        "What is no topology is refused",
        arguments: [
            ("", "empty"), ("name: x\nstages: [\n", "not YAML"),
            ("a: " + String(repeating: "[", count: 100_000), "YAML"),
            (
                "a: &a [x,x,x,x,x,x]\n"
                    + (0..<9).map {
                        "b\($0): &b\($0) [\($0 == 0 ? "*a,*a,*a,*a,*a,*a" : Array(repeating: "*b\($0 - 1)", count: 6).joined(separator: ","))]\n"
                    }.joined(), "aliases"
            ),
        ])
    func noTopology(_ text: String, _ says: String) throws {
        let bench = try Workbench()
        try bench.folder.write(text, to: "x.yaml")
        try bench.fail(2, "lint", "x.yaml").says("x.yaml", "error: ", says)
        try bench.fail(2, "run", "x.yaml", "--until-idle").says("x.yaml", says)
    }

    @Test("A topology or a topic that is not there is named, and no topic is made")
    func missing() throws {
        let bench = try Workbench()
        try bench.fail(2, "run", "nowhere.yaml").says("nowhere.yaml: error: cannot read the file")
        try bench.fail(2, "run", Workbench.topology("naq"), "--until-idle").says("`narrations`", "millrace ingest")
        #expect(try bench.succeed("topics", "list", "--json").outputLines.isEmpty)
    }
}
