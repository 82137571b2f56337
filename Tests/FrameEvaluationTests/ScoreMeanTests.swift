// SPDX-License-Identifier: Apache-2.0

import FrameEvaluation
import Pictures
import Testing

/// Means of scores and their errors.
@Suite struct ScoreMeanTests {
    @Test func aClipCountsOnce() throws {
        let values = [("a", 1.0), ("a", 1), ("b", 3), ("b", 3)].map { (clip: $0.0, value: $0.1) }
        let mean = try #require(ScoreMean(values))
        #expect(mean.mean == 2 && mean.count == 4 && mean.infinite == 0)
        // Each clip is 2 off in sum: √(8 · 2/1) / 4.
        #expect(abs(try #require(mean.error) - 1) < 1e-12)
        #expect(try #require(ScoreMean(Array(values.prefix(2)))).error == nil)
    }

    @Test func infinityIsCountedAndLeftOut() throws {
        let mean = try #require(ScoreMean([("a", .infinity), ("b", 20), ("c", 30)]))
        #expect(mean.mean == 25 && mean.infinite == 1)
        #expect(ScoreMean([("a", .infinity)]) == nil && ScoreMean([]) == nil)
    }

    @Test func anotherSizeIsResizedAndSaid() {
        let frame = Picture(width: 8, height: 8, bytes: .init(repeating: 100, count: 192))
        let target = Picture(width: 9, height: 8, bytes: .init(repeating: 100, count: 216))
        #expect(FrameScores(frame, target: target).isResized && !FrameScores(frame, target: frame).isResized)
        #expect(FrameScores(frame, target: frame).ratio == .infinity)
        #expect(abs(FrameScores(frame, target: target).ratio) > 60)
        let small = Picture(width: 2, height: 2, bytes: .init(repeating: 1, count: 12))
        #expect(FrameScores(small, target: small).similarity == nil)
    }
}
