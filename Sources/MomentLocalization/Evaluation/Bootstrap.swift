// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// Confidence intervals by resampling clips: queries of one clip share video and annotator and are no independent
/// draws.
enum Bootstrap {
    private static let draws = 1000

    /// The middle 95 % of each recall over draws of as many clips as there are, with replacement.
    static func intervals(_ clips: [Scores], seed: UInt64) -> [Evaluation.Interval] {
        guard let metrics = clips.first?.metrics else { return [] }
        var generator = PhiloxGenerator(seed: seed, stream: "bootstrap")
        var samples = metrics.map { _ in [Double]() }
        for _ in 0..<Self.draws {
            var total = Scores(metrics: metrics)
            for _ in clips { total.add(clips[generator.index(below: clips.count)]) }
            for (index, recall) in total.recall.enumerated() { samples[index].append(recall) }
        }
        return zip(metrics, samples).map { metric, recalls in
            let sorted = recalls.sorted()
            let tail = Self.draws / 40
            return Evaluation.Interval(metric: metric, low: sorted[tail], high: sorted[Self.draws - 1 - tail])
        }
    }
}

extension PhiloxGenerator {
    /// A number from 0 to below `count`, which must be above zero. The multiplication favours none by more than
    /// `count` in 2^64.
    mutating func index(below count: Int) -> Int { Int(self.next().multipliedFullWidth(by: UInt64(count)).high) }
}
