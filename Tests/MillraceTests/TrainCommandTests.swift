// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `train`, `finetune` and `evaluate` as their user runs them, on a sample world and a small network.
@Suite struct TrainCommandTests {
    private static let network = [
        "--text", "words", "--vocabulary-from", "world/nlq_train.json", "--dim", "16",
        "--heads", "2", "--max-pos-len", "32", "--batch-size", "8", "--threads", "2",
    ]

    /// A world with features, narrations ingested, and shards of 40 samples.
    private func bench(run: Bool = true) throws -> Workbench {
        let bench = try Workbench(videos: 5, features: true)
        try bench.expect(0, Workbench.ingestWorld + ["--features", "world/features"])
        let text = try String(contentsOfFile: Workbench.topology("naq"), encoding: .utf8)
        let small = text.replacing("compression: zstd }", with: "compression: zstd, rotate: { samples: 40 } }")
        #expect(small != text)
        try bench.folder.write(small, to: "naq.yaml")
        if run { try bench.run("naq.yaml") }
        return bench
    }

    private func train(_ output: String, steps: Int = 30, more: [String] = []) -> [String] {
        [
            "train", "--shards", "naq", "--features", "world/features", "--output", output, "--steps", "\(steps)",
            "--segment-steps", "6", "--checkpoint-every", "4",
        ] + Self.network + more
    }

    private func contents(_ bench: Workbench, _ name: String) throws -> Data {
        try Data(contentsOf: bench.folder.file(name))
    }

