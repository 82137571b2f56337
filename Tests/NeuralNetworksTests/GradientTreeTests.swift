// SPDX-License-Identifier: Apache-2.0

import Testing
import Threads

@testable import NeuralNetworks

@Suite struct GradientTreeTests {
    private static let count = 37

    private static func part(_ index: Int) -> [Float] {
        var random = PhiloxGenerator(seed: UInt64(index), stream: "part")
        return (0..<self.count).map { _ in random.normal() * 1000 }
    }

    /// The same tree with a buffer for each part.
    private static func fullTree(_ parts: Int) -> [Float] {
        let buffers = (0..<parts).map { FloatBuffer(self.part($0)) }
        var step = 1
        while step < parts {
            for left in stride(from: 0, to: parts - step, by: 2 * step) {
                buffers[left].add(buffers[left + step], 0..<self.count)
            }
            step *= 2
        }
        return buffers[0].values()
    }

    @Test(arguments: [1, 2, 3, 5]) func itHasTheBitsOfTheFullTreeInFewBuffers(threads: Int) throws {
        let team = try ThreadTeam(count: threads)
        for parts in Array(1...33) + [64, 100, 129] {
            let tree = GradientTree(count: Self.count), expected = Self.fullTree(parts).map(\.bitPattern)
            for _ in 0..<3 {
                try #require(tree.begin(parts: parts, threads: threads))
                team.run(parts) { _ in
                    while let part = tree.take() {
                        // Gradients are added to what is there: it must be zero.
                        part.buffer.add(FloatBuffer(Self.part(part.index)), 0..<Self.count)
                        tree.finish(part)
                    }
                }
                #expect(tree.sum.values().map(\.bitPattern) == expected, "\(parts) parts on \(threads) threads")
            }
            let depth = Int.bitWidth - (parts - 1).leadingZeroBitCount
            #expect(tree.bufferCount <= min(parts, depth + threads))
        }
    }

    @Test func partsThatEndInAnyOrderHaveTheSameSum() throws {
        let tree = GradientTree(count: Self.count), expected = Self.fullTree(6).map(\.bitPattern)
        for order in [[5, 4, 3, 2, 1, 0], [1, 3, 5, 0, 2, 4], [2, 3, 0, 1, 4, 5]] {
            try #require(tree.begin(parts: 6, threads: 6))
            var parts: [GradientTree.Part] = []
            while parts.count < 6, let part = tree.take() {
                part.buffer.assign(Self.part(part.index))
                parts.append(part)
            }
            for index in order { tree.finish(parts[index]) }
            #expect(tree.sum.values().map(\.bitPattern) == expected)
        }
    }
}
