// SPDX-License-Identifier: Apache-2.0

public import Codecs
internal import Records
public import Training

/// Why samples are passed over.
public enum SkippedSample: String, CaseIterable, Sendable {
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
}

/// Reads the samples of the schema `nlq` for training.
public struct MomentReader: SampleReading {
    /// The samples passed over, by reason.
    public var skipped: [SkippedSample: Int] { self.selection.skipped }
    /// What the targets look like.
    public var statistics: TargetStatistics { self.selection.statistics }

    private var selection: SampleSelection
    private var names: [String: String] = [:]

    /// Describes a reader that passes over what has no features, or no target by the rule.
    public init(features: FeatureStore, rule: TargetRule) {
        self.selection = SampleSelection(features: features, rule: rule)
    }

    /// A line's query; `nil` where it is passed over.
    /// - Throws: `TensorFileError` where features are damaged.
    public mutating func sample(_ line: Bytes) throws -> MomentQuery? {
        guard var query = try? MomentQuery(sample: line) else {
            self.selection.skip(.malformed)
            return nil
        }
        query.videoUID = self.shared(query.videoUID)
        query.clipUID = self.shared(query.clipUID)
        query.template = query.template.map { self.shared($0) }
        return try self.selection.take(query) ? query : nil
    }

    /// The samples passed over, in words.
    public var omissions: String { SkippedSample.words(self.skipped) }

    /// One copy of a name that many samples have.
    private mutating func shared(_ name: String) -> String {
        if let known = self.names[name] { return known }
        self.names[name] = name
        return name
    }
}

extension MomentQuery: TrainingSample {}
