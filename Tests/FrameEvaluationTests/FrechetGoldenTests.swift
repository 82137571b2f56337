// SPDX-License-Identifier: Apache-2.0

import FrameEvaluation
import FrameGolden
import NeuralNetworks
import Testing

/// Fréchet distances against the exact ones, covariances of less than full rank among them.
@Suite struct FrechetGoldenTests {
    @Test(arguments: try FrameGolden.cases("fid"))
    func distances(_ name: String) throws {
        let file = try SafetensorsFile(path: FrameGolden.tensors(name))
        let cases = file.names.filter { $0.hasSuffix(".fid") }.map { String($0.dropFirst(5).dropLast(4)) }
        #expect(!cases.isEmpty)
        for example in cases {
            let columns = try #require(file.entry("input.\(example).a")?.shape.last)
            let a = try Self.doubles("input.\(example).a", file), b = try Self.doubles("input.\(example).b", file)
            let ours = try #require(FrechetDistance.between(a, b, columns: columns))
            let exact = try Self.doubles("eval.\(example).fid", file)[0]
            #expect(abs(ours - exact) <= 1e-9, "\(name) \(example)")
            let turned = try #require(FrechetDistance.between(b, a, columns: columns))
            #expect(abs(ours - turned) <= 1e-9, "\(name) \(example), the other way round")
        }
    }

    @Test func oneSampleHasNoCovariance() {
        #expect(FrechetDistance.between([1, 2], [1, 2, 3, 4], columns: 2) == nil)
        #expect(FrechetDistance.between([1, 2, 1, 2], [1, 2, 1, 2], columns: 2) == 0)
    }

    /// The distance of two sets on a line, by hand: (μ₁ − μ₂)² + (σ₁ − σ₂)².
    @Test func aLineIsCountedByHand() throws {
        let distance = try #require(FrechetDistance.between([0, 2], [10, 14, 18], columns: 1))
        let first = 2.0.squareRoot(), second = 4.0
        #expect(abs(distance - (13 * 13 + (first - second) * (first - second))) < 1e-9)
    }

    /// Features are stored as 64-bit floats, which reading as 32-bit ones would round.
    private static func doubles(_ name: String, _ file: SafetensorsFile) throws -> [Double] {
        let bytes = try file.bytes(name)
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / 8).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
        }
    }
}
