// SPDX-License-Identifier: Apache-2.0

public import TaskRooms

/// A clip with its segments, as an ingest writes it: whole, and once.
public struct ActionGroup: RecordGroup, Hashable {
    /// The clip.
    public var clip: ActionClip
    /// Its segments by rank; of equal ranks in the order of the file.
    public var segments: [ActionSegment]
    /// Counts of what is worth knowing: `repeated-action_idx`, `gapped-action_idx`.
    public var counts: [String: Int] = [:]
    /// The segments that could be read in part alone.
    public var problems: [SourceProblem] = []

    /// The words for clips and segments in reports.
    public static let words = GroupWords(groups: "clips", wholeGroups: "clips", records: "segments")

    /// Takes a clip with its segments.
    public init(_ clip: ActionClip, segments: [ActionSegment]) {
        self.clip = clip
        self.segments = segments
    }

    /// The clip's id and its split, since a clip of the test split comes again with labels.
    public var name: String { self.clip.clipUID + "/" + (self.clip.split ?? "lta") }
    /// The clip's id.
    public var key: String { self.clip.clipUID }
    /// The number of segments.
    public var count: Int { self.segments.count }

    /// The clip's record.
    public func first(revision: Int) -> ActionRecord {
        var clip = self.clip
        clip.revision = revision
        return .clip(clip)
    }

    /// The segments' records.
    public func forEach(_ body: (ActionRecord) -> Void) {
        for segment in self.segments { body(.segment(segment, clipUID: self.clip.clipUID)) }
    }

    /// The record that says that the clip is complete.
    public var end: ActionRecord { .end(clipUID: self.clip.clipUID, segments: self.segments.count) }
}
