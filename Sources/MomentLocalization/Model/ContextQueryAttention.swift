// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// Each video bin looks at the query's tokens, and the other way round: `CQAttention`
/// (EGO4D/episodic-memory: NLQ/VSLNet/model/layers.py).
///
/// With V (Lv, d), Q (Lq, d) and their dropped forms V′, Q′:
///
///     S = V′ w_C + (Q′ w_Q)ᵀ + (V′ ∘ w_m) Q′ᵀ             (Lv, Lq)
///     S_r = softmax over the query, S_c = softmax over the video
///     A = S_r Q,  T = S_cᵀ V,  B = S_r T
///     out = [V; A; V ∘ A; V ∘ B] Wᵀ + b
struct ContextQueryAttention: Sendable {
    private let videoWeight: Parameter
    private let queryWeight: Parameter
    private let productWeight: Parameter
    private let linear: Linear
    private let width: Int
    private let videoSite: DropoutSite
    private let querySite: DropoutSite

    /// The values that a forward pass keeps.
    struct Cache: Sendable {
        let video: FloatSlot, query: FloatSlot, weighted: FloatSlot
        let videoMask: ByteSlot, queryMask: ByteSlot
        /// S_r (Lv, Lq) and S_cᵀ (Lq, Lv) of each sample.
        let overQuery: FloatSlot, overVideo: FloatSlot
        let attended: FloatSlot, pooled: FloatSlot, both: FloatSlot
        let quadruple: FloatSlot
        /// Gradients, of one sample each but for the last.
        let dscores: FloatSlot, dother: FloatSlot, dpooled: FloatSlot, dweighted: FloatSlot
        let dvideo: FloatSlot, dattended: FloatSlot, dboth: FloatSlot, sums: FloatSlot
        let dquadruple: FloatSlot
    }

    init(_ name: String, width: Int, in layout: inout ParameterLayout, sites: inout DropoutSites) {
        self.videoWeight = layout.add("\(name).w4C", [width, 1], .xavierUniform)
        self.queryWeight = layout.add("\(name).w4Q", [width, 1], .xavierUniform)
        self.productWeight = layout.add("\(name).w4mlu", [1, 1, width], .xavierUniform)
        self.linear = Linear(convolution: "\(name).cqa_linear.conv1d", inputs: 4 * width, outputs: width, in: &layout)
        self.width = width
        self.videoSite = sites.add("\(name).dropout.0")
        self.querySite = sites.add("\(name).dropout.1")
    }

    func plan(_ plan: inout WorkspacePlan, shape: PassShape) -> Cache {
        let video = shape.samples * shape.video * self.width, query = shape.samples * shape.text * self.width
        let scores = shape.video * shape.text
        return Cache(
            video: plan.floats(video), query: plan.floats(query), weighted: plan.floats(query),
            videoMask: plan.bytes(video), queryMask: plan.bytes(query),
            overQuery: plan.floats(shape.samples * scores), overVideo: plan.floats(shape.samples * scores),
            attended: plan.floats(video), pooled: plan.floats(query), both: plan.floats(video),
            quadruple: plan.floats(4 * video), dscores: plan.floats(scores), dother: plan.floats(scores),
            dpooled: plan.floats(shape.text * self.width), dweighted: plan.floats(shape.text * self.width),
            dvideo: plan.floats(shape.video * self.width), dattended: plan.floats(shape.video * self.width),
            dboth: plan.floats(shape.video * self.width), sums: plan.floats(shape.video + shape.text),
            dquadruple: plan.floats(4 * video))
    }

    /// out (samples · Lv, d) from the encoded video (samples · Lv, d) and query (samples · Lq, d).
    func forward(
        video: Matrix, query: Matrix, into out: Matrix, videoMask: PaddingMask, queryMask: PaddingMask, cache: Cache,
        _ pass: Pass
    ) {
        self.drop(video, self.videoSite, cache.videoMask, into: cache.video, count: videoMask.length * self.width, pass)
        self.drop(query, self.querySite, cache.queryMask, into: cache.query, count: queryMask.length * self.width, pass)
        for sample in 0..<pass.samples {
            let part = Part(sample, video, query, videoMask, queryMask, cache, width: self.width, pass)
            self.score(part, videoMask, queryMask, sums: pass[cache.sums], pass)
            multiply(part.overQuery, .plain, part.query, .plain, into: part.attended)
            multiply(part.overVideo, .plain, part.video, .plain, into: part.pooled)
            multiply(part.overQuery, .plain, part.pooled, .plain, into: part.both)
        }
        let quadruple = pass.matrix(cache.quadruple, rows: video.rows, columns: 4 * self.width)
        ck_quadruple_forward(
            video.start, pass[cache.attended], pass[cache.both], quadruple.start, video.rows, self.width)
        self.linear.forward(quadruple, into: out, pass)
    }

