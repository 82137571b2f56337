// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// Four convolutions and one attention over a sequence, with learned positions: `FeatureEncoder`
/// (EGO4D/episodic-memory: NLQ/VSLNet/model/layers.py).
///
///     x ← x + position
///     x ← x + Drop(ReLU(PW(DW(LN(x)))))                    four times
///     r ← x + Drop(attention(Drop(LN₁(x))))
///     out ← r + Drop(W(Drop(LN₂(r))))
struct FeatureEncoder: Sendable {
    private struct ConvolutionLayer: Sendable {
        let norm: LayerNorm
        let depthwise: DepthwiseConvolution
        let pointwise: Linear
    }

    private let positions: Embedding
    private let layers: [ConvolutionLayer]
    private let attention: MultiHeadAttention
    private let firstNorm: LayerNorm
    private let secondNorm: LayerNorm
    private let output: Linear
    private let width: Int

    /// The dropout sites of one call.
    struct Sites: Sendable {
        let convolutions: [DropoutSite]
        let attention: [DropoutSite]

        /// The sites of the encoder `name`'s call number `call`.
        init(_ name: String, call: Int, _ sites: inout DropoutSites) {
            self.convolutions = (0..<4).map { sites.add("\(name).conv_block.dropout.\(4 * call + $0)") }
            self.attention = (0..<5).map { sites.add("\(name).attention_block.dropout.\(5 * call + $0)") }
        }
    }

    /// The values that one call keeps for its gradient.
    struct Cache: Sendable {
        fileprivate struct Layer: Sendable {
            let input: FloatSlot, normal: FloatSlot, convolved: FloatSlot, statistics: FloatSlot
            let active: ByteSlot
        }
        fileprivate let layers: [Layer]
        /// The input of the attention block, LN₁'s output, r, LN₂'s output.
        fileprivate let input: FloatSlot, query: FloatSlot, residual: FloatSlot, normal: FloatSlot
        fileprivate let firstStatistics: FloatSlot, secondStatistics: FloatSlot
        fileprivate let queryMask: ByteSlot, attentionMask: ByteSlot, normalMask: ByteSlot, outputMask: ByteSlot
        fileprivate let attention: MultiHeadAttention.Cache
    }

    init(_ name: String, configuration: VSLNetConfiguration, in layout: inout ParameterLayout) {
        let width = configuration.width, block = "\(name).conv_block", attention = "\(name).attention_block"
        self.width = width
        self.positions = Embedding(
            "\(name).pos_embedding.position_embeddings", rows: configuration.positionsMax, width: width, in: &layout)
        self.layers = (0..<4).map { index in
            ConvolutionLayer(
                norm: LayerNorm("\(block).layer_norms.\(index)", width: width, in: &layout),
                depthwise: DepthwiseConvolution(
                    "\(block).depthwise_separable_conv.\(index).0", channels: width, in: &layout),
                pointwise: Linear(
                    convolution: "\(block).depthwise_separable_conv.\(index).1", inputs: width, outputs: width,
                    in: &layout))
        }
        self.attention = MultiHeadAttention(
            query: "\(attention).query.conv1d", key: "\(attention).key.conv1d", value: "\(attention).value.conv1d",
            width: width, heads: configuration.heads, in: &layout)
        self.firstNorm = LayerNorm("\(attention).layer_norm1", width: width, in: &layout)
        self.secondNorm = LayerNorm("\(attention).layer_norm2", width: width, in: &layout)
        self.output = Linear(
            convolution: "\(attention).out_layer.conv1d", inputs: width, outputs: width, in: &layout)
    }

    /// The floats of kernel scratch for sequences of `length`.
    func scratchCount(length: Int) -> Int {
        max(self.attention.scratchCount(length: length), DepthwiseConvolution.scratchCount(channels: self.width))
    }

    func plan(_ plan: inout WorkspacePlan, samples: Int, length: Int) -> Cache {
        let rows = samples * length, count = rows * self.width
        return Cache(
            layers: self.layers.map { _ in
                Cache.Layer(
                    input: plan.floats(count), normal: plan.floats(count), convolved: plan.floats(count),
                    statistics: plan.floats(2 * rows), active: plan.bytes(count))
            },
            input: plan.floats(count), query: plan.floats(count), residual: plan.floats(count),
            normal: plan.floats(count), firstStatistics: plan.floats(2 * rows), secondStatistics: plan.floats(2 * rows),
            queryMask: plan.bytes(count), attentionMask: plan.bytes(count), normalMask: plan.bytes(count),
            outputMask: plan.bytes(count), attention: self.attention.plan(&plan, samples: samples, length: length))
    }

