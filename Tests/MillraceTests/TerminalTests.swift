// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Testing

/// Standard output and standard error: nothing reaches them that acts on a terminal, and nothing is lost in silence.
@Suite("Terminal")
struct TerminalTests {
    /// Sequences that fill a clipboard, clear a screen, ring, colour, reverse and break lines.
    private static let hostile =
        "\u{1b}]52;c;ZXZpbA==\u{7} \u{1b}[2J the\u{9b}31m \u{202e}knife\u{2066} \r\u{8} a\u{2028}b \u{0} cup\u{7f} "
        + "\u{200f}\u{61c}\u{feff}\u{200b}\u{e0041}evil"

    /// The characters of a text that a terminal must not see, as numbers.
    private static func harmful(in data: Data) -> Set<UInt32> {
        let allowed: Set<UInt32> = [0x09, 0x0a]
        return Set(String(decoding: data, as: UTF8.self).unicodeScalars.map(\.value)).filter { value in
            switch value {
            case 0...0x1f, 0x7f...0x9f: !allowed.contains(value)
            case 0x61c, 0x200b, 0x200e, 0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff, 0xe0000...0xe007f: true
            default: false
            }
        }
    }

    private static func expectClean(_ result: ProcessResult, at place: SourceLocation = #_sourceLocation) {
        for data in [result.output, result.errors] {
            #expect(self.harmful(in: data).isEmpty, "\(result.story)", sourceLocation: place)
        }
    }

    /// A home with hostile narrations, and the set `naq` of them.
    private static func bench() throws -> Workbench {
        let bench = try Workbench()
        let lines = try (0..<3).map { index in
            let fields: [String: Any] = [
                "video_uid": "v1", "timestamp_sec": index * 5, "text": "#C C takes \(Self.hostile) \(index)",
                "duration_sec": 300,
            ]
            return String(decoding: try JSONSerialization.data(withJSONObject: fields), as: UTF8.self)
        }
        try bench.folder.write(lines.joined(separator: "\n") + "\n", to: "esc.jsonl")
        try bench.succeed("ingest", "jsonl", "--file", "esc.jsonl")
        try bench.succeed("run", Workbench.topology("naq"), "--until-idle", "--allow-unguarded")
        return bench
    }

