// SPDX-License-Identifier: Apache-2.0

/// The kind of sample world to write. The same options give the same bytes on any machine.
public struct SampleWorldOptions: Sendable, Equatable {
    /// Number of videos, each with one to three clips of 480 s. At least 1; from 4 on every split has a video.
    public var videos: Int
    /// Everything that differs between two worlds follows from this number. The vectors of verbs and nouns do not:
    /// they are the same in every world, so that a model trained in one may be tried in another.
    public var seed: UInt64
    /// Tells whether `features/<video_uid>.pt` is written, about 2 MB a video.
    public var features: Bool
    /// Human queries of every clip of an NLQ split, 1 to 240. The real data has 11.8.
    public var queriesPerClip: Int
    /// The same for the clips of the train split, if it is to be another number; nil: as in the others. Few of them
    /// beside many narrations is how the real data is.
    public var trainQueriesPerClip: Int?
    /// Mean number of events in a clip, 60 to 100; no clip has fewer than 60. From about 95 on events get a little
    /// shorter, so that they still fit into 480 s.
    public var eventsPerClip: Int
    /// Standard deviation of the white noise in each feature dimension, 0 to 10. The verb and the noun of an event
    /// have 0.3 each.
    public var featureNoise: Float
    /// Clips with action segments in the format of Ego4D's long-term anticipation, 0 for none; from 7 on every split
    /// has one.
    public var actionClips: Int
    /// Tells whether those clips are rendered, too, as tensors of bytes: 1.7 MB a clip.
    public var actionFrames: Bool
    /// Tells whether pairs of frames of those clips are written, too, as PNG: 7 KB a segment.
    public var actionPairs: Bool
    /// Tells whether a sample world that is already in the folder may be replaced. Other files are never removed.
    public var overwrite: Bool

    /// Options of a small world that is written in a few seconds.
    public init(
        videos: Int = 24, seed: UInt64 = 1, features: Bool = true, queriesPerClip: Int = 12, eventsPerClip: Int = 72,
        featureNoise: Float = 0.5, overwrite: Bool = false, trainQueriesPerClip: Int? = nil, actionClips: Int = 0,
        actionFrames: Bool = false, actionPairs: Bool = false
    ) {
        self.videos = videos
        self.seed = seed
        self.features = features
        self.queriesPerClip = queriesPerClip
        self.eventsPerClip = eventsPerClip
        self.featureNoise = featureNoise
        self.overwrite = overwrite
        self.trainQueriesPerClip = trainQueriesPerClip
        self.actionClips = actionClips
        self.actionFrames = actionFrames
        self.actionPairs = actionPairs
    }

    /// Queries of every clip of this split.
    func queriesPerClip(in split: NLQSplit) -> Int {
        split == .train ? self.trainQueriesPerClip ?? self.queriesPerClip : self.queriesPerClip
    }

    /// Throws `SampleWorldError` with the code `.badOption` for the first option that is out of its range.
    func validate() throws(SampleWorldError) {
        try self.require(self.videos, in: 1...10_000_000, name: "videos")
        try self.require(self.queriesPerClip, in: 1...240, name: "queriesPerClip")
        if let trainQueriesPerClip {
            try self.require(trainQueriesPerClip, in: 1...240, name: "trainQueriesPerClip")
        }
        try self.require(self.actionClips, in: 0...1_000_000, name: "actionClips")
        try self.require(self.eventsPerClip, in: Timeline.minimumEvents...100, name: "eventsPerClip")
        guard self.featureNoise >= 0, self.featureNoise <= 10 else {
            throw SampleWorldError(.badOption, "featureNoise is \(self.featureNoise), but must lie in 0...10")
        }
    }

    private func require(_ value: Int, in range: ClosedRange<Int>, name: String) throws(SampleWorldError) {
        guard range.contains(value) else {
            throw SampleWorldError(
                .badOption, "\(name) is \(value), but must lie in \(range.lowerBound)...\(range.upperBound)")
        }
    }
}

/// Number of human queries in each NLQ split.
public struct SampleWorldQueries: Sendable, Equatable {
    /// Queries in `nlq_train.json`.
    public var train = 0
    /// Queries in `nlq_val.json`.
    public var val = 0
    /// Queries in `nlq_test.json`, and as many in `nlq_test_unannotated.json`.
    public var test = 0
}

/// Counts of what was written.
public struct SampleWorldSummary: Sendable, Equatable {
    /// Videos in all.
    public var videos = 0
    /// Videos of the NLQ train, val and test splits; the rest is narrated only.
    public var trainVideos = 0
    /// See `trainVideos`.
    public var valVideos = 0
    /// See `trainVideos`.
    public var testVideos = 0
    /// Clips in the metadata.
    public var clips = 0
    /// Events inside clips.
    public var events = 0
    /// Narration entries of both passes, fillers and `#summary` lines included.
    public var narrations = 0
    /// Human queries.
    public var queries = SampleWorldQueries()
    /// Steps in `goalstep_train.json` and `goalstep_val.json`.
    public var steps = 0
    /// Sessions in `holoassist.json`.
    public var sessions = 0
    /// Fine actions in `holoassist.json` that are mistakes.
    public var mistakes = 0
    /// Clips with action segments.
    public var actionClips = 0
    /// Action segments in them.
    public var actions = 0
    /// Pairs of frames of them.
    public var actionPairs = 0
    /// Files of their features and frames.
    public var actionFiles = 0
    /// Distinct verb-noun pairs that the test split asks about.
    public var testPairs = 0
    /// Those of `testPairs` that no train query asks about.
    public var unseenTestPairs = 0
    /// Paths of the files written, relative to the folder, in the order in which they were begun. Feature files are
    /// only counted, in `featureFiles`, so that this list does not grow with the world.
    public var files: [String] = []
    /// Number of `features/<video_uid>.pt`.
    public var featureFiles = 0
    /// Bytes of all files together.
    public var bytes = 0
}

/// The reason why a sample world could not be written.
public struct SampleWorldError: Error, Sendable, CustomStringConvertible {
    /// The kind of error, which tells what to do about it.
    public enum Code: Sendable {
        /// An option is out of its range; the message names the range.
        case badOption
        /// The folder holds files and `overwrite` was not given.
        case notEmpty
        /// The folder holds files that are not a sample world; it is never overwritten.
        case notASampleWorld
        /// The operating system refused to create, write or remove a file.
        case inputOutput
    }

    /// The kind of error.
    public let code: Code
    /// A description of what is wrong, where, and what to do.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Equals `message`.
    public var description: String { self.message }
}
