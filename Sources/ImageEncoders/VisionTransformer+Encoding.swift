// SPDX-License-Identifier: Apache-2.0

import CKernels
public import NeuralNetworks

/// The features of one picture.
public struct PictureFeatures: Hashable, Sendable {
    /// The encoder's own vector for the whole picture, always from its last layer.
    public var pooled: [Float]
    /// The same behind CLIP's projection, which texts are compared with.
    public var projected: [Float]?
    /// For each grid that was asked for, the means of the patches under its cells, row by row.
    public var grids: [[Float]]
}

extension VisionTransformer {
    /// Encodes a picture.
    /// - Parameters:
    ///   - pixels: (3, side, side), scaled as `VisionForm.scaling` says.
    ///   - layer: the states that grids are taken of.
    ///   - grids: the cells along each side of each grid, 1 to the patches along a side.
    ///   - scratch: made for this encoder.
    ///   - observe: is shown the states before each block, and those after the last.
    public func encode(
        _ pixels: [Float], layer: VisionLayer = .last, grids: [Int] = [], in scratch: VisionScratch,
        observe: (Int, Matrix) -> Void = { _, _ in }
    ) -> PictureFeatures {
        precondition(pixels.count == 3 * self.form.side * self.form.side, "pixels of the encoder's side")
        guard let place = layer.index(of: self.depth) else { preconditionFailure("one of \(self.depth) layers") }
        var features = PictureFeatures(pooled: [], projected: nil, grids: [])
        self.embed(pixels, scratch)
        for (index, block) in self.blocks.enumerated() {
            observe(index, scratch.hidden)
            if index == place, layer != .last { features.grids = self.grids(grids, scratch.hidden) }
            self.apply(block, scratch)
        }
        observe(self.depth, scratch.hidden)
        if place == self.depth, layer != .last { features.grids = self.grids(grids, scratch.hidden) }
        self.normalize(scratch.hidden, self.lastNorm, into: scratch.hidden, scratch)
        if layer == .last { features.grids = self.grids(grids, scratch.hidden) }
        features.pooled = self.pool(scratch)
        if let projection = self.projection {
            let pooled = FloatBuffer(features.pooled), out = FloatBuffer(count: projection.outputs)
            projection.apply(
                Matrix(pooled.start, rows: 1, columns: self.width),
                into: Matrix(out.start, rows: 1, columns: projection.outputs))
            features.projected = out.values()
        }
        return features
    }

    /// Tells what is wrong with a layer or with grids; `nil` where they can be had of this encoder.
    public func problem(layer: VisionLayer, grids: [Int]) -> String? {
        if layer.index(of: self.depth) == nil {
            return
                "layer \(layer) is none of the encoder's: name `last`, or a number from \(-self.depth - 1) to \(self.depth)"
        }
        if let grid = grids.first(where: { !(1...self.gridSide).contains($0) }) {
            return "a grid of \(grid) × \(grid) does not fit \(self.gridSide) × \(self.gridSide) patches"
        }
        return nil
    }

    private func embed(_ pixels: [Float], _ scratch: VisionScratch) {
        let side = self.form.side, patch = self.patch, first = self.tokens - self.patches
        pixels.withUnsafeBufferPointer { pixels in
            for index in 0..<self.patches {
                let (row, column) = index.quotientAndRemainder(dividingBy: self.gridSide)
                var to = scratch.patches.row(index)
                for channel in 0..<3 {
                    for line in 0..<patch {
                        let from = channel * side * side + (row * patch + line) * side + column * patch
                        for x in 0..<patch { to[x] = pixels[from + x] }
                        to += patch
                    }
                }
            }
        }
        let weight = Matrix(self.patchWeight.start, rows: self.width, columns: scratch.patches.columns)
        let patches = scratch.hidden.rows(first..<self.tokens)
        multiply(scratch.patches, .plain, weight, .transposed, into: patches)
        ck_add_bias(patches.start, self.patchBias.start, patches.rows, self.width)
        if let token = self.classToken { scratch.hidden.start.update(from: token.start, count: self.width) }
        ck_add_scaled(self.positions.start, 1, scratch.hidden.start, scratch.hidden.count)
        if let norm = self.firstNorm { self.normalize(scratch.hidden, norm, into: scratch.hidden, scratch) }
    }

    private func apply(_ block: Block, _ scratch: VisionScratch) {
        self.normalize(scratch.hidden, block.attentionNorm, into: scratch.normal, scratch)
        self.dense(block.query, scratch.normal, into: scratch.query)
        self.dense(block.key, scratch.normal, into: scratch.key)
        self.dense(block.value, scratch.normal, into: scratch.value)
        self.attend(scratch.query, scratch, into: scratch.context)
        self.dense(block.output, scratch.context, into: scratch.normal)
        ck_add_scaled(scratch.normal.start, 1, scratch.hidden.start, scratch.hidden.count)
        self.normalize(scratch.hidden, block.innerNorm, into: scratch.normal, scratch)
        let inner = Matrix(scratch.inner.start, rows: self.tokens, columns: block.inner.outputs)
        self.activate(block.inner, scratch.normal, into: inner)
        self.dense(block.outer, inner, into: scratch.normal)
        ck_add_scaled(scratch.normal.start, 1, scratch.hidden.start, scratch.hidden.count)
    }

