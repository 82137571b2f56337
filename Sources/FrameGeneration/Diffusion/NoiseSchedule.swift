// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The amount of noise at each time, and what is derived from it: the official "linear" schedule, whose betas are the
/// squares of evenly spaced numbers.
///
/// Betas and their products are Float64; tables are rounded to Float32, and what the official code derives from the
/// rounded tables is derived from them here.
public struct NoiseSchedule: Hashable, Sendable {
    /// The number of times.
    public let count: Int
    /// The share of noise that is added at each time.
    public let betas: [Double]
    /// The share of the picture's energy that is left after each time.
    public let products: [Double]
    /// The noise's deviation where the picture's is 1, after each time.
    public let sigmas: [Float]
    /// Their logarithms.
    public let logSigmas: [Float]

    /// The times that a schedule may have.
    public static let countRange = 2...1_000_000

    /// Creates a schedule.
    /// - Precondition: 0 < start < end < 1, and the count is in `countRange`.
    public init(start: Double = 0.00085, end: Double = 0.012, count: Int = 1000) {
        precondition(0 < start && start < end && end < 1 && Self.countRange.contains(count), "a schedule")
        let first = start.squareRoot(), last = end.squareRoot()
        let betas = (0..<count).map { index in
            let root = first + Double(index) * ((last - first) / Double(count - 1))
            return root * root
        }
        var product = 1.0
        let products = betas.map { beta in
            product *= 1 - beta
            return product
        }
        let sigmas = products.map { ((1 - Float($0)) / Float($0)).squareRoot() }
        self.count = count
        self.betas = betas
        self.products = products
        self.sigmas = sigmas
        self.logSigmas = sigmas.map { logf($0) }
    }

    /// The factors of a picture and of the noise in it at a time.
    public func factors(_ time: Int) -> (picture: Float, noise: Float) {
        (Float(self.products[time].squareRoot()), Float((1 - self.products[time]).squareRoot()))
    }

    /// The noise at a time that need not be whole, log-linear between whole ones.
    public func sigma(at time: Double) -> Double {
        let time = min(max(time, 0), Double(self.count - 1))
        let low = Int(time.rounded(.down)), high = Int(time.rounded(.up)), share = time - Double(low)
        return exp((1 - share) * Double(self.logSigmas[low]) + share * Double(self.logSigmas[high]))
    }

    /// The time at which the noise is `sigma`, not whole as a rule; the first or last where it is beyond them.
    public func time(at sigma: Double) -> Double {
        let logarithm = log(sigma)
        var low = 0, end = self.count
        while end - low > 1 {
            let middle = (low + end) / 2
            if Double(self.logSigmas[middle]) <= logarithm { low = middle } else { end = middle }
        }
        low = min(low, self.count - 2)
        let below = Double(self.logSigmas[low]), above = Double(self.logSigmas[low + 1])
        let share = min(max((below - logarithm) / (below - above), 0), 1)
        return (1 - share) * Double(low) + share * Double(low + 1)
    }

    /// The whole time whose noise is nearest to `sigma` by logarithm, the first of equal ones.
    public func wholeTime(at sigma: Double) -> Int {
        let logarithm = Float(log(sigma))
        var best = 0
        for (index, value) in self.logSigmas.enumerated()
        where abs(logarithm - value) < abs(logarithm - self.logSigmas[best]) {
            best = index
        }
        return best
    }

    /// The noise of `steps` steps from the last time to the first, evenly spaced in time, and 0 behind them.
    public func sigmas(steps: Int) -> [Float] {
        precondition(steps > 0, "\(steps) steps")
        let last = Double(self.count - 1)
        let times = (0..<steps).map { steps == 1 ? last : last - Double($0) * (last / Double(steps - 1)) }
        return times.map { Float(self.sigma(at: $0)) } + [0]
    }

    /// The decay of the moving average at an update, 1 for the first: young averages forget fast.
    public static func averageDecay(_ update: Int, most: Double = 0.9999) -> Double {
        min(most, (1 + Double(update)) / (10 + Double(update)))
    }
}

extension NoiseSchedule {
    /// The tables of the backward process, as the official code keeps them.
    public struct Tables: Sendable {
        /// The products before each time, 1 before the first.
        public let previous: [Float]
        /// The variance of what is left after a step back, and its logarithm, which is held above 1e-20.
        public let posteriorVariance: [Float], posteriorLogVariance: [Float]
        /// The factors of the picture and of the noisy picture in the mean of a step back.
        public let pictureFactor: [Float], noisyFactor: [Float]
        /// The weights of the variational bound.
        public let boundWeights: [Float]
    }

    /// The tables of the backward process.
    public var tables: Tables {
        let before = [1] + self.products.dropLast()
        let variance = self.betas.indices.map { self.betas[$0] * (1 - before[$0]) / (1 - self.products[$0]) }
        var weights = self.betas.indices.map { index -> Float in
            let beta = Float(self.betas[index]), rest = Float(1 - self.betas[index])
            return beta * beta / (2 * Float(variance[index]) * rest * (1 - Float(self.products[index])))
        }
        weights[0] = weights[1]
        return Tables(
            previous: before.map { Float($0) }, posteriorVariance: variance.map { Float($0) },
            posteriorLogVariance: variance.map { Float(log(max($0, 1e-20))) },
            pictureFactor: self.betas.indices.map {
                Float(self.betas[$0] * before[$0].squareRoot() / (1 - self.products[$0]))
            },
            noisyFactor: self.betas.indices.map {
                Float((1 - before[$0]) * (1 - self.betas[$0]).squareRoot() / (1 - self.products[$0]))
            }, boundWeights: weights)
    }
}
