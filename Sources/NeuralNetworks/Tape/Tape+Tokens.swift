// SPDX-License-Identifier: Apache-2.0

import CKernels

/// A function of one number, which networks apply to each of many.
public enum Activation: Hashable, Sendable, CaseIterable {
    /// x times the logistic function of x, also called swish.
    case silu
    /// x times the logistic function of 1.702 x, CLIP's short cut for GELU.
    case quickGELU
    /// The exact GELU: x times the normal distribution up to x.
    case gelu
    /// The larger of x and 0.
    case relu

    var code: Int32 {
        switch self {
        case .silu: Int32(CK_SILU)
        case .quickGELU: Int32(CK_QUICK_GELU)
        case .gelu: Int32(CK_GELU)
        case .relu: Int32(CK_RELU)
        }
    }
}

extension Tape {
    /// Rows through a layer.
    public mutating func dense(_ layer: Dense, _ x: TapeValue) -> TapeValue {
        precondition(x.columns == layer.inputs, "\(x.columns) columns where \(layer.inputs) belong")
        return self.record(
            rows: x.rows, columns: layer.outputs, inputs: [x], reads: .inputs, hasParameters: layer.weight.isTrained
        ) { y, _ in DenseStep(layer: layer, x: x, y: y) }
    }

    /// Rows through a norm over their columns.
    public mutating func normalize(_ layer: LayerNorm, _ x: TapeValue) -> TapeValue {
        self.record(
            rows: x.rows, columns: x.columns, inputs: [x], reads: .inputs, hasParameters: layer.weight.isTrained,
            rooms: [2 * x.rows], scratch: x.rows * x.columns
        ) { y, rooms in LayerNormStep(layer: layer, x: x, y: y, statistics: rooms[0]) }
    }

    /// All numbers through a function.
    public mutating func activate(_ function: Activation, _ x: TapeValue) -> TapeValue {
        self.record(rows: x.rows, columns: x.columns, inputs: [x], reads: .inputs) { y, _ in
            ActivationStep(function: function, x: x, y: y)
        }
    }

    /// The first half of each row times the exact GELU of the second.
    public mutating func geglu(_ x: TapeValue) -> TapeValue {
        precondition(x.columns % 2 == 0, "two halves")
        return self.record(rows: x.rows, columns: x.columns / 2, inputs: [x], reads: .inputs) { y, _ in
            GatedStep(x: x, y: y)
        }
    }

    /// The sum of two values.
    public mutating func add(_ a: TapeValue, _ b: TapeValue) -> TapeValue {
        precondition(a.rows == b.rows && a.columns == b.columns, "values of one size")
        return self.record(rows: a.rows, columns: a.columns, inputs: [a, b], reads: []) { y, _ in
            SumStep(a: a, b: b, y: y)
        }
    }

    /// The rows of some values, one after another.
    public mutating func join(_ parts: [TapeValue]) -> TapeValue {
        let columns = parts.first?.columns ?? 0
        precondition(parts.allSatisfy { $0.columns == columns }, "rows of one length")
        return self.record(rows: parts.reduce(0) { $0 + $1.rows }, columns: columns, inputs: parts, reads: []) { y, _ in
            JoinStep(parts: parts, y: y)
        }
    }

    /// Rows to columns.
    public mutating func transpose(_ x: TapeValue) -> TapeValue {
        self.record(rows: x.columns, columns: x.rows, inputs: [x], reads: []) { y, _ in TransposeStep(x: x, y: y) }
    }

    /// A value times the one number of `factor`, which has no gradient.
    public mutating func scale(_ x: TapeValue, by factor: TapeValue) -> TapeValue {
        precondition(factor.rows == 1 && factor.columns == 1, "one number")
        return self.record(rows: x.rows, columns: x.columns, inputs: [x, factor], reads: .inputs) { y, _ in
            ScaleStep(x: x, factor: factor, y: y)
        }
    }
}

private struct DenseStep: TapeStep {
    let layer: Dense
    let x: TapeValue, y: TapeValue

    func forward(_ run: TapeRun) { self.layer.forward(run.value(self.x), into: run.value(self.y), run.pass) }

