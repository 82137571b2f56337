// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Multiplies a handful of matrices with the kernels in force and without them, and compares.
///
/// All values are small odd numbers, so that every sum is exact in whatever order it is added up, and one wrong bit
/// shows. Between rows and in products that are yet to be computed stands NaN, which no kernel may read, or overwrite
/// in the gaps.
enum CoreCheck {
    /// A product as `multiply` has it.
    typealias Product = (
        _ a: Matrix, _ aForm: MatrixForm, _ b: Matrix, _ bForm: MatrixForm, _ product: Matrix, _ accumulating: Bool,
        _ factor: Float
    ) -> Void

    /// (n, k) times (k, m).
    struct Shape: Hashable, Sendable {
        let n: Int
        let m: Int
        let k: Int

        init(_ n: Int, _ m: Int, _ k: Int) { (self.n, self.m, self.k) = (n, m, k) }
    }

    /// Single values, vectors, edges of blocks of all sizes, inner and outer sizes beyond a block, and both sides of
    /// OpenBLAS's limit for small matrices (n m k = 1,000,000).
    static let shapes = [
        Shape(1, 1, 1), Shape(1, 40, 21), Shape(40, 1, 65), Shape(3, 5, 7), Shape(12, 12, 128), Shape(17, 33, 129),
        Shape(47, 31, 16), Shape(64, 64, 64), Shape(13, 50, 401), Shape(330, 9, 20), Shape(9, 330, 20),
        Shape(104, 100, 100),
    ]

    private static let gap = 3
    private static let factor: Float = 0.5

    /// Finds the first product that comes out wrong.
    /// - Returns: the product in words; `nil` where all are right.
    static func problem(_ product: Product) -> String? {
        for (number, shape) in Self.shapes.enumerated() {
            let a = Self.oddNumbers(shape.n * shape.k, seed: 2 * number)
            let b = Self.oddNumbers(shape.k * shape.m, seed: 2 * number + 1)
            let expected = FloatBuffer(count: shape.n * shape.m)
            ck_plain_product(a.start, b.start, expected.start, shape.n, shape.m, shape.k)
            for aForm in [MatrixForm.plain, .transposed] {
                let spreadA = Spread(a, rows: shape.n, columns: shape.k, aForm)
                for bForm in [MatrixForm.plain, .transposed] {
                    let spreadB = Spread(b, rows: shape.k, columns: shape.m, bForm)
                    for accumulating in [false, true] {
                        let result = Spread(repeating: accumulating ? 7 : .nan, rows: shape.n, columns: shape.m)
                        product(spreadA.matrix, aForm, spreadB.matrix, bForm, result.matrix, accumulating, Self.factor)
                        let isRight = ck_is_product(
                            result.matrix.start, result.matrix.stride, expected.start, Self.factor,
                            accumulating ? 7 : 0, shape.n, shape.m)
                        if isRight == 0 { return Self.words(shape, aForm, bForm, accumulating: accumulating) }
                    }
                }
            }
        }
        return nil
    }

    private static func words(
        _ shape: Shape, _ aForm: MatrixForm, _ bForm: MatrixForm, accumulating: Bool
    ) -> String {
        "(\(shape.n), \(shape.k)) \(aForm) times (\(shape.k), \(shape.m)) \(bForm)" + (accumulating ? ", added to" : "")
    }

    private static func oddNumbers(_ count: Int, seed: Int) -> FloatBuffer {
        let buffer = FloatBuffer(count: count)
        ck_odd_numbers(buffer.start, count, UInt64(seed))
        return buffer
    }

    /// A matrix with gaps between its rows.
    private struct Spread {
        let buffer: FloatBuffer
        let matrix: Matrix

        private init(empty rows: Int, _ columns: Int) {
            let stride = columns + CoreCheck.gap
            self.buffer = FloatBuffer(count: rows * stride)
            self.matrix = Matrix(self.buffer.start, rows: rows, columns: columns, stride: stride)
        }

        /// Lays out `values`, a (rows, columns) matrix without gaps, or its transpose.
        init(_ values: FloatBuffer, rows: Int, columns: Int, _ form: MatrixForm) {
            self.init(empty: form == .plain ? rows : columns, form == .plain ? columns : rows)
            let (rowStep, columnStep) = form == .plain ? (columns, 1) : (1, columns)
            ck_spread(
                values.start, rowStep, columnStep, self.matrix.start, self.matrix.stride, self.matrix.rows,
                self.matrix.columns)
        }

        init(repeating value: Float, rows: Int, columns: Int) {
            self.init(empty: rows, columns)
            var value = value
            ck_spread(&value, 0, 0, self.matrix.start, self.matrix.stride, rows, columns)
        }
    }
}
