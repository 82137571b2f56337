// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// y = x Wᵀ + b, where W and b may be some rows of larger tensors: the queries, the keys or the values of a layer
/// that makes all three.
struct Projection: Sendable {
    private let layer: Linear
    private let first: Int
    private let outputs: Int

    /// The rows `first ..< first + outputs` of a layer.
    init(of layer: Linear, first: Int, outputs: Int) {
        self.layer = layer
        self.first = first
        self.outputs = outputs
    }

    private func weight(_ start: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(start + self.first * self.layer.inputs, rows: self.outputs, columns: self.layer.inputs)
    }

    func forward(_ x: Matrix, into y: Matrix, _ pass: Pass) {
        multiply(x, .plain, self.weight(pass.value(self.layer.weight)), .transposed, into: y)
        Rows.add(bias: pass.value(self.layer.bias) + self.first, to: y)
    }

    /// The gradients of W and b are added up; dx = or += the gradient at x.
    func backward(x: Matrix, dy: Matrix, dx: Matrix, accumulating: Bool, _ pass: Pass) {
        Rows.addSum(of: dy, to: pass.gradient(self.layer.bias) + self.first)
        multiply(dy, .transposed, x, .plain, into: self.weight(pass.gradient(self.layer.weight)), accumulating: true)
        multiply(
            dy, .plain, self.weight(pass.value(self.layer.weight)), .plain, into: dx, accumulating: accumulating)
    }

    /// Softmax ignores what is added to all keys alike: a bias that does so has no gradient, and of what rounding
    /// leaves of it Adam would make full steps.
    func clearBiasGradient(_ pass: Pass) {
        (pass.gradient(self.layer.bias) + self.first).update(repeating: 0, count: self.outputs)
    }
}
