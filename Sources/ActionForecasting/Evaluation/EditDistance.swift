// SPDX-License-Identifier: Apache-2.0

/// Plain Levenshtein distance: insertion, deletion and substitution cost 1 each, so that two swapped neighbours cost 2.
/// The official script's documentation speaks of Damerau's, its code counts these
/// (EGO4D/forecasting, `evaluation/lta_metrics.py`).
public enum EditDistance {
    /// The edits that make one sequence of another.
    public static func between<Label: Equatable>(_ left: [Label], _ right: [Label]) -> Int {
        self.rows(left, right) { _, _ in }
    }

    /// The distances of the first steps of both, of 1 step first; one for each step that both have.
    public static func prefixes<Label: Equatable>(_ left: [Label], _ right: [Label]) -> [Int] {
        var distances: [Int] = []
        distances.reserveCapacity(min(left.count, right.count))
        _ = self.rows(left, right) { row, values in
            if row < values.count { distances.append(values[row]) }
        }
        return distances
    }

    /// Fills the table row by row: the value in column c of row r is the distance of the first r to the first c.
    private static func rows<Label: Equatable>(
        _ left: [Label], _ right: [Label], _ see: (Int, [Int]) -> Void
    ) -> Int {
        var row = Array(0...right.count)
        for (index, label) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let substituted = diagonal + (label == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
            }
            see(index + 1, row)
        }
        return row[right.count]
    }
}
