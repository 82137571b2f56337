// SPDX-License-Identifier: Apache-2.0

/// The things of a sample that have a time, for those who draw it: marks in tracks, over a span, and windows that go
/// through all of them. Times are in seconds, all on one clock.
///
/// A task's explainer may describe one; of other samples the page draws the times that it finds in their fields.
public struct SampleTimeline: Hashable, Sendable {
    /// Something at a moment, or for a while.
    public struct Mark: Hashable, Sendable {
        /// The beginning.
        public var start: Double
        /// The end; `nil` for a moment.
        public var end: Double?
        /// The moment that it was said at, where that is not its beginning.
        public var moment: Double?
        /// The one who says or does it, where there are several.
        public var who: String?
        /// The words.
        public var text: String
        /// Tells whether it is among those that the sample is about.
        public var isMarked: Bool

        /// Describes a mark.
        public init(
            _ start: Double, _ end: Double? = nil, moment: Double? = nil, who: String? = nil, text: String,
            isMarked: Bool = false
        ) {
            self.start = start
            self.end = end
            self.moment = moment
            self.who = who
            self.text = text
            self.isMarked = isMarked
        }
    }

    /// Marks of one kind, by time.
    public struct Track: Hashable, Sendable {
        /// The kind in words.
        public var name: String
        /// The marks.
        public var marks: [Mark]

        /// Describes a track.
        public init(_ name: String, _ marks: [Mark]) {
            self.name = name
            self.marks = marks
        }
    }

    /// The name of what lasts from `start` to `end`: a clip, a video.
    public var name: String
    /// The beginning of the whole.
    public var start: Double
    /// The end of the whole.
    public var end: Double
    /// The windows that are asked for, or answered.
    public var windows: [Mark]
    /// The tracks.
    public var tracks: [Track]

    /// Describes a timeline.
    public init(_ name: String, _ start: Double, _ end: Double, windows: [Mark] = [], tracks: [Track] = []) {
        self.name = name
        self.start = start
        self.end = end
        self.windows = windows
        self.tracks = tracks
    }
}
