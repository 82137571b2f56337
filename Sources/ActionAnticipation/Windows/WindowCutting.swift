// SPDX-License-Identifier: Apache-2.0

/// The official rule by which windows are cut of a clip's segments (EGO4D/forecasting:
/// datasets/ptv_dataset_helper.py, `clip_forecasting_dataset`): every run of N inputs and Z futures, no padding.
public struct WindowCutting: Hashable, Sendable {
    /// The segments that are seen, N.
    public var inputs: Int
    /// The segments that follow, Z.
    public var futures: Int
    /// Tells whether the last window of a clip is among them. Until August 2023 the official code left it out; the
    /// challenge's evaluation stayed as it was.
    public var isInclusive: Bool

    /// The sizes that windows may have.
    public static let range = 1...256

    /// Describes a rule; by default that of the baselines' settings.
    public init(inputs: Int = 2, futures: Int = 20, isInclusive: Bool = true) {
        self.inputs = inputs
        self.futures = futures
        self.isInclusive = isInclusive
    }

    /// The first segments of the windows of a clip with so many segments.
    public func starts(segments: Int) -> Range<Int> {
        0..<max(0, segments - self.inputs - self.futures + (self.isInclusive ? 1 : 0))
    }

    /// A window's name in the challenge: the clip, and the rank of the last segment that is seen.
    public static func key(clipUID: String, rank: Int) -> String { "\(clipUID)_\(rank)" }

    /// The windows of a clip, in time order, as far as what follows is told of all of its segments or of none.
    /// - Parameter topology: the hash of the topology that cuts them.
    public func windows(of clip: ActionClip, _ segments: [ActionSegment], topology: String) -> [ActionWindow] {
        let starts = self.starts(segments: segments.count)
        return starts.map { start in
            let seen = Array(segments[start..<start + self.inputs])
            let following = Array(segments[start + self.inputs..<start + self.inputs + self.futures])
            return ActionWindow(
                key: Self.key(clipUID: clip.clipUID, rank: seen[self.inputs - 1].rank), clip: clip, inputs: seen,
                futures: following, isLast: start == starts.upperBound - 1, topology: topology)
        }
    }
}
