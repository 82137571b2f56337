// SPDX-License-Identifier: Apache-2.0

import CKernels

/// AdamW (Loshchilov & Hutter 2019) as `torch.optim.AdamW` computes it: decay is taken from the weights, not added to
/// the gradient, and acts on the parameters that the layout says.
public final class AdamW: Optimizer, Sendable {
    /// The settings.
    public struct Configuration: Hashable, Sendable, Codable {
        /// The decay of the mean of gradients: near 1, it forgets slowly.
        public var beta1: Float = 0.9
        /// The decay of the mean of squares, likewise.
        public var beta2: Float = 0.999
        /// Added to the root of the mean of squares.
        public var epsilon: Float = 1e-8
        /// The share of a weight that a step of rate 1 takes away.
        public var weightDecay: Float = 0.01

        /// PyTorch's defaults.
        public init() {}
    }

    /// The settings.
    public let configuration: Configuration
    /// The mean of the gradients: the first half of the state.
    public let firstMoment: FloatBuffer
    /// The mean of their squares: the second half.
    public let secondMoment: FloatBuffer
    /// The two means.
    public var state: [FloatBuffer] { [self.firstMoment, self.secondMoment] }
    /// The names of the moments in a checkpoint.
    public static let stateNames = ["first", "second"]
    private let ranges: [(range: Range<Int>, decays: Bool)]

    /// Creates a fresh optimizer for the trained parameters of a layout.
    public init(_ layout: ParameterLayout, _ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.firstMoment = FloatBuffer(count: layout.trainedCount)
        self.secondMoment = FloatBuffer(count: layout.trainedCount)
        self.ranges = layout.decayRanges
    }

    /// Moves the parameters.
    /// - Parameters:
    ///   - gradients: as many as there are trained parameters.
    ///   - clip: what the gradients are multiplied by, from `GradientClipping`.
    ///   - step: the number of this update, 1 for the first.
    public func update(
        _ parameters: Parameters, gradients: FloatBuffer, clip: Float = 1, learningRate: Double, step: Int
    ) {
        precondition(step > 0 && gradients.count == self.firstMoment.count, "step \(step)")
        let c = self.configuration
        let corrections = (1 - Self.power(c.beta1, step), 1 - Self.power(c.beta2, step))
        for (range, decays) in self.ranges {
            let first = range.lowerBound
            ck_adamw(
                parameters.trained.start + first, gradients.start + first, self.firstMoment.start + first,
                self.secondMoment.start + first, range.count, clip, Float(learningRate), c.beta1, c.beta2, c.epsilon,
                decays ? c.weightDecay : 0, corrections.0, corrections.1)
        }
    }

    /// A mean of squares is not below zero.
    public static func problem(_ name: String, _ values: [Float]) -> String? {
        name == "second" && values.contains { $0 < 0 }
            ? "the optimizer's second moments hold a number below zero" : nil
    }

    /// base^exponent by squaring, in Float64: the same on every machine.
    static func power(_ base: Float, _ exponent: Int) -> Float {
        var result = 1.0, square = Double(base), rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return Float(result)
    }
}

/// Clipping by the norm of all gradients together: `torch.nn.utils.clip_grad_norm_`.
public enum GradientClipping {
    /// The norm of all gradients, and what to multiply them by so that it is at most `normMax`.
    public static func measure(_ gradients: FloatBuffer, normMax: Float) -> (norm: Float, clip: Float) {
        let norm = Float(ck_sum_of_squares(gradients.start, gradients.count).squareRoot())
        return (norm, min(1, normMax / (norm + 1e-6)))
    }
}

/// The learning rate of each step: from 0 up over the warm-up, then down to 0 at the end, in straight lines
/// (huggingface/transformers: optimization.py, `get_linear_schedule_with_warmup`).
public struct LinearSchedule: Hashable, Sendable, Codable {
    /// The rate at the end of the warm-up.
    public var peak: Double
    /// The steps of the warm-up.
    public var warmupSteps: Int
    /// All steps.
    public var steps: Int

    /// Creates a schedule.
    public init(peak: Double, warmupSteps: Int = 0, steps: Int) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.steps = steps
    }

    /// The rate of a step, 0 for the first.
    public func rate(_ step: Int) -> Double {
        if step < self.warmupSteps { return self.peak * Double(step) / Double(max(1, self.warmupSteps)) }
        return self.peak * max(0, Double(self.steps - step) / Double(max(1, self.steps - self.warmupSteps)))
    }
}
