// SPDX-License-Identifier: Apache-2.0

/// A model's answers to queries, in batches of 32 in the file's order: scores depend on the padding, and so on the
/// batches.
public struct ModelPredictions {
    /// The answers, in order.
    public var predictions: [QueryPrediction] = []
    /// The queries that were passed over.
    public var gaps = QueryGaps()

    /// The samples of a batch.
    public static let batchSize = 32

    /// Answers queries.
    /// - Parameter progress: called with the number of queries that are done.
    /// - Throws: `TensorFileError` where features are damaged; `ModelError` where they do not fit the model.
    public init(
        _ queries: [MomentQuery], _ network: MomentLocalizer, progress: (Int) -> Void = { _ in }
    ) throws {
        let loader = network.loader
        var usable: [(query: MomentQuery, grid: TargetGrid)] = []
        for query in queries {
            let (grid, gap) = try loader.features.grid(of: query)
            if let grid { usable.append((query, grid)) }
            if let gap { self.gaps.add(query, gap) }
        }
        let team = try network.startThreads()
        for start in stride(from: 0, to: usable.count, by: Self.batchSize) {
            let part = usable[start..<min(start + Self.batchSize, usable.count)]
            let samples = try loader.samples(part.map(\.query), training: false, on: team)
            for (one, prediction) in zip(part, try network.predict(Batch(samples))) {
                self.predictions.append(Self.prediction(one.query, one.grid, prediction))
            }
            progress(start + part.count)
        }
    }

    private static func prediction(
        _ query: MomentQuery, _ grid: TargetGrid, _ prediction: SpanPrediction
    ) -> QueryPrediction {
        // A clip of fewer than three bins is padded to three: spans over padding end with the clip.
        let windows = prediction.spans.map { span in
            let times = grid.times(start: min(span.start, grid.bins - 1), end: min(span.end, grid.bins - 1))
            return MomentQuery.Answer(start: Double(times.start), end: Double(times.end))
        }
        return QueryPrediction(
            clipUID: query.clipUID, annotationUID: query.annotationUID, queryIndex: query.queryIndex, windows: windows)
    }
}
