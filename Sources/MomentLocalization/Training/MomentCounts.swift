// SPDX-License-Identifier: Apache-2.0

public import Training

/// A reason to pass over a sample.
public enum SkippedSample: String, CaseIterable, Sendable, Codable, CodingKeyRepresentable {
    /// It is no JSON object, or a field is missing.
    case malformed
    /// There are no features for its clip.
    case withoutFeatures = "without features"
    /// The features end more than two frames before the clip.
    case shortFeatures = "features end before the clip"
    /// Its window has no length.
    case emptyWindow = "empty window"
    /// Its window ends before it starts.
    case reversedWindow = "window ends before it starts"
    /// Its window lies outside its clip.
    case outsideClip = "window outside the clip"
    /// Its clip ends before it starts, or has no length.
    case noClip = "clip without length"
    /// It has no window.
    case withoutAnswer = "without an answer"
    /// Its text is missing, or white space.
    case blankQuery = "blank query"

    /// The option or the field of a topology's step that makes fewer samples meet this fate.
    public var knob: String {
        switch self {
        case .malformed: "`millrace shards verify` looks at the set, --shards names another"
        case .withoutFeatures: "--features, and `filter: { videos: { require-features: true } }` in the topology"
        case .shortFeatures: "--features and --layout: are they those of the whole clip?"
        case .emptyWindow: "`window: { minimum-seconds: … }` in the topology, or --targets official"
        case .reversedWindow, .outsideClip: "the annotations; `window` and `block` in the topology cut to the clip"
        case .noClip: "`millrace ingest … --metadata` or --clip-seconds"
        case .withoutAnswer: "--shards or --train: these are no training annotations"
        case .blankQuery: "`validate: { minimum-words: 1 }` in the topology"
        }
    }
}

/// Counts of samples: those passed over, and what the targets of the others look like.
public struct MomentCounts: SampleCounts {
    /// The samples passed over, by reason.
    public internal(set) var skipped: [SkippedSample: Int] = [:]
    /// The figures of the targets of the others.
    public internal(set) var statistics = TargetStatistics()

    /// Nothing counted.
    public init() {}

    /// Counts samples that are passed over.
    /// - Returns: `false`.
    @discardableResult mutating func skip(_ reason: SkippedSample, count: Int = 1) -> Bool {
        if count > 0 { self.skipped[reason, default: 0] += count }
        return false
    }

    /// Adds what was counted elsewhere.
    public mutating func add(_ other: MomentCounts) {
        self.skipped.merge(other.skipped, uniquingKeysWith: &+)
        self.statistics.add(other.statistics)
    }

    /// The samples passed over, in words.
    public var omissions: String { SkippedSample.words(self.skipped) }
}

extension MomentQuery: TrainingSample {}
