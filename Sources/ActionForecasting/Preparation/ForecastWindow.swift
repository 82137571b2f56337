// SPDX-License-Identifier: Apache-2.0

public import Training

/// A window of a clip's actions: some that are seen, and those that follow.
public struct ForecastWindow: Hashable, Sendable {
    /// A segment of a clip in which an action is done.
    public struct Segment: Hashable, Sendable {
        /// Its rank in the clip; ranks may have gaps.
        public var rank: Int
        /// Its start in seconds of the clip.
        public var start: Double
        /// Its end in seconds of the clip.
        public var end: Double
        /// The action; `nil` where it is not told, as in a test split.
        public var action: Action?

        /// Describes a segment.
        public init(rank: Int, start: Double, end: Double, action: Action?) {
            self.rank = rank
            self.start = start
            self.end = end
            self.action = action
        }
    }

    /// The challenge's name for it: the clip and the rank of the last segment that is seen, `UID_RANK`.
    public var key: String
    /// The id of the video.
    public var videoUID: String
    /// The id of the clip.
    public var clipUID: String
    /// The start of the clip in seconds of the video; `nil` where nobody says it.
    public var clipStart: Double?
    /// The segments that are seen, in time order.
    public var inputs: [Segment]
    /// The actions that follow; `nil` where they are not told.
    public var future: [Action]?
    /// The digest of the taxonomy that its labels are places in, where that is another than its reader's.
    public var taxonomy: String?

    /// Describes a window.
    public init(
        key: String, videoUID: String, clipUID: String, clipStart: Double?, inputs: [Segment], future: [Action]?
    ) {
        self.key = key
        self.videoUID = videoUID
        self.clipUID = clipUID
        self.clipStart = clipStart
        self.inputs = inputs
        self.future = future
    }
}

extension ForecastWindow: TrainingSample {
    /// The key.
    public var id: String { self.key }
}
