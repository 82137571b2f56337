// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// Small work on matrices whose rows follow each other.
enum Rows {
    /// y += x.
    static func add(_ x: Matrix, to y: Matrix, factor: Float = 1) {
        precondition(x.count == y.count && x.stride == x.columns && y.stride == y.columns, "\(x.count) to \(y.count)")
        ck_add_scaled(x.start, factor, y.start, x.count)
    }

    /// y = x.
    static func copy(_ x: Matrix, to y: Matrix) {
        precondition(x.count == y.count && x.stride == x.columns && y.stride == y.columns, "\(x.count) to \(y.count)")
        y.start.update(from: x.start, count: x.count)
    }

    /// y = 0.
    static func clear(_ y: Matrix) {
        precondition(y.stride == y.columns, "rows follow each other")
        y.start.update(repeating: 0, count: y.count)
    }

    /// Every row of y += bias.
    static func add(bias: UnsafePointer<Float>, to y: Matrix) {
        precondition(y.stride == y.columns, "rows follow each other")
        ck_add_bias(y.start, bias, y.rows, y.columns)
    }

    /// sum += the sum of x's rows.
    static func addSum(of x: Matrix, to sum: UnsafeMutablePointer<Float>) {
        precondition(x.stride == x.columns, "rows follow each other")
        ck_add_column_sums(x.start, sum, x.rows, x.columns)
    }
}
