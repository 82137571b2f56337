// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import ImageEncoders
import NeuralNetworks
import Synchronization
import Testing
import Threads

/// The encoder against the official one's values.
@Suite struct VisionGoldenTests {
    @Test func thereAreFiles() throws { #expect(try !VisionGolden.names().isEmpty) }

    @Test(arguments: try VisionGolden.names())
    func everyValueIsTheOfficialOne(_ name: String) throws {
        let golden = try VisionGolden(name), encoder = try golden.encoder()
        let side = encoder.form.side, size = 3 * side * side
        let pixels = try golden.tensors.floats("input.pixels")
        let count = pixels.count / size, scratch = VisionScratch(encoder)
        let sides = golden.tensors.names.compactMap { Self.grid($0) }.sorted()
        var ours: [String: [Float]] = [:]
        for picture in 0..<count {
            let one = Array(pixels[picture * size..<(picture + 1) * size])
            let features = encoder.encode(one, grids: sides + [encoder.gridSide], in: scratch) { index, hidden in
                ours["eval.hidden.\(index)", default: []] += Self.values(hidden)
            }
            ours["eval.pooled", default: []] += features.pooled
            for (side, grid) in zip(sides, features.grids) { ours["eval.grid\(side)x\(side)", default: []] += grid }
            ours["eval.patches", default: []] += features.grids[sides.count]
        }
        let wanted = golden.tensors.names.filter { $0.hasPrefix("eval.") }
        #expect(!wanted.isEmpty)
        for tensor in wanted {
            let theirs = try golden.tensors.floats(tensor), found = try #require(ours[tensor], "\(tensor) is checked")
            try #require(found.count == theirs.count, "\(tensor)")
            let largest = zip(found, theirs).map { abs($0 - $1) }.max() ?? 0
            #expect(largest <= (try golden.tolerance(tensor)), "\(name) \(tensor)")
        }
    }

    @Test(arguments: try VisionGolden.names())
    func grids(_ name: String) throws {
        let golden = try VisionGolden(name), encoder = try golden.encoder()
        let size = 3 * encoder.form.side * encoder.form.side, scratch = VisionScratch(encoder)
        let pixels = Array(try golden.tensors.floats("input.pixels")[0..<size])
        var before: [[Float]] = []
        _ = encoder.encode(pixels, in: scratch) { before.append(Self.values($1)) }
        // Any layer, from the front or from the back, is what stood before its block.
        for index in 0...encoder.depth {
            let first = encoder.encode(pixels, layer: .before(index), grids: [encoder.gridSide], in: scratch)
            let back = encoder.encode(
                pixels, layer: .before(index - encoder.depth - 1), grids: [encoder.gridSide], in: scratch)
            #expect(first.grids[0] == before[index] && back == first)
        }
        // One cell is the mean of all patches.
        let one = encoder.encode(pixels, grids: [1, encoder.gridSide], in: scratch)
        let mean = (0..<encoder.width).map { column in
            (0..<encoder.patches).reduce(Float(0)) { $0 + one.grids[1][$1 * encoder.width + column] }
                / Float(encoder.patches)
        }
        for (ours, theirs) in zip(one.grids[0], mean) { #expect(abs(ours - theirs) < 1e-4) }
        #expect(encoder.problem(layer: .before(encoder.depth + 1), grids: []) != nil)
        #expect(encoder.problem(layer: .last, grids: [encoder.gridSide + 1]) != nil)
        #expect(encoder.problem(layer: .before(-2), grids: [1, 2]) == nil)
    }

    @Test func threadsGiveTheSameBits() throws {
        let golden = try VisionGolden(try #require(try VisionGolden.names().first)), encoder = try golden.encoder()
        let size = 3 * encoder.form.side * encoder.form.side
        let pixels = try golden.tensors.floats("input.pixels")
        let pictures = (0..<6).map { index in Array(pixels[index % 3 * size..<(index % 3 + 1) * size]) }
        let alone = try FrameEncoder(encoder, threads: 1, grids: [2]).encode(pictures)
        let together = try FrameEncoder(encoder, threads: 3, grids: [2]).encode(pictures)
        #expect(alone == together && alone.count == 6 && alone[0] == alone[3] && alone[0] != alone[1])
    }

    private static func grid(_ name: String) -> Int? {
        guard name.hasPrefix("eval.grid"), let side = name.dropFirst(9).split(separator: "x").first else { return nil }
        return Int(side)
    }

    private static func values(_ matrix: Matrix) -> [Float] {
        Array(UnsafeBufferPointer(start: matrix.start, count: matrix.count))
    }
}
