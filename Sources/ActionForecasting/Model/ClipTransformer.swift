// SPDX-License-Identifier: Apache-2.0

import CKernels
import Glibc
import NeuralNetworks

/// The official transformer over a window's clips: positions by sines, layers, a norm, of which the last position is
/// taken (`TransformerAggregator`).
struct ClipTransformer: Sendable {
    private let positions: Parameter
    private let layers: [TransformerLayer]
    private let norm: LayerNorm
    private let site: DropoutSite
    private let width: Int
    private let inputs: Int

    /// The clips that the table of positions has rows for.
    private static let positionsMax = 1000

    /// The passes of the two rates at which it drops.
    struct Passes {
        let positions: Pass
        let layers: Pass
    }

    struct Cache: Sendable {
        fileprivate let input: FloatSlot
        fileprivate let mask: ByteSlot
        fileprivate let layers: [TransformerLayer.Cache]
        fileprivate let scratch: TransformerLayer.Scratch
        fileprivate let gradient: FloatSlot, last: FloatSlot, statistics: FloatSlot, dlast: FloatSlot
    }

    init(
        _ name: String, _ description: ForecastDescription, _ sites: inout DropoutSites,
        in layout: inout ParameterLayout
    ) {
        self.width = description.width
        self.inputs = description.inputs
        self.site = sites.add("\(name).pos_encoder.dropout")
        // A buffer of the official model, whose file has it, too.
        self.positions = layout.add(
            "\(name).pos_encoder.pe", [Self.positionsMax, 1, description.width], .constant(0), isTrained: false)
        self.layers = (0..<description.layers).map { index in
            TransformerLayer(
                "\(name).encoder.layers.\(index)", width: description.width, heads: description.heads,
                hidden: description.feedForward, &sites, in: &layout)
        }
        self.norm = LayerNorm("\(name).encoder.norm", width: description.width, epsilon: 1e-5, in: &layout)
    }

    /// Fills the table of positions: sines in even columns, cosines in odd ones.
    func fillPositions(_ parameters: Parameters) {
        var table = [Float](repeating: 0, count: self.positions.count)
        for place in 0..<Self.positionsMax {
            for column in stride(from: 0, to: self.width, by: 2) {
                // In Float32, as the official code computes it.
                let rate = expf(Float(column) * -(logf(10000) / Float(self.width)))
                table[place * self.width + column] = sinf(Float(place) * rate)
                table[place * self.width + column + 1] = cosf(Float(place) * rate)
            }
        }
        parameters[self.positions] = table
    }

    func plan(_ plan: inout WorkspacePlan, samples: Int) -> Cache {
        let count = samples * self.inputs * self.width
        return Cache(
            input: plan.floats(count), mask: plan.bytes(count),
            layers: self.layers.map { $0.plan(&plan, samples: samples, length: self.inputs) },
            scratch: self.layers[0].scratch(&plan, samples: samples, length: self.inputs),
            gradient: plan.floats(count), last: plan.floats(samples * self.width),
            statistics: plan.floats(2 * samples), dlast: plan.floats(samples * self.width))
    }

    /// out (samples, width) from the clips (samples · inputs, width).
    func forward(_ clips: Matrix, into out: Matrix, cache: Cache, _ passes: Passes) {
        let pass = passes.positions
        let input = pass.matrix(cache.input, rows: clips.rows, columns: self.width)
        let table = pass.value(self.positions), count = self.inputs * self.width
        for sample in 0..<pass.samples {
            ck_add(clips.start + sample * count, table, input.start + sample * count, count)
        }
        if let mask = pass.drawMask(self.site, cache.mask, count: count) {
            ck_apply_mask(input.start, mask, pass.scale, input.start, input.count)
        }
        var x = input
        for (layer, kept) in zip(self.layers, cache.layers) {
            layer.forward(x, length: self.inputs, cache: kept, scratch: cache.scratch, passes.layers)
            x = pass.matrix(kept.output, rows: clips.rows, columns: self.width)
        }
        let last = pass.matrix(cache.last, rows: pass.samples, columns: self.width)
        for sample in 0..<pass.samples {
            last.row(sample).update(from: x.row((sample + 1) * self.inputs - 1), count: self.width)
        }
        self.norm.forward(last, into: out, statistics: pass[cache.statistics], pass)
    }

    /// dclips (samples · inputs, width) from dout (samples, width).
    func backward(dout: Matrix, dclips: Matrix, cache: Cache, _ passes: Passes) {
        let pass = passes.positions
        let last = pass.matrix(cache.last, rows: pass.samples, columns: self.width)
        let dlast = pass.matrix(cache.dlast, rows: pass.samples, columns: self.width)
        dlast.start.update(repeating: 0, count: dlast.count)
        self.norm.backward(
            x: last, statistics: pass[cache.statistics], dy: dout, dx: dlast, pass)
        let gradient = pass.matrix(cache.gradient, rows: dclips.rows, columns: self.width)
        gradient.start.update(repeating: 0, count: gradient.count)
        for sample in 0..<pass.samples {
            gradient.row((sample + 1) * self.inputs - 1).update(from: dlast.row(sample), count: self.width)
        }
        for index in self.layers.indices.reversed() {
            let slot = index == 0 ? cache.input : cache.layers[index - 1].output
            self.layers[index].backward(
                pass.matrix(slot, rows: dclips.rows, columns: self.width), dy: gradient, length: self.inputs,
                cache: cache.layers[index], scratch: cache.scratch, passes.layers)
        }
        if let mask = pass.mask(cache.mask) {
            ck_apply_mask(gradient.start, mask, pass.scale, dclips.start, dclips.count)
        } else {
            dclips.start.update(from: gradient.start, count: dclips.count)
        }
    }
}
