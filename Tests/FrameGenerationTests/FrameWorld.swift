// SPDX-License-Identifier: Apache-2.0

import Foundation
import FrameGeneration
import NeuralNetworks
import Pictures
import Testing
import Training

/// Pairs of tiny frames: a bright square that words move to a side.
struct FrameWorld {
    let root: URL
    let pairs: [FramePair]
    static let side = 16

    init(pairs count: Int = 12) throws {
        self.root = FileManager.default.temporaryDirectory.appending(path: "frames-\(UUID())")
        try FileManager.default.createDirectory(at: self.root, withIntermediateDirectories: true)
        var pairs: [FramePair] = []
        for index in 0..<count {
            let (dx, word) = [(4, "right"), (-4, "left"), (0, "nowhere")][index % 3]
            let (x, y) = (5 + index % 4, 2 + index % 7)
            for (name, place) in [("a", x), ("b", x + dx)] {
                try Data(Self.frame(place, y, index).png).write(to: self.root.appending(path: "\(index)\(name).png"))
            }
            pairs.append(
                FramePair(
                    clip: "c\(index / 4)", action: "\(index)", input: "\(index)a.png", target: "\(index)b.png",
                    text: "moves the square \(word)"))
        }
        self.pairs = pairs
    }

    func remove() { try? FileManager.default.removeItem(at: self.root) }

    private static func frame(_ x: Int, _ y: Int, _ colour: Int) -> Picture {
        var bytes: [UInt8] = []
        for row in 0..<self.side {
            for column in 0..<self.side {
                let isInside = x..<x + 4 ~= column && y..<y + 4 ~= row
                bytes += isInside ? [255, UInt8(40 * (colour % 6)), 120] : [30, 30, 30]
            }
        }
        return Picture(width: self.side, height: self.side, bytes: bytes)
    }

    var folder: FrameFolder { FrameFolder(path: self.root.path) }

    static var firstStage: FirstStageConfiguration {
        var stage = FirstStageConfiguration()
        (stage.width, stage.factors, stage.blocks, stage.groups, stage.side) = (8, [1, 2], 1, 4, self.side)
        stage.scale = 1
        return stage
    }

    /// The parts that do not learn, and the make of what does.
    func set(features: Bool = false) throws -> (set: FrameSet, description: FrameDescription) {
        let stage = try FirstStage(Self.firstStage, seed: 3), words = FrameWords(of: self.pairs.map(\.text))
        var text = TextEncoderConfiguration(), unet = NoisePredictorConfiguration()
        (text.vocabulary, text.start, text.end) = (words.tokens, words.start, words.end)
        (text.width, text.inner, text.layers, text.heads, text.positions) = (8, 16, 1, 2, 6)
        (unet.width, unet.factors, unet.blocks, unet.attention) = (8, [1, 2], 1, [2])
        (unet.heads, unet.context, unet.groups) = (2, 8, 4)
        var conditions = ConditionConfiguration()
        (conditions.width, conditions.textTokens, conditions.heads) = (8, 6, 2)
        (conditions.features, conditions.imageTokens, conditions.inner) = (features ? 5 : 0, 3, 12)
        let encoder = try TextEncoder(text, seed: FrameSet.encoderSeed)
        let description = FrameDescription(
            denoiser: DenoiserConfiguration(unet, conditions), firstStage: stage.configuration, textEncoder: text,
            words: words, side: Self.side, firstStageHash: stage.parameters.digest,
            textEncoderHash: encoder.parameters.digest)
        #expect(description.problem() == nil)
        return (FrameSet(stage: stage, encoder: encoder, words: words, side: Self.side), description)
    }

    func placed() -> [PlacedPair] { self.pairs.enumerated().map { PlacedPair($0.element, place: $0.offset) } }

    /// Features of every frame, as NumPy writes them.
    func writeFeatures() throws -> FrameFolder {
        for (folder, rows) in [("image", 3), ("text", 4)] {
            let path = self.root.appending(path: folder)
            try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
            for pair in self.pairs {
                var random = PhiloxGenerator(seed: 5, stream: folder + pair.id)
                let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), 5), }"
                let padded = header.padding(toLength: 117, withPad: " ", startingAt: 0) + "\n"
                var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(padded.utf8)
                for _ in 0..<rows * 5 { withUnsafeBytes(of: random.normal()) { bytes += $0 } }
                try Data(bytes).write(to: path.appending(path: pair.input.dropLast(4) + ".npy"))
            }
        }
        func path(_ name: String) -> String { self.root.appending(path: name).path }
        return FrameFolder(path: self.root.path, imageFeatures: path("image"), textFeatures: path("text"))
    }

    static func options(_ steps: Int) -> TrainingOptions {
        var options = TrainingOptions(source: "frames", steps: steps)
        (options.batchSize, options.learningRate, options.clipNorm) = (3, 2e-3, 1e30)
        return options
    }
}
