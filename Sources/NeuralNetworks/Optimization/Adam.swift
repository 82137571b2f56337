// SPDX-License-Identifier: Apache-2.0

import CKernels
import Glibc

/// Adam (Kingma & Ba 2015) as `torch.optim.Adam` computes it: decay is added to the gradient, and so goes into both
/// means, unlike that of `AdamW`.
public final class Adam: Optimizer, Sendable {
    /// The settings.
    public struct Configuration: Hashable, Sendable, Codable {
        /// The decay of the mean of gradients: near 1, it forgets slowly.
        public var beta1: Float = 0.9
        /// The decay of the mean of squares, likewise.
        public var beta2: Float = 0.999
        /// Added to the root of the mean of squares.
        public var epsilon: Float = 1e-8
        /// The share of a weight that is added to its gradient.
        public var weightDecay: Float = 0

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
        let corrections = (1 - AdamW.power(c.beta1, step), 1 - AdamW.power(c.beta2, step))
        for (range, decays) in self.ranges {
            let first = range.lowerBound
            ck_adam(
                parameters.trained.start + first, gradients.start + first, self.firstMoment.start + first,
                self.secondMoment.start + first, range.count, clip, Float(learningRate), c.beta1, c.beta2, c.epsilon,
                decays ? c.weightDecay : 0, corrections.0, corrections.1)
        }
    }

    /// A mean of squares is not below zero.
    public static func problem(_ name: String, _ values: [Float]) -> String? { AdamW.problem(name, values) }
}

/// The learning rate of each step: from 0 up in a straight line over the warm-up, then down to 0 along half a cosine
/// (EGO4D/forecasting: optimizers/lr_scheduler.py, `WarmupCosineSchedule`).
public struct CosineSchedule: Hashable, Sendable, Codable {
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
        let share = Double(step - self.warmupSteps) / Double(max(1, self.steps - self.warmupSteps))
        return self.peak * max(0, (1 + cos(.pi * share)) / 2)
    }
}