    private func normalize(_ x: Matrix, _ norm: Inference.Norm, into y: Matrix, _ scratch: VisionScratch) {
        ck_layer_norm_forward(
            x.start, norm.weight.start, norm.bias.start, self.form.epsilon, nil, 1, y.start, scratch.statistics.start,
            x.rows, x.columns)
    }

    private func dense(_ layer: Inference.Dense, _ x: Matrix, into y: Matrix) {
        multiply(
            x, .plain, Matrix(layer.weight.start, rows: layer.outputs, columns: layer.inputs), .transposed, into: y)
        ck_add_bias(y.start, layer.bias.start, y.rows, layer.outputs)
    }

    private func activate(_ layer: Inference.Dense, _ x: Matrix, into y: Matrix) {
        multiply(
            x, .plain, Matrix(layer.weight.start, rows: layer.outputs, columns: layer.inputs), .transposed, into: y)
        switch self.form.activation {
        case .gelu: ck_bias_gelu(y.start, layer.bias.start, y.start, y.rows, y.columns)
        case .tanh: ck_bias_gelu_tanh(y.start, layer.bias.start, y.rows, y.columns)
        case .quick: ck_bias_gelu_quick(y.start, layer.bias.start, y.rows, y.columns)
        }
    }

    /// context = the scratch's values, weighted by how well their keys fit the queries, head by head.
    private func attend(_ query: Matrix, _ scratch: VisionScratch, into context: Matrix) {
        let headWidth = self.width / self.form.heads, factor = 1 / Float(headWidth).squareRoot()
        let scores = scratch.scores.rows(0..<query.rows)
        for head in 0..<self.form.heads {
            let columns = head * headWidth..<(head + 1) * headWidth
            multiply(
                query.columns(columns), .plain, scratch.key.columns(columns), .transposed, into: scores, factor: factor)
            ck_softmax_rows(scores.start, scores.stride, nil, scores.rows, scores.columns)
            multiply(scores, .plain, scratch.value.columns(columns), .plain, into: context.columns(columns))
        }
    }

    /// The vector of the whole picture, from the states after the last norm.
    private func pool(_ scratch: VisionScratch) -> [Float] {
        guard let head = self.head else {
            return Array(UnsafeBufferPointer(start: scratch.hidden.start, count: self.width))
        }
        scratch.probe.start.update(from: head.probe.start, count: self.width)
        let query = scratch.query.rows(0..<1)
        self.dense(head.query, scratch.probe, into: query)
        self.dense(head.key, scratch.hidden, into: scratch.key)
        self.dense(head.value, scratch.hidden, into: scratch.value)
        self.attend(query, scratch, into: scratch.probe)
        self.dense(head.output, scratch.probe, into: scratch.probeSum)
        self.normalize(scratch.probeSum, head.norm, into: scratch.probe, scratch)
        let inner = Matrix(scratch.inner.start, rows: 1, columns: head.inner.outputs)
        self.activate(head.inner, scratch.probe, into: inner)
        self.dense(head.outer, inner, into: scratch.probe)
        ck_add_scaled(scratch.probeSum.start, 1, scratch.probe.start, self.width)
        return Array(UnsafeBufferPointer(start: scratch.probe.start, count: self.width))
    }

    private func grids(_ grids: [Int], _ hidden: Matrix) -> [[Float]] { grids.map { self.grid($0, hidden) } }

    /// Adaptive means of the patches: cell i spans the patches from ⌊i n / cells⌋ to ⌈(i + 1) n / cells⌉.
    private func grid(_ cells: Int, _ hidden: Matrix) -> [Float] {
        let first = self.tokens - self.patches, side = self.gridSide
        func span(_ cell: Int) -> Range<Int> { cell * side / cells..<((cell + 1) * side + cells - 1) / cells }
        var result = [Float](repeating: 0, count: cells * cells * self.width)
        result.withUnsafeMutableBufferPointer { result in
            guard var to = result.baseAddress else { return }
            for row in 0..<cells {
                for column in 0..<cells {
                    let rows = span(row), columns = span(column)
                    let share = 1 / Float(rows.count * columns.count)
                    for y in rows {
                        for x in columns { ck_add_scaled(hidden.row(first + y * side + x), share, to, self.width) }
                    }
                    to += self.width
                }
            }
        }
        return result
    }
}