    @Test("Narrations with escape sequences are shown written out, and JSON keeps its meaning")
    func narrations() throws {
        let bench = try Self.bench()
        let read = try bench.succeed("topics", "read", "narrations", "--json")
        Self.expectClean(read)
        let texts = try read.outputLines.map { try JSONTree($0)["value"]["text"].string }
        #expect(texts.contains { $0?.contains(Self.hostile) == true }, "the same text, after JSON's own escapes")
        let plain = try bench.succeed("topics", "read", "narrations")
        Self.expectClean(plain)
        plain.prints(#"\u009b31m"#, #"\u202eknife"#, #"\udb40\udc41evil"#)

        let samples = try bench.succeed("shards", "cat", "naq")
        Self.expectClean(samples)
        let sample = try JSONTree(try #require(samples.outputLines.first))
        let id = try #require(sample["query_id"].string)
        let explained = try bench.succeed("explain", id)
        Self.expectClean(explained)
        explained.prints(#"\u{9b}31m"#, #"\u{202e}knife"#)
        let profile = try bench.succeed("profile", "naq")
        Self.expectClean(profile)
        profile.prints("evil")
        Self.expectClean(try bench.succeed("status"))
    }

    @Test("Arguments, names of topics and headers of files come back written out")
    func messages() throws {
        let bench = try Self.bench()
        for arguments in [
            ["shards", "list", Self.hostile], ["topics", "read", Self.hostile], [Self.hostile],
            ["explain", Self.hostile],
            ["ingest", "jsonl", "--file", Self.hostile], ["lint", Self.hostile],
            ["run", "x.yaml", "--\(Self.hostile)"],
        ] {
            // The system takes no NUL in an argument.
            let result = try bench.millrace(arguments.map { $0.replacing("\u{0}", with: "") })
            #expect(result.code != 0)
            result.says(#"\u{1b}]52"#)
            Self.expectClean(result)
        }
        try bench.folder.write("\(Self.hostile),other\n1,2\n", to: "epic.csv")
        let table = try bench.millrace(["ingest", "epic-kitchens", "--annotations", "epic.csv"])
        table.says("evil")
        Self.expectClean(table)
        try bench.folder.write("name: \"\(Self.hostile.replacing("\u{0}", with: ""))\"\nstages: {}\n", to: "t.yaml")
        Self.expectClean(try bench.millrace(["lint", "t.yaml"]))
    }

    @Test("A model server's words come back written out")
    func server() async throws {
        let folder = try TestFolder()
        let home = TestHome(folder.file("home"))
        try await ModelWorld.ingest(into: home, in: folder, videos: 1, blocks: 1)
        let body = #"{"error":{"message":"\u001b]0;owned\u0007 \u009b31m evil"}}"#
        let model = try await ScriptedModel { _ in .json(body, status: 400) }
        let path = try ModelTopology().write(to: "topology", in: folder)
        let run = try await home.run(
            "run", path, "--until-idle", "--allow-unguarded", environment: model.environment())
        let letters = try await home.run("topics", "read", "nlq.dead-letters")
        Self.expectClean(run)
        Self.expectClean(letters)
        #expect((run.errorText + letters.outputText).contains("evil"))
        await model.stop()
    }

    @Test(
        "What cannot be written is an error, for every command that prints",
        arguments: [
            ["shards", "cat", "naq"], ["shards", "list"], ["status"], ["topics", "read", "narrations"], ["--help"],
            ["topics", "list", "--json"], ["profile", "naq"], ["lint", "--operators"], ["--version"],
            ["run", Workbench.topology("naq"), "--until-idle", "--allow-unguarded"],
        ])
    func fullDevice(arguments: [String]) throws {
        let bench = try Self.bench()
        let result = try bench.shell(#""$@" > /dev/full"#, arguments)
        #expect(result.code == 1, "\(result.errors)")
        #expect(result.errors.contains("cannot write to standard output: No space left on device"))
    }

    @Test("A closed standard output is an error, and no file of ours takes its number")
    func closedOutput() throws {
        let bench = try Self.bench()
        let before = try bench.samples("naq")
        let result = try bench.shell(#""$@" >&-"#, ["shards", "cat", "naq"])
        #expect(result.code == 1)
        #expect(result.errors.contains("cannot write to standard output"))
        _ = try bench.shell(
            #""$@" >&- 2>&- <&-"#, ["run", Workbench.topology("naq"), "--until-idle", "--allow-unguarded"])
        #expect(try bench.samples("naq") == before)
    }

    @Test("A reader that has seen enough is no error, and hides none")
    func readerGone() throws {
        let bench = try Self.bench()
        let script = #""$@" | true; echo "${PIPESTATUS[0]}" >&2"#
        #expect(try bench.shell(script, ["shards", "cat", "naq"]).errors == "0\n")
        let file = try #require(try bench.shardFiles("naq").first)
        try Data("x".utf8).write(to: bench.shardFolder("naq").appendingPathComponent(file))
        #expect(try bench.shell(script, ["shards", "verify", "naq"]).errors.hasSuffix("1\n"))
    }

    @Test("Nothing in the program writes to its streams but the one place that makes text harmless")
    func oneWriter() throws {
        let sources = MillraceProcess.packageFolder.appendingPathComponent("Sources")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        let writes =
            #/(?:^|[^\w.])(?:Swift\.)?(?:print|debugPrint|dump|puts|fputs|putchar|fwrite)\(|FileHandle\.standard(?:Output|Error)|NSLog\(/#
        var seen = 0
        for case let file as URL in files where file.pathExtension == "swift" {
            // The benches have no user but their scripts.
            if file.path.contains("Benchmark/") { continue }
            seen += 1
            let text = try String(contentsOf: file, encoding: .utf8)
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            where line.firstMatch(of: writes) != nil && !line.contains("func ") {
                Issue.record("\(file.lastPathComponent):\(number + 1) writes past `Results` and `Console`: \(line)")
            }
        }
        #expect(seen > 200)
    }
}

extension Workbench {
    /// Runs a line of bash with `millrace` and arguments as `$@`, on the home.
    func shell(_ script: String, _ arguments: [String]) throws -> (code: Int32, errors: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script, "bash", MillraceProcess.binary.path] + arguments
        process.currentDirectoryURL = self.folder.url
        process.environment = ["MILLRACE_HOME": self.home, "PATH": "/usr/bin:/bin"]
        let errors = self.folder.file("shell-\(UUID().uuidString)")
        try Data().write(to: errors)
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOf: errors, encoding: .utf8))
    }
}
