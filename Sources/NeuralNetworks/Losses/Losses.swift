// SPDX-License-Identifier: Apache-2.0

import CKernels
import Glibc

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
    ///
    /// It is PyTorch's `BCELoss` on the Float32 `sigmoid`, as the official code has it, not the form that avoids
    /// saturation: beyond a logit of about 16.6 the sigmoid is 1, the loss of label 0 is 100 (its logarithms end at
    /// −100) and the gradient 0 (aten/src/ATen/native/Loss.cpp, `binary_cross_entropy` and its backward).
    public static func binaryCrossEntropy(
        logit: Float, label: Float, positiveWeight: Float
    ) -> (loss: Double, gradient: Float) {
        let weight = label == 0 ? 1 : positiveWeight * label
        let probability = Self.sigmoid(logit), slope = probability * (1 - probability)
        let positive = max(log(probability), -100), negative = max(log1p(-probability), -100)
        let loss = -Double(label) * Double(positive) - (1 - Double(label)) * Double(negative)
        return (Double(weight) * loss, weight * (probability - label) * (slope / max(slope, 1e-12)))
    }

    /// 1 / (1 + e^−x), in Float32 throughout: it is 1 where e^−x vanishes beside 1.
    public static func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }
}
