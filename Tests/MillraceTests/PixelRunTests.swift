// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Encoders that learn from pixels, as their user trains them on a sample world.
@Suite struct PixelRunTests {
    private func bench() throws -> Workbench {
        let bench = try Workbench(videos: 3)
        try bench.succeed(
            "sample", "--output", "lta", "--videos", "3", "--action-clips", "10", "--action-frames")
        try bench.succeed(
            "ingest", "lta", "--annotations", "lta/fho_lta_train.json", "--taxonomy", "lta/fho_lta_taxonomy.json")
        try bench.run(Workbench.topology("anticipation"))
        return bench
    }

    private func train(_ output: String, _ more: String...) -> [String] {
        [
            "train-anticipation-pixels", "--frames", "lta/lta_frames", "--taxonomy", "lta/fho_lta_taxonomy.json",
            "--validate", "lta/fho_lta_val.json", "--side", "16", "--encoder-width", "8", "--steps", "4",
            "--batch-size", "2", "--validate-every", "2", "--checkpoint-every", "1", "--output", output,
        ] + more
    }

    private func predict(_ run: String, _ output: String, _ more: String...) -> [String] {
        [
            "predict", "anticipation-pixels", "--checkpoint", "\(run)/step-000000004.safetensors", "--annotations",
            "lta/fho_lta_test_unannotated.json", "--taxonomy", "lta/fho_lta_taxonomy.json", "--frames",
            "lta/lta_frames", "--output", output,
        ] + more
    }

    @Test func itForecastsAndRecognises() throws {
        let bench = try self.bench()
        for memory in ["fixed", "seed", "none"] {
            let trained = try bench.expect(0, self.train(memory, "--memory", memory, "--threads", "2"))
            #expect(trained.errorText.contains("ED@20 verb"), "\(trained.story)")
            trained.prints("trained 4 of 4 steps")
        }
        try bench.expect(0, self.train("again", "--threads", "1"))
        let name = "step-000000004.safetensors"
        #expect(
            try Data(contentsOf: bench.folder.file("fixed/" + name))
                == Data(contentsOf: bench.folder.file("again/" + name)))
        try bench.expect(0, self.predict("fixed", "one.json", "--threads", "1"))
        try bench.expect(0, self.predict("fixed", "two.json", "--threads", "2"))
        #expect(
            try Data(contentsOf: bench.folder.file("one.json")) == Data(contentsOf: bench.folder.file("two.json")))
        try bench.expect(
            0,
            [
                "evaluate", "anticipation", "--predictions", "one.json", "--ground-truth", "lta/fho_lta_test.json",
                "--taxonomy", "lta/fho_lta_taxonomy.json", "--inputs", "2",
            ]
        ).prints("K = 5 candidates", "predictions, ")
        let observed = try bench.expect(0, self.train("observed", "--subject", "observed", "--memory", "none"))
        #expect(observed.errorText.contains("ED@1 verb"), "\(observed.story)")
        try bench.expect(2, self.predict("observed", "none.json")).says("recognises the last action", "--subject")
        // Another run's folder is left alone, and the difference is told in a line.
        let other = try bench.expect(2, self.train("fixed", "--memory", "none"))
        other.says("--memory was fixed and is none", "nothing was changed")
        try bench.expect(2, self.train("fixed", "--side", "20")).says("--side was 16 and is 20. Name another")
    }

    @Test func pixelsThatAreMissingOrDamagedAreSaid() throws {
        let bench = try self.bench(), folder = bench.folder.file("lta/lta_frames")
        try bench.expect(1, self.train("run", "--frames", "nowhere")).says("none has pixels", "nowhere")
        let train = try JSONTree(Data(contentsOf: bench.folder.file("lta/fho_lta_train.json")))
        let clip = try #require(train["clips"].array.first?["clip_uid"].string)
        try FileManager.default.removeItem(at: folder.appending(path: clip + ".safetensors"))
        try bench.expect(0, self.train("run")).prints("passed over: ", "without pixels")
        try bench.expect(1, self.predict("run", "none.json", "--annotations", "lta/fho_lta_train.json"))
            .says("such as \(clip)", "no pixels", "nothing was written")
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let path = folder.appending(path: file)
            try Data(contentsOf: path).prefix(2000).write(to: path)
        }
        try bench.expect(1, self.train("damaged")).says("is no sound safetensors file")
        try bench.expect(2, self.train("large", "--side", "4000")).says("side is 1 to 2048, not 4000")
    }
}
