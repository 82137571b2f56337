// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Files that are links, pipes, devices, cut off, unreadable or too clever.
@Suite("File faults")
struct FileFaultTests {
    private static func mode(_ path: String) -> mode_t {
        var status = stat()
        lstat(path, &status)
        return status.st_mode
    }

    /// A home with the set `naq`.
    private static func bench() throws -> Workbench {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology("naq"))
        return bench
    }

    @Test("Outputs that a user names follow links, go through pipes, and replace neither")
    func outputs() throws {
        let bench = try Self.bench()
        let (link, target) = (bench.folder.file("link.json").path, bench.folder.file("target.json").path)
        symlink("target.json", link)
        try bench.succeed("export", "nlq", "--shards", "naq", "--output", "link.json")
        #expect(Self.mode(link) & S_IFMT == S_IFLNK)
        #expect(try bench.json("target.json")["videos"].array.isEmpty == false)
        let expected = try Data(contentsOf: URL(fileURLWithPath: target))

        let stdout = try bench.succeed("export", "nlq", "--shards", "naq", "--output", "/dev/stdout")
        #expect(stdout.output == expected, "nothing stands beside the file")
        stdout.says("videos")
        mkfifo(bench.folder.file("fifo").path, 0o600)
        try bench.fail(1, "export", "nlq", "--shards", "naq", "--output", "fifo").says("nobody is at the other end")
        #expect(Self.mode(bench.folder.file("fifo").path) & S_IFMT == S_IFIFO)

        try bench.folder.write("", to: "empty.jsonl")
        try bench.succeed("cache", "import", "empty.jsonl")
        symlink("answers.jsonl", bench.folder.file("answers").path)
        try bench.succeed("cache", "export", "answers")
        #expect(Self.mode(bench.folder.file("answers").path) & S_IFMT == S_IFLNK)
        #expect(FileManager.default.fileExists(atPath: bench.folder.file("answers.jsonl").path))
    }

    @Test("Too few descriptors are an error in words, and a low limit that may be raised is", arguments: [9, 16, 40])
    func descriptors(count: Int) throws {
        let bench = try Self.bench()
        let run = ["run", Workbench.topology("naq"), "--until-idle"]
        let refused = try bench.shell(#"ulimit -n \#(count); "$@""#, run)
        #expect(refused.code == 1)
        #expect(refused.errors.contains("may have \(count) files open at a time"), "\(refused.errors)")
        #expect(refused.errors.contains("ulimit -n"))
        let raised = try bench.shell(#"ulimit -Sn \#(count); "$@""#, run)
        #expect(raised.code == 0, "\(raised.errors)")
    }

    @Test(
        "A FIFO that nobody writes to is refused at once, wherever a file belongs",
        arguments: [
            ["ingest", "jsonl", "--file", "fifo"], ["ingest", "ego4d", "--narrations", "fifo"],
            ["ingest", "jsonl", "--file", "x.jsonl", "--exclude", "fifo"], ["lint", "fifo"], ["test", "fifo"],
            ["profile", "--nlq", "fifo"], ["cache", "import", "fifo"],
            ["evaluate", "--ground-truth", "fifo", "--predictions", "fifo"],
            ["evaluate", "--ground-truth", "fifo", "--checkpoint", "fifo", "--features", "."],
            ["status", "--log", "kafka://127.0.0.1:1", "--kafka-config", "fifo"],
        ])
    func fifo(arguments: [String]) throws {
        let bench = try Workbench()
        mkfifo(bench.folder.file("fifo").path, 0o600)
        try bench.folder.write("", to: "x.jsonl")
        let result = try MillraceProcess(
            arguments, environment: ["MILLRACE_HOME": bench.home], in: bench.folder.url
        ).wait(seconds: 60)
        #expect(result.code > 0, "\(result.story)")
        #expect(result.errorText.contains("pipe that nobody writes to") || result.errorText.contains("is a FIFO"))
    }

    @Test("What another program writes into a pipe is read")
    func pipe() throws {
        let bench = try Workbench()
        try bench.folder.write(
            #"{"video_uid": "v", "timestamp_sec": 1, "text": "C takes a cup"}"# + "\n", to: "x.jsonl")
        let result = try bench.shell(#""$@" --file <(sleep 0.2; cat x.jsonl)"#, ["ingest", "jsonl"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(try bench.records("narrations").count == 3)
    }

    @Test("A file that breaks off commits what was whole, and nothing of the video that was being read")
    func cutOff() throws {
        let bench = try Workbench()
        let lines = (0..<4).map { #"{"video_uid": "v\#($0 / 2)", "timestamp_sec": \#($0), "text": "C takes a cup"}"# }
        let whole = lines.joined(separator: "\n")
        try bench.folder.write(String(whole.dropLast(5)), to: "cut.jsonl")
        try bench.fail(1, "ingest", "jsonl", "--file", "cut.jsonl").says("line 4", "breaks off", "Video v1, pass 1")
        let keys = Set(try bench.records("narrations").compactMap { $0["key"].string })
        #expect(keys == ["v0"])
        try bench.folder.write(whole, to: "whole.jsonl")
        try bench.succeed("ingest", "jsonl", "--file", "whole.jsonl").prints("1 videos and passes, 2 narrations")

        let table = "video_id,start_timestamp,stop_timestamp,narration\na,00:00:01.0,00:00:02.0,take cup\nb,00:00:03.0"
        try bench.folder.write(table, to: "cut.csv")
        let cut = try bench.fail(1, "ingest", "epic-kitchens", "--annotations", "cut.csv", "--topic", "epic")
        cut.says("line 3", "breaks off", "2 fields of 4")
        try bench.folder.write(String(table.dropLast("\nb,00:00:03.0".count)), to: "whole.csv")
        try bench.succeed("ingest", "epic-kitchens", "--annotations", "whole.csv", "--topic", "epic")
    }

    @Test("Rows that a stray quote swallows are counted, and said how many")
    func strayQuote() throws {
        let bench = try Workbench()
        let rows = ["\"take cup", "take pan", "put \"lid\" down", "wash"].enumerated().map {
            "a,00:00:0\($0).0,00:00:0\($0 + 1).0,\($1)"
        }
        try bench.folder.write(
            "video_id,start_timestamp,stop_timestamp,narration\n" + rows.joined(separator: "\n") + "\n", to: "x.csv")
        let result = try bench.succeed("ingest", "epic-kitchens", "--annotations", "x.csv")
        result.says("swallows 3 lines")
        result.prints("1 narrations written", "dead letters")
    }

    @Test("A byte-order mark before annotations is no part of them")
    func byteOrderMark() throws {
        let bench = try Workbench(videos: 3)
        let file = bench.folder.file("world/nlq_val.json")
        try Data([0xef, 0xbb, 0xbf] + Data(contentsOf: file)).write(to: bench.folder.file("bom.json"))
        let plain = try bench.succeed("profile", "--nlq", "world/nlq_val.json", "--json")
        let marked = try bench.succeed("profile", "--nlq", "bom.json", "--json")
        #expect(try JSONTree(marked.outputText)["queries"].int == JSONTree(plain.outputText)["queries"].int)
    }

    @Test("A password in the log's address is neither taken nor printed")
    func password() throws {
        let bench = try Workbench()
        for arguments in [
            ["status"], ["topics", "list", "extra", "kafka://u:secret@h:1"], ["run", "kafka://u:secret@h:1"],
        ] {
            let result = try bench.millrace(arguments + ["--log", "kafka://user:secret@localhost:9092"])
            #expect(result.code == 2)
            #expect(!(result.errorText + result.outputText).contains("secret"), "\(result.story)")
        }
        try bench.fail(2, "status", "--log", "kafka://user:secret@localhost:9092").says("MILLRACE_KAFKA_SASL_PASSWORD")
    }

    @Test("Our own files are never links, and a home is its user's alone")
    func own() throws {
        let bench = try Workbench()
        try bench.folder.write(
            #"{"video_uid": "v", "timestamp_sec": 1, "text": "C takes a cup"}"# + "\n", to: "x.jsonl")
        let result = try bench.shell(#"umask 022; "$@""#, ["ingest", "jsonl", "--file", "x.jsonl"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(Self.mode(bench.home) & 0o777 == 0o700)
        #expect(Self.mode(bench.home + "/log.db") & 0o777 == 0o600)
        try bench.folder.write("precious", to: "precious")
        try bench.folder.write("", to: "home/budgets/x")
        symlink(bench.folder.file("precious").path, bench.home + "/budgets/nlq.json")
        try bench.fail(
            2, "run", Workbench.topology("nlq"), "--until-idle", "--allow-unguarded", "--max-calls", "1"
        ).says("budgets/nlq.json", "symbolic link")
        #expect(try String(contentsOf: bench.folder.file("precious"), encoding: .utf8) == "precious")
        let moved = bench.folder.file("moved.db").path
        try FileManager.default.moveItem(atPath: bench.home + "/log.db", toPath: moved)
        symlink(moved, bench.home + "/log.db")
        try bench.fail(1, "status").says("log.db", "symbolic link")
    }

    @Test("Aliases of aliases are refused, in values and in keys")
    func aliases() throws {
        let bench = try Workbench()
        for (open, close, key) in [
            ("[*a#, *a#]", "", "? *a26\n: 1\n"), (#"{"p":*a# ,"q":*a# }"#, "", "? {\"z\":*a26 }\n: 1\n"),
        ] {
            let levels = (1...26).map { level in
                "k\(level): &a\(level) " + open.replacingOccurrences(of: "#", with: "\(level - 1) ") + close
            }
            try bench.folder.write("k0: &a0 [x,x]\n" + levels.joined(separator: "\n") + "\n" + key, to: "bomb.yaml")
            let result = try MillraceProcess(["lint", "bomb.yaml"], in: bench.folder.url).wait(seconds: 60)
            #expect(result.code == 2)
            result.says("aliases")
        }
    }

    @Test("A shard that may not be read is not called damaged", .enabled(if: geteuid() == 0, "wants another user"))
    func unreadable() throws {
        let bench = try Self.bench()
        let shard = try #require(try bench.shardFiles("naq").first)
        let script = """
            chmod -R a+rwX "$MILLRACE_HOME" . && chmod 0 "$MILLRACE_HOME/shards/naq/\(shard)" && \
            exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
            """
        let result = try bench.shell(script, ["shards", "verify", "naq"])
        #expect(result.code == 1)
        #expect(result.errors.contains("Permission denied; give this user the right to read it"), "\(result.errors)")
        #expect(!result.errors.contains("damaged") && !result.errors.contains("regenerate"), "\(result.errors)")
    }
}
