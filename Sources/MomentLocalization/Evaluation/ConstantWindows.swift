// SPDX-License-Identifier: Apache-2.0

/// Windows that are the same for every query, as shares of the clip: what can be scored without looking at anything.
public struct ConstantWindows: Hashable, Sendable {
    /// The threshold that the windows were fitted to.
    public var threshold: Double
    /// The windows, best first, as shares of the clip's length.
    public var windows: [MomentQuery.Answer]

    /// Edges of windows lie on this many equal steps of the clip.
    private static let steps = 128

    /// Fits windows greedily: each is the one that hits the most answers of those that the earlier ones miss.
    /// - Parameters:
    ///   - queries: the queries to fit to, of the training split. Queries without answer are passed over.
    ///   - count: how many windows.
    ///   - threshold: what the intersection over union must pass.
    public init(fittedTo queries: [MomentQuery], count: Int, threshold: Double) {
        self.threshold = threshold
        self.windows = []
        var missed = queries.compactMap { query -> MomentQuery.Answer? in
            let length = query.clipEnd - query.clipStart
            guard let answer = query.answer, length > 0 else { return nil }
            return MomentQuery.Answer(start: answer.start / length, end: answer.end / length)
        }
        for _ in 0..<count {
            let best = Self.best(for: missed, threshold: threshold)
            self.windows.append(best)
            missed.removeAll { Scores.overlap(best, $0) > threshold }
        }
    }

    private static func best(for answers: [MomentQuery.Answer], threshold: Double) -> MomentQuery.Answer {
        var best = MomentQuery.Answer(start: 0, end: 1)
        var bestHits = -1
        for first in 0..<self.steps {
            for last in first + 1...self.steps {
                let window = MomentQuery.Answer(
                    start: Double(first) / Double(self.steps), end: Double(last) / Double(self.steps))
                var hits = 0
                for answer in answers where Scores.overlap(window, answer) > threshold { hits += 1 }
                if hits > bestHits {
                    bestHits = hits
                    best = window
                }
            }
        }
        return best
    }

    /// The windows of a clip in seconds.
    public func windows(clipLength: Double) -> [MomentQuery.Answer] {
        self.windows.map { MomentQuery.Answer(start: $0.start * clipLength, end: $0.end * clipLength) }
    }

    /// Scores these windows on queries.
    public func scores(_ queries: [MomentQuery]) -> Scores {
        var scores = Scores()
        for query in queries {
            guard let answer = query.answer else { continue }
            scores.add(self.windows(clipLength: query.clipEnd - query.clipStart), answer: answer)
        }
        return scores
    }
}

/// The scores of a model that always finds the right bins: what the grid alone costs.
public enum LabelOracle {
    /// The scores of the targets themselves, made by the official rule.
    /// - Parameters:
    ///   - queries: the queries with their answers.
    ///   - bins: the most bins of a clip: `max_pos_len`. A shorter clip has one a feature, one more than its frames.
    public static func scores(_ queries: [MomentQuery], bins: Int) -> Scores {
        var scores = Scores()
        for query in queries {
            guard let answer = query.answer else { continue }
            let slice = ClipSlice(start: query.clipStart, end: query.clipEnd, available: Int.max >> 1)
            let grid = TargetGrid(bins: max(min(bins, slice.frames + 1), 1), duration: slice.duration)
            guard
                let window = MomentWindow(
                    start: answer.start, end: answer.end, duration: slice.duration, rule: .official)
            else { continue }
            let target = MomentTarget(window, grid: grid)
            let times = grid.times(start: target.start, end: target.end)
            scores.add([MomentQuery.Answer(start: Double(times.start), end: Double(times.end))], answer: answer)
        }
        return scores
    }
}
