// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Softmax over the columns that are open; the others get exactly 0, and their gradients too.
public enum MaskedSoftmax {
    /// The number that is added to the score of a closed column.
    public static let closed = -Float.infinity

    /// Softmax of each row of `scores`, in place.
    /// - Parameter bias: one number a column, 0 or `closed`, of which one at least is 0; `nil` opens all.
    public static func forward(_ scores: Matrix, bias: UnsafePointer<Float>?) {
        ck_softmax_rows(scores.start, scores.stride, bias, scores.rows, scores.columns)
    }

    /// The gradient at the scores from y, the result of `forward`; dscores may be dy. All three have the same stride.
    public static func backward(y: Matrix, dy: Matrix, dscores: Matrix) {
        precondition(y.stride == dy.stride && dy.stride == dscores.stride, "the same stride")
        ck_softmax_gradient(y.start, dy.start, dscores.start, y.stride, y.rows, y.columns)
    }
}
