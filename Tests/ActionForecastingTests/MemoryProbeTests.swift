// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import Foundation
import NeuralNetworks
import Testing
import Training

/// The answer is shown in a clip's first segment, and asked for behind the second: only memory can know it.
@Suite struct MemoryProbeTests {
    private static let side = 16

    private static func bit(_ clip: Int) -> Int { (clip * 5 + clip / 4) % 2 }

    private static func write(_ clips: Int, to root: URL) throws {
        let count = 3 * 16 * Self.side * Self.side
        for clip in 0..<clips {
            var random = PhiloxGenerator(seed: UInt64(clip), stream: "probe")
            let pixels: Bytes = (0..<2 * count).map { index in
                UInt8(random.next() & 63) + (index < count ? UInt8(120 * Self.bit(clip)) : 40)
            }
            let tensor = SafetensorsWriter.Tensor(
                "video", shape: [2, 3, 16, Self.side, Self.side], .uint8(pixels))
            try Data(SafetensorsWriter.bytes([tensor])).write(to: root.appending(path: "c\(clip).safetensors"))
        }
    }

    private static func windows(_ clip: Int) -> [ForecastWindow] {
        (0..<2).map { rank in
            ForecastWindow(
                key: "c\(clip)_\(rank)", videoUID: "v", clipUID: "c\(clip)", clipStart: nil,
                inputs: [ForecastWindow.Segment(rank: rank, start: 0, end: 8, action: nil)],
                future: [Action(verb: Self.bit(clip), noun: 0)])
        }
    }

    /// The share of new clips whose first segment is known behind the second.
    private static func share(_ preset: MemoryPreset) throws -> Double {
        let root = FileManager.default.temporaryDirectory.appending(path: "probe-\(UUID())")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let clips = 40, known = 24
        try Self.write(clips, to: root)
        var encoder = EncoderConfiguration.tiny(preset)
        (encoder.side, encoder.width, encoder.features) = (Self.side, 8, 8)
        var forecast = ForecastDescription(featureWidth: 1, verbs: 2, nouns: 1)
        (forecast.inputs, forecast.futures, forecast.headDropout) = (1, 1, 0)
        var options = TrainingOptions(source: "probe", steps: 120)
        (options.batchSize, options.learningRate, options.clipNorm) = (8, 5e-3, 1e30)
        options.warmup = 0.1
        let network = try VideoForecaster(
            VideoDescription(encoder, forecast, memory: preset, streams: 8), frames: ClipFrames(folder: root.path),
            seed: 1, threads: 2)
        let parts = Trainer<VideoForecaster>.Parts(
            network: network, options: options, folder: CheckpointFolder(path: root.appending(path: "run").path),
            schedule: .init())
        let train = (0..<known).map { Self.windows($0) }
        let trainer =
            preset.followsClips
            ? try Trainer(parts, source: SequenceSource(train, options: options))
            : try Trainer(parts, source: FixedSource(train.flatMap(\.self), options: options))
        _ = try trainer.run(isStopping: { false }, onEvent: { _ in })
        let asked = (known..<clips).flatMap { Self.windows($0) }
        let answers = try network.answers(asked)
        let right = zip(asked, answers).count { window, answer in
            guard let answer, window.inputs[0].rank == 1 else { return false }
            return (answer.verbs[0][1] > answer.verbs[0][0] ? 1 : 0) == window.future?.first?.verb
        }
        return Double(right) / Double(clips - known)
    }

    @Test func memoryKnowsWhatTheFirstSegmentShowed() throws {
        let share = try Self.share(.fixed)
        #expect(share >= 0.9, "\(share)")
    }

    @Test(arguments: [MemoryPreset.none, .seed]) func withoutItTheAnswerIsChance(_ preset: MemoryPreset) throws {
        let share = try Self.share(preset)
        #expect(share <= 0.8, "\(share)")
    }
}
