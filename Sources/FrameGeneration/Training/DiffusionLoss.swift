// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// The loss that a denoiser learns by: the mean square of what it misses of the noise.
enum DiffusionLoss {
    /// A latent at a time: the picture and noise, each by its factor.
    static func noisy(
        _ latent: [Float], noise: [Float], _ factors: (picture: Float, noise: Float)
    ) -> [Float] {
        zip(latent, noise).map { factors.picture * $0 + factors.noise * $1 }
    }

    /// The gradient of a sample's share of a batch's loss.
    /// - Returns: that share.
    static func differentiate(_ predicted: Matrix, noise: [Float], batch: Int, into gradient: Matrix) -> Double {
        let count = predicted.count, factor = Float(2 / (Double(count) * Double(batch)))
        var sum = 0.0
        for index in 0..<count {
            let difference = predicted.start[index] - noise[index]
            gradient.start[index] = factor * difference
            sum += Double(difference * difference)
        }
        return sum / (Double(count) * Double(batch))
    }
}
