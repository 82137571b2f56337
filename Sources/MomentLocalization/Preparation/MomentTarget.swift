// SPDX-License-Identifier: Apache-2.0

/// A rule by which answer windows become targets.
public enum TargetRule: String, CaseIterable, Sendable {
    /// Drops windows of a thirtieth of a second or less, and those of which no more than that lies in their clip;
    /// widens those that lie within one feature's slot to it.
    case fixed
    /// As the official preparation has it: a window within one feature's slot loses its length, and becomes the target
    /// (0, 0), the start of the clip.
    case official
}

/// An answer window on the clock of the features, in seconds from the clip's start.
public struct MomentWindow: Hashable, Sendable {
    /// The start.
    public var start: Double
    /// The end.
    public var end: Double
    /// Tells whether it was widened to a feature's slot.
    public var isWidened = false

    /// Windows of a frame or less, by which annotators left no answer: at most this many seconds.
    public static let emptyMax = 1.0 / 30

    /// Tells whether an answer window is one of those that the official code can remove from a split
    /// (EGO4D/episodic-memory, `NLQ/VSLNet/main.py`, `--remove_empty_queries_from`).
    public static func isEmpty(start: Double, end: Double) -> Bool { abs(end - start) <= Self.emptyMax }

    /// A reason not to train on a window.
    public enum Refusal: Hashable, Sendable {
        /// It is a thirtieth of a second long, or less.
        case empty
        /// It ends before it starts, or a time of it is no number.
        case reversed
        /// No more than a thirtieth of a second of it lies in its clip.
        case outside
    }

    /// Says why `TargetRule.fixed` drops a window, or nothing.
    /// - Parameter clipLength: the clip's length in seconds, as annotated.
    public static func refusal(start: Double, end: Double, clipLength: Double) -> Refusal? {
        if self.isEmpty(start: start, end: end) { return .empty }
        guard start < end else { return .reversed }
        return min(end, clipLength) - max(start, 0) > self.emptyMax ? nil : .outside
    }

    /// Puts an answer window on the clock of the features: start and end are cut to whole features, then to the clip
    /// (EGO4D/episodic-memory, `NLQ/VSLNet/utils/data_gen.py::process_data_tan`).
    /// - Parameters:
    ///   - start: seconds from the clip's start, as annotated.
    ///   - end: likewise.
    ///   - duration: the clip's length on the clock of the features.
    ///   - clipLength: the clip's length as annotated, of which the features' clock is up to a feature short; by
    ///     default `duration`.
    ///   - rule: what becomes of windows that lose their length.
    /// - Returns: `nil` where the rule drops the window.
    public init?(start: Double, end: Double, duration: Double, clipLength: Double? = nil, rule: TargetRule) {
        if rule == .fixed, Self.refusal(start: start, end: end, clipLength: clipLength ?? duration) != nil {
            return nil
        }
        let first = ClipSlice.index(start)
        let last = ClipSlice.index(end)
        self.start = max(0, Double(first) / ClipSlice.rate)
        self.end = min(Double(last) / ClipSlice.rate, duration)
        guard rule == .fixed, self.start >= self.end else { return }
        // The slot that the window lies in; at the clip's very end, the last one.
        let slots = max(ClipSlice.index(duration), 1)
        let slot = min(max(first, 0), slots - 1)
        self.start = Double(slot) / ClipSlice.rate
        self.end = Double(slot + 1) / ClipSlice.rate
        self.isWidened = true
    }
}

/// The answer that the model is trained to give.
public struct MomentTarget: Hashable, Sendable {
    /// The first bin.
    public var start: Int
    /// The last bin.
    public var end: Int
    /// The number of bins of the clip.
    public var bins: Int

    /// Describes a target.
    public init(start: Int, end: Int, bins: Int) {
        self.start = start
        self.end = end
        self.bins = bins
    }

    /// Puts a window on a grid.
    public init(_ window: MomentWindow, grid: TargetGrid) {
        let indices = grid.indices(start: window.start, end: window.end)
        self.init(start: indices.start, end: indices.end, bins: grid.bins)
    }

    /// The bins that the highlight layer is to mark.
    public var highlight: ClosedRange<Int> {
        TargetGrid.highlight(start: self.start, end: self.end, length: self.bins)
    }
}

extension ModelSample.Target {
    /// The target as the model takes it.
    public init(_ target: MomentTarget) {
        let marked = target.highlight
        self.init(
            start: target.start, end: target.end,
            highlight: (0..<target.bins).map { marked.contains($0) ? 1 : 0 })
    }
}
