// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `train`, `finetune` and `evaluate` on annotations, features, options and machines that are not what they should be.
@Suite struct TrainFaultTests {
    private static let network = [
        "--features", "world/features", "--text", "words", "--vocabulary-from", "world/nlq_train.json", "--dim", "16",
        "--heads", "2", "--max-pos-len", "32", "--batch-size", "4", "--threads", "2",
    ]

    private func tune(_ train: String, _ output: String, more: [String] = []) -> [String] {
        ["finetune", "--scratch", "--train", train, "--steps", "2", "--output", output] + Self.network + more
    }

    /// The train queries of the sample world, with the first few changed.
    private func annotations(
        _ bench: Workbench, _ name: String, _ changes: [(inout [String: Any]) -> Void]
    ) throws -> String {
        let data = try Data(contentsOf: bench.folder.file("world/nlq_train.json"))
        var root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        var rest = changes
        func each(_ value: inout [String: Any], _ keys: ArraySlice<String>) {
            guard let key = keys.first else { return rest.isEmpty ? () : rest.removeFirst()(&value) }
            var list = value[key] as? [[String: Any]] ?? []
            for index in list.indices { each(&list[index], keys.dropFirst()) }
            value[key] = list
        }
        each(&root, ["videos", "clips", "annotations", "language_queries"])
        #expect(rest.isEmpty)
        let text = try String(decoding: JSONSerialization.data(withJSONObject: root), as: UTF8.self)
        return try bench.folder.write("\u{feff}" + text.replacing(",", with: ",\r\n"), to: name)
    }

    @Test func samplesThatCannotBeTrainedOnAreCountedInPlainWords() throws {
        let bench = try Workbench(videos: 4, features: true)
        let faulty = try self.annotations(
            bench, "faulty.json",
            [
                {
                    $0["clip_start_sec"] = 9000.0; $0["clip_end_sec"] = 9020.0
                },
                {
                    $0["clip_start_sec"] = -50.0; $0["clip_end_sec"] = -20.0
                },
                {
                    $0["clip_start_sec"] = 1e300; $0["clip_end_sec"] = 1e301
                },
                {
                    $0["clip_start_sec"] = 50.0; $0["clip_end_sec"] = 20.0
                },
                { $0["query"] = " " },
                { $0["clip_end_sec"] = NSNull() },
            ])
        let trained = try bench.expect(0, self.tune(faulty, "tuned"))
        trained.prints(
            "skipped, window outside the clip: 3", "skipped, window ends before it starts: 1",
            "skipped, blank query: 1",
            "skipped, without an answer: 1", "as outside their clip: 3")
        try bench.expect(0, self.tune(faulty, "official", more: ["--targets", "official"])).prints(
            "skipped, blank query: 1", "as outside their clip: 0")
        // The profile reads the same file.
        try bench.expect(0, ["profile", "--nlq", faulty])
        let score = try bench.expect(
            0,
            [
                "evaluate", "--checkpoint", "tuned/step-000000002.safetensors", "--ground-truth", faulty, "--features",
                "world/features", "--output", "predictions.json",
            ])
        let whole = try bench.expect(
            0,
            [
                "evaluate", "--checkpoint", "tuned/step-000000002.safetensors", "--ground-truth",
                "world/nlq_train.json",
                "--features", "world/features",
            ])
        // All count, but for the one without an answer.
        func counts(_ result: ProcessResult) throws -> (scored: Int, total: Int) {
            let match = try #require(result.outputText.firstMatch(of: /Evaluated: ([0-9]+) \/ ([0-9]+) instances/))
            return (try #require(Int(match.1)), try #require(Int(match.2)))
        }
        #expect(try counts(score).total == counts(whole).total && counts(score).scored == counts(whole).scored - 1)
        let empty = try bench.folder.write("{\"version\": \"1\", \"videos\": []}", to: "empty.json")
        try bench.expect(2, self.tune(empty, "none")).says("empty.json holds no query")
        try bench.expect(2, ["profile", "--nlq", empty]).says("empty.json holds no query")
        try bench.expect(2, self.tune(faulty, "none").map { $0 == "world/nlq_train.json" ? empty : $0 })
            .says("empty.json holds no query whose words")
        let all = try bench.expect(1, self.tune(faulty, "none", more: ["--validate", try self.gone(bench)]))
        all.says("no validation query can be answered", "without features", "gone-video")
        #expect(!FileManager.default.fileExists(atPath: bench.folder.file("none/best.safetensors").path))
        let some = try bench.expect(1, self.tune(try self.gone(bench), "none"))
        some.says("none of 1 queries can be trained on (1 without features)")
        for result in [all, some] { #expect(!result.errorText.contains("MomentLocalization")) }
    }

    /// Annotations of a video without features.
    private func gone(_ bench: Workbench) throws -> String {
        try bench.folder.write(
            """
            {"videos":[{"video_uid":"gone-video","clips":[{"clip_uid":"gone-video-clip","video_start_sec":0,"video_end_sec":9,\
            "annotations":[{"annotation_uid":"a","language_queries":[{"clip_start_sec":1,"clip_end_sec":2,"query":"Who?"}]}]}]}]}
            """, to: "gone.json")
    }

    @Test func numbersOutOfRangeAreRefusedBeforeAnythingIsDone() throws {
        let bench = try Workbench(videos: 4, features: true)
        let values = [
            "--dim": ["0", "5000", "9223372036854775807"], "--heads": ["0", "-1", "3"],
            "--max-pos-len": ["2", "1000000000"],
            "--batch-size": ["0", "1000000"], "--threads": ["0", "-5", "1000000"],
            "--steps": ["0", "-9223372036854775808", "9223372036854775807"], "--cache": ["0", "9223372036854775807"],
            "--keep": ["0"], "--log-every": ["0"], "--validate-every": ["-1"], "--checkpoint-every": ["0"],
            "--dropout": ["1", "nan", "-0.1"], "--highlight-lambda": ["-1", "inf", "nan"],
            "--learning-rate": ["0", "nan", "inf"], "--warmup": ["2", "nan"], "--clip-norm": ["0", "nan"],
        ]
        for (option, wrong) in values.sorted(by: { $0.key < $1.key }) {
            for value in wrong {
                let command = self.tune("world/nlq_train.json", "run") + ["\(option)=\(value)"]
                try bench.expect(2, command.dropRepeatedOption(option)).says(option)
            }
        }
        for bins in ["2", "1000000000"] {
            try bench.expect(
                2, ["evaluate", "--ground-truth", "x", "--predictions", "y", "--max-pos-len", bins]
            ).says("--max-pos-len must be at least 3")
        }
        #expect(!FileManager.default.fileExists(atPath: bench.folder.file("run").path))
        // A folder whose first file claims no rows of very many columns.
        try FileManager.default.createDirectory(at: bench.folder.file("zero"), withIntermediateDirectories: true)
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 140737488355328), }\n"
        let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
        try Data(bytes).write(to: bench.folder.file("zero/v.npy"))
        try bench.expect(
            1, self.tune("world/nlq_train.json", "run").map { $0 == "world/features" ? "zero" : $0 }
        ).says("zero/v.npy claims 140737488355328 features a moment")
    }

