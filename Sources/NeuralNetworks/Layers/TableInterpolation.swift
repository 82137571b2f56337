// SPDX-License-Identifier: Apache-2.0

import CKernels

/// A table of positions brought to another number of rows, in straight lines between its rows: PyTorch's
/// `interpolate(mode="linear", align_corners=False)` along the rows.
public struct TableInterpolation: Hashable, Sendable {
    /// The rows of the table.
    public let from: Int
    /// The rows that are wanted.
    public let to: Int

    /// From so many rows to so many.
    public init(from: Int, to: Int) {
        precondition(from > 0 && to > 0, "\(from) rows to \(to)")
        self.from = from
        self.to = to
    }

    /// The two rows that a row lies between, and the share of the second.
    private func place(_ row: Int) -> (low: Int, high: Int, share: Float) {
        let scale = Float(self.from) / Float(self.to)
        let position = max(0, (Float(row) + 0.5) * scale - 0.5)
        let low = min(Int(position), self.from - 1)
        return (low, min(low + 1, self.from - 1), position - Float(low))
    }

    /// y (to, columns) from table (from, columns).
    public func forward(_ table: Matrix, into y: Matrix) {
        precondition(table.rows == self.from && y.rows == self.to && table.columns == y.columns, "the rows")
        for row in 0..<self.to {
            let (low, high, share) = self.place(row)
            let below = table.row(low), above = table.row(high), result = y.row(row)
            for column in 0..<y.columns { result[column] = (1 - share) * below[column] + share * above[column] }
        }
    }

    /// dtable += the gradient at the table.
    public func backward(dy: Matrix, dtable: Matrix) {
        precondition(dtable.rows == self.from && dy.rows == self.to && dtable.columns == dy.columns, "the rows")
        for row in 0..<self.to {
            let (low, high, share) = self.place(row)
            ck_add_scaled(dy.row(row), 1 - share, dtable.row(low), dy.columns)
            ck_add_scaled(dy.row(row), share, dtable.row(high), dy.columns)
        }
    }
}