    /// S_r, and S_cᵀ, of one sample.
    private func score(
        _ part: Part, _ videoMask: PaddingMask, _ queryMask: PaddingMask, sums: UnsafeMutablePointer<Float>,
        _ pass: Pass
    ) {
        let (bins, tokens) = (videoMask.length, queryMask.length)
        ck_row_dots(part.droppedVideo.start, pass.value(self.videoWeight), 0, sums, bins, self.width)
        ck_row_dots(part.droppedQuery.start, pass.value(self.queryWeight), 0, sums + bins, tokens, self.width)
        let weight = pass.value(self.productWeight)
        for token in 0..<tokens {
            let (from, to) = (part.droppedQuery.row(token), part.weighted.row(token))
            for column in 0..<self.width { to[column] = from[column] * weight[column] }
        }
        multiply(part.droppedVideo, .plain, part.weighted, .transposed, into: part.overQuery)
        for bin in 0..<bins {
            let row = part.overQuery.row(bin)
            for token in 0..<tokens {
                row[token] += sums[bin] + sums[bins + token]
                part.overVideo.row(token)[bin] = row[token]
            }
        }
        let (q, v) = (queryMask.bias + part.sample * tokens, videoMask.bias + part.sample * bins)
        ck_softmax_rows(part.overQuery.start, tokens, q, bins, tokens)
        ck_softmax_rows(part.overVideo.start, bins, v, tokens, bins)
    }

    /// dvideo and dquery += the gradients from dout.
    func backward(
        video: Matrix, query: Matrix, dout: Matrix, dvideo: Matrix, dquery: Matrix, videoMask: PaddingMask,
        queryMask: PaddingMask, cache: Cache, _ pass: Pass
    ) {
        let quadruple = pass.matrix(cache.quadruple, rows: video.rows, columns: 4 * self.width)
        let dquadruple = pass.matrix(cache.dquadruple, rows: video.rows, columns: 4 * self.width)
        self.linear.addBiasGradient(dy: dout, pass)
        self.linear.backward(x: quadruple, dy: dout, dx: dquadruple, pass)
        let bins = videoMask.length, tokens = queryMask.length
        for sample in 0..<pass.samples {
            let part = Part(sample, video, query, videoMask, queryMask, cache, width: self.width, pass)
            let dV = dvideo.rows(sample * bins..<(sample + 1) * bins)
            let dQ = dquery.rows(sample * tokens..<(sample + 1) * tokens)
            let dA = pass.matrix(cache.dattended, rows: bins, columns: self.width)
            let dB = pass.matrix(cache.dboth, rows: bins, columns: self.width)
            ck_quadruple_backward(
                part.video.start, part.attended.start, part.both.start, dquadruple.row(sample * bins), dV.start,
                dA.start, dB.start, bins, self.width)
            self.attendBackward(part, dA: dA, dB: dB, dV: dV, dQ: dQ, cache, pass)
            self.scoreBackward(part, dV: dV, dQ: dQ, cache, pass)
        }
    }

    /// From dA and dB to the gradient of S, in `cache.dscores`.
    private func attendBackward(
        _ part: Part, dA: Matrix, dB: Matrix, dV: Matrix, dQ: Matrix, _ cache: Cache, _ pass: Pass
    ) {
        let bins = part.video.rows, tokens = part.query.rows
        let dscores = pass.matrix(cache.dscores, rows: bins, columns: tokens)
        let dother = pass.matrix(cache.dother, rows: tokens, columns: bins)
        let dpooled = pass.matrix(cache.dpooled, rows: tokens, columns: self.width)
        multiply(dA, .plain, part.query, .transposed, into: dscores)
        multiply(dB, .plain, part.pooled, .transposed, into: dscores, accumulating: true)
        multiply(part.overQuery, .transposed, dA, .plain, into: dQ, accumulating: true)
        multiply(part.overQuery, .transposed, dB, .plain, into: dpooled)
        multiply(dpooled, .plain, part.video, .transposed, into: dother)
        multiply(part.overVideo, .transposed, dpooled, .plain, into: dV, accumulating: true)
        ck_softmax_gradient(part.overQuery.start, dscores.start, dscores.start, tokens, bins, tokens)
        ck_softmax_gradient(part.overVideo.start, dother.start, dother.start, bins, tokens, bins)
        for bin in 0..<bins {
            for token in 0..<tokens { dscores.row(bin)[token] += dother.row(token)[bin] }
        }
    }

