// SPDX-License-Identifier: Apache-2.0

/// A row-major view of floats that a `FloatBuffer` or a `Workspace` owns. It is valid as long as its owner is.
public struct Matrix {
    /// The first element.
    public let start: UnsafeMutablePointer<Float>
    /// The number of rows.
    public let rows: Int
    /// The number of columns.
    public let columns: Int
    /// The floats from one row's start to the next row's.
    public let stride: Int

    /// A view of `rows` × `columns` floats; rows follow each other directly unless `stride` says otherwise.
    public init(_ start: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.start = start
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    /// The number of elements.
    public var count: Int { self.rows * self.columns }

    /// The rows of a range.
    public func rows(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= self.rows, "rows \(range) of \(self.rows)")
        return Matrix(
            self.start + range.lowerBound * self.stride, rows: range.count, columns: self.columns, stride: self.stride)
    }

    /// The columns of a range.
    public func columns(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= self.columns, "columns \(range) of \(self.columns)")
        return Matrix(self.start + range.lowerBound, rows: self.rows, columns: range.count, stride: self.stride)
    }

    /// The first element of a row.
    public func row(_ index: Int) -> UnsafeMutablePointer<Float> { self.start + index * self.stride }
}

/// The form in which a matrix enters a product.
public enum MatrixForm: Sendable {
    /// As it is.
    case plain
    /// Its transpose.
    case transposed
}

/// product = factor · a b, or product += that, by SGEMM.
/// - Parameters:
///   - a: (n, k), or (k, n) where it enters `transposed`.
///   - b: (k, m), or (m, k) where it enters `transposed`.
///   - product: (n, m).
public func multiply(
    _ a: Matrix, _ aForm: MatrixForm = .plain, _ b: Matrix, _ bForm: MatrixForm = .plain, into product: Matrix,
    accumulating: Bool = false, factor: Float = 1
) {
    let (n, k) = aForm == .plain ? (a.rows, a.columns) : (a.columns, a.rows)
    let (inner, m) = bForm == .plain ? (b.rows, b.columns) : (b.columns, b.rows)
    precondition(inner == k && product.rows == n && product.columns == m, "(\(n), \(k)) times (\(inner), \(m))")
    guard n > 0, m > 0 else { return }
    BLAS.prepare()
    BLAS.product(a, aForm, b, bForm, product, accumulating, factor)
}
