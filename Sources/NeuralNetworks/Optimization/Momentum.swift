// SPDX-License-Identifier: Apache-2.0

/// Stochastic gradient descent with momentum as `torch.optim.SGD` computes it: the decay is added to the gradient, and
/// acts on the parameters that the layout says.
///
/// velocity ← momentum · velocity + gradient + decay · weight, and weight ← weight − rate · velocity; after Nesterov,
/// weight ← weight − rate · (gradient + decay · weight + momentum · velocity).
public final class Momentum: Optimizer, Sendable {
    /// The settings.
    public struct Configuration: Hashable, Sendable, Codable {
        /// The share of the velocity that a step keeps.
        public var momentum: Float = 0.9
        /// The share of a weight that is added to its gradient.
        public var weightDecay: Float = 1e-4

        /// The usual settings.
        public init() {}
    }

    /// The settings.
    public let configuration: Configuration
    /// The sum of the gradients so far, the latest counting most: the state.
    public let velocity: FloatBuffer
    /// The velocity.
    public var state: [FloatBuffer] { [self.velocity] }
    /// The name of the velocity in a checkpoint.
    public static let stateNames = ["velocity"]
    private let ranges: [(range: Range<Int>, decays: Bool)]
    private let isNesterov: Bool

    /// Creates a fresh optimizer for the trained parameters of a layout.
    public init(
        _ layout: ParameterLayout, _ configuration: Configuration = Configuration(), isNesterov: Bool = false
    ) {
        self.configuration = configuration
        self.isNesterov = isNesterov
        self.velocity = FloatBuffer(count: layout.trainedCount)
        self.ranges = layout.decayRanges
    }

    /// Moves the parameters.
    /// - Parameters:
    ///   - gradients: as many as there are trained parameters.
    ///   - clip: what the gradients are multiplied by, from `GradientClipping`.
    ///   - step: the number of this update; it changes nothing.
    public func update(
        _ parameters: Parameters, gradients: FloatBuffer, clip: Float = 1, learningRate: Double, step: Int
    ) {
        precondition(gradients.count == self.velocity.count, "\(gradients.count) gradients")
        let momentum = self.configuration.momentum, rate = Float(learningRate)
        let weights = parameters.trained.start, velocity = self.velocity.start
        for (range, decays) in self.ranges {
            let decay = decays ? self.configuration.weightDecay : 0
            for index in range {
                let gradient = gradients.start[index] * clip + decay * weights[index]
                velocity[index] = momentum * velocity[index] + gradient
                weights[index] -= rate * (self.isNesterov ? gradient + momentum * velocity[index] : velocity[index])
            }
        }
    }

    /// A velocity may be any number.
    public static func problem(_ name: String, _ values: [Float]) -> String? { nil }
}