    /// From the gradient of S to those of V, Q and the three weights.
    private func scoreBackward(_ part: Part, dV: Matrix, dQ: Matrix, _ cache: Cache, _ pass: Pass) {
        let bins = part.video.rows, tokens = part.query.rows, width = self.width
        let dscores = pass.matrix(cache.dscores, rows: bins, columns: tokens)
        let dvideo = pass.matrix(cache.dvideo, rows: bins, columns: width)
        let dweighted = pass.matrix(cache.dweighted, rows: tokens, columns: width)
        let sums = pass[cache.sums]
        sums.update(repeating: 0, count: bins + tokens)
        for bin in 0..<bins {
            for token in 0..<tokens {
                sums[bin] += dscores.row(bin)[token]
                sums[bins + token] += dscores.row(bin)[token]
            }
        }
        multiply(dscores, .plain, part.weighted, .plain, into: dvideo)
        multiply(dscores, .transposed, part.droppedVideo, .plain, into: dweighted)
        for bin in 0..<bins {
            ck_add_scaled(pass.value(self.videoWeight), sums[bin], dvideo.row(bin), width)
            ck_add_scaled(part.droppedVideo.row(bin), sums[bin], pass.gradient(self.videoWeight), width)
        }
        let productWeight = pass.value(self.productWeight), queryWeight = pass.value(self.queryWeight)
        let dproduct = pass.gradient(self.productWeight), dqueryWeight = pass.gradient(self.queryWeight)
        for token in 0..<tokens {
            let row = part.droppedQuery.row(token), gradient = dweighted.row(token), sum = sums[bins + token]
            for column in 0..<width {
                dproduct[column] += gradient[column] * row[column]
                dqueryWeight[column] += sum * row[column]
                gradient[column] = gradient[column] * productWeight[column] + sum * queryWeight[column]
            }
        }
        Self.undrop(dvideo, pass.mask(cache.videoMask), part.sample, into: dV, pass)
        Self.undrop(dweighted, pass.mask(cache.queryMask), part.sample, into: dQ, pass)
    }

    /// x with dropout, in a slot.
    private func drop(
        _ x: Matrix, _ site: DropoutSite, _ mask: ByteSlot, into slot: FloatSlot, count: Int, _ pass: Pass
    ) {
        if let kept = pass.drawMask(site, mask, count: count) {
            ck_apply_mask(x.start, kept, pass.scale, pass[slot], x.count)
        } else {
            pass[slot].update(from: x.start, count: x.count)
        }
    }

    /// sum += the gradient at what was dropped.
    private static func undrop(
        _ gradient: Matrix, _ mask: UnsafeMutablePointer<UInt8>?, _ sample: Int, into sum: Matrix, _ pass: Pass
    ) {
        if let mask {
            ck_apply_mask(
                gradient.start, mask + sample * gradient.count, pass.scale, gradient.start, gradient.count)
        }
        ck_add(gradient.start, sum.start, sum.start, gradient.count)
    }

    /// The matrices of one sample.
    private struct Part {
        let sample: Int
        let video: Matrix, query: Matrix, droppedVideo: Matrix, droppedQuery: Matrix, weighted: Matrix
        let overQuery: Matrix, overVideo: Matrix, attended: Matrix, pooled: Matrix, both: Matrix

        init(
            _ sample: Int, _ video: Matrix, _ query: Matrix, _ videoMask: PaddingMask, _ queryMask: PaddingMask,
            _ cache: Cache, width: Int, _ pass: Pass
        ) {
            let bins = videoMask.length, tokens = queryMask.length
            func matrix(_ slot: FloatSlot, _ rows: Int, _ columns: Int) -> Matrix {
                Matrix(pass[slot] + sample * rows * columns, rows: rows, columns: columns)
            }
            self.sample = sample
            self.video = video.rows(sample * bins..<(sample + 1) * bins)
            self.query = query.rows(sample * tokens..<(sample + 1) * tokens)
            self.droppedVideo = matrix(cache.video, bins, width)
            self.droppedQuery = matrix(cache.query, tokens, width)
            self.weighted = matrix(cache.weighted, tokens, width)
            self.overQuery = matrix(cache.overQuery, bins, tokens)
            self.overVideo = matrix(cache.overVideo, tokens, bins)
            self.attended = matrix(cache.attended, bins, width)
            self.pooled = matrix(cache.pooled, tokens, width)
            self.both = matrix(cache.both, bins, width)
        }
    }
}
