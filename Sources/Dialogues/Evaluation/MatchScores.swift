// SPDX-License-Identifier: Apache-2.0

import Codecs

/// The streaming metrics over videos: precision, recall and the rest, from what goes with what.
struct MatchScores: Hashable {
    /// The matches of one video, as far as scores depend on them.
    struct Video: Hashable {
        /// Pairs: the frames of answer and reference, and the similarity.
        var matched: [(generated: Int, reference: Int, similarity: Double)]
        var missed: Int
        var redundant: Int

        static func == (left: Video, right: Video) -> Bool {
            left.missed == right.missed && left.redundant == right.redundant
                && left.matched.elementsEqual(right.matched) { $0 == $1 }
        }
        func hash(into hasher: inout Hasher) { hasher.combine(self.missed) }
    }

    /// Pairs that are alike, and those that are not.
    var matched = 0
    var mismatched = 0
    var missed = 0
    var redundant = 0
    /// The mean similarity of those at the threshold or above.
    var similarity = 0.0
    /// The mean distance of the pairs that are alike, in seconds.
    var timeDifference = 0.0

    /// Sums up videos.
    /// - Parameters:
    ///   - rate: frames a second.
    ///   - threshold: a pair above is alike; one at it counts for the mean similarity alone.
    init(_ videos: [Video], rate: Double, threshold: Double = 0.5) {
        let pairs = videos.flatMap(\.matched)
        let alike = pairs.filter { $0.similarity > threshold }
        self.matched = alike.count
        self.mismatched = pairs.count - alike.count
        self.missed = videos.reduce(0) { $0 + $1.missed }
        self.redundant = videos.reduce(0) { $0 + $1.redundant }
        self.similarity = Self.mean(pairs.map(\.similarity).filter { $0 >= threshold })
        self.timeDifference = Self.mean(alike.map { Double(abs($0.generated - $0.reference)) / rate })
    }

    private static func mean(_ numbers: [Double]) -> Double {
        numbers.isEmpty ? 0 : numbers.reduce(0, +) / Double(numbers.count)
    }

    private var pairs: Int { self.matched + self.mismatched }

    /// The share of answers that go with a reference and are alike; `nil` where there are no answers.
    var precision: Double? { Self.share(self.matched, self.pairs + self.redundant) }
    /// The share of references that an alike answer goes with; `nil` where there are no references.
    var recall: Double? { Self.share(self.matched, self.pairs + self.missed) }
    /// The harmonic mean of both; 0 where either is.
    var f1: Double {
        let (precision, recall) = (self.precision ?? 0, self.recall ?? 0)
        return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
    }
    /// The share of all that is alike; `nil` where there is neither answer nor reference.
    var jaccard: Double? { Self.share(self.matched, self.pairs + self.missed + self.redundant) }
    /// The share of references that no answer goes with.
    var missingRate: Double? { Self.share(self.missed, self.pairs + self.missed) }
    /// The share of answers that go with no reference.
    var redundantRate: Double? { Self.share(self.redundant, self.pairs + self.redundant) }

    private static func share(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? Double(part) / Double(whole) : nil
    }
}
