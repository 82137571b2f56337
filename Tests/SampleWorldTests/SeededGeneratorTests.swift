// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SampleWorld

@Suite struct SeededGeneratorTests {
    @Test func streamsDifferAndRepeat() {
        func first(_ seed: UInt64, _ stream: SeededGenerator.Stream, _ index: Int, _ part: Int) -> UInt64 {
            var generator = SeededGenerator(seed: seed, stream: stream, index: index, part: part)
            return generator.next()
        }
        #expect(first(1, .video, 2, 3) == first(1, .video, 2, 3))
        let others = [
            first(1, .video, 2, 3), first(2, .video, 2, 3), first(1, .timeline, 2, 3), first(1, .video, 3, 3),
            first(1, .video, 2, 4), first(1, .video, 3, 2),
        ]
        #expect(Set(others).count == others.count)
    }

    @Test func numbersStayInTheirRangeAndFillIt() {
        var generator = SeededGenerator(seed: 1, stream: .queries)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<7_000 { counts[generator.below(7)] += 1 }
        for count in counts { #expect((850...1_150).contains(count)) }
        let drawn = Set((0..<200).map { _ in generator.within(-2...2) })
        #expect(drawn == [-2, -1, 0, 1, 2])
        let hits = (0..<10_000).count { _ in generator.chance(830) }
        #expect((700...960).contains(hits))
    }

    @Test func bellHasMeanZeroAndVarianceOne() {
        var generator = SeededGenerator(seed: 1, stream: .features)
        let values = (0..<20_000).map { _ in Double(generator.bell()) }
        let mean = values.reduce(0, +) / 20_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        #expect(abs(mean) < 0.03)
        #expect(abs(variance - 1) < 0.04)
        #expect(values.allSatisfy { abs($0) < 3.48 })
    }

    @Test func shufflingKeepsEveryElement() {
        var generator = SeededGenerator(seed: 1, stream: .splits)
        var list = Array(0..<100)
        generator.shuffle(&list)
        #expect(list != Array(0..<100))
        #expect(list.sorted() == Array(0..<100))
        var empty: [Int] = []
        generator.shuffle(&empty)
        #expect(empty.isEmpty)
    }
}
