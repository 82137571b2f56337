// SPDX-License-Identifier: Apache-2.0

import CKernels

/// y = x Wᵀ + b: PyTorch's `Linear`, and its `Conv1d` with a kernel of 1. W is (outputs, inputs), as stored there.
///
/// Several layers on the same input can be one: their weights lie one after another, and so do their biases.
public struct Linear: Sendable {
    /// The first weight.
    public let weight: Parameter
    /// The first bias.
    public let bias: Parameter
    /// The columns of x.
    public let inputs: Int
    /// The columns of y.
    public let outputs: Int

    /// Adds `NAME.weight` of the given shape (after the first dimension it must hold `inputs` elements) and `NAME.bias`
    /// for each name.
    public init(
        _ names: [String], inputs: Int, outputs: Int, shape: [Int]? = nil, in layout: inout ParameterLayout
    ) {
        let shape = shape ?? [outputs, inputs]
        precondition(!names.isEmpty && shape.reduce(1, *) == inputs * outputs, "the shape \(shape)")
        let weights = names.map { layout.add("\($0).weight", shape, .xavierUniform) }
        let biases = names.map { layout.add("\($0).bias", [outputs], .constant(0)) }
        self.weight = weights[0]
        self.bias = biases[0]
        self.inputs = inputs
        self.outputs = outputs * names.count
    }

    /// Adds a weight (outputs, inputs) and a bias under names of their own: PyTorch's packed projections have such.
    public init(weight: String, bias: String, inputs: Int, outputs: Int, in layout: inout ParameterLayout) {
        self.weight = layout.add(weight, [outputs, inputs], .xavierUniform)
        self.bias = layout.add(bias, [outputs], .constant(0))
        self.inputs = inputs
        self.outputs = outputs
    }

    /// One convolution with a kernel of 1: `NAME.weight` (outputs, inputs, 1) and `NAME.bias`.
    public init(convolution name: String, inputs: Int, outputs: Int, in layout: inout ParameterLayout) {
        self.init([name], inputs: inputs, outputs: outputs, shape: [outputs, inputs, 1], in: &layout)
    }

    /// W as (outputs, inputs).
    public func weight(_ pass: Pass) -> Matrix {
        Matrix(pass.value(self.weight), rows: self.outputs, columns: self.inputs)
    }

    /// The gradient of W.
    public func weightGradient(_ pass: Pass) -> Matrix {
        Matrix(pass.gradient(self.weight), rows: self.outputs, columns: self.inputs)
    }

    /// y (n, outputs) = x (n, inputs) Wᵀ: without the bias, which what follows adds on its way.
    public func product(_ x: Matrix, into y: Matrix, _ pass: Pass) {
        multiply(x, .plain, self.weight(pass), .transposed, into: y)
    }

    /// y (n, outputs) = x (n, inputs) Wᵀ + b.
    public func forward(_ x: Matrix, into y: Matrix, _ pass: Pass) {
        self.product(x, into: y, pass)
        for row in 0..<(y.stride == y.columns ? 1 : y.rows) {
            ck_add_bias(
                y.row(row), pass.value(self.bias), y.stride == y.columns ? y.rows : 1, y.columns)
        }
    }

    /// dW += dyᵀ x, and dx = dy W where it is wanted. The bias is left to what made dy, or to `addBiasGradient`.
    public func backward(x: Matrix, dy: Matrix, dx: Matrix?, accumulating: Bool = false, _ pass: Pass) {
        multiply(dy, .transposed, x, .plain, into: self.weightGradient(pass), accumulating: true)
        if let dx { multiply(dy, .plain, self.weight(pass), .plain, into: dx, accumulating: accumulating) }
    }

    /// db += the sum of dy's rows.
    public func addBiasGradient(dy: Matrix, _ pass: Pass) {
        precondition(dy.stride == dy.columns, "rows must follow each other")
        ck_add_column_sums(dy.start, pass.gradient(self.bias), dy.rows, dy.columns)
    }
}