    @Test func aTrainerThatIsKilledWhileShardsLandEndsWithTheSameBits() async throws {
        let bench = try self.bench(run: false)
        let seed = SeededNumbers.seed()
        var numbers = SeededNumbers(seed: seed)
        let variables = ["MILLRACE_HOME": bench.home]
        let generator = try MillraceProcess(
            ["run", "naq.yaml", "--max-rate", "400"], environment: variables, in: bench.folder.url)
        var kills = 0
        var end: ProcessResult?
        while end == nil {
            let life = try MillraceProcess(
                self.train("online", more: ["--wait"]), environment: variables, in: bench.folder.url)
            let milliseconds = kills < 6 ? Int.random(in: 150...2500, using: &numbers) : 120_000
            let deadline = ContinuousClock.now + .milliseconds(milliseconds)
            while life.isRunning, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(2)) }
            if life.killNow() { kills += 1 } else { end = try life.wait(seconds: 1) }
        }
        generator.send(SIGINT)
        _ = try await generator.finished()
        #expect(end?.end == .exit(0), "seed \(seed), \(kills) kills: \(end?.story ?? "")")
        let plan = try String(contentsOf: bench.folder.file("online/plan.jsonl"), encoding: .utf8)
        #expect(plan.split(separator: "\n").count == 5)

        for threads in ["1", "2"] {
            try bench.expect(0, self.train("again", more: ["--plan", "online/plan.jsonl", "--threads", threads]))
            #expect(
                try self.contents(bench, "again/step-000000030.safetensors")
                    == self.contents(bench, "online/step-000000030.safetensors"), "seed \(seed), \(kills) kills")
            try FileManager.default.removeItem(at: bench.folder.file("again"))
        }
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func interruptingWritesACheckpointAndTheSameCommandGoesOn(signal: Int32) async throws {
        let bench = try self.bench()
        let process = try MillraceProcess(
            self.train("run", steps: 100_000), environment: ["MILLRACE_HOME": bench.home], in: bench.folder.url)
        let steps = bench.folder.file("run")
        var patience = Patience(seconds: 100)
        while patience.lasts(),
            !(((try? FileManager.default.contentsOfDirectory(atPath: steps.path)) ?? []).contains {
                $0.hasPrefix("step-")
            })
        { try await Task.sleep(for: .milliseconds(20)) }
        process.send(signal)
        let result = try await process.finished()
        #expect(result.end == .exit(128 + signal), "\(result.story)")
        result.prints("stopped after", "the same command goes on from here")
        // Other settings are refused, and leave the run as it was.
        let before = try FileManager.default.contentsOfDirectory(atPath: steps.path).sorted()
        let refused = try bench.expect(2, self.train("run", steps: 7))
        refused.says("steps was 100000 and is 7", "--output")
        #expect(try FileManager.default.contentsOfDirectory(atPath: steps.path).sorted() == before)
    }

    @Test func aRunThatGoesOnTakesTheCoreOfItsCheckpoint() throws {
        let bench = try self.bench()
        func kernels(_ environment: [String: String]) throws -> String {
            let result = try bench.millrace(["--version", "--verbose"], environment: environment)
            result.prints("processor: ", "checked against plain multiplication", "loops: ")
            let line = try #require(result.outputLines.first { $0.hasPrefix("matrices: ") })
            return String(line.dropFirst("matrices: ".count).prefix { $0 != "," })
        }
        let own = try kernels([:])
        // Any processor with vectors runs one of these, and they are not its best.
        let others = ["Haswell", "Sandybridge", "Prescott", "armv8"]
        guard
            let other = try others.first(where: { name in
                try name != own && kernels(["OPENBLAS_CORETYPE": name]) == name
            })
        else { return }
        let wish = ["OPENBLAS_CORETYPE": other]
        let command = self.train("run", steps: 8)
        try bench.expect(0, command, environment: wish)
        let last = "run/step-000000008.safetensors"
        let whole = try self.contents(bench, last)
        func goOn(_ environment: [String: String]) throws -> ProcessResult {
            try FileManager.default.removeItem(at: bench.folder.file(last))
            return try bench.expect(0, command, environment: environment)
        }
        let same = try goOn([:])
        same.says("going on from step 4 of 8, with OpenBLAS's kernels for \(other)")
        #expect(!same.errorText.contains("another kind of machine"))
        #expect(try self.contents(bench, last) == whole, "the same bits")
        // The user's wish wins, with a warning that it changes the bits.
        try goOn(["OPENBLAS_CORETYPE": own]).says(
            "with OpenBLAS's kernels for \(own)", "another kind of machine", "OpenBLAS \(other)",
            "not have the same bits")
        #expect(try self.contents(bench, last) != whole)
    }

    @Test func theLongVersionSaysWhichKernelsMultiply() throws {
        let bench = try Workbench()
        let short = try bench.expect(0, ["--version"])
        try bench.expect(0, ["--verbose", "--version"]).prints(
            short.outputText, "processor: ", "matrices: ", "library: OpenBLAS")
        try bench.expect(0, ["--version", "--verbose"], environment: ["OPENBLAS_CORETYPE": "Nothing"])
            .prints("OPENBLAS_CORETYPE asks for Nothing")
        try bench.fail(2, "--verbose", "status").says("--verbose goes with --version")
    }

    @Test func anExperimentSetsItsMeansBesideTheConstantWindows() throws {
        let bench = try self.bench()
        let plan = """
            {"arms": [{"name": "scratch"}, {"name": "naq", "shards": "naq"}], "seeds": [1, 2], "baseline": "scratch",
             "pretrain_steps": 3, "finetune_steps": 2, "pretrain_learning_rate": 1e-3, "finetune_learning_rate": 1e-3,
             "batch_size": 4, "warmup": 0, "validation_steps": 2}
            """
        try bench.folder.write(plan, to: "plan.json")
        // Tested on what constant windows are fitted to, so that they score something.
        let command = [
            "experiment", "plan.json", "--features", "world/features", "--train", "world/nlq_train.json", "--validate",
            "world/nlq_val.json", "--test", "world/nlq_train.json", "--text", "words", "--vocabulary-from",
            "world/nlq_train.json", "--dim", "16", "--heads", "2", "--max-pos-len", "32", "--output", "experiment",
        ]
        try bench.expect(0, command).prints(
            "means over 2 seeds:", "R1@0.3 / constant windows", "differences from `scratch`")
        let report = try JSONDecoder().decode(
            ExperimentNumbers.self, from: try bench.expect(0, command + ["--json"]).output)
        let prior = report.constant_windows.recall
        #expect(report.means.count == 4 && report.runs.count == 8 && prior > 0)
        for mean in report.means {
            let runs = report.runs.filter { $0.arm == mean.arm && $0.checkpoint == mean.checkpoint }.map(\.recall)
            #expect(runs.count == 2 && abs(mean.recall - (runs[0] + runs[1]) / 2) < 1e-9)
            #expect(abs((mean.over_constant_windows ?? -1) - mean.recall / prior) < 1e-9)
        }
    }

    /// The numbers of a report that the test looks at.
    private struct ExperimentNumbers: Decodable {
        struct Row: Decodable {
            let arm: String?
            let checkpoint: String?
            let recall: Double
            let over_constant_windows: Double?

            enum CodingKeys: String, CodingKey {
                case arm, checkpoint, over_constant_windows
                case recall = "R1@0.3"
            }
        }

        let runs: [Row]
        let means: [Row]
        let constant_windows: Row
    }

    @Test func theWholeWayFromShardsToAScore() throws {
        let bench = try self.bench()
        let trained = try bench.expect(
            0, self.train("run", more: ["--validate", "world/nlq_val.json", "--validate-every", "15"]))
        trained.prints("trained 30 of 30 steps", "targets:", "at bin (0,0)", "starts over the clip")
        trained.says("R1@0.3")
        let metrics = try String(contentsOf: bench.folder.file("run/metrics.jsonl"), encoding: .utf8)
        #expect(metrics.contains(#""event":"step""#) && metrics.contains(#""event":"validation""#))
        #expect(metrics.contains(#""event":"shard""#) && metrics.contains(#""event":"segment""#))
        let files = try FileManager.default.contentsOfDirectory(atPath: bench.folder.file("run").path)
        #expect(files.contains { $0.hasPrefix("events.out.tfevents.") } && files.contains("best.safetensors"))

        let tune = [
            "finetune", "--train", "world/nlq_train.json", "--features", "world/features", "--steps", "10",
            "--batch-size", "8",
        ]
        try bench.expect(0, tune + ["--from", "run/step-000000030.safetensors", "--output", "tuned"]).prints(
            "trained 10")
        try bench.expect(
            0, tune + ["--scratch", "--output", "scratch"] + Self.network)
        let evaluate = ["evaluate", "--ground-truth", "world/nlq_val.json", "--train", "world/nlq_train.json"]
        let report = try bench.expect(
            0,
            evaluate + [
                "--checkpoint", "tuned/step-000000010.safetensors", "--features", "world/features", "--output",
                "predictions.json",
            ])
        report.prints(
            "Evaluated:", "over the predictions supplied", "over all", "5 constant windows", "label oracle at 32 bins",
            "95 % intervals", "mIoU")
        let again = try bench.expect(0, evaluate + ["--predictions", "predictions.json", "--max-pos-len", "32"])
        #expect(again.outputText == report.outputText)
        let parts = try bench.expect(
            0,
            evaluate + ["--predictions", "predictions.json", "--max-pos-len", "32", "--by-template", "--by-duration"])
        parts.prints("answers to ", "Objects: ")
        #expect(!report.outputText.contains("answers to ") && !report.outputText.contains("Objects: "))
        for line in parts.outputLines { #expect(line.count <= 80, "\(line)") }
        #expect(parts.outputLines.contains { $0.contains(#/^over all .* 0\.3 /#) }, "the label comes first")
        let json = try JSONTree(
            try bench.expect(0, evaluate + ["--predictions", "predictions.json", "--json", "--remove-empty"]).output)
        #expect(json["official"]["recall"].array.count == 9 && json["removed_empty"].int != nil)
        let challenge = try bench.expect(
            0,
            [
                "evaluate", "--ground-truth", "world/nlq_test_unannotated.json", "--checkpoint",
                "tuned/step-000000010.safetensors", "--features", "world/features", "--output", "test.json",
            ])
        challenge.prints("holds no answers", "predictions are in test.json")
        #expect(try bench.json("test.json")["challenge"].string == "ego4d_nlq_challenge")
    }

    @Test func badInputIsNamedAndNothingIsOverwritten() throws {
        let bench = try self.bench()
        try bench.expect(2, ["train", "--shards", "none"] + self.train("run").dropFirst(3)).says("no shard set `none`")
        try bench.expect(2, self.train("run").map { $0 == "world/features" ? "nowhere" : $0 }).says("nowhere")
        try bench.expect(2, self.train("run", more: ["--new-share", "2"])).says("--new-share")
        try bench.expect(2, self.train("run", more: ["--text", "bert"])).says("--bert DIR")
        try bench.expect(2, ["evaluate", "--ground-truth", "world/nlq_val.json"]).says("--checkpoint")
        try bench.expect(
            2,
            [
                "evaluate", "--ground-truth", "world/nlq_val.json", "--predictions", "world/nlq_val.json", "--train",
                "world/nlq_val.json",
            ]
        ).says("same file")
        let broken = try bench.folder.write("{\"videos\": [\n{\"clips\": []}]}", to: "broken.json")
        try bench.expect(1, ["evaluate", "--ground-truth", broken, "--predictions", broken])
            .says("broken.json, line 2", "video_uid")
        try bench.expect(
            1, ["evaluate", "--ground-truth", "world/nlq_val.json", "--predictions", "world/nlq_val.json"]
        )
        .says("version")

        // Features: other bytes in one file, another dimension in one, a pickle that wants to import something.
        let features = bench.folder.file("world/features")
        let sample = try JSONTree(try #require(try bench.samples("naq").last))
        let victim = features.appendingPathComponent(try #require(sample["video_uid"].string) + ".pt")
        let whole = try Data(contentsOf: victim)
        var poisoned = whole
        let place = whole.count / 2 / 64 * 64
        poisoned.replaceSubrange(place..<place + 2048, with: Data(repeating: 0xff, count: 2048))
        try poisoned.write(to: victim)
        try bench.expect(1, self.train("run", steps: 40)).says(victim.lastPathComponent, "checksum")
        var hostile = whole
        let name = Data("torch._utils\n_rebuild_tensor_v2".utf8)
        let range = try #require(hostile.range(of: name))
        hostile.replaceSubrange(range, with: Data("os\nsystem".utf8) + Data(repeating: 0x4e, count: name.count - 9))
        try hostile.write(to: victim)
        try bench.expect(1, self.train("other", steps: 40)).says(victim.lastPathComponent, "refused")
        try whole.prefix(whole.count / 3).write(to: victim)
        try bench.expect(1, self.train("third", steps: 40)).says(victim.lastPathComponent, "cut short")
        try whole.write(to: victim)

        try bench.expect(0, self.train("good", steps: 4))
        let checkpoint = bench.folder.file("good/step-000000004.safetensors")
        var flipped = try Data(contentsOf: checkpoint)
        flipped[flipped.count / 2] ^= 4
        try flipped.write(to: checkpoint)
        try bench.expect(1, self.train("good", steps: 4)).says("step-000000004.safetensors is damaged")
        #expect(try Data(contentsOf: checkpoint) == flipped)
        let shard = try #require(try bench.shardFiles("naq").last)
        try FileManager.default.removeItem(at: bench.shardFolder("naq").appendingPathComponent(shard))
        try bench.expect(1, self.train("fourth", steps: 4)).says(shard, "listed in the manifest")
    }
}
