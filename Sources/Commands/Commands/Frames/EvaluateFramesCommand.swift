// SPDX-License-Identifier: Apache-2.0

import ActionDescriptions
import ArgumentParser
import Codecs
import DurableFiles
import Foundation
import FrameEvaluation
import Records
import TaskRooms
import VideoFeatures
import VideoFrames

/// `millrace evaluate frames`
struct EvaluateFramesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frames", abstract: "Score frames that were made by the frames that ought to be.",
        discussion: """
            Prints PSNR and SSIM of the pixels, and, of features that you supply, the cosine and the Fréchet distance (the \
            FID, if they are Inception's), each beside what a copy of the input frame scores. Errors are standard errors over \
            clips. The frames that were made are looked for as CLIP/ACTION/NAME, with the target's name, or with its ending \
            .png or .jpg. Features are a matrix each, one row a pair in the order of --pairs, as .safetensors, .npy or .pt.

            Pictures are read through ffmpeg.

            EXAMPLES
              millrace evaluate frames --pairs ego4d_val.json --frames val \\
                  --generated images
              millrace evaluate frames --pairs ego4d_val.json --frames val \\
                  --generated images --features made.npy \\
                  --target-features target.npy --input-features input.npy
            """)

    @Option(help: ArgumentHelp("The pairs, such as ego4d_val.json.", valueName: "file"))
    var pairs: String

    @Option(help: ArgumentHelp("The folder of input and target frames, such as val.", valueName: "dir"))
    var frames: String

    @Option(help: ArgumentHelp("The folder of the frames that were made.", valueName: "dir"))
    var generated: String

    @Option(help: ArgumentHelp("Features of the frames that were made.", valueName: "file"))
    var features: String?

    @Option(help: ArgumentHelp("Features of the target frames.", valueName: "file"))
    var targetFeatures: String?

    @Option(help: ArgumentHelp("Features of the input frames.", valueName: "file"))
    var inputFeatures: String?

    @Option(help: ArgumentHelp("Pairs scored at a time, 1 to 256; by default the processors.", valueName: "n"))
    var threads: Int?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @OptionGroup(title: "Options of every command") var logs: LogOptions

    func validate() throws {
        if let threads { try OptionRange.check("--threads", threads, 1...256) }
        let given = [self.features, self.targetFeatures, self.inputFeatures].compactMap(\.self).count
        guard given == 0 || given == 3 else {
            throw ValidationError("--features, --target-features and --input-features go together.")
        }
    }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            let bytes = try UserFile.contents(self.pairs, of: "--pairs")
            let pairs = try self.read(bytes)
            let features = try self.readFeatures(count: pairs.count)
            let scoring = FrameScoring(
                pairs: pairs,
                frames: try UserFile.reporting("--frames") { () throws(FileFailure) in
                    try EnclosedFolder(path: self.frames)
                },
                generated: try UserFile.reporting("--generated") { () throws(FileFailure) in
                    try EnclosedFolder(path: self.generated)
                })
            var report = try scoring.report(
                threads: self.threads ?? ProcessInfo.processInfo.activeProcessorCount)
            if let features { report.add(features, pairs: pairs) }
            if self.json { return try Results.json(report.json.bytes) }
            try Results.lines(report.lines)
        }
    }

    private func read(_ bytes: Bytes) throws -> [ActionPair] {
        let pairs: [ActionPair]
        do throws(JSONError) {
            pairs = try PairFile.pairs(bytes)
        } catch {
            throw CommandFailure(
                .usage, "\(self.pairs) is no file of pairs, clips and in each its actions, as LEGO has them: \(error)")
        }
        guard !pairs.isEmpty else { throw CommandFailure(.usage, "\(self.pairs) holds no pair") }
        return pairs
    }

    private func readFeatures(count: Int) throws -> SuppliedFeatures? {
        guard let features, let targetFeatures, let inputFeatures else { return nil }
        let files = try [features, targetFeatures, inputFeatures].map { path in
            let file = try FeatureFile(path: path)
            guard file.rows == count else {
                throw CommandFailure(
                    .usage,
                    "\(path) has \(file.rows) rows, and \(self.pairs) has \(count) pairs; a row a pair is wanted")
            }
            return try file.read(0..<count)
        }
        guard Set(files.map(\.columns)).count == 1 else {
            throw CommandFailure(
                .usage,
                "features have \(files.map { "\($0.columns)" }.joined(separator: ", ")) columns; they are of one encoder"
            )
        }
        return SuppliedFeatures(generated: files[0], target: files[1], input: files[2])
    }
}
