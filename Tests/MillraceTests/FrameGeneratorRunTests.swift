// SPDX-License-Identifier: Apache-2.0

import Foundation
import Pictures
import Testing

/// Frames that are learned and made, as their user does it on a sample world.
@Suite struct FrameGeneratorRunTests {
    private func bench() throws -> Workbench {
        let bench = try Workbench()
        try bench.succeed(
            "sample", "--output", "world", "--videos", "3", "--no-features", "--action-clips", "7", "--action-pairs"
        ).prints("pairs of frames: ")
        return bench
    }

    private func train(_ output: String, _ more: String...) -> [String] {
        [
            "train-frames", "--pairs", "world/lego/ego4d_train.json", "--frames", "world/lego/train", "--batch-size",
            "2", "--checkpoint-every", "1", "--width", "8", "--heads", "2", "--groups", "4", "--text-width", "8",
            "--stage-width", "8", "--output", output,
        ] + more
    }

    private func file(_ bench: Workbench, _ name: String) throws -> Data {
        try Data(contentsOf: bench.folder.file(name))
    }

    @Test func bothStagesLearnAndFramesAreMade() throws {
        let bench = try self.bench()
        let first = ["--stage", "first", "--steps", "2"]
        try bench.expect(0, self.train("stage") + first).prints("trained 2 of 2 steps")
        let stage = "stage/step-000000002.safetensors"
        let frames = ["--first-stage", stage, "--steps", "3"]
        let held = ["--validate", "world/lego/ego4d_val.json", "--validate-frames", "world/lego/val"]
        let trained = try bench.expect(0, self.train("run") + frames + held + ["--validate-every", "3"])
        trained.prints("trained 3 of 3 steps")
        trained.says("step 3: loss")
        // From the first step on, on one thread: the same bits.
        let name = "step-000000003.safetensors", whole = try self.file(bench, "run/" + name)
        for step in 2...3 {
            try FileManager.default.removeItem(at: bench.folder.file("run/step-00000000\(step).safetensors"))
        }
        try? FileManager.default.removeItem(at: bench.folder.file("run/best.safetensors"))
        try bench.expect(0, self.train("run", "--threads", "1") + frames + held + ["--validate-every", "3"])
        #expect(try self.file(bench, "run/" + name) == whole)
        try bench.expect(2, self.train("run", "--width", "16") + frames).says("--width was 8 and is 16")

        let make = [
            "generate", "frames", "--checkpoint", "run/" + name, "--first-stage", stage, "--pairs",
            "world/lego/ego4d_val.json", "--frames", "world/lego/val", "--first", "3", "--steps", "2", "--output",
            "made",
        ]
        try bench.expect(0, make).prints("3 frames, 3 of them made now", "a copy of the input frame")
        let made = try FileManager.default.subpathsOfDirectory(atPath: bench.folder.file("made/images").path)
            .filter { $0.hasSuffix(".png") }.sorted()
        #expect(made.count == 3)
        let picture = try Picture(parsing: Array(try self.file(bench, "made/images/\(made[1])")))
        #expect(picture.height == 32 && picture.width == 32)
        // A frame that is missing is made again, as it was.
        let before = try self.file(bench, "made/images/\(made[1])")
        try FileManager.default.removeItem(at: bench.folder.file("made/images/\(made[1])"))
        try bench.expect(0, make + ["--threads", "1"]).prints("3 frames, 1 of them made now")
        #expect(try self.file(bench, "made/images/\(made[1])") == before)
        try bench.expect(2, make + ["--seed", "5"]).says("holds frames of another checkpoint, or made otherwise")

        // One frame and a text.
        let input = try #require(
            FileManager.default.subpaths(atPath: bench.folder.file("world/lego/val").path)?
                .first { $0.hasSuffix("0000000.png") })
        try bench.succeed(
            "generate", "frames", "--checkpoint", "run/" + name, "--first-stage", stage, "--frame",
            "world/lego/val/" + input, "--text", "opens cup", "--steps", "2", "--pixels", "official", "--output",
            "one.png"
        ).prints("one.png: 32 × 32")
        #expect(try Picture(parsing: Array(try self.file(bench, "one.png"))).bytes.min() == 0)
    }

    @Test func whatIsMissingOrDamagedIsSaid() throws {
        let bench = try self.bench()
        let first = ["--stage", "first", "--steps", "1"]
        try bench.expect(2, self.train("run", "--steps", "1")).says("Give --first-stage")
        try bench.expect(2, self.train("run", "--pairs", "nowhere") + first).says("nowhere")
        try bench.expect(1, self.train("run", "--frames", "nowhere") + first).says("nowhere")
        try bench.expect(0, self.train("stage") + first)
        let missing = ["--steps", "1", "--first-stage", "stage/nowhere.safetensors"]
        try bench.expect(2, self.train("run") + missing).says("nowhere.safetensors")
        let frames = ["--first-stage", "stage/step-000000001.safetensors", "--steps", "1"]
        try bench.expect(2, self.train("run", "--side", "30") + frames).says("--side is 30, and must divide by 8")
        for path in try #require(FileManager.default.subpaths(atPath: bench.folder.file("world/lego/train").path))
        where path.hasSuffix(".png") {
            let file = bench.folder.file("world/lego/train/" + path)
            try Data(contentsOf: file).prefix(500).write(to: file)
        }
        try bench.expect(1, self.train("run") + frames).says("is cut short")
        try bench.folder.write("{}", to: "empty.json")
        try bench.expect(2, self.train("run", "--pairs", "empty.json") + frames).says("holds no pair")
    }
}
