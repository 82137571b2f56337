// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import FrameEvaluation
import FrameGolden
import NeuralNetworks
import Pictures
import Testing

/// Scores and resizing of pixels against the official values.
@Suite struct PixelGoldenTests {
    @Test func everyFileHasItsSuite() throws {
        let names = try FrameGolden.names()
        #expect(!names.isEmpty)
        for name in names {
            let isKnown = (Array(FrameGolden.kinds.keys) + FrameGolden.othersKinds).contains { name.hasPrefix($0) }
            #expect(isKnown, "no suite checks \(name)")
        }
    }

    @Test(arguments: try FrameGolden.cases("metrics"))
    func metrics(_ name: String) throws {
        let file = try SafetensorsFile(path: FrameGolden.tensors(name))
        let json = try JSONValue(parsing: Bytes(try FrameGolden.json(name)))
        let tolerance = try #require(json["tolerance"]?["relative_to_largest_in_tensor"]?.double)
        let ours = try Self.values(file)
        for tensor in file.names where tensor.hasPrefix("eval.") {
            let resized = try Self.resized(tensor, file)
            let found = try #require(ours[tensor] ?? resized, "\(tensor) is checked")
            let theirs = try file.floats(tensor).map { Double($0) }
            try #require(found.count == theirs.count, "\(tensor)")
            let largest = theirs.map { abs($0) }.max() ?? 0
            let deviation = zip(found, theirs).map { abs($0 - $1) }.max() ?? 0
            #expect(deviation <= tolerance * largest, "\(name) \(tensor)")
        }
    }

    /// The scores of two sets of pictures, and of two of embeddings.
    private static func values(_ file: SafetensorsFile) throws -> [String: [Double]] {
        let a = try Self.pictures("input.a", file), b = try Self.pictures("input.b", file)
        let ratios = zip(a, b).map { PixelScores.peakSignalToNoise($0, $1) }
        let first = try Self.rows("input.embedding_0", file), second = try Self.rows("input.embedding_1", file)
        return [
            "eval.mse": zip(a, b).map { PixelScores.meanSquaredError($0, $1) }, "eval.psnr": ratios,
            "eval.psnr_mean_of_images": [ratios.reduce(0, +) / Double(ratios.count)],
            "eval.ssim": zip(a, b).map { PixelScores.structuralSimilarity($0, $1) },
            "eval.cosine": zip(first, second).map { FeatureSimilarity.cosine($0, $1) },
            "eval.sim_matrix": first.flatMap { row in second.map { FeatureSimilarity.cosine(row, $0) } },
            "eval.clip_normalised_0": first.flatMap { FeatureSimilarity.normalised($0).map { Double($0) } },
            "eval.clip_normalised_1": second.flatMap { FeatureSimilarity.normalised($0).map { Double($0) } },
        ]
    }

    /// The picture in another size: the name says which, and how.
    private static func resized(_ tensor: String, _ file: SafetensorsFile) throws -> [Double]? {
        guard let side = tensor.split(separator: "_").last.flatMap({ Int($0) }) else { return nil }
        let isLinear = tensor.hasPrefix("eval.bilinear_") || tensor.hasPrefix("eval.inception_input_")
        guard isLinear || tensor.hasPrefix("eval.bicubic_") || tensor.hasPrefix("eval.clip_input_") else { return nil }
        let picture = try Self.pictures("input.image", file)[0]
        var values = picture.resized(width: side, height: side, isLinear ? .bilinear : .bicubic).values
        let plane = side * side
        if tensor.hasPrefix("eval.inception") { values = values.map { 2 * $0 - 1 } }
        if tensor.hasPrefix("eval.clip") {
            let means: [Float] = [0.481_454_66, 0.457_827_5, 0.408_210_73]
            let deviations: [Float] = [0.268_629_54, 0.261_302_58, 0.275_777_11]
            values = values.enumerated().map { ($1 - means[$0 / plane]) / deviations[$0 / plane] }
        }
        return values.map { Double($0) }
    }

    private static func pictures(_ name: String, _ file: SafetensorsFile) throws -> [PixelPlanes] {
        let shape = try #require(file.entry(name)?.shape), values = try file.floats(name)
        let size = 3 * shape[2] * shape[3]
        return (0..<shape[0]).map {
            PixelPlanes(width: shape[3], height: shape[2], values: Array(values[$0 * size..<($0 + 1) * size]))
        }
    }

    private static func rows(_ name: String, _ file: SafetensorsFile) throws -> [[Float]] {
        let shape = try #require(file.entry(name)?.shape), values = try file.floats(name)
        return (0..<shape[0]).map { Array(values[$0 * shape[1]..<($0 + 1) * shape[1]]) }
    }
}
