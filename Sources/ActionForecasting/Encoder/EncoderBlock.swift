// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// One block: pooling attention, then an inner layer with GELU, each behind a layer norm, with what goes around them.
struct EncoderBlock: Sendable {
    let shape: BlockShape
    private let attention: PoolingAttention
    private let first: LayerNorm, second: LayerNorm
    private let widen: Linear, narrow: Linear
    private let projection: Linear?
    private let skip: GridMaxPooling?
    private let growsInAttention: Bool
    private let inner: Int

    struct Cache: Sendable {
        fileprivate let normed: FloatSlot, attended: FloatSlot, grown: FloatSlot, around: FloatSlot
        fileprivate let sum: FloatSlot, secondNormed: FloatSlot, statistics: [FloatSlot]
        fileprivate let hidden: FloatSlot, active: FloatSlot, narrowed: FloatSlot, taps: ByteSlot
        fileprivate let attention: PoolingAttention.Cache
    }

    struct Gradients: Sendable {
        fileprivate let out: FloatSlot, hidden: FloatSlot, normed: FloatSlot, sum: FloatSlot, attended: FloatSlot
        fileprivate let grown: FloatSlot, firstNormed: FloatSlot
        fileprivate let attention: PoolingAttention.Gradients
    }

    /// One block's part of a pass.
    struct Step {
        var recall: Recall?
        var memory: ClipMemory?
        /// The factors of the two branches.
        var factors: (attention: Float, inner: Float) = (1, 1)
        var isTraining: Bool
    }

    init(
        _ name: String, _ shape: BlockShape, stored: BlockShape, _ configuration: EncoderConfiguration,
        memory: MemoryPlan.Block?, in layout: inout ParameterLayout
    ) {
        self.shape = shape
        self.growsInAttention = configuration.growsInAttention
        self.inner = configuration.innerRatio * shape.width
        self.first = LayerNorm("\(name).norm1", width: shape.inputs, in: &layout)
        self.attention = PoolingAttention(
            "\(name).attn", shape, stored: stored, configuration, memory: memory, in: &layout)
        self.second = LayerNorm("\(name).norm2", width: shape.width, in: &layout)
        self.widen = Linear(["\(name).mlp.fc1"], inputs: shape.width, outputs: self.inner, in: &layout)
        self.narrow = Linear(["\(name).mlp.fc2"], inputs: self.inner, outputs: shape.outputs, in: &layout)
        let from = configuration.growsInAttention ? shape.inputs : shape.width
        self.projection =
            from == shape.outputs ? nil : Linear(["\(name).proj"], inputs: from, outputs: shape.outputs, in: &layout)
        self.skip = shape.skip.map { GridMaxPooling(window: $0) }
    }

    private var growsBefore: Bool { self.growsInAttention && self.projection != nil }
    private var growsBehind: Bool { !self.growsInAttention && self.projection != nil }
    /// The queries whose inner layer is there at once where no gradient is asked for.
    private static let rowsAtOnce = 256

    func plan(_ plan: inout WorkspacePlan, training: Bool) -> Cache {
        let tokens = self.shape.tokens, queries = self.shape.queries, width = self.shape.width
        let rows = training ? queries : min(Self.rowsAtOnce, queries)
        return Cache(
            normed: plan.floats(tokens * self.shape.inputs), attended: plan.floats(queries * width),
            grown: plan.floats(self.growsBefore ? tokens * width : 0),
            around: plan.floats(self.skip == nil ? 0 : queries * width), sum: plan.floats(queries * width),
            secondNormed: plan.floats(queries * width),
            statistics: [plan.floats(2 * tokens), plan.floats(2 * queries)],
            hidden: plan.floats(rows * self.inner), active: plan.floats(rows * self.inner),
            narrowed: plan.floats(rows * self.shape.outputs),
            taps: self.skip.map { $0.plan(&plan, channels: width) } ?? plan.bytes(0),
            attention: self.attention.plan(&plan, training: training))
    }

    func planGradients(_ plan: inout WorkspacePlan) -> Gradients {
        let tokens = self.shape.tokens, queries = self.shape.queries, width = self.shape.width
        return Gradients(
            out: plan.floats(queries * self.shape.outputs), hidden: plan.floats(queries * self.inner),
            normed: plan.floats(queries * width), sum: plan.floats(queries * width),
            attended: plan.floats(queries * width), grown: plan.floats(tokens * width),
            firstNormed: plan.floats(tokens * self.shape.inputs), attention: self.attention.planGradients(&plan))
    }

    private struct Matrices {
        let normed: Matrix, attended: Matrix, grown: Matrix, around: Matrix, sum: Matrix, secondNormed: Matrix
    }

    private func matrices(_ cache: Cache, x: Matrix, _ pass: Pass) -> Matrices {
        let tokens = self.shape.tokens, queries = self.shape.queries, width = self.shape.width
        let sum = pass.matrix(cache.sum, rows: queries, columns: width)
        let grown = self.growsBefore ? pass.matrix(cache.grown, rows: tokens, columns: width) : x
        return Matrices(
            normed: pass.matrix(cache.normed, rows: tokens, columns: self.shape.inputs),
            attended: pass.matrix(cache.attended, rows: queries, columns: width), grown: grown,
            around: self.skip == nil ? grown : pass.matrix(cache.around, rows: queries, columns: width), sum: sum,
            secondNormed: pass.matrix(cache.secondNormed, rows: queries, columns: width))
    }