    // MARK: Machines

    private func limited(_ limit: [String], _ arguments: [String], _ bench: Workbench) throws -> ProcessResult {
        try MillraceProcess(
            arguments, environment: ["MILLRACE_HOME": bench.home, "OPENBLAS_NUM_THREADS": "1"], in: bench.folder.url,
            launcher: limit
        ).wait(seconds: 60)
    }

    @Test func threadsThatCannotBeStartedAreAnErrorAndNoSilence() throws {
        let bench = try Workbench(videos: 4, features: true)
        // Stacks of a thousand threads do not fit.
        let many = self.tune("world/nlq_train.json", "run", more: ["--threads=1000"]).dropRepeatedOption("--threads")
        let refused = try self.limited(["prlimit", "--as=4000000000"], many, bench)
        #expect(refused.end == .exit(1), "\(refused.story)")
        refused.says("cannot work on 1000 threads", "--threads", "ulimit -v")
        // No thread beside the first: whoever asks for one is told, and nothing waits.
        let user = geteuid() == 0 ? ["setpriv", "--reuid", "65534", "--clear-groups"] : []
        let binary = MillraceProcess.binary.path
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        probe.arguments = user + ["test", "-x", binary]
        try probe.run()
        probe.waitUntilExit()
        guard probe.terminationStatus == 0 else { return }
        for arguments in [many, Workbench.ingestWorld, ["run", Workbench.topology("naq"), "--until-idle"]] {
            let result = try self.limited(user + ["prlimit", "--nproc=1"], arguments, bench)
            #expect(result.end == .exit(1), "\(result.story)")
            result.says("the system starts 0 of the", "ulimit -u")
        }
    }
}

extension [String] {
    /// The same without what stands before the last place of an option.
    fileprivate func dropRepeatedOption(_ option: String) -> [String] {
        let places = self.indices.filter { self[$0] == option || self[$0].hasPrefix(option + "=") }
        guard places.count > 1 else { return self }
        var rest = self
        for place in places.dropLast().reversed() {
            rest.removeSubrange(place...(self[place] == option ? place + 1 : place))
        }
        return rest
    }
}
