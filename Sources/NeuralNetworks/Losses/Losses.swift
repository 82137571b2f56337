// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import Glibc

/// Losses from logits, with their gradients.
public enum Losses {
    /// −log softmax(logits)[target] for one row of `count` logits, which become the gradient times `weight`.
    ///
    /// PyTorch's `CrossEntropyLoss` is the mean of it over a batch: `weight` = 1 / batch.
    public static func crossEntropy(
        _ logits: UnsafeMutablePointer<Float>, count: Int, target: Int, weight: Float
    ) -> Double {
        precondition(target >= 0 && target < count, "target \(target) of \(count)")
        let value = Double(logits[target])
        var highest = -Float.infinity
        for index in 0..<count { highest = max(highest, logits[index]) }
        var sum = 0.0
        for index in 0..<count { sum += exp(Double(logits[index] - highest)) }
        ck_softmax_rows(logits, count, nil, 1, count)
        logits[target] -= 1
        for index in 0..<count { logits[index] *= weight }
        return Double(highest) + log(sum) - value
    }

    /// The weighted binary cross-entropy of one logit and a label of 0 or 1: positives count `positiveWeight` times.
    /// The gradient at the logit is `gradient`.
    public static func binaryCrossEntropy(
        logit: Float, label: Float, positiveWeight: Float
    ) -> (loss: Double, gradient: Float) {
        let weight = label == 0 ? 1 : positiveWeight * label
        // log(1 + e^x) − y x, without overflow on either side.
        let loss = Double(max(logit, 0)) - Double(logit) * Double(label) + log1p(exp(-abs(Double(logit))))
        return (Double(weight) * loss, weight * (Self.sigmoid(logit) - label))
    }

    /// 1 / (1 + e^−x).
    public static func sigmoid(_ x: Float) -> Float { Float(1 / (1 + exp(-Double(x)))) }
}
