// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// The official head for the verb and the noun of one clip: `projections.0` and `projections.1`.
///
/// The official training takes the softmax twice: of the logits, and of the probabilities again, in the loss. Each
/// loss is then bounded below by ln(e + C − 1) − 1, and wrong answers hardly pull. Both ways are here.
struct RecognitionHead: Sendable {
    let tasks: [Linear]
    private let takesSoftmaxTwice: Bool

    struct Cache: Sendable {
        /// The logits of each task, then their gradients.
        let logits: [FloatSlot]
        fileprivate let probabilities: [FloatSlot]
    }

    init(
        _ prefix: String, inputs: Int, classes: [Int], takesSoftmaxTwice: Bool, in layout: inout ParameterLayout
    ) {
        var tasks: [Linear] = []
        for (index, count) in classes.enumerated() {
            tasks.append(Linear(["\(prefix)projections.\(index)"], inputs: inputs, outputs: count, in: &layout))
        }
        self.tasks = tasks
        self.takesSoftmaxTwice = takesSoftmaxTwice
    }

    func plan(_ plan: inout WorkspacePlan, samples: Int) -> Cache {
        Cache(
            logits: self.tasks.map { plan.floats(samples * $0.outputs) },
            probabilities: self.tasks.map { plan.floats(samples * $0.outputs) })
    }

    private func matrix(_ slots: [FloatSlot], _ task: Int, _ rows: Int, _ pass: Pass) -> Matrix {
        pass.matrix(slots[task], rows: rows, columns: self.tasks[task].outputs)
    }

    /// Leaves logits and probabilities in the cache, from features (samples, inputs).
    func forward(_ features: Matrix, cache: Cache, _ pass: Pass) {
        for (task, layer) in self.tasks.enumerated() {
            let logits = self.matrix(cache.logits, task, features.rows, pass)
            let probabilities = self.matrix(cache.probabilities, task, features.rows, pass)
            layer.forward(features, into: logits, pass)
            probabilities.start.update(from: logits.start, count: logits.count)
            MaskedSoftmax.forward(probabilities, bias: nil)
        }
    }

    /// The probabilities of a task (samples, classes).
    func probabilities(_ task: Int, rows: Int, cache: Cache, _ pass: Pass) -> Matrix {
        self.matrix(cache.probabilities, task, rows, pass)
    }

    /// The sum of both tasks' mean losses; their gradient takes the place of the logits.
    /// - Parameter labels: by task, one a sample.
    func loss(_ labels: [[Int]], cache: Cache, _ pass: Pass) -> Double {
        var loss = 0.0
        for (task, labels) in labels.enumerated() {
            let gradient = self.matrix(cache.logits, task, labels.count, pass)
            let probabilities = self.matrix(cache.probabilities, task, labels.count, pass)
            if self.takesSoftmaxTwice {
                gradient.start.update(from: probabilities.start, count: gradient.count)
            }
            for (row, label) in labels.enumerated() {
                loss +=
                    Losses.crossEntropy(
                        gradient.row(row), count: gradient.columns, target: label, weight: 1 / Float(labels.count))
                    / Double(labels.count)
            }
            if self.takesSoftmaxTwice {
                MaskedSoftmax.backward(y: probabilities, dy: gradient, dscores: gradient)
            }
        }
        return loss
    }

    /// dfeatures = the gradient at the features where it is wanted, after `loss`.
    func backward(_ features: Matrix, dfeatures: Matrix?, cache: Cache, _ pass: Pass) {
        for (task, layer) in self.tasks.enumerated() {
            let gradient = self.matrix(cache.logits, task, features.rows, pass)
            layer.addBiasGradient(dy: gradient, pass)
            layer.backward(x: features, dy: gradient, dx: dfeatures, accumulating: task > 0, pass)
        }
    }
}
