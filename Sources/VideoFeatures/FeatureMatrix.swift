// SPDX-License-Identifier: Apache-2.0

/// Features of a stretch of video: one row a moment, about 1.875 rows a second.
public struct FeatureMatrix: Hashable, Sendable {
    /// The number of moments.
    public var rows: Int
    /// The number of features of a moment.
    public var columns: Int
    /// Row by row, `rows * columns` numbers.
    public var values: [Float]

    /// Describes a matrix whose values fill its shape.
    public init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns, "the values fill the shape")
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    /// At most `bins` rows: longer matrices are cut into bins of nearly equal length, each of which becomes its mean.
    ///
    /// The edges are `round(k / bins * rows)` with halves to even, and no edge lies beyond the last row: that row is
    /// therefore never used, and an empty bin takes the row at its edge (EGO4D/episodic-memory,
    /// `NLQ/VSLNet/utils/data_util.py::visual_feature_sampling`).
    public func sampled(bins: Int) -> FeatureMatrix {
        guard self.rows > bins, bins > 0 else { return self }
        let edges = (0...bins).map { bin in
            min(Int((Double(bin) / Double(bins) * Double(self.rows)).rounded(.toNearestOrEven)), self.rows - 1)
        }
        var sampled = [Float](repeating: 0, count: bins * self.columns)
        for bin in 0..<bins {
            let rows = edges[bin]..<max(edges[bin + 1], edges[bin] + 1)
            for row in rows {
                for column in 0..<self.columns {
                    sampled[bin * self.columns + column] += self.values[row * self.columns + column]
                }
            }
            let count = Float(rows.count)
            for column in 0..<self.columns { sampled[bin * self.columns + column] /= count }
        }
        return FeatureMatrix(rows: bins, columns: self.columns, values: sampled)
    }

    /// The first row that holds an infinite number or none at all, if there is one.
    public var firstNonFiniteRow: Int? {
        self.values.firstIndex { !$0.isFinite }.map { $0 / max(self.columns, 1) }
    }
}
