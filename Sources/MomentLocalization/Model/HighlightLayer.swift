// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// A score between 0 and 1 for each bin, trained to be high within the moment, which then weighs the bins:
/// `HighLightLayer` and the gating after it (EGO4D/episodic-memory: NLQ/VSLNet/model/layers.py, VSLNet.py).
///
///     l = x w + b,  h = sigmoid(l, padding masked),  gated = h ∘ x
struct HighlightLayer: Sendable {
    private let linear: Linear
    private let width: Int

    /// The values that a forward pass keeps: l and h, (samples, Lv).
    struct Cache: Sendable {
        let logits: FloatSlot, scores: FloatSlot, gradients: FloatSlot
    }

    init(_ name: String, width: Int, in layout: inout ParameterLayout) {
        self.linear = Linear(convolution: "\(name).conv1d.conv1d", inputs: width, outputs: 1, in: &layout)
        self.width = width
    }

    func plan(_ plan: inout WorkspacePlan, shape: PassShape) -> Cache {
        let count = shape.samples * shape.video
        return Cache(logits: plan.floats(count), scores: plan.floats(count), gradients: plan.floats(count))
    }

    /// gated (samples · Lv, d) from x (the same shape).
    func forward(_ x: Matrix, into gated: Matrix, mask: PaddingMask, cache: Cache, _ pass: Pass) {
        let logits = pass[cache.logits], scores = pass[cache.scores]
        ck_row_dots(x.start, pass.value(self.linear.weight), 0, logits, x.rows, self.width)
        let bias = pass.value(self.linear.bias)[0]
        for row in 0..<x.rows {
            logits[row] += bias
            scores[row] = Losses.sigmoid(logits[row] + mask.bias[row])
        }
        ck_scale_rows(x.start, scores, gated.start, x.rows, self.width)
    }

    /// The highlight loss of the micro-batch: binary cross-entropy where a positive bin counts twice, summed and
    /// divided by `validBins`. Leaves its gradient, times `weight`, for `backward`.
    func loss(
        labels: (Int, Int) -> Float, mask: PaddingMask, validBins: Int, weight: Float, cache: Cache, _ pass: Pass
    ) -> Double {
        let logits = pass[cache.logits], gradients = pass[cache.gradients]
        var sum = 0.0
        for sample in 0..<pass.samples {
            for bin in 0..<mask.length {
                let index = sample * mask.length + bin
                gradients[index] = 0
                guard mask.isValid(sample, bin) else { continue }
                let (loss, gradient) = Losses.binaryCrossEntropy(
                    logit: logits[index], label: labels(sample, bin), positiveWeight: 2)
                sum += loss
                gradients[index] = gradient * weight / Float(validBins)
            }
        }
        return sum / Double(validBins)
    }

    /// dx (may be dgated) = the gradient at x from dgated and from the loss.
    func backward(x: Matrix, dgated: Matrix, dx: Matrix, cache: Cache, _ pass: Pass) {
        let scores = pass[cache.scores], gradients = pass[cache.gradients], dots = pass[cache.logits]
        ck_row_dots(x.start, dgated.start, self.width, dots, x.rows, self.width)
        ck_scale_rows(dgated.start, scores, dx.start, x.rows, self.width)
        let weight = pass.value(self.linear.weight), dweight = pass.gradient(self.linear.weight)
        var sum: Float = 0
        for row in 0..<x.rows {
            let gradient = gradients[row] + dots[row] * scores[row] * (1 - scores[row])
            sum += gradient
            ck_add_scaled(weight, gradient, dx.row(row), self.width)
            ck_add_scaled(x.row(row), gradient, dweight, self.width)
        }
        pass.gradient(self.linear.bias)[0] += sum
    }
}