    /// out (samples · length, d) from x (the same shape).
    func forward(
        _ x: Matrix, into out: Matrix, mask: PaddingMask, sites: Sites, cache: Cache, scratch: Scratch, _ pass: Pass
    ) {
        let length = mask.length, count = length * self.width
        func matrix(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: x.rows, columns: self.width) }
        self.positions.addPositions(x, into: matrix(cache.layers[0].input), length: length, pass)
        for (index, layer) in self.layers.enumerated() {
            let kept = cache.layers[index]
            let input = matrix(kept.input), convolved = matrix(kept.convolved), product = matrix(scratch.first)
            layer.norm.forward(input, into: matrix(kept.normal), statistics: pass[kept.statistics], pass)
            layer.depthwise.forward(
                matrix(kept.normal), into: convolved, length: length, scratch: pass[scratch.kernel], pass)
            layer.pointwise.product(convolved, into: product, pass)
            let drawn = pass.drawMask(sites.convolutions[index], kept.active, count: count)
            let next = index + 1 < self.layers.count ? cache.layers[index + 1].input : cache.input
            ck_bias_relu_dropout_residual(
                product.start, pass.value(layer.pointwise.bias), input.start, drawn, pass.scale, pass[kept.active],
                pass[next], x.rows, self.width)
        }
        self.attend(into: out, mask: mask, sites: sites, cache: cache, scratch: scratch, pass)
    }

    private func attend(
        into out: Matrix, mask: PaddingMask, sites: Sites, cache: Cache, scratch: Scratch, _ pass: Pass
    ) {
        let rows = out.rows, count = mask.length * self.width
        func matrix(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: rows, columns: self.width) }
        let query = matrix(cache.query), attended = matrix(scratch.first), residual = matrix(cache.residual)
        self.firstNorm.forward(
            matrix(cache.input), into: query, statistics: pass[cache.firstStatistics],
            mask: pass.drawMask(sites.attention[0], cache.queryMask, count: count), pass)
        self.attention.forward(
            query, into: attended, length: mask.length, bias: mask.keyBias, site: sites.attention[1],
            cache: cache.attention, scratch: pass[scratch.kernel], pass)
        residual.start.update(from: pass[cache.input], count: residual.count)
        if let kept = pass.drawMask(sites.attention[2], cache.attentionMask, count: count) {
            ck_apply_mask(attended.start, kept, pass.scale, attended.start, attended.count)
        }
        ck_add(attended.start, residual.start, residual.start, residual.count)
        self.secondNorm.forward(
            residual, into: matrix(cache.normal), statistics: pass[cache.secondStatistics],
            mask: pass.drawMask(sites.attention[3], cache.normalMask, count: count), pass)
        self.output.product(matrix(cache.normal), into: attended, pass)
        ck_bias_dropout_residual(
            attended.start, pass.value(self.output.bias), residual.start,
            pass.drawMask(sites.attention[4], cache.outputMask, count: count), pass.scale, out.start, rows, self.width)
    }

    /// Turns the gradient at the output, in dx, into that at the input.
    func backward(dx: Matrix, mask: PaddingMask, cache: Cache, scratch: Scratch, _ pass: Pass) {
        self.attendBackward(dx: dx, mask: mask, cache: cache, scratch: scratch, pass)
        func matrix(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: dx.rows, columns: self.width) }
        for (layer, kept) in zip(self.layers, cache.layers).reversed() {
            let dproduct = matrix(scratch.first), dconvolved = matrix(scratch.second)
            ck_masked_gradient(
                dx.start, pass[kept.active], pass.scale, dproduct.start, pass.gradient(layer.pointwise.bias), dx.rows,
                self.width)
            layer.pointwise.backward(x: matrix(kept.convolved), dy: dproduct, dx: dconvolved, pass)
            layer.depthwise.backward(
                x: matrix(kept.normal), dy: dconvolved, dx: dproduct, length: mask.length,
                scratch: pass[scratch.kernel], pass)
            layer.norm.backward(
                x: matrix(kept.input), statistics: pass[kept.statistics], dy: dproduct, dx: dx, pass)
        }
        self.positions.addPositionGradient(dx, length: mask.length, pass)
    }

    private func attendBackward(dx: Matrix, mask: PaddingMask, cache: Cache, scratch: Scratch, _ pass: Pass) {
        func matrix(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: dx.rows, columns: self.width) }
        let doutput = matrix(scratch.first), dnormal = matrix(scratch.second)
        ck_masked_gradient(
            dx.start, pass.mask(cache.outputMask), pass.scale, doutput.start, pass.gradient(self.output.bias), dx.rows,
            self.width)
        self.output.backward(x: matrix(cache.normal), dy: doutput, dx: dnormal, pass)
        self.secondNorm.backward(
            x: matrix(cache.residual), statistics: pass[cache.secondStatistics], dy: dnormal,
            mask: pass.mask(cache.normalMask), dx: dx, pass)
        var dattended = dx
        if let kept = pass.mask(cache.attentionMask) {
            dattended = doutput
            ck_apply_mask(dx.start, kept, pass.scale, dattended.start, dx.count)
        }
        self.attention.backward(
            u: matrix(cache.query), dout: dattended, du: dnormal,
            dprojected: pass.matrix(scratch.projected, rows: dx.rows, columns: 3 * self.width), length: mask.length,
            cache: cache.attention, scratch: pass[scratch.kernel], pass)
        self.firstNorm.backward(
            x: matrix(cache.input), statistics: pass[cache.firstStatistics], dy: dnormal,
            mask: pass.mask(cache.queryMask), dx: dx, pass)
    }
}
