// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Self-attention with several heads, from u to the weighted values, before any projection of the output.
///
/// q, k, v = u Wᵀ + b, each cut into heads of d / heads columns; out = dropout(softmax(q kᵀ / √(d / heads) + bias)) v.
public struct MultiHeadAttention: Sendable {
    /// The query, key and value projections as one layer of 3d outputs.
    public let projection: Linear
    /// The number of heads.
    public let heads: Int
    private let width: Int

    /// The values that a forward pass keeps for the gradient, for at most `samples` sequences of `length`.
    public struct Cache: Sendable {
        let projected: FloatSlot
        let probabilities: FloatSlot
        let mask: ByteSlot
    }

    /// Adds weights (d, d, 1) and biases for the three names.
    public init(
        query: String, key: String, value: String, width: Int, heads: Int, in layout: inout ParameterLayout
    ) {
        precondition(width % heads == 0, "\(width) columns do not divide into \(heads) heads")
        self.projection = Linear(
            [query, key, value], inputs: width, outputs: width, shape: [width, width, 1], in: &layout)
        self.heads = heads
        self.width = width
    }

    /// Adds `NAME.in_proj_weight` (3d, d) and `NAME.in_proj_bias`, as `torch.nn.MultiheadAttention` packs them.
    public init(packed name: String, width: Int, heads: Int, in layout: inout ParameterLayout) {
        precondition(width % heads == 0, "\(width) columns do not divide into \(heads) heads")
        self.projection = Linear(
            weight: "\(name).in_proj_weight", bias: "\(name).in_proj_bias", inputs: width, outputs: 3 * width,
            in: &layout)
        self.heads = heads
        self.width = width
    }

    /// Bytes, and floats, of one sample's probabilities: (heads, length, length rounded up to whole vectors).
    public func probabilityCount(length: Int) -> Int { self.heads * length * ck_padded(length) }

    /// The floats of scratch for sequences of `length`.
    public func scratchCount(length: Int) -> Int { ck_attention_scratch(length, self.width / self.heads) }

    /// Reserves the cache.
    public func plan(_ plan: inout WorkspacePlan, samples: Int, length: Int) -> Cache {
        Cache(
            projected: plan.floats(samples * length * 3 * self.width),
            probabilities: plan.floats(samples * self.probabilityCount(length: length)),
            mask: plan.bytes(samples * self.probabilityCount(length: length)))
    }

    /// out (samples · length, d) from u (the same shape).
    /// - Parameter bias: (samples, length), added to the scores of each key; `nil` where no key is masked.
    public func forward(
        _ u: Matrix, into out: Matrix, length: Int, bias: UnsafeMutablePointer<Float>?, site: DropoutSite, cache: Cache,
        scratch: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        let projected = pass.matrix(cache.projected, rows: u.rows, columns: 3 * self.width)
        self.projection.forward(u, into: projected, pass)
        let count = self.probabilityCount(length: length)
        let mask = pass.drawMask(site, cache.mask, count: count)
        let head = self.width / self.heads
        for sample in 0..<pass.samples {
            let rows = projected.row(sample * length)
            for index in 0..<self.heads {
                let place = sample * count + index * (count / self.heads)
                let q = rows + index * head
                ck_attention_forward(
                    q, q + self.width, q + 2 * self.width, 3 * self.width, bias.map { $0 + sample * length },
                    mask.map { $0 + place }, pass.scale, self.factor, pass[cache.probabilities] + place,
                    out.row(sample * length) + index * head, out.stride, length, head, scratch)
            }
        }
    }

    /// du = the gradient at u from dout; those of the projections are added up.
    /// - Parameter dprojected: scratch (samples · length, 3d).
    public func backward(
        u: Matrix, dout: Matrix, du: Matrix, dprojected: Matrix, length: Int, cache: Cache,
        scratch: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        let projected = pass.matrix(cache.projected, rows: u.rows, columns: 3 * self.width)
        let count = self.probabilityCount(length: length)
        let mask = pass.mask(cache.mask)
        let head = self.width / self.heads
        for sample in 0..<pass.samples {
            for index in 0..<self.heads {
                let place = sample * count + index * (count / self.heads)
                let q = projected.row(sample * length) + index * head
                let dq = dprojected.row(sample * length) + index * head
                ck_attention_backward(
                    q, q + self.width, q + 2 * self.width, 3 * self.width, mask.map { $0 + place }, pass.scale,
                    self.factor, pass[cache.probabilities] + place, dout.row(sample * length) + index * head,
                    dout.stride, dq, dq + self.width, dq + 2 * self.width, length, head, scratch)
            }
        }
        self.projection.addBiasGradient(dy: dprojected, pass)
        // Softmax ignores what is added to all scores of a query alike: the true gradient of the keys' bias is zero,
        // and of what rounding leaves of it AdamW would make a full step.
        (pass.gradient(self.projection.bias) + self.width).update(repeating: 0, count: self.width)
        self.projection.backward(x: u, dy: dprojected, dx: du, pass)
    }

    private var factor: Float { 1 / Float(self.width / self.heads).squareRoot() }
}