    /// out (queries, outputs) from x (tokens, inputs).
    func forward(_ x: Matrix, into out: Matrix, _ step: Step, cache: Cache, _ pass: Pass) {
        let m = self.matrices(cache, x: x, pass)
        self.first.forward(x, into: m.normed, statistics: pass[cache.statistics[0]], pass)
        self.attention.forward(
            m.normed, into: m.attended, step.recall, memory: step.memory, cache: cache.attention,
            isTraining: step.isTraining, pass)
        if self.growsBefore, let projection { projection.forward(m.normed, into: m.grown, pass) }
        if let skip {
            m.around.start.update(from: m.grown.start, count: self.shape.width)
            skip.forward(
                m.grown.rows(1..<m.grown.rows), into: m.around.rows(1..<m.around.rows), taps: cache.taps, pass)
        }
        Rows.copy(m.around, to: m.sum)
        Rows.add(m.attended, to: m.sum, factor: step.factors.attention)
        self.second.forward(m.sum, into: m.secondNormed, statistics: pass[cache.statistics[1]], pass)
        let atOnce = step.isTraining ? out.rows : Self.rowsAtOnce
        for start in stride(from: 0, to: out.rows, by: atOnce) {
            let range = start..<min(start + atOnce, out.rows), to = out.rows(range)
            let hidden = pass.matrix(cache.hidden, rows: range.count, columns: self.inner)
            let active = pass.matrix(cache.active, rows: range.count, columns: self.inner)
            let narrowed = pass.matrix(cache.narrowed, rows: range.count, columns: self.shape.outputs)
            self.widen.product(m.secondNormed.rows(range), into: hidden, pass)
            GELU.forward(hidden, biasOf: self.widen, into: active, pass)
            self.narrow.forward(active, into: narrowed, pass)
            if self.growsBehind, let projection {
                projection.forward(m.secondNormed.rows(range), into: to, pass)
            } else {
                Rows.copy(m.sum.rows(range), to: to)
            }
            Rows.add(narrowed, to: to, factor: step.factors.inner)
        }
    }

    /// dx = the gradient at x from dout; those of all parameters are added up.
    func backward(
        x: Matrix, dout: Matrix, dx: Matrix, _ step: Step, cache: Cache, gradients: Gradients, _ pass: Pass
    ) {
        let m = self.matrices(cache, x: x, pass), queries = self.shape.queries, width = self.shape.width
        let dsum = pass.matrix(gradients.sum, rows: queries, columns: width)
        self.innerBackward(m, dout: dout, dsum: dsum, step, cache: cache, gradients: gradients, pass)
        let dattended = pass.matrix(gradients.attended, rows: queries, columns: width)
        Rows.clear(dattended)
        Rows.add(dsum, to: dattended, factor: step.factors.attention)
        let dnormed = pass.matrix(gradients.firstNormed, rows: x.rows, columns: x.columns)
        Rows.clear(dnormed)
        Rows.clear(dx)
        self.attention.backward(
            y: m.normed, dout: dattended, dy: dnormed, step.recall, cache: cache.attention,
            gradients: gradients.attention, pass)
        var daround = dsum
        if let skip {
            daround = pass.matrix(gradients.grown, rows: x.rows, columns: width)
            Rows.clear(daround)
            daround.start.update(from: dsum.start, count: width)
            skip.backward(
                dy: dsum.rows(1..<queries), dx: daround.rows(1..<daround.rows), taps: cache.taps, pass)
        }
        if self.growsBefore, let projection {
            projection.addBiasGradient(dy: daround, pass)
            projection.backward(x: m.normed, dy: daround, dx: dnormed, accumulating: true, pass)
        } else {
            Rows.add(daround, to: dx)
        }
        self.first.backward(
            x: x, statistics: pass[cache.statistics[0]], dy: dnormed, dx: dx, pass)
    }

    /// From dout to the gradient at the sum behind attention.
    private func innerBackward(
        _ m: Matrices, dout: Matrix, dsum: Matrix, _ step: Step, cache: Cache, gradients: Gradients, _ pass: Pass
    ) {
        let queries = self.shape.queries
        let hidden = pass.matrix(cache.hidden, rows: queries, columns: self.inner)
        let active = pass.matrix(cache.active, rows: queries, columns: self.inner)
        let dhidden = pass.matrix(gradients.hidden, rows: queries, columns: self.inner)
        let dnormed = pass.matrix(gradients.normed, rows: queries, columns: self.shape.width)
        let dnarrowed = pass.matrix(gradients.out, rows: queries, columns: self.shape.outputs)
        Rows.clear(dnarrowed)
        Rows.add(dout, to: dnarrowed, factor: step.factors.inner)
        self.narrow.addBiasGradient(dy: dnarrowed, pass)
        self.narrow.backward(x: active, dy: dnarrowed, dx: dhidden, pass)
        GELU.backward(x: hidden, biasOf: self.widen, dy: dhidden, dx: dhidden, pass)
        self.widen.backward(x: m.secondNormed, dy: dhidden, dx: dnormed, pass)
        if self.growsBehind, let projection {
            projection.addBiasGradient(dy: dout, pass)
            projection.backward(x: m.secondNormed, dy: dout, dx: dnormed, accumulating: true, pass)
            Rows.clear(dsum)
        } else {
            Rows.copy(dout, to: dsum)
        }
        self.second.backward(
            x: m.sum, statistics: pass[cache.statistics[1]], dy: dnormed, dx: dsum, pass)
    }
}
