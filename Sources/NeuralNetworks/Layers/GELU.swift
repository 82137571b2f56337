// SPDX-License-Identifier: Apache-2.0

import CKernels

/// The exact GELU, x times the normal distribution up to x, behind the bias of a linear layer: PyTorch's `GELU` without
/// an approximation.
public enum GELU {
    /// x += the layer's bias, and y = GELU(x); x is kept for the gradient, or y is x.
    public static func forward(_ x: Matrix, biasOf layer: Linear, into y: Matrix, _ pass: Pass) {
        precondition(x.stride == x.columns && y.stride == y.columns && x.count == y.count, "rows follow each other")
        ck_bias_gelu(x.start, pass.value(layer.bias), y.start, x.rows, x.columns)
    }

    /// dx = the gradient at x, and that of the layer's bias is added up; dx may be dy.
    public static func backward(x: Matrix, biasOf layer: Linear, dy: Matrix, dx: Matrix, _ pass: Pass) {
        precondition(
            x.stride == x.columns && dy.stride == dy.columns && dx.stride == dx.columns, "rows follow each other")
        ck_gelu_gradient(dy.start, x.start, dx.start, pass.gradient(layer.bias), x.rows, x.columns)
    }
}
