// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// From a vector for each clip of a window to the logits of every step ahead: the official aggregators, and one linear
/// layer a step (`MultiHeadDecoder`), whose first outputs are the verbs' and whose others are the nouns'.
struct ForecastHead: Sendable {
    private let transformer: ClipTransformer?
    /// All steps' layers as one: their weights lie one after another.
    private let steps: Linear
    private let site: DropoutSite
    private let description: ForecastDescription

    /// The passes of the rates at which parts drop.
    struct Passes {
        let head: Pass
        let transformer: ClipTransformer.Passes
    }

    struct Cache: Sendable {
        /// One vector a window.
        let aggregated: FloatSlot
        /// The logits, and then their gradient: (samples, futures · classes).
        let logits: FloatSlot
        fileprivate let dropped: FloatSlot, gradient: FloatSlot
        fileprivate let mask: ByteSlot
        fileprivate let transformer: ClipTransformer.Cache?
    }

    init(_ description: ForecastDescription, _ sites: inout DropoutSites, in layout: inout ParameterLayout) {
        self.description = description
        self.transformer =
            description.aggregator == .transformer
            ? ClipTransformer("clip_aggregator", description, &sites, in: &layout) : nil
        self.site = sites.add("decoder.head.dropout")
        self.steps = Linear(
            (0..<description.futures).map { "decoder.head.projections.\($0)" }, inputs: description.aggregatedWidth,
            outputs: description.classes, in: &layout)
    }

    /// Fills what is computed and not drawn.
    func prepare(_ parameters: Parameters) { self.transformer?.fillPositions(parameters) }

    func plan(_ plan: inout WorkspacePlan, samples: Int) -> Cache {
        let count = samples * self.description.aggregatedWidth
        return Cache(
            aggregated: plan.floats(count), logits: plan.floats(samples * self.steps.outputs),
            dropped: plan.floats(count), gradient: plan.floats(count), mask: plan.bytes(count),
            transformer: self.transformer?.plan(&plan, samples: samples))
    }

    private func rows(_ slot: FloatSlot, _ pass: Pass) -> Matrix {
        pass.matrix(slot, rows: pass.samples, columns: self.description.aggregatedWidth)
    }

    /// The logits (samples, futures · classes).
    func logits(_ cache: Cache, _ pass: Pass) -> Matrix {
        pass.matrix(cache.logits, rows: pass.samples, columns: self.steps.outputs)
    }

    /// Leaves logits in the cache, from clips (samples · inputs, width).
    func forward(_ clips: Matrix, cache: Cache, _ passes: Passes) {
        let pass = passes.head, aggregated = self.rows(cache.aggregated, pass), width = self.description.width
        switch self.description.aggregator {
        case .concat: aggregated.start.update(from: clips.start, count: clips.count)
        case .mean:
            aggregated.start.update(repeating: 0, count: aggregated.count)
            for row in 0..<clips.rows {
                ck_add_scaled(
                    clips.row(row), 1 / Float(self.description.inputs), aggregated.row(row / self.description.inputs),
                    width)
            }
        case .transformer:
            if let kept = cache.transformer {
                self.transformer?.forward(clips, into: aggregated, cache: kept, passes.transformer)
            }
        }
        self.steps.forward(self.input(cache, pass), into: self.logits(cache, pass), pass)
    }

    /// The steps' input: the window's vector, with some of it dropped in training.
    private func input(_ cache: Cache, _ pass: Pass) -> Matrix {
        let aggregated = self.rows(cache.aggregated, pass)
        guard let mask = pass.drawMask(self.site, cache.mask, count: aggregated.columns) else { return aggregated }
        let dropped = self.rows(cache.dropped, pass)
        ck_apply_mask(aggregated.start, mask, pass.scale, dropped.start, dropped.count)
        return dropped
    }

    /// The loss of each step's verb and noun, summed over the micro-batch's windows and divided by the batch's; their
    /// gradient takes the place of the logits.
    /// - Parameter truth: (samples, futures), the micro-batch's.
    func loss(_ truth: ArraySlice<Action>, batch: Int, cache: Cache, _ pass: Pass) -> (verb: Double, noun: Double) {
        let logits = self.logits(cache, pass), classes = self.description.classes, verbs = self.description.verbs
        let weight = 1 / Float(batch)
        var loss = (verb: 0.0, noun: 0.0)
        for (index, action) in truth.enumerated() {
            let row = logits.start + index * classes
            loss.verb += Losses.crossEntropy(row, count: verbs, target: action.verb, weight: weight)
            loss.noun += Losses.crossEntropy(
                row + verbs, count: self.description.nouns, target: action.noun, weight: weight)
        }
        return (loss.verb / Double(batch), loss.noun / Double(batch))
    }

    /// dclips (samples · inputs, width) from the gradient that took the place of the logits.
    func backward(dclips: Matrix, cache: Cache, _ passes: Passes) {
        let pass = passes.head, dlogits = self.logits(cache, pass), gradient = self.rows(cache.gradient, pass)
        let mask = pass.mask(cache.mask)
        let input = self.rows(mask == nil ? cache.aggregated : cache.dropped, pass)
        self.steps.addBiasGradient(dy: dlogits, pass)
        self.steps.backward(x: input, dy: dlogits, dx: gradient, pass)
        if let mask { ck_apply_mask(gradient.start, mask, pass.scale, gradient.start, gradient.count) }
        switch self.description.aggregator {
        case .concat: dclips.start.update(from: gradient.start, count: dclips.count)
        case .mean:
            dclips.start.update(repeating: 0, count: dclips.count)
            for row in 0..<dclips.rows {
                ck_add_scaled(
                    gradient.row(row / self.description.inputs), 1 / Float(self.description.inputs), dclips.row(row),
                    self.description.width)
            }
        case .transformer:
            if let kept = cache.transformer {
                self.transformer?.backward(dout: gradient, dclips: dclips, cache: kept, passes.transformer)
            }
        }
    }
}
