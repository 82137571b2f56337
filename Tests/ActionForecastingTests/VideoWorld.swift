// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import Foundation
import NeuralNetworks
import Testing
import Training

/// Clips of noise, a few segments each, as files of pixels; a segment's verb is its brightness, its noun its colour.
struct VideoWorld {
    let root: URL
    static let side = 16, segments = 5

    init(clips: Int = 4) throws {
        self.root = FileManager.default.temporaryDirectory.appending(path: "video-\(UUID())")
        try FileManager.default.createDirectory(at: self.root, withIntermediateDirectories: true)
        for clip in 0..<clips { try self.write(clip) }
    }

    func remove() { try? FileManager.default.removeItem(at: self.root) }

    var frames: ClipFrames { ClipFrames(folder: self.root.path) }

    static func action(_ clip: Int, _ segment: Int) -> Action {
        Action(verb: (clip + segment) % 2, noun: (clip * 2 + segment) % 3)
    }

    /// Writes a clip's pixels; those of segments in `changed` are drawn anew.
    func write(_ clip: Int, changed: Set<Int> = []) throws {
        let count = 3 * 16 * Self.side * Self.side
        var pixels: Bytes = []
        for segment in 0..<Self.segments {
            var random = PhiloxGenerator(
                seed: UInt64(clip), stream: "segment \(segment)" + (changed.contains(segment) ? " changed" : ""))
            let action = Self.action(clip, segment)
            for index in 0..<count {
                let isNoun = index / (count / 3) == action.noun
                pixels.append(UInt8(random.next() & 63) + UInt8(action.verb * 90) + (isNoun ? 100 : 0))
            }
        }
        let tensor = SafetensorsWriter.Tensor(
            "video", shape: [Self.segments, 3, 16, Self.side, Self.side], .uint8(pixels))
        try Data(SafetensorsWriter.bytes([tensor])).write(to: self.root.appending(path: "c\(clip).safetensors"))
    }

    /// The windows of a clip, in order.
    static func windows(_ clip: Int, inputs: Int = 2, futures: Int = 2) -> [ForecastWindow] {
        (0...self.segments - inputs - futures).map { first in
            let all = (first..<first + inputs + futures).map { rank in
                ForecastWindow.Segment(
                    rank: rank, start: Double(8 * rank), end: Double(8 * rank + 8), action: self.action(clip, rank))
            }
            return ForecastWindow(
                key: "c\(clip)_\(first + inputs - 1)", videoUID: "v\(clip)", clipUID: "c\(clip)", clipStart: nil,
                inputs: Array(all[..<inputs]), future: all[inputs...].compactMap(\.action))
        }
    }

    func forecaster(
        _ preset: MemoryPreset, subject: VideoDescription.Subject = .future, streams: Int = 2, threads: Int = 1,
        seed: UInt64 = 7
    ) throws -> VideoForecaster {
        var encoder = EncoderConfiguration.tiny(preset)
        (encoder.side, encoder.width, encoder.features) = (Self.side, 8, 12)
        var forecast = ForecastDescription(featureWidth: 1, verbs: 2, nouns: 3)
        (forecast.inputs, forecast.futures) = subject == .future ? (2, 2) : (1, 1)
        forecast.headDropout = 0.1
        encoder.dropPath = 0.1
        return try VideoForecaster(
            VideoDescription(encoder, forecast, memory: preset, streams: streams, subject: subject),
            frames: self.frames,
            seed: seed, threads: threads)
    }
}
