// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// A layer of `torch.nn.TransformerEncoder` with its norms behind and ReLU:
///
///     x ← LN₁(x + Drop(W(attention(x))))
///     x ← LN₂(x + Drop(W₂(Drop(ReLU(W₁ x)))))
struct TransformerLayer: Sendable {
    private let attention: MultiHeadAttention
    private let projection: Linear
    private let first: Linear
    private let second: Linear
    private let firstNorm: LayerNorm
    private let secondNorm: LayerNorm
    private let sites: [DropoutSite]
    private let width: Int
    private let hidden: Int

    /// The values that a forward pass keeps.
    struct Cache: Sendable {
        /// The layer's output.
        let output: FloatSlot
        fileprivate let context: FloatSlot, attended: FloatSlot, normal: FloatSlot, hidden: FloatSlot, sum: FloatSlot
        fileprivate let firstStatistics: FloatSlot, secondStatistics: FloatSlot
        fileprivate let attendedMask: ByteSlot, hiddenMask: ByteSlot, sumMask: ByteSlot
        fileprivate let attention: MultiHeadAttention.Cache
    }

    /// Scratch that all layers share.
    struct Scratch: Sendable {
        let product: FloatSlot, other: FloatSlot, hidden: FloatSlot, projected: FloatSlot, kernel: FloatSlot
    }

    init(
        _ name: String, width: Int, heads: Int, hidden: Int, _ sites: inout DropoutSites,
        in layout: inout ParameterLayout
    ) {
        self.width = width
        self.hidden = hidden
        self.attention = MultiHeadAttention(packed: "\(name).self_attn", width: width, heads: heads, in: &layout)
        self.projection = Linear(["\(name).self_attn.out_proj"], inputs: width, outputs: width, in: &layout)
        self.first = Linear(["\(name).linear1"], inputs: width, outputs: hidden, in: &layout)
        self.second = Linear(["\(name).linear2"], inputs: hidden, outputs: width, in: &layout)
        self.firstNorm = LayerNorm("\(name).norm1", width: width, epsilon: 1e-5, in: &layout)
        self.secondNorm = LayerNorm("\(name).norm2", width: width, epsilon: 1e-5, in: &layout)
        self.sites = ["self_attn.dropout", "dropout1", "dropout", "dropout2"].map { sites.add("\(name).\($0)") }
    }

    func plan(_ plan: inout WorkspacePlan, samples: Int, length: Int) -> Cache {
        let rows = samples * length, count = rows * self.width
        return Cache(
            output: plan.floats(count), context: plan.floats(count), attended: plan.floats(count),
            normal: plan.floats(count), hidden: plan.floats(rows * self.hidden), sum: plan.floats(count),
            firstStatistics: plan.floats(2 * rows), secondStatistics: plan.floats(2 * rows),
            attendedMask: plan.bytes(count), hiddenMask: plan.bytes(rows * self.hidden), sumMask: plan.bytes(count),
            attention: self.attention.plan(&plan, samples: samples, length: length))
    }

    func scratch(_ plan: inout WorkspacePlan, samples: Int, length: Int) -> Scratch {
        let rows = samples * length
        return Scratch(
            product: plan.floats(rows * self.width), other: plan.floats(rows * self.width),
            hidden: plan.floats(rows * self.hidden), projected: plan.floats(3 * rows * self.width),
            kernel: plan.floats(self.attention.scratchCount(length: length)))
    }

    /// Leaves the output in the cache.
    func forward(_ x: Matrix, length: Int, cache: Cache, scratch: Scratch, _ pass: Pass) {
        func matrix(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: x.rows, columns: self.width) }
        let context = matrix(cache.context), product = matrix(scratch.product), normal = matrix(cache.normal)
        let hidden = pass.matrix(cache.hidden, rows: x.rows, columns: self.hidden)
        self.attention.forward(
            x, into: context, length: length, bias: nil, site: self.sites[0], cache: cache.attention,
            scratch: pass[scratch.kernel], pass)
        self.projection.product(context, into: product, pass)
        ck_bias_dropout_residual(
            product.start, pass.value(self.projection.bias), x.start,
            pass.drawMask(self.sites[1], cache.attendedMask, count: length * self.width), pass.scale,
            pass[cache.attended], x.rows, self.width)
        self.firstNorm.forward(matrix(cache.attended), into: normal, statistics: pass[cache.firstStatistics], pass)
        self.first.product(normal, into: hidden, pass)
        ck_bias_relu(hidden.start, pass.value(self.first.bias), x.rows, self.hidden)
        if let mask = pass.drawMask(self.sites[2], cache.hiddenMask, count: length * self.hidden) {
            ck_apply_mask(hidden.start, mask, pass.scale, hidden.start, hidden.count)
        }
        self.second.product(hidden, into: product, pass)
        ck_bias_dropout_residual(
            product.start, pass.value(self.second.bias), normal.start,
            pass.drawMask(self.sites[3], cache.sumMask, count: length * self.width), pass.scale, pass[cache.sum],
            x.rows, self.width)
        self.secondNorm.forward(
            matrix(cache.sum), into: matrix(cache.output), statistics: pass[cache.secondStatistics], pass)
    }

    /// dy, the gradient at the output, becomes that at x.
    func backward(_ x: Matrix, dy: Matrix, length: Int, cache: Cache, scratch: Scratch, _ pass: Pass) {
        func matrix(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: x.rows, columns: self.width) }
        let product = matrix(scratch.product), other = matrix(scratch.other), normal = matrix(cache.normal)
        let hidden = pass.matrix(cache.hidden, rows: x.rows, columns: self.hidden)
        let dhidden = pass.matrix(scratch.hidden, rows: x.rows, columns: self.hidden)
        // other: the gradient at the second sum, and so at LN₁'s output.
        other.start.update(repeating: 0, count: other.count)
        self.secondNorm.backward(
            x: matrix(cache.sum), statistics: pass[cache.secondStatistics], dy: dy, dx: other, pass)
        ck_masked_gradient(
            other.start, pass.mask(cache.sumMask), pass.scale, product.start, pass.gradient(self.second.bias), x.rows,
            self.width)
        self.second.backward(x: hidden, dy: product, dx: dhidden, pass)
        if let mask = pass.mask(cache.hiddenMask) {
            ck_apply_mask(dhidden.start, mask, pass.scale, dhidden.start, dhidden.count)
        }
        ck_relu_gradient(
            dhidden.start, hidden.start, dhidden.start, pass.gradient(self.first.bias), x.rows, self.hidden)
        self.first.backward(x: normal, dy: dhidden, dx: other, accumulating: true, pass)
        // dy: the gradient at the first sum, and so at x.
        dy.start.update(repeating: 0, count: dy.count)
        self.firstNorm.backward(
            x: matrix(cache.attended), statistics: pass[cache.firstStatistics], dy: other, dx: dy, pass)
        ck_masked_gradient(
            dy.start, pass.mask(cache.attendedMask), pass.scale, product.start, pass.gradient(self.projection.bias),
            x.rows, self.width)
        self.projection.backward(x: matrix(cache.context), dy: product, dx: other, pass)
        self.attention.backward(
            u: x, dout: other, du: product,
            dprojected: pass.matrix(scratch.projected, rows: x.rows, columns: 3 * self.width), length: length,
            cache: cache.attention, scratch: pass[scratch.kernel], pass)
        ck_add(dy.start, product.start, dy.start, dy.count)
    }
}
