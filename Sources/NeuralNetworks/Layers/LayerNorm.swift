// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Layer normalisation over the columns, with dropout on its output where a mask is given.
public struct LayerNorm: Sendable {
    /// The scale.
    public let weight: Parameter
    /// The shift.
    public let bias: Parameter
    private let epsilon: Float

    /// Adds `NAME.weight` and `NAME.bias` of `width` elements.
    public init(_ name: String, width: Int, epsilon: Float = 1e-6, in layout: inout ParameterLayout) {
        self.weight = layout.add("\(name).weight", [width], .constant(1))
        self.bias = layout.add("\(name).bias", [width], .constant(0))
        self.epsilon = epsilon
    }

    /// y = mask · scale · ((x − mean) / √(variance + ε) · weight + bias), all (n, width); `statistics` (n, 2) keeps
    /// what the gradient needs.
    public func forward(
        _ x: Matrix, into y: Matrix, statistics: UnsafeMutablePointer<Float>, mask: UnsafeMutablePointer<UInt8>? = nil,
        _ pass: Pass
    ) {
        ck_layer_norm_forward(
            x.start, pass.value(self.weight), pass.value(self.bias), self.epsilon, mask, pass.scale, y.start,
            statistics, x.rows, x.columns)
    }

    /// dx += the gradient at x; those of weight and bias likewise.
    public func backward(
        x: Matrix, statistics: UnsafeMutablePointer<Float>, dy: Matrix, mask: UnsafeMutablePointer<UInt8>? = nil,
        dx: Matrix, _ pass: Pass
    ) {
        ck_layer_norm_backward(
            x.start, statistics, pass.value(self.weight), dy.start, mask, pass.scale, dx.start,
            pass.gradient(self.weight), pass.gradient(self.bias), x.rows, x.columns)
    }
}
