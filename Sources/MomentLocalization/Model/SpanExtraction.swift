// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A span of bins, both included.
public struct PredictedSpan: Hashable, Sendable {
    /// The first bin.
    public var start: Int
    /// The last bin.
    public var end: Int
    /// The product of both bins' probabilities.
    public var score: Float

    /// Creates a span.
    public init(start: Int, end: Int, score: Float) {
        self.start = start
        self.end = end
        self.score = score
    }
}

/// From logits to spans: `ConditionedPredictor.extract_index` (EGO4D/episodic-memory: NLQ/VSLNet/model/layers.py).
public enum SpanExtraction {
    /// The `count` spans with the highest product of probabilities among those that do not end before they start; no
    /// suppression of neighbours, no limit of length. Of equals, the one with the earlier start, then end, comes first.
    ///
    /// Over padding every product is 0; such spans come only where there are no others, as in the official code.
    public static func best(_ count: Int, startLogits: [Float], endLogits: [Float]) -> [PredictedSpan] {
        let starts = Self.softmax(startLogits), ends = Self.softmax(endLogits)
        var best: [PredictedSpan] = []
        best.reserveCapacity(count + 1)
        for (start, startProbability) in starts.enumerated() {
            for end in start..<ends.count {
                let score = startProbability * ends[end]
                if best.count == count, let last = best.last, score <= last.score { continue }
                let place = best.lastIndex { $0.score >= score }.map { $0 + 1 } ?? 0
                best.insert(PredictedSpan(start: start, end: end, score: score), at: place)
                if best.count > count { best.removeLast() }
            }
        }
        return best
    }

    static func softmax(_ logits: [Float]) -> [Float] {
        let highest = logits.max() ?? 0
        let exponentials = logits.map { exp($0 - highest) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }
}
