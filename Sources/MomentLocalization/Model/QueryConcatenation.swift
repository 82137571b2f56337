// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// The query as one vector beside each video bin: `CQConcatenate`
/// (EGO4D/episodic-memory: NLQ/VSLNet/model/layers.py).
///
///     a = softmax(Q w, padding masked),  p = Σ aⱼ Qⱼ,  out = [V; p] Wᵀ + b
///
/// p is the same for all bins, so its half of W is applied once a sample, and becomes a bias of the sample's own.
struct QueryConcatenation: Sendable {
    private let poolWeight: Parameter
    private let linear: Linear
    private let width: Int

    /// The values that a forward pass keeps: a (samples, Lq), p (samples, d), the samples' biases (samples, d).
    struct Cache: Sendable {
        let weights: FloatSlot, pooled: FloatSlot, biases: FloatSlot
        let dbiases: FloatSlot, dpooled: FloatSlot, dweights: FloatSlot
    }

    init(_ name: String, width: Int, in layout: inout ParameterLayout) {
        self.poolWeight = layout.add("\(name).weighted_pool.weight", [width, 1], .xavierUniform)
        self.linear = Linear(convolution: "\(name).conv1d.conv1d", inputs: 2 * width, outputs: width, in: &layout)
        self.width = width
    }

    func plan(_ plan: inout WorkspacePlan, shape: PassShape) -> Cache {
        let tokens = shape.samples * shape.text, vectors = shape.samples * self.width
        return Cache(
            weights: plan.floats(tokens), pooled: plan.floats(vectors), biases: plan.floats(vectors),
            dbiases: plan.floats(vectors), dpooled: plan.floats(vectors), dweights: plan.floats(tokens))
    }

    /// out (samples · Lv, d) from the video (the same shape) and the query (samples · Lq, d).
    func forward(
        video: Matrix, query: Matrix, into out: Matrix, queryMask: PaddingMask, cache: Cache, _ pass: Pass
    ) {
        let tokens = queryMask.length, bins = video.rows / pass.samples
        let weights = pass.matrix(cache.weights, rows: pass.samples, columns: tokens)
        let pooled = pass.matrix(cache.pooled, rows: pass.samples, columns: self.width)
        let biases = pass.matrix(cache.biases, rows: pass.samples, columns: self.width)
        ck_row_dots(query.start, pass.value(self.poolWeight), 0, weights.start, query.rows, self.width)
        for sample in 0..<pass.samples {
            ck_softmax_rows(weights.row(sample), tokens, queryMask.bias + sample * tokens, 1, tokens)
            let row = pooled.row(sample)
            row.update(repeating: 0, count: self.width)
            for token in 0..<tokens {
                ck_add_scaled(query.row(sample * tokens + token), weights.row(sample)[token], row, self.width)
            }
        }
        let (videoHalf, queryHalf) = self.halves(self.linear.weight(pass))
        multiply(pooled, .plain, queryHalf, .transposed, into: biases)
        ck_add_bias(biases.start, pass.value(self.linear.bias), pass.samples, self.width)
        multiply(video, .plain, videoHalf, .transposed, into: out)
        for sample in 0..<pass.samples { ck_add_bias(out.row(sample * bins), biases.row(sample), bins, self.width) }
    }

    /// dvideo = the gradient at the video from dout, dquery += that at the query.
    func backward(
        video: Matrix, query: Matrix, dout: Matrix, dvideo: Matrix, dquery: Matrix, queryMask: PaddingMask,
        cache: Cache, _ pass: Pass
    ) {
        let tokens = queryMask.length, bins = video.rows / pass.samples, width = self.width
        let weights = pass.matrix(cache.weights, rows: pass.samples, columns: tokens)
        let dweights = pass.matrix(cache.dweights, rows: pass.samples, columns: tokens)
        let pooled = pass.matrix(cache.pooled, rows: pass.samples, columns: width)
        let dpooled = pass.matrix(cache.dpooled, rows: pass.samples, columns: width)
        let dbiases = pass.matrix(cache.dbiases, rows: pass.samples, columns: width)
        let (videoHalf, queryHalf) = self.halves(self.linear.weight(pass))
        let (dvideoHalf, dqueryHalf) = self.halves(self.linear.weightGradient(pass))
        dbiases.start.update(repeating: 0, count: dbiases.count)
        for sample in 0..<pass.samples {
            ck_add_column_sums(dout.row(sample * bins), dbiases.row(sample), bins, width)
        }
        self.linear.addBiasGradient(dy: dbiases, pass)
        multiply(dout, .transposed, video, .plain, into: dvideoHalf, accumulating: true)
        multiply(dbiases, .transposed, pooled, .plain, into: dqueryHalf, accumulating: true)
        multiply(dout, .plain, videoHalf, .plain, into: dvideo)
        multiply(dbiases, .plain, queryHalf, .plain, into: dpooled)
        for sample in 0..<pass.samples {
            let rows = query.rows(sample * tokens..<(sample + 1) * tokens)
            ck_row_dots(rows.start, dpooled.row(sample), 0, dweights.row(sample), tokens, width)
            for token in 0..<tokens {
                ck_add_scaled(
                    dpooled.row(sample), weights.row(sample)[token], dquery.row(sample * tokens + token), width)
            }
        }
        ck_softmax_gradient(weights.start, dweights.start, dweights.start, tokens, pass.samples, tokens)
        for token in 0..<query.rows {
            ck_add_scaled(query.row(token), dweights.start[token], pass.gradient(self.poolWeight), width)
            ck_add_scaled(pass.value(self.poolWeight), dweights.start[token], dquery.row(token), width)
        }
    }

    /// The columns of W that meet the video, and those that meet the query.
    private func halves(_ weight: Matrix) -> (video: Matrix, query: Matrix) {
        (weight.columns(0..<self.width), weight.columns(self.width..<2 * self.width))
    }
}
