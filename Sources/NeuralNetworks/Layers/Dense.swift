// SPDX-License-Identifier: Apache-2.0

import CKernels

/// y = x Wᵀ, with or without a bias: PyTorch's `Linear`, or a part of one that packs several.
public struct Dense: Sendable {
    /// (outputs, inputs), or more rows where several are packed.
    public let weight: Parameter
    /// (outputs), or more; `nil` where there is none.
    public let bias: Parameter?
    /// The columns of x.
    public let inputs: Int
    /// The columns of y.
    public let outputs: Int
    private let firstRow: Int
    private let biasLearns: Bool

    /// Adds `NAME.weight` and, unless told otherwise, `NAME.bias`.
    /// - Parameters:
    ///   - hasBias: whether it has one.
    ///   - startsAtZero: whether it gives nothing until it has learned.
    ///   - shape: of the weight, where it is more than (outputs, inputs): a convolution of one cell is such a layer.
    public init(
        _ name: String, inputs: Int, outputs: Int, hasBias: Bool = true, shape: [Int]? = nil,
        startsAtZero: Bool = false, in layout: inout ParameterLayout
    ) {
        // torch/nn/modules/linear.py, `reset_parameters`.
        let start = startsAtZero ? Initializer.constant(0) : .uniform(1 / Float(inputs).squareRoot())
        self.init(
            weight: layout.add("\(name).weight", shape ?? [outputs, inputs], start),
            bias: hasBias ? layout.add("\(name).bias", [outputs], start) : nil, inputs: inputs, outputs: outputs)
    }

    /// The rows from `firstRow` on of a packed layer.
    /// - Parameter biasLearns: `false` for the keys of an attention. Softmax ignores what is added to all scores of a
    ///   query alike: the true gradient of their bias is zero, and of what rounding leaves of it AdamW would make a
    ///   full step.
    public init(
        weight: Parameter, bias: Parameter?, inputs: Int, outputs: Int, firstRow: Int = 0, biasLearns: Bool = true
    ) {
        precondition((firstRow + outputs) * inputs <= weight.count, "\(outputs) rows of \(weight.shape)")
        self.weight = weight
        self.bias = bias
        self.inputs = inputs
        self.outputs = outputs
        self.firstRow = firstRow
        self.biasLearns = biasLearns
    }

    private func matrix(_ start: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(start + self.firstRow * self.inputs, rows: self.outputs, columns: self.inputs)
    }

    /// y (n, outputs) from x (n, inputs); rows of y follow each other.
    public func forward(_ x: Matrix, into y: Matrix, _ pass: Pass) {
        precondition(y.stride == y.columns, "rows must follow each other")
        multiply(x, .plain, self.matrix(pass.value(self.weight)), .transposed, into: y)
        if let bias { ck_add_bias(y.start, pass.value(bias) + self.firstRow, y.rows, y.columns) }
    }

    /// dx += the gradient at x where it is wanted; those of weight and bias likewise where they learn.
    public func backward(x: Matrix, dy: Matrix, dx: Matrix?, _ pass: Pass) {
        precondition(dy.stride == dy.columns, "rows must follow each other")
        if self.weight.isTrained {
            multiply(
                dy, .transposed, x, .plain, into: self.matrix(pass.gradient(self.weight)), accumulating: true)
            if let bias, self.biasLearns {
                ck_add_column_sums(dy.start, pass.gradient(bias) + self.firstRow, dy.rows, dy.columns)
            }
        }
        if let dx {
            multiply(dy, .plain, self.matrix(pass.value(self.weight)), .plain, into: dx, accumulating: true)
        }
    }
}
