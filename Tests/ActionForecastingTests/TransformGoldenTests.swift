// SPDX-License-Identifier: Apache-2.0

import Codecs
import ForecastGolden
import NeuralNetworks
import Testing

@testable import ActionForecasting

/// Decoded frames to pixels as the official evaluation has them.
@Suite struct TransformGoldenTests {
    @Test(arguments: try ForecastGolden.cases("lta_transform"))
    func pixelsAreTheOfficialOnes(_ name: String) throws {
        let golden = try EncoderCase(name), config = try #require(golden.json["config"])
        let shape = try #require(golden.file.entry("input.video_u8")?.shape)
        let bytes = try golden.file.bytes("input.video_u8"), count = bytes.count / shape[0]
        let transform = VideoTransform(
            frames: try #require(config["NUM_FRAMES"]?.int),
            shortSide: try #require(config["TRAIN_JITTER_SCALES"]?.array?.first?.int),
            side: try #require(config["TRAIN_CROP_SIZE"]?.int))
        let fast = try golden.floats("eval.pathway1"), size = fast.count / shape[0]
        for clip in 0..<shape[0] {
            let segment = ClipFrames.Segment(
                size: GridSize(shape[2], shape[3], shape[4]), pixels: Array(bytes[clip * count..<(clip + 1) * count]))
            let pixels = FloatBuffer(count: size)
            transform.apply(segment, into: pixels.start)
            EncoderCase.expect(
                pixels.values(), Array(fast[clip * size..<(clip + 1) * size]), within: 1e-4, "\(name), clip \(clip)")
        }
        // The slow path takes some of the fast one's frames, of all clips one after another.
        let slow = try golden.floats("eval.pathway0"),
            frames = try #require(golden.file.entry("eval.pathway0")?.shape[2])
        let places = FrameSampling.places(shape[0] * frames, of: shape[0] * transform.frames)
        let plane = transform.side * transform.side
        for row in 0..<3 * shape[0] {
            for (index, place) in places[row / 3 * frames..<(row / 3 + 1) * frames].enumerated() {
                #expect(place / transform.frames == row / 3)
                let from = (row * transform.frames + place % transform.frames) * plane,
                    to = (row * frames + index) * plane
                EncoderCase.expect(
                    Array(fast[from..<from + plane]), Array(slow[to..<to + plane]), within: 1e-6, "row \(row)")
            }
        }
    }

    @Test(arguments: [GridSize(1, 1, 1), GridSize(3, 7, 2), GridSize(40, 2, 90)])
    func anySizeFillsThePixels(_ size: GridSize) {
        let segment = ClipFrames.Segment(size: size, pixels: [UInt8](repeating: 255, count: 3 * size.count))
        let pixels = FloatBuffer(count: 3 * 4 * 8 * 8)
        VideoTransform(frames: 4, shortSide: 8, side: 8).apply(segment, into: pixels.start)
        #expect(pixels.values().allSatisfy { abs($0 - 0.55 / 0.225) < 1e-5 })
    }
}
