// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostileServers
import Testing

/// Standard error of the program, as services and people at terminals get it.
@Suite("Logs and progress of commands", .timeLimit(.minutes(5)))
struct LogCommandTests {
    private static var ofText: Regex<Substring> {
        #/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:error|warning|info|debug): .*$/#
    }

    /// Commands that say something, each in its own way: the parser, a refusal, a warning, debug messages.
    private static let talkative = [
        ["run", "--nope"], ["lint", "nowhere.yaml"], ["frobnicate"], ["status"], ["lint", "bad.yaml"],
        ["ingest", "jsonl", "--file", "mixed.jsonl"],
        ["train", "--shards", "none", "--features", "f", "--text", "words", "--steps", "1", "--output", "r"],
    ]

    private static func bench() throws -> Workbench {
        let bench = try Workbench()
        try bench.folder.write("name: bad\nstages: { a: { from: b, stepz: [] } }\n", to: "bad.yaml")
        try bench.folder.write(
            #"{"video_uid":"v","timestamp_sec":1,"text":"C reads","duration_sec":9}"# + "\n{broken\n", to: "mixed.jsonl"
        )
        return bench
    }

    @Test("Off a terminal every line has time and level; as JSON every line is an object", arguments: talkative)
    func forms(command: [String]) throws {
        let bench = try Self.bench()
        let text = try bench.millrace(command)
        let lines = text.errorText.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(!lines.isEmpty, "\(text.story)")
        for line in lines { #expect(line.wholeMatch(of: Self.ofText) != nil, "\(line)") }
        for (options, environment) in [
            (["--log-format", "json"], [:]), (["--log-format=json"], [:]), ([], ["MILLRACE_LOG_FORMAT": "json"]),
        ] {
            let json = try bench.millrace(command + options, environment: environment)
            let lines = json.errorText.split(separator: "\n")
            #expect(!lines.isEmpty, "\(json.story)")
            for line in lines {
                let tree = try JSONTree(String(line))
                #expect(tree["time"].string?.hasSuffix("Z") == true, "\(line)")
                #expect(["error", "warning", "info", "debug"].contains(tree["level"].string), "\(line)")
                #expect(tree["message"].string?.isEmpty == false, "\(line)")
            }
        }
    }

    @Test("A level leaves out what is less grave, and a form that there is not is refused")
    func levels() throws {
        let bench = try Self.bench()
        let ingest = ["ingest", "jsonl", "--file", "mixed.jsonl"]
        #expect(try bench.millrace(ingest).errorText.contains(" warning: "))
        #expect(try bench.millrace(ingest + ["--log-level", "error"]).errorText.isEmpty)
        try bench.fail(2, "status", "--log-format", "xml")
        try bench.fail(2, "status", environment: ["MILLRACE_LOG_FORMAT": "xml"]).says("MILLRACE_LOG_FORMAT", "json")
    }

    @Test("No secret reaches a log, a result or a dead letter: keys from a file, passwords of Kafka, users in URLs")
    func secrets() async throws {
        let key = "sk-plugh-0123456789"
        let folder = try TestFolder()
        let home = TestHome(folder.file("home"))
        try await ModelWorld.ingest(into: home, in: folder, videos: 1, blocks: 1)
        // A server that repeats what it was sent, in its refusal and in a header's form.
        let body = #"{"error":{"message":"Incorrect API key: \#(key); got Authorization: Bearer \#(key)"}}"#
        let model = try await ScriptedModel { _ in .json(body, status: 401) }
        let path = try ModelTopology().write(to: "topology", in: folder)
        let file = try folder.write("LLM_API_KEY='\(key)'\n", to: "secret.env")
        var results: [ProcessResult] = []
        for format in ["text", "json"] {
            let run = try home.start(
                [
                    "run", path, "--until-idle", "--allow-unguarded", "--env-file", file, "--log-level", "debug",
                    "--log-format", format,
                ], environment: model.environment())
            try await RemovalCommandTests.wait("the refusal is told of") {
                !run.isRunning || run.errorsSoFar.contains("Incorrect API key")
            }
            run.send(SIGINT)
            results.append(try await run.finished())
            #expect(results.last?.errorText.contains("Incorrect API key") == true)
        }
        results.append(try await home.run("topics", "read", "nlq.dead-letters", "--json"))
        await model.stop()

        let bench = try Self.bench()
        let kafka = ["status", "--log", "kafka://127.0.0.1:1", "--log-level", "debug"]
        let password = "tr0ub4dor-\(UInt32.random(in: 1000...9999))"
        for (options, environment) in [
            (["--kafka-property", "sasl.password=\(password)", "--kafka-property", "sasl.mechanisms=NONE"], [:]),
            (["--kafka-property", "sasl.mechanisms=\(password)"], ["MILLRACE_KAFKA_SASL_PASSWORD": password]),
            (["--kafka-propertie", "sasl.password=\(password)"], [:]),
            (["sasl.password=\(password)"], [:]),
            (["--log-level", "sasl.password=\(password)"], [:]),
        ] {
            let result = try bench.millrace(kafka + options, environment: environment)
            #expect(result.code != 0)
            #expect(!(result.errorText + result.outputText).contains(password), "\(result.story)")
        }
        for url in ["kafka://me:\(password)@host:9092", "kafka://\(password)@host:9092"] {
            let result = try bench.millrace(["status", "--log", url])
            #expect(!(result.errorText + result.outputText).contains(password), "\(result.story)")
        }
        let base = try bench.millrace(
            ["run", Workbench.topology("nlq"), "--until-idle"],
            environment: [
                "LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_BASE_URL": "http://me:\(password)@127.0.0.1:1/v1",
            ])
        #expect(base.code != 0 && !base.errorText.contains(password), "\(base.story)")
        for result in results { #expect(!(result.errorText + result.outputText).contains(key), "\(result.story)") }
    }

    // MARK: On a terminal

    /// Standard error and output of a command on a pseudo terminal with some columns.
    private static func onTerminal(_ script: String, _ bench: Workbench) throws -> String? {
        let program = "/usr/bin/script"
        guard FileManager.default.isExecutableFile(atPath: program) else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["-qec", script, "/dev/null"]
        process.currentDirectoryURL = bench.folder.url
        process.environment = [
            "MILLRACE_HOME": bench.home, "PATH": "/usr/bin:/bin", "TERM": "xterm", "SHELL": "/bin/sh",
            "MILLRACE": MillraceProcess.binary.path, "TOPOLOGY": Workbench.topology("nlq"),
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }

    /// The pictures of progress in an output, each its rows.
    private static func pictures(_ output: String) -> [[String]] {
        output.components(separatedBy: "\u{1b}[J").dropFirst().map { picture in
            // The next erasure begins with the way back to the first row.
            let rows = picture.prefix { $0 != "\u{1b}" }
            return rows.split(whereSeparator: \.isNewline).map(String.init).filter {
                $0.contains(#/^(?:curate|generate|land) /#) && !$0.contains(" this run ")
            }
        }.filter { !$0.isEmpty }
    }

    @Test("On a terminal progress is a row a stage, none wider than it", arguments: [80, 60])
    func columns(columns: Int) throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let script = #"stty cols \#(columns) rows 24; "$MILLRACE" run "$TOPOLOGY" --until-idle --max-rate 100"#
        guard let output = try Self.onTerminal(script, bench) else { return }
        let pictures = Self.pictures(output)
        #expect(pictures.count > 3, "\(output)")
        for rows in pictures {
            #expect(rows.map { $0.prefix { $0 != " " } } == ["curate", "generate", "land"], "\(rows)")
            for row in rows { #expect(row.count < columns, "\(row)") }
        }
        #expect(pictures.contains { $0[1].contains("waits for records in `blocks`") }, "\(pictures)")
        #expect(!output.contains("Z info: "), "a terminal keeps the friendly form")
        #expect(output.contains("this run") && output.contains("since ever"))
    }

    @Test("Progress follows a terminal that is resized while it runs")
    func resize() throws {
        let bench = try Workbench(videos: 4)
        try bench.expect(0, Workbench.ingestWorld)
        // The terminal is resized once progress is there, and the run goes on for some pictures more.
        let script = #"""
            stty cols 100 rows 24
            "$MILLRACE" run "$TOPOLOGY" --until-idle --max-rate 60 &
            sleep 3; stty cols 50; wait
            """#
        guard let output = try Self.onTerminal(script, bench) else { return }
        let pictures = Self.pictures(output)
        let narrow = pictures.drop { $0.contains { $0.count >= 50 } }
        #expect(pictures.count > 4 && !narrow.isEmpty, "\(output)")
        #expect(pictures.last?.allSatisfy { $0.count < 50 } == true, "\(pictures)")
    }

    @Test("A run that finds nothing to do says so, in words and in numbers")
    func idle() throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let naq = ["run", Workbench.topology("naq"), "--until-idle"]
        let first = try JSONTree(try bench.expect(0, naq + ["--json"]).outputText)["stages"].array[0]
        #expect(first["this_run"]["in"].int == first["in"].int && first["in"].int ?? 0 > 0)
        let again = try bench.expect(0, naq + ["--json"])
        let second = try JSONTree(again.outputText)["stages"].array[0]
        #expect(second["this_run"]["in"].int == 0 && second["in"].int == first["in"].int)
        try bench.expect(0, naq).prints("this run did nothing", "this run", "since ever")
        try bench.expect(0, Workbench.ingestWorld).prints("this run wrote nothing")
    }
}
