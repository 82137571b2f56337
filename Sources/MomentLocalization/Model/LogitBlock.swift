// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// A logit for each bin from two inputs: `start_block` and `end_block`.
///
///     h = ReLU([s; x] W₀ᵀ + b₀),  logit = h w₂ + b₂, −1e30 on padding
struct LogitBlock: Sendable {
    private let hidden: Linear
    private let output: Linear
    private let width: Int

    /// The values that a forward pass keeps: h (rows, d), the logits (rows).
    struct Cache: Sendable {
        let hidden: FloatSlot, logits: FloatSlot
    }

    init(_ name: String, width: Int, in layout: inout ParameterLayout) {
        self.hidden = Linear(convolution: "\(name).0.conv1d", inputs: 2 * width, outputs: width, in: &layout)
        self.output = Linear(convolution: "\(name).2.conv1d", inputs: width, outputs: 1, in: &layout)
        self.width = width
    }

    func plan(_ plan: inout WorkspacePlan, shape: PassShape) -> Cache {
        let rows = shape.samples * shape.video
        return Cache(hidden: plan.floats(rows * self.width), logits: plan.floats(rows))
    }

    /// The logits (samples · Lv) from s and x, both (samples · Lv, d).
    func forward(s: Matrix, x: Matrix, mask: PaddingMask, cache: Cache, _ pass: Pass) {
        let hidden = pass.matrix(cache.hidden, rows: x.rows, columns: self.width), logits = pass[cache.logits]
        let weight = self.hidden.weight(pass)
        multiply(s, .plain, weight.columns(0..<self.width), .transposed, into: hidden)
        multiply(
            x, .plain, weight.columns(self.width..<2 * self.width), .transposed, into: hidden, accumulating: true)
        ck_bias_relu(hidden.start, pass.value(self.hidden.bias), hidden.rows, self.width)
        ck_row_dots(hidden.start, pass.value(self.output.weight), 0, logits, hidden.rows, self.width)
        let bias = pass.value(self.output.bias)[0]
        for row in 0..<hidden.rows { logits[row] += bias + mask.bias[row] }
    }

    /// ds = the gradient at s, dx += that at x, from the gradients that took the place of the logits.
    func backward(s: Matrix, x: Matrix, ds: Matrix, dx: Matrix, dhidden: Matrix, cache: Cache, _ pass: Pass) {
        let hidden = pass.matrix(cache.hidden, rows: x.rows, columns: self.width), dlogits = pass[cache.logits]
        let outputWeight = pass.value(self.output.weight), doutput = pass.gradient(self.output.weight)
        var sum: Float = 0
        dhidden.start.update(repeating: 0, count: dhidden.count)
        for row in 0..<x.rows {
            sum += dlogits[row]
            ck_add_scaled(hidden.row(row), dlogits[row], doutput, self.width)
            ck_add_scaled(outputWeight, dlogits[row], dhidden.row(row), self.width)
        }
        pass.gradient(self.output.bias)[0] += sum
        ck_relu_gradient(
            dhidden.start, hidden.start, dhidden.start, pass.gradient(self.hidden.bias), x.rows, self.width)
        let weight = self.hidden.weight(pass), dweight = self.hidden.weightGradient(pass)
        let first = 0..<self.width, second = self.width..<2 * self.width
        multiply(dhidden, .transposed, s, .plain, into: dweight.columns(first), accumulating: true)
        multiply(dhidden, .transposed, x, .plain, into: dweight.columns(second), accumulating: true)
        multiply(dhidden, .plain, weight.columns(first), .plain, into: ds)
        multiply(dhidden, .plain, weight.columns(second), .plain, into: dx, accumulating: true)
    }
}