    func backward(_ run: TapeRun) {
        self.layer.backward(
            x: run.value(self.x), dy: run.upstream(self.y), dx: run.gradient(self.x), run.pass)
    }
}

private struct LayerNormStep: TapeStep {
    let layer: LayerNorm
    let x: TapeValue, y: TapeValue
    let statistics: TapeRoom

    func forward(_ run: TapeRun) {
        self.layer.forward(
            run.value(self.x), into: run.value(self.y), statistics: run.room(self.statistics), run.pass)
    }

    func backward(_ run: TapeRun) {
        let x = run.value(self.x)
        // The kernel always gives the gradient at x: into scratch where nobody wants it.
        let dx = run.gradient(self.x) ?? Matrix(run.scratch, rows: x.rows, columns: x.columns)
        self.layer.backward(
            x: x, statistics: run.room(self.statistics), dy: run.upstream(self.y), dx: dx, run.pass)
    }
}

private struct ActivationStep: TapeStep {
    let function: Activation
    let x: TapeValue, y: TapeValue

    func forward(_ run: TapeRun) {
        let x = run.value(self.x)
        ck_activation(self.function.code, x.start, run.value(self.y).start, x.count)
    }

    func backward(_ run: TapeRun) {
        guard let dx = run.gradient(self.x) else { return }
        ck_activation_gradient(
            self.function.code, run.value(self.x).start, run.upstream(self.y).start, dx.start, dx.count)
    }
}

private struct GatedStep: TapeStep {
    let x: TapeValue, y: TapeValue

    func forward(_ run: TapeRun) {
        ck_geglu(run.value(self.x).start, run.value(self.y).start, self.y.rows, self.y.columns)
    }

    func backward(_ run: TapeRun) {
        guard let dx = run.gradient(self.x) else { return }
        ck_geglu_gradient(
            run.value(self.x).start, run.upstream(self.y).start, dx.start, self.y.rows, self.y.columns)
    }
}

private struct SumStep: TapeStep {
    let a: TapeValue, b: TapeValue, y: TapeValue

    func forward(_ run: TapeRun) {
        let y = run.value(self.y)
        ck_add(run.value(self.a).start, run.value(self.b).start, y.start, y.count)
    }

    func backward(_ run: TapeRun) {
        let dy = run.upstream(self.y)
        for input in [self.a, self.b] {
            guard let dx = run.gradient(input) else { continue }
            ck_add(dy.start, dx.start, dx.start, dx.count)
        }
    }
}

private struct JoinStep: TapeStep {
    let parts: [TapeValue], y: TapeValue

    func forward(_ run: TapeRun) {
        var to = run.value(self.y).start
        for part in self.parts {
            let x = run.value(part)
            to.update(from: x.start, count: x.count)
            to += x.count
        }
    }

    func backward(_ run: TapeRun) {
        var from = run.upstream(self.y).start
        for part in self.parts {
            let count = part.rows * part.columns
            if let dx = run.gradient(part) { ck_add(from, dx.start, dx.start, count) }
            from += count
        }
    }
}

private struct TransposeStep: TapeStep {
    let x: TapeValue, y: TapeValue

    func forward(_ run: TapeRun) {
        let x = run.value(self.x), y = run.value(self.y)
        y.start.update(repeating: 0, count: y.count)
        ck_add_transposed(x.start, y.start, x.rows, x.columns)
    }

    func backward(_ run: TapeRun) {
        guard let dx = run.gradient(self.x) else { return }
        ck_add_transposed(run.upstream(self.y).start, dx.start, self.y.rows, self.y.columns)
    }
}

private struct ScaleStep: TapeStep {
    let x: TapeValue, factor: TapeValue, y: TapeValue

    func forward(_ run: TapeRun) {
        let x = run.value(self.x), y = run.value(self.y)
        y.start.update(repeating: 0, count: y.count)
        ck_add_scaled(x.start, run.value(self.factor).start[0], y.start, y.count)
    }

    func backward(_ run: TapeRun) {
        guard let dx = run.gradient(self.x) else { return }
        ck_add_scaled(run.upstream(self.y).start, run.value(self.factor).start[0], dx.start, dx.count)
    }
}
