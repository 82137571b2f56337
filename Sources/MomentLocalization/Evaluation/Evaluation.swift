// SPDX-License-Identifier: Apache-2.0

/// Predictions compared with the truth, in every way that a score should be read beside.
public struct Evaluation: Sendable {
    /// One part of the queries: those of a template, or of answers of similar length.
    public struct Group: Hashable, Sendable {
        /// The part's name.
        public var name: String
        /// Its scores.
        public var scores: Scores
    }

    /// The interval that a recall lies in with 95 % confidence.
    public struct Interval: Hashable, Sendable {
        /// The metric.
        public var metric: Metric
        /// The lower end.
        public var low: Double
        /// The upper end.
        public var high: Double
    }

    /// As the official script has it: over the predictions that were supplied, however few.
    public var supplied: Scores
    /// Over all queries with text; those without a prediction count as missed.
    public var overall: Scores
    /// The queries in the ground truth, those without text included: the official script's total.
    public var total: Int
    /// The queries with text.
    public var answerable: Int
    /// The queries that have a prediction, among those with text.
    public var covered: Int
    /// Predictions of queries that were predicted before; the official script counts them again.
    public var repeated: Int
    /// The queries that were removed because their answers have no length, if this was asked for.
    public var removedEmpty: Int?
    /// The queries, among those that count, whose answers are too short to be hit.
    public var emptyAnswers: Int
    /// Confidence intervals of `overall`, by resampling clips.
    public var intervals: [Interval]
    /// By template.
    public var byTemplate: [Group]
    /// By the length of the answer.
    public var byDuration: [Group]

    /// Compares predictions with the truth.
    /// - Parameter resampling: whether to compute the intervals, which takes a moment.
    /// - Throws: `EvaluationError` where a prediction is of no query of the truth.
    public init(
        _ predictions: [QueryPrediction], truth: GroundTruth, removedEmpty: Bool = false, resampling: Bool = true,
        seed: UInt64 = 1
    ) throws(EvaluationError) {
        self.supplied = Scores()
        self.total = truth.total
        self.answerable = truth.queries.count
        self.removedEmpty = removedEmpty ? truth.removed : nil
        self.emptyAnswers = truth.queries.reduce(0) { $0 + ($1.answer?.isEmpty == true ? 1 : 0) }
        self.repeated = 0
        var windows = [[MomentQuery.Answer]?](repeating: nil, count: truth.queries.count)
        var seen: Set<GroundTruth.Key> = []
        for prediction in predictions {
            guard let answer = try truth.answer(to: prediction) else { continue }
            self.supplied.add(prediction.windows, answer: answer)
            if !seen.insert(GroundTruth.Key(prediction)).inserted {
                self.repeated += 1
            } else if let index = truth.index(of: prediction) {
                windows[index] = prediction.windows
            }
        }
        self.covered = windows.reduce(0) { $0 + ($1 == nil ? 0 : 1) }
        self.overall = Scores()
        var templates: [String: Scores] = [:]
        var durations = Self.durations.map { Group(name: $0.name, scores: Scores()) }
        var clips: [String: Scores] = [:]
        for (query, windows) in zip(truth.queries, windows) {
            guard let answer = query.answer else { continue }
            var scores = Scores()
            scores.add(windows ?? [], answer: answer)
            self.overall.add(scores)
            templates[query.template ?? "none", default: Scores()].add(scores)
            clips[query.clipUID, default: Scores()].add(scores)
            let length = answer.end - answer.start
            durations[Self.durations.firstIndex { length <= $0.max } ?? durations.count - 1].scores.add(scores)
        }
        self.byTemplate = templates.map { Group(name: $0.key, scores: $0.value) }
            .sorted { ($1.scores.queries, $0.name) < ($0.scores.queries, $1.name) }
        self.byDuration = durations.filter { $0.scores.queries > 0 }
        self.intervals =
            !resampling ? [] : Bootstrap.intervals(clips.sorted { $0.key < $1.key }.map(\.value), seed: seed)
    }

    private static let durations: [(name: String, max: Double)] = [
        ("up to 1/30 s", MomentWindow.emptyMax), ("to 1 s", 1), ("to 2 s", 2), ("to 4 s", 4), ("to 8 s", 8),
        ("to 16 s", 16), ("to 32 s", 32), ("over 32 s", .infinity),
    ]
}
