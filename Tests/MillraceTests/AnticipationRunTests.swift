// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Long-term anticipation as its user runs it, on a sample world: ingest, windows, train, predict, evaluate.
@Suite struct AnticipationRunTests {
    private static let features = ["--features", "lta/lta_features", "--window", "16", "--threads", "2"]

    private func bench() throws -> Workbench {
        let bench = try Workbench(videos: 3)
        try bench.succeed("sample", "--output", "lta", "--videos", "3", "--action-clips", "20")
        try bench.succeed(
            "ingest", "lta", "--annotations", "lta/fho_lta_train.json", "--taxonomy", "lta/fho_lta_taxonomy.json")
        try bench.run(Workbench.topology("anticipation"))
        return bench
    }

    private func train(_ output: String, _ more: String...) -> [String] {
        [
            "train-anticipation", "--taxonomy", "lta/fho_lta_taxonomy.json", "--validate", "lta/fho_lta_val.json",
            "--width", "16", "--steps", "20", "--segment-steps", "5", "--batch-size", "16", "--learning-rate", "0.01",
            "--validate-every", "10", "--checkpoint-every", "5", "--output", output,
        ] + Self.features + more
    }

    private func predict(_ annotations: String, _ output: String) -> [String] {
        [
            "predict", "anticipation", "--checkpoint", "run/step-000000020.safetensors", "--annotations", annotations,
            "--taxonomy", "lta/fho_lta_taxonomy.json", "--output", output,
        ] + Self.features
    }

    private func evaluate(_ predictions: String, _ more: String...) -> [String] {
        [
            "evaluate", "anticipation", "--predictions", predictions, "--ground-truth", "lta/fho_lta_test.json",
            "--taxonomy", "lta/fho_lta_taxonomy.json",
        ] + more
    }

    @Test func theWholeLoopRuns() throws {
        let bench = try self.bench()
        let windows = try bench.samples("anticipation")
        // 14 clips of 32 to 36 segments.
        #expect((14 * 11...14 * 15).contains(windows.count))
        let trained = try bench.expect(0, self.train("run"))
        #expect(trained.errorText.contains("ED@20 verb"))
        try bench.expect(0, self.predict("lta/fho_lta_test_unannotated.json", "test.json"))
        try bench.expect(0, self.predict("lta/fho_lta_test_unannotated.json", "again.json"))
        let file = bench.folder.file("test.json")
        #expect(try Data(contentsOf: file) == Data(contentsOf: bench.folder.file("again.json")))
        let report = try bench.expect(0, self.evaluate("test.json", "--train", "lta/fho_lta_train.json"))
        report.prints("K = 5 candidates", "predictions, ", "repeat the last action", "Markov chain", "ED@20", "AUED")
        #expect(report.outputLines.allSatisfy { $0.count <= 80 })
        let json = try bench.expect(0, self.evaluate("test.json", "--json"))
        json.prints("ed_interval")
        // Another number of inputs has other keys.
        try bench.expect(1, self.evaluate("test.json", "--inputs", "3")).says("holds, of no window", "--inputs 3")
        try bench.expect(2, self.evaluate("test.json", "--train", "lta/fho_lta_test.json")).says("prove nothing")
    }

    @Test func aTrainerThatIsStoppedEndsWithTheSameBits() async throws {
        let bench = try self.bench()
        try bench.expect(0, self.train("whole", "--threads", "1"))
        for kill in 0..<5 {
            let process = try MillraceProcess(
                self.train("parts"), environment: ["MILLRACE_HOME": bench.home], in: bench.folder.url)
            try await Task.sleep(for: .milliseconds(150 * (kill + 1)))
            if !process.killNow() { break }
        }
        try bench.expect(0, self.train("parts"))
        let name = "step-000000020.safetensors"
        #expect(
            try Data(contentsOf: bench.folder.file("whole/" + name))
                == Data(contentsOf: bench.folder.file("parts/" + name)))
    }

    @Test func whatIsMissingIsSaidAndNothingIsWritten() throws {
        let bench = try self.bench()
        try bench.expect(0, self.train("run"))
        let clip = try #require(
            try FileManager.default.contentsOfDirectory(atPath: bench.folder.file("lta/lta_features").path).sorted()
                .first)
        var none = self.predict("lta/fho_lta_train.json", "out.json")
        try FileManager.default.removeItem(at: bench.folder.file("lta/lta_features/" + clip))
        let all = ["train", "val", "test_unannotated"].map { "lta/fho_lta_\($0).json" }
        let failed = try all.map { try bench.millrace(self.predict($0, "out.json")) }.filter { $0.code != 0 }
        #expect(failed.count == 1)
        failed[0].says("cannot be answered", "without features", "nothing was written")
        try bench.folder.write(#"{"verbs":["a"],"nouns":["b"]}"#, to: "other.json")
        none[none.firstIndex(of: "lta/fho_lta_taxonomy.json") ?? 0] = "other.json"
        try bench.expect(2, none).says("is not that of the checkpoint")
        try bench.expect(2, ["ingest", "lta", "--annotations", "lta/fho_lta_train.json"]).says("--taxonomy")
        try bench.expect(
            2, ["ingest", "lta", "--annotations", "lta/fho_lta_train.json", "--taxonomy", "nowhere.json"]
        ).says("nowhere.json")
    }
}
