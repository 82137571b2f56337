// SPDX-License-Identifier: Apache-2.0

/// The equal bins that a clip is divided into: what the model predicts over.
///
/// The formulas and their order of rounding are those of EGO4D/episodic-memory,
/// `NLQ/VSLNet/utils/data_util.py::time_to_index` and `index_to_time`, which compute the edges in Float32.
public struct TargetGrid: Hashable, Sendable {
    /// The number of bins.
    public var bins: Int
    /// The length in seconds of what they divide.
    public var duration: Double

    /// Describes a grid.
    public init(bins: Int, duration: Double) {
        self.bins = bins
        self.duration = duration
    }

    /// The bins, first and last, whose span overlaps most with a window by intersection over union; the first such span
    /// where several do. A window without length overlaps with none, and gets (0, 0).
    public func indices(start: Double, end: Double) -> (start: Int, end: Int) {
        let starts = (0..<self.bins).map { Double(Float($0) / Float(self.bins) * Float(self.duration)) }
        let ends = (1...max(self.bins, 1)).map { Double(Float($0) / Float(self.bins) * Float(self.duration)) }
        var best = (start: 0, end: 0)
        var bestOverlap = 0.0
        // Spans that end before they start overlap with nothing, so that they never win.
        for first in 0..<self.bins where starts[first] < end {
            for last in first..<self.bins where ends[last] > start {
                let intersection = max(0, min(ends[last], end) - max(starts[first], start))
                let union = max(1e-12, max(ends[last], end) - min(starts[first], start))
                if intersection / union > bestOverlap {
                    bestOverlap = intersection / union
                    best = (first, last)
                }
            }
        }
        return best
    }

    /// The time in seconds at which the bin `start` starts and the bin `end` ends.
    public func times(start: Int, end: Int) -> (start: Float, end: Float) {
        (
            Float(start) * Float(self.duration) / Float(self.bins),
            Float(end + 1) * Float(self.duration) / Float(self.bins)
        )
    }

    /// The bins that the highlight layer is to mark: the target, wider by a tenth of its width on each side, rounded
    /// with halves to even. Targets of up to five bins stay as they are (EGO4D/episodic-memory,
    /// `NLQ/VSLNet/utils/data_loader.py::train_collate_fn`, which ignores `--extend`).
    public static func highlight(start: Int, end: Int, length: Int) -> ClosedRange<Int> {
        let margin = Int((0.1 * Double(end - start + 1)).rounded(.toNearestOrEven))
        guard margin > 0 else { return start...max(start, end) }
        return max(0, start - margin)...max(min(end + margin, length - 1), 0)
    }
}
