// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// Narrations name a moment, not a span: their targets are widened and shifted at random each time they are drawn
/// (srama2512/NaQ, `VSLNet/utils/data_loader.py::expand_narration_window`).
public enum TemporalJitter {
    /// A target of width w around centre c becomes one of width w·s around c + t, where s is uniform in 1 to `scale`
    /// and t in ±(w·s − w)/2; the ends are rounded, halves to even, and cut to the clip. All in bins.
    /// - Parameter random: numbers from 0 to below 1.
    static func apply(_ target: MomentTarget, scale: Double, random: (Double, Double)) -> MomentTarget {
        let width = Double(target.end - target.start + 1)
        let centre = Double(target.start + target.end) / 2
        let wide = width * (1 + random.0 * (scale - 1))
        let shifted = centre + (random.1 - 0.5) * (wide - width)
        let start = max(Int((shifted - wide / 2).rounded(.toNearestOrEven)), 0)
        let end = min(Int((shifted + wide / 2).rounded(.toNearestOrEven)), target.bins - 1)
        return MomentTarget(
            start: min(start, target.bins - 1), end: max(end, min(start, target.bins - 1)), bins: target.bins)
    }

    /// The jitter of one draw of a run.
    static func apply(_ target: MomentTarget, scale: Double, seed: UInt64, step: Int, slot: Int) -> MomentTarget {
        guard scale > 1 else { return target }
        let block = Philox.block(
            (UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: slot), 0, 0x6a69_7474), key: seed)
        return self.apply(target, scale: scale, random: (Double(block.0) * 0x1p-32, Double(block.1) * 0x1p-32))
    }
}
