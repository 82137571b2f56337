// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019), as `torch.optim.Adam` and `torch.optim.AdamW` compute
/// them. Decay acts on the parameters that the layout says.
public final class Adam: Optimizer, Sendable {
    /// The place at which weights decay.
    public enum Decay: String, Hashable, Sendable, Codable {
        /// Added to the gradient, and so in both means: Adam.
        case gradient
        /// Taken from the weights: AdamW.
        case weights
    }

    /// The settings.
    public struct Configuration: Hashable, Sendable, Codable {
        /// The decay of the mean of gradients: near 1, it forgets slowly.
        public var beta1: Float = 0.9
        /// The decay of the mean of squares, likewise.
        public var beta2: Float = 0.999
        /// Added to the root of the mean of squares.
        public var epsilon: Float = 1e-8
        /// The place at which weights decay.
        public var decay = Decay.gradient
        /// The share of a weight that is added to its gradient, or that a step of rate 1 takes away.
        public var weightDecay: Float = 0

        /// PyTorch's defaults of Adam.
        public init() {}

        /// PyTorch's defaults of AdamW.
        public static let adamW: Self = {
            var configuration = Self()
            configuration.decay = .weights
            configuration.weightDecay = 0.01
            return configuration
        }()
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
    public init(_ layout: ParameterLayout, _ configuration: Configuration) {
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
            (c.decay == .weights ? ck_adamw : ck_adam)(
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
    private static func power(_ base: Float, _ exponent: Int) -> Float {
        var result = 1.0, square = Double(base), rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return Float(result)
    }
}
