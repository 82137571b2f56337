// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import DurableFiles
import Foundation
import FrameGeneration
import MomentQueries
import NeuralNetworks
import Pictures
import TaskRooms
import Training

/// `millrace generate`, of one task or another.
struct GenerateCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Have a trained network make something.",
        subcommands: [GenerateFramesCommand.self])
}

/// `millrace generate frames`
struct GenerateFramesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frames", abstract: "Make the frames in which actions are under way.",
        discussion: """
            Of a file of pairs, each action's frame goes to OUTPUT/images/CLIP/ACTION/NAME.png, and beside it, in \
            OUTPUT/ceiling, the target as the first stage alone gives it back: nothing better can be made through it. \
            Frames that are there are kept: the same command goes on after a kill. A frame's noise follows from \
            --seed, its clip, its action and the step, whatever else is made. Or one frame, from --frame and --text.

            EXAMPLES
              millrace generate frames --checkpoint runs/frames/best.safetensors \\
                  --first-stage runs/stage/best.safetensors \\
                  --pairs world/lego/ego4d_val.json \\
                  --frames world/lego/val --steps 20 --output made
              millrace generate frames --checkpoint runs/frames/best.safetensors \\
                  --first-stage runs/stage/best.safetensors \\
                  --frame kitchen.png --text "open the drawer" --output opened.png
            """)

    @Option(help: ArgumentHelp("The checkpoint of train-frames.", valueName: "file"))
    var checkpoint: String

    @Option(help: ArgumentHelp("The first stage that it was trained with.", valueName: "file"))
    var firstStage: String

    @Option(help: ArgumentHelp("The pairs, LEGO's form, such as ego4d_val.json.", valueName: "file"))
    var pairs: String?

    @Option(help: ArgumentHelp("The folder of the pairs' frames.", valueName: "dir"))
    var frames: String?

    @Option(help: ArgumentHelp("With --pairs: make the first n alone.", valueName: "n"))
    var first: Int?

    @Option(help: ArgumentHelp("One frame, PNG or binary PPM, instead of pairs.", valueName: "file"))
    var frame: String?

    @Option(help: "With --frame: the words about the action.")
    var text: String?

    @Option(help: ArgumentHelp("The folder to write, or with --frame the PNG.", valueName: "path"))
    var output: String

    @Option(help: ArgumentHelp("Steps of sampling, 1 to 1000.", valueName: "n"))
    var steps = 100

    @Option(help: "The sampler: ancestral, euler or ddim.")
    var sampler = Sampler.ancestral

    @Option(help: "The guidance by the words, 0 to 1000.")
    var textScale = 7.5

    @Option(help: "The guidance by the input frame, 0 to 1000.")
    var frameScale = 1.5

    @Option(help: "Seed of all noise.")
    var seed: UInt64 = 0

    @Option(
        help: "The way to bytes: clamped, or official, which stretches each frame to its lowest and highest number.")
    var pixels = FrameOutput.clamped

    @Option(help: ArgumentHelp("The folder of features of input frames, if the network takes them.", valueName: "dir"))
    var imageFeatures: String?

    @Option(help: ArgumentHelp("The same of the words.", valueName: "dir"))
    var textFeatures: String?

    @Option(
        help: ArgumentHelp(
            "Threads, up to 1024; by default as many as cores. They change the speed, not the result.", valueName: "n"))
    var threads: Int?

    @OptionGroup(title: "Options of every command") var logs: LogOptions

    private var settings: FrameSettings {
        var settings = FrameSettings()
        (settings.sampler, settings.steps, settings.seed) = (self.sampler, self.steps, self.seed)
        settings.guidance = Guidance(text: self.textScale, frame: self.frameScale)
        settings.output = self.pixels
        return settings
    }

    func validate() throws {
        if let problem = self.settings.problem() { throw ValidationError(problem) }
        if let threads { try OptionRange.check("--threads", threads, FrameGenerator.threadsRange) }
        if let first { try OptionRange.check("--first", first, 1...1_000_000_000) }
        guard (self.pairs == nil) != (self.frame == nil) else { throw ValidationError("Give --pairs, or --frame.") }
        guard (self.pairs == nil) == (self.frames == nil) else {
            throw ValidationError("--pairs and --frames go together.")
        }
        guard (self.frame == nil) == (self.text == nil) else {
            throw ValidationError("--frame and --text go together.")
        }
    }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            try MatrixKernels.prepare()
            let checkpoint = try Checkpoint<FrameGenerator>(path: self.checkpoint)
            let description = checkpoint.state.description
            guard let words = description.words else {
                throw CommandFailure(.failed, "\(self.checkpoint) takes tokens of a kind that is not read here")
            }
            let maker = try FrameMaker(
                description, try FirstStage.read(self.firstStage).stage,
                try TextEncoder(description.textEncoder, seed: FrameSet.encoderSeed),
                threads: max(1, self.threads ?? min(3, ProcessInfo.processInfo.activeProcessorCount)))
            try maker.load(try SafetensorsFile(path: self.checkpoint))
            if let frame { try self.makeOne(maker, words, frame) } else { try self.makePairs(maker, words) }
        }
    }

    private func makeOne(_ maker: FrameMaker, _ words: FrameWords, _ path: String) throws {
        guard maker.description.denoiser.conditions.features == 0 else {
            throw CommandFailure(.usage, "the network takes features; give --pairs, with the folders of features")
        }
        let input = try FrameFolder.read(path)
        let made = try maker.frame(
            after: input, tokens: words.tokens(of: [self.text ?? ""])[0], key: "frame", self.settings)
        let picture = FrameMaker.picture(made, self.pixels, size: Self.size(of: input, maker.description.side))
        try UserFile.reporting { () throws(FileFailure) in try OutputFile.write(picture.png, to: self.output) }
        try Results.lines(["\(self.output): \(picture.width) × \(picture.height)"], beside: self.output)
    }

    /// The height that the network works at, and the width that goes with the input's shape.
    private static func size(of input: Picture, _ side: Int) -> (height: Int, width: Int) {
        (side, max(1, FrameOutput.width(of: (input.width, input.height), height: side)))
    }

    /// Frames of earlier runs are kept, so all must be made alike.
    private func claim(_ folder: String) throws {
        struct Made: Codable, Equatable {
            var checkpoint: String
            var settings: FrameSettings
        }
        let made = Made(checkpoint: try FileHash.sha256(self.checkpoint), settings: self.settings)
        let path = "\(folder)/frames.json"
        if FileManager.default.fileExists(atPath: path) {
            let bytes = try UserFile.contents(path)
            guard let before = try? JSONDecoder().decode(Made.self, from: Data(bytes)), before == made else {
                throw CommandFailure(
                    .usage,
                    "\(folder) holds frames of another checkpoint, or made otherwise (\(path)); name another --output")
            }
            return
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        let bytes = [UInt8](try encoder.encode(made))
        try UserFile.reporting { () throws(FileFailure) in
            try Folder.create(folder, isPrivate: false)
            try OutputFile.write(bytes, to: path)
        }
    }

    private func makePairs(_ maker: FrameMaker, _ words: FrameWords) throws {
        let all = try PairArguments.pairs(self.pairs ?? "")
        let pairs = Array(all.prefix(self.first ?? all.count))
        let folder = FrameFolder(
            path: self.frames ?? "", imageFeatures: self.imageFeatures, textFeatures: self.textFeatures)
        try self.claim(self.output)
        let progress = ProgressReporter()
        let scores = try FrameScores(side: maker.description.side)
        var fresh = 0
        for (index, pair) in pairs.enumerated() {
            let input = try folder.picture(pair.input), target = try folder.picture(pair.target)
            let size = Self.size(of: input, maker.description.side)
            let name = "\(pair.id)/\(Self.stem(pair.target)).png"
            let picture: Picture
            if FileManager.default.fileExists(atPath: "\(self.output)/images/\(name)") {
                picture = try FrameFolder.read("\(self.output)/images/\(name)")
            } else {
                let made = try maker.frame(
                    after: input, tokens: words.tokens(of: [pair.text])[0],
                    features: try folder.features(pair, maker.description.denoiser.conditions), key: pair.id,
                    self.settings)
                picture = FrameMaker.picture(made, self.pixels, size: size)
                let ceiling = FrameMaker.picture(try maker.ceiling(of: target), .clamped, size: size)
                try self.write(ceiling, "ceiling/\(name)")
                // The frame last: where it is there, so is all that goes with it.
                try self.write(picture, "images/\(name)")
                fresh += 1
            }
            try scores.add(
                made: picture, input: input, target: target,
                ceiling: try FrameFolder.read("\(self.output)/ceiling/\(name)"))
            progress.show { _ in "\(index + 1) of \(pairs.count) frames" }
        }
        progress.finish()
        try Results.lines(
            ["\(self.output): \(pairs.count) frames, \(fresh) of them made now"] + scores.lines, beside: self.output)
    }

    private static func stem(_ path: String) -> String {
        ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    }

    private func write(_ picture: Picture, _ name: String) throws {
        let path = "\(self.output)/\(name)"
        try UserFile.reporting { () throws(FileFailure) in
            try Folder.create((path as NSString).deletingLastPathComponent, isPrivate: false)
            try OutputFile.write(picture.png, to: path)
        }
    }
}
