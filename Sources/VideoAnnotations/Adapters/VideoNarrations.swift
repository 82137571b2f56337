// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import TaskRooms

/// An item that an adapter of narrations hands out.
public typealias NarrationItem = SourceItem<VideoNarrations>

/// A video and pass with all its narrations: one transaction.
public struct VideoNarrations: Hashable, Sendable {
    /// Facts about the video, which come before its narrations.
    public var video: Video
    /// Its narrations, sorted by time with ties in the order of the file, numbered from 0.
    public var narrations: [Narration]
    /// The narrations of this video and pass that could not be read.
    public var problems: [SourceProblem]
    /// Counts of what was left out or is worth knowing, by reason: `summaries`, `not-performed`.
    public var counts: [String: Int]
    /// The entries of exclusion lists that name the video.
    public var listed: [SourceList.Entry]

    /// Creates a group.
    public init(
        video: Video, narrations: [Narration], problems: [SourceProblem] = [], counts: [String: Int] = [:],
        listed: [SourceList.Entry] = []
    ) {
        self.video = video
        self.narrations = narrations
        self.problems = problems
        self.counts = counts
        self.listed = listed
    }
}

extension VideoNarrations: RecordGroup {
    /// The words for videos and narrations in reports.
    public static var words: GroupWords {
        GroupWords(groups: "videos", wholeGroups: "videos and passes", records: "narrations")
    }

    /// `VIDEO/PASS`
    public var name: String { "\(self.video.videoUID)/\(self.video.pass)" }
    /// The id of the video, by which its records stay in one partition.
    public var key: String { self.video.videoUID }
    /// The splits that the video is in, for runs that judge videos by what the ledger says.
    public var note: Bytes { NewestVideos.note(of: self.video) }
    /// The number of narrations.
    public var count: Int { self.narrations.count }

    /// The same without details, which earlier versions of the program did not write; `nil` where it has none.
    public var withoutDetails: VideoNarrations? {
        if self.video.isPlain, self.narrations.allSatisfy(\.isPlain) { return nil }
        var plain = self
        plain.video.details = VideoDetails()
        plain.narrations = self.narrations.map(\.plain)
        return plain
    }

    /// The `video` record.
    public func first(revision: Int) -> NarrationEvent {
        var video = self.video
        video.revision = revision
        return .video(video)
    }

    /// Calls a function with each `narration` record.
    public func forEach(_ body: (NarrationEvent) -> Void) {
        for narration in self.narrations { body(.narration(narration)) }
    }

    /// The `end` record.
    public var end: NarrationEvent {
        .end(EndOfVideo(videoUID: self.video.videoUID, pass: self.video.pass, narrations: self.narrations.count))
    }
}

extension SourceAdapter where Group == VideoNarrations {
    /// `narrations`
    public static var topic: String { "narrations" }

    /// Warnings about videos that no list guards.
    public static func warnings(about counts: [String: Int]) -> [String] {
        guard let groups = counts[SourceCount.unknownMembers] else { return [] }
        return [
            "\(groups) groups of joined videos, and which videos they hold is not known, so no list guards them: give --groups "
                + "goalstep_video_groups.tsv; without it they are refused when they are run, or pass with --allow-unguarded"
        ]
    }
}
