// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Training

/// The definition of a hit: one of the first `topK` windows has more than `threshold` of intersection over union with
/// the answer.
public struct Metric: Hashable, Sendable {
    /// The number of windows that are looked at.
    public var topK: Int
    /// The intersection over union to exceed, strictly.
    public var threshold: Double

    /// Describes a metric.
    public init(topK: Int, threshold: Double) {
        self.topK = topK
        self.threshold = threshold
    }

    /// `R@1, IoU > 0.3`
    public var name: String { "R@\(self.topK), IoU > \(self.threshold)" }

    /// The official ones, by K and by threshold.
    public static let official = [1, 3, 5].flatMap { topK in
        [0.3, 0.5, 0.01].map { Metric(topK: topK, threshold: $0) }
    }
}

/// Recall, and the mean intersection over union of the first windows, over some queries.
public struct Scores: Hashable, Sendable {
    /// The metrics that were counted.
    public var metrics: [Metric]
    /// The hits, one count a metric.
    public var hits: [Int]
    /// The sum of the first windows' intersection over union.
    public var overlapSum = 0.0
    /// The number of queries.
    public var queries = 0

    /// Starts with nothing.
    public init(metrics: [Metric] = Metric.official) {
        self.metrics = metrics
        self.hits = metrics.map { _ in 0 }
    }

    /// Counts a query that was answered with windows, none of them for one that was not answered.
    public mutating func add(_ windows: [MomentQuery.Answer], answer: MomentQuery.Answer) {
        let overlaps = windows.map { Self.overlap($0, answer) }
        for (index, metric) in self.metrics.enumerated()
        where overlaps.prefix(metric.topK).contains(where: { $0 > metric.threshold }) {
            self.hits[index] += 1
        }
        self.overlapSum += overlaps.first ?? 0
        self.queries += 1
    }

    /// Adds what was counted elsewhere by the same metrics.
    public mutating func add(_ other: Scores) {
        for index in self.hits.indices { self.hits[index] += other.hits[index] }
        self.overlapSum += other.overlapSum
        self.queries += other.queries
    }

    /// The share of queries that were hit, one a metric; zero where there are none.
    public var recall: [Double] { self.hits.map { self.queries == 0 ? 0 : Double($0) / Double(self.queries) } }

    /// The recall by a metric, where it was counted.
    public func recall(topK: Int, threshold: Double) -> Double? {
        self.metrics.firstIndex(of: Metric(topK: topK, threshold: threshold)).map { self.recall[$0] }
    }

    /// The mean over queries of the first window's intersection over union. The official script means to average the
    /// best three and averages the first (EGO4D/episodic-memory, `NLQ/VSLNet/utils/evaluate_ego4d_nlq.py`).
    public var meanOverlap: Double { self.queries == 0 ? 0 : self.overlapSum / Double(self.queries) }

    /// Intersection over union: what two windows share, over the span from the earlier start to the later end. Zero for
    /// two windows without length at one point, where the official script divides zero by zero.
    public static func overlap(_ a: MomentQuery.Answer, _ b: MomentQuery.Answer) -> Double {
        let intersection = max(0, min(a.end, b.end) - max(a.start, b.start))
        let union = max(0, max(a.end, b.end) - min(a.start, b.start))
        guard union.isFinite else {
            // Times beyond half of what a number holds: a quarter of each compares alike. A time that is none hits
            // nothing.
            guard [a.start, a.end, b.start, b.end].allSatisfy(\.isFinite) else { return 0 }
            func quarter(_ window: MomentQuery.Answer) -> MomentQuery.Answer {
                MomentQuery.Answer(start: window.start / 4, end: window.end / 4)
            }
            return self.overlap(quarter(a), quarter(b))
        }
        return union > 0 ? intersection / union : 0
    }
}

extension Scores: ValidationScores {
    /// `R1@0.3 12.50, …, mIoU 8.21 of 120 queries`, in percent.
    public var words: String {
        let recalls = [(1, 0.3), (1, 0.5), (5, 0.3), (5, 0.5)].map { topK, threshold in
            String(
                format: "R%d@%.1f %.2f", topK, threshold, (self.recall(topK: topK, threshold: threshold) ?? 0) * 100)
        }
        return recalls.joined(separator: ", ") + String(format: ", mIoU %.2f", self.meanOverlap * 100)
            + " of \(self.queries) queries"
    }

    /// The recalls, as `validation/R1@0.3`, and the mean intersection over union.
    public var figures: [ScoreFigure] {
        zip(self.metrics, self.recall).map { ScoreFigure("validation/R\($0.topK)@\($0.threshold)", $1) }
            + [ScoreFigure("validation/mIoU", key: "mean_iou", self.meanOverlap)]
    }
}
