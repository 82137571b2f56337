// SPDX-License-Identifier: Apache-2.0

/// Leaves out a branch of a network for a whole sample at a time, and scales it up where it is kept (stochastic depth).
///
/// Like a dropout mask, the choice is a function of key, step, site and sample: nothing is stored.
public struct DropPath: Hashable, Sendable {
    /// The key of the random numbers.
    public var key: UInt64
    /// The step.
    public var step: UInt32

    /// Choices of a step under a key.
    public init(key: UInt64, step: UInt32) {
        self.key = key
        self.step = step
    }

    /// The factor of a branch: 0, or 1 / (1 - rate).
    /// - Parameters:
    ///   - rate: the share of samples for which it is left out, from 0 to below 1.
    ///   - site: the number of the branch.
    ///   - sample: the number of the sample in its batch.
    public func factor(rate: Double, site: UInt32, sample: UInt32) -> Float {
        precondition(rate >= 0 && rate < 1, "a rate of \(rate)")
        guard rate > 0 else { return 1 }
        // The fourth counter of dropout is the step as well; the first is kept apart from those of its masks.
        let word = Philox.block((.max, site, sample, self.step), key: self.key).0
        return Double(word) * 0x1p-32 < rate ? 0 : Float(1 / (1 - rate))
    }

    /// The rate of the `index`-th of `count` blocks: from 0 up to `rate` in equal steps.
    public static func rate(_ rate: Double, of index: Int, in count: Int) -> Double {
        count > 1 ? rate * Double(index) / Double(count - 1) : 0
    }
}
