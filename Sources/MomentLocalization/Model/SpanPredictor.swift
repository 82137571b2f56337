// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// Logits of start and end: `ConditionedPredictor` (EGO4D/episodic-memory: NLQ/VSLNet/model/layers.py).
///
/// transformer: s = E(x), e = E(s) with one encoder E, then a layer norm each.
/// recurrent: s = LSTM₁(x), e = LSTM₂(s), zero on padding.
/// Both: start = block₁([s; x]), end = block₂([e; x]).
struct SpanPredictor: Sendable {
    private enum Kind: Sendable {
        case transformer(encoder: FeatureEncoder, norms: [LayerNorm], sites: [FeatureEncoder.Sites])
        case recurrent([LSTM])
    }

    /// The values that a forward pass keeps: for start and for end, the states before and after the norm.
    struct Cache: Sendable {
        fileprivate let encoders: [FeatureEncoder.Cache]
        fileprivate let lstms: [LSTM.Cache]
        fileprivate let states: [FloatSlot], normals: [FloatSlot], statistics: [FloatSlot]
        fileprivate let blocks: [LogitBlock.Cache]
        fileprivate let dstate: FloatSlot

        /// The logits of start, then their gradients.
        var start: FloatSlot { self.blocks[0].logits }
        /// The logits of end, then their gradients.
        var end: FloatSlot { self.blocks[1].logits }
    }

    private let kind: Kind
    private let blocks: [LogitBlock]
    private let width: Int

    init(
        _ name: String, configuration: VSLNetConfiguration, in layout: inout ParameterLayout,
        sites: inout DropoutSites
    ) {
        let width = configuration.width
        self.width = width
        switch configuration.predictor {
        case .transformer:
            self.kind = .transformer(
                encoder: FeatureEncoder("\(name).encoder", configuration: configuration, in: &layout),
                norms: ["start", "end"].map { LayerNorm("\(name).\($0)_layer_norm", width: width, in: &layout) },
                sites: (0..<2).map { FeatureEncoder.Sites("\(name).encoder", call: $0, &sites) })
        case .recurrent:
            self.kind = .recurrent(
                ["start", "end"].map { LSTM("\(name).\($0)_encoder.lstm", inputs: width, width: width, in: &layout) })
        }
        self.blocks = ["start", "end"].map { LogitBlock("\(name).\($0)_block", width: width, in: &layout) }
    }

    /// The floats of kernel scratch for sequences of `length`.
    func scratchCount(length: Int) -> Int {
        guard case .transformer(let encoder, _, _) = self.kind else { return 0 }
        return encoder.scratchCount(length: length)
    }

    func plan(_ plan: inout WorkspacePlan, shape: PassShape) -> Cache {
        let rows = shape.samples * shape.video, count = rows * self.width
        var encoders: [FeatureEncoder.Cache] = [], lstms: [LSTM.Cache] = []
        switch self.kind {
        case .transformer(let encoder, _, _):
            encoders = (0..<2).map { _ in encoder.plan(&plan, samples: shape.samples, length: shape.video) }
        case .recurrent(let layers):
            lstms = layers.map { $0.plan(&plan, samples: shape.samples, length: shape.video) }
        }
        func pair(_ count: Int) -> [FloatSlot] { (0..<2).map { _ in plan.floats(count) } }
        return Cache(
            encoders: encoders, lstms: lstms, states: pair(count), normals: pair(count), statistics: pair(2 * rows),
            blocks: self.blocks.map { $0.plan(&plan, shape: shape) }, dstate: plan.floats(count))
    }

    /// Leaves the logits in the cache. x (samples · Lv, d).
    func forward(_ x: Matrix, mask: PaddingMask, cache: Cache, scratch: Scratch, _ pass: Pass) {
        func matrix(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: x.rows, columns: self.width) }
        for index in 0..<2 {
            let input = index == 0 ? x : matrix(cache.states[0]), state = matrix(cache.states[index])
            var normal = state
            switch self.kind {
            case .transformer(let encoder, let norms, let sites):
                encoder.forward(
                    input, into: state, mask: mask, sites: sites[index], cache: cache.encoders[index],
                    scratch: scratch, pass)
                normal = matrix(cache.normals[index])
                norms[index].forward(state, into: normal, statistics: pass[cache.statistics[index]], pass)
            case .recurrent(let layers):
                layers[index].forward(input, into: state, length: mask.length, cache: cache.lstms[index], pass)
                Self.clearPadding(state, mask)
            }
            self.blocks[index].forward(s: normal, x: x, mask: mask, cache: cache.blocks[index], pass)
        }
    }

    /// dx = the gradient at x, from the gradients that took the place of the logits.
    func backward(x: Matrix, dx: Matrix, mask: PaddingMask, cache: Cache, scratch: Scratch, _ pass: Pass) {
        func matrix(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: x.rows, columns: self.width) }
        dx.start.update(repeating: 0, count: dx.count)
        let dstate = matrix(cache.dstate)
        for index in [1, 0] {
            let state = matrix(cache.states[index]), dnormal = matrix(scratch.second)
            switch self.kind {
            case .transformer(let encoder, let norms, _):
                self.blocks[index].backward(
                    s: matrix(cache.normals[index]), x: x, ds: dnormal, dx: dx, dhidden: matrix(scratch.first),
                    cache: cache.blocks[index], pass)
                // The end's encoder has left its gradient at the start's state, which the norm's is added to.
                if index == 1 { dstate.start.update(repeating: 0, count: dx.count) }
                norms[index].backward(
                    x: state, statistics: pass[cache.statistics[index]], dy: dnormal, dx: dstate, pass)
                encoder.backward(dx: dstate, mask: mask, cache: cache.encoders[index], scratch: scratch, pass)
            case .recurrent(let layers):
                self.blocks[index].backward(
                    s: state, x: x, ds: dnormal, dx: dx, dhidden: matrix(scratch.first), cache: cache.blocks[index],
                    pass)
                if index == 0 { ck_add(dnormal.start, dstate.start, dnormal.start, dx.count) }
                Self.clearPadding(dnormal, mask)
                layers[index].backward(
                    x: index == 0 ? x : matrix(cache.states[0]), dy: dnormal, dx: dstate, length: mask.length,
                    cache: cache.lstms[index], pass)
            }
        }
        ck_add(dstate.start, dx.start, dx.start, dx.count)
    }

    private static func clearPadding(_ x: Matrix, _ mask: PaddingMask) {
        guard mask.isNeeded else { return }
        for row in 0..<x.rows where mask.bias[row] != 0 { x.row(row).update(repeating: 0, count: x.columns) }
    }
}
