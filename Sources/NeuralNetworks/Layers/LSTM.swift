// SPDX-License-Identifier: Apache-2.0

import CKernels

/// PyTorch's `LSTM` with one layer in one direction, from zero states: gates in the order i, f, g, o.
public struct LSTM: Sendable {
    let inputWeight: Parameter
    let hiddenWeight: Parameter
    let inputBias: Parameter
    let hiddenBias: Parameter
    private let inputs: Int
    private let width: Int

    /// The values that a forward pass keeps: the gates' activations and the cells; row 0 of each sequence's cells is
    /// the state before the first step, so it has a row more.
    public struct Cache: Sendable {
        let gates: FloatSlot
        let cells: FloatSlot
        let hidden: FloatSlot
        let dhidden: FloatSlot
        let dcell: FloatSlot
    }

    /// Adds `NAME.weight_ih_l0` (4 · width, inputs), `weight_hh_l0` (4 · width, width) and the two biases.
    public init(_ name: String, inputs: Int, width: Int, in layout: inout ParameterLayout) {
        let initializer = Initializer.uniform(1 / Float(width).squareRoot())
        self.inputWeight = layout.add("\(name).weight_ih_l0", [4 * width, inputs], initializer)
        self.hiddenWeight = layout.add("\(name).weight_hh_l0", [4 * width, width], initializer)
        self.inputBias = layout.add("\(name).bias_ih_l0", [4 * width], initializer)
        self.hiddenBias = layout.add("\(name).bias_hh_l0", [4 * width], initializer)
        self.inputs = inputs
        self.width = width
    }

    /// Reserves the cache for at most `samples` sequences of `length`.
    public func plan(_ plan: inout WorkspacePlan, samples: Int, length: Int) -> Cache {
        Cache(
            gates: plan.floats(samples * length * 4 * self.width),
            cells: plan.floats(samples * (length + 1) * self.width),
            hidden: plan.floats(samples * (length + 1) * self.width),
            dhidden: plan.floats(samples * self.width), dcell: plan.floats(samples * self.width))
    }

    /// y (samples · length, width) = the hidden states for x (samples · length, inputs).
    public func forward(_ x: Matrix, into y: Matrix, length: Int, cache: Cache, _ pass: Pass) {
        let samples = pass.samples, width = self.width
        let gates = pass.matrix(cache.gates, rows: x.rows, columns: 4 * width)
        multiply(x, .plain, self.weight(self.inputWeight, self.inputs, pass), .transposed, into: gates)
        ck_add_bias(gates.start, pass.value(self.inputBias), gates.rows, gates.columns)
        ck_add_bias(gates.start, pass.value(self.hiddenBias), gates.rows, gates.columns)
        let states = (length + 1) * width
        let cells = pass[cache.cells], hidden = pass[cache.hidden]
        for sample in 0..<samples {
            (cells + sample * states).update(repeating: 0, count: width)
            (hidden + sample * states).update(repeating: 0, count: width)
        }
        for step in 0..<length {
            let now = Matrix(gates.row(step), rows: samples, columns: 4 * width, stride: length * 4 * width)
            if step > 0 {
                let before = Matrix(hidden + step * width, rows: samples, columns: width, stride: states)
                multiply(
                    before, .plain, self.weight(self.hiddenWeight, width, pass), .transposed, into: now,
                    accumulating: true)
            }
            ck_lstm_forward(
                now.start, now.stride, cells + step * width, states, cells + (step + 1) * width,
                hidden + (step + 1) * width, states, samples, width)
        }
        for sample in 0..<samples {
            y.row(sample * length).update(from: hidden + sample * states + width, count: length * width)
        }
    }

    /// dx = the gradient at x from dy; those of the weights are added up.
    public func backward(x: Matrix, dy: Matrix, dx: Matrix, length: Int, cache: Cache, _ pass: Pass) {
        let samples = pass.samples, width = self.width, states = (length + 1) * width
        let gates = pass.matrix(cache.gates, rows: x.rows, columns: 4 * width)
        let cells = pass[cache.cells], hidden = pass[cache.hidden]
        let dhidden = pass.matrix(cache.dhidden, rows: samples, columns: width)
        let dcell = pass.matrix(cache.dcell, rows: samples, columns: width)
        dcell.start.update(repeating: 0, count: dcell.count)
        let weight = self.weight(self.hiddenWeight, width, pass)
        let dweight = Matrix(pass.gradient(self.hiddenWeight), rows: 4 * width, columns: width)
        for step in (0..<length).reversed() {
            let now = Matrix(gates.row(step), rows: samples, columns: 4 * width, stride: length * 4 * width)
            if step + 1 < length {
                let next = Matrix(gates.row(step + 1), rows: samples, columns: 4 * width, stride: now.stride)
                multiply(next, .plain, weight, .plain, into: dhidden)
            } else {
                dhidden.start.update(repeating: 0, count: dhidden.count)
            }
            for sample in 0..<samples {
                ck_add_scaled(dy.row(sample * length + step), 1, dhidden.row(sample), width)
            }
            ck_lstm_backward(
                now.start, now.stride, cells + step * width, states, cells + (step + 1) * width, states,
                dhidden.start, dcell.start, now.start, samples, width)
        }
        for sample in 0..<samples where length > 1 {
            let before = Matrix(hidden + sample * states + width, rows: length - 1, columns: width)
            let after = gates.rows(sample * length + 1..<(sample + 1) * length)
            multiply(after, .transposed, before, .plain, into: dweight, accumulating: true)
        }
        ck_add_column_sums(gates.start, pass.gradient(self.inputBias), gates.rows, gates.columns)
        ck_add_column_sums(gates.start, pass.gradient(self.hiddenBias), gates.rows, gates.columns)
        let inputGradient = Matrix(pass.gradient(self.inputWeight), rows: 4 * width, columns: self.inputs)
        multiply(gates, .transposed, x, .plain, into: inputGradient, accumulating: true)
        multiply(gates, .plain, self.weight(self.inputWeight, self.inputs, pass), .plain, into: dx)
    }

    private func weight(_ parameter: Parameter, _ columns: Int, _ pass: Pass) -> Matrix {
        Matrix(pass.value(parameter), rows: 4 * self.width, columns: columns)
    }
}
