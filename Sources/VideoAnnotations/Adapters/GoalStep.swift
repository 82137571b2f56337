// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// Ego4D Goal-Step: steps and substeps of procedural videos, each with an interval, a description and its relevance to
/// the video's goal.
///
/// The file is `{"videos": [{"video_uid", "start_time", "end_time", "goal_category", "goal_description", "segments":
/// [{"start_time", "end_time", "step_description", "is_relevant", "segments": […]}]}]}`. All times are seconds of the
/// video, also where `start_time` of the video is not 0: it says where the annotated part begins and shifts nothing. A
/// video is taken to last until `end_time`. Segments keep their order in the file where it is not that of their times.
/// The part of the data set is that of the file's name (`SourceSplit`).
///
/// A `video_uid` of `grp-UID` is several videos joined to one, on whose time the annotations run;
/// `SourceOptions.groups` says which.
public struct GoalStepAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "goalstep"

    /// The path of the annotations.
    public let annotations: String
    private let context: VideoContext
    private let split: SourceSplit?

    private static let fields = NarrationFieldNames(
        time: "start_time", text: "step_description", start: "start_time", end: "end_time")

    /// Reads the side files; `annotations` (`goalstep_train.json`) is opened by `read`.
    /// - Parameter split: the part of the data set; `nil` for that of the file's name.
    public init(
        annotations: String, split: SourceSplit? = nil, options: SourceOptions = SourceOptions()
    ) throws(SourceError) {
        self.annotations = annotations
        self.split = split ?? SourceSplit(path: annotations)
        self.context = try VideoContext(options)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        let pieces = VideoPieces(
            path: self.annotations, layout: JSONLayout(opening: ["videos"], taking: []),
            expected: "a goalstep_*.json with `videos` at its top")
        try pieces.read(progress: progress, self.item, body)
    }

    private func item(_ piece: VideoPieces.Piece, _ seen: inout Set<String>) throws(SourceFault) -> NarrationItem {
        let object = try ShallowObject(piece.bytes)
        let uid = try object.entry("video_uid").uid("video_uid")
        try VideoPieces.check(uid: uid, isNewIn: &seen)
        var group = NarrationGroup(videoUID: uid, pass: 1, keepsOrder: true)
        var details = group.goal("goal_description", "goal_category", of: object)
        details.sourceSplit = self.split?.rawValue
        let start = try? object.entry("start_time").secondsIfAny("start_time")
        details.annotatedStartSec = start.flatMap { $0 > 0 && $0 <= SourceLimits.secondsMax ? $0 : nil }
        try self.segments(of: object, label: "step", in: piece, into: &group)
        let end = try? object.entry("end_time").secondsIfAny("end_time")
        let duration = VideoContext.duration(end, &group)
        let video = Video(videoUID: uid, source: Self.name, durationSec: duration, details: details)
        return self.context.item(video, group, at: piece.place(0))
    }

    /// The greatest depth of segments in segments; the data set has steps and substeps. Each level is looked through
    /// once for every one above it.
    static let depthMax = 16

    /// Reads the segments of a video or of a segment, each before its own.
    ///
    /// - Parameters:
    ///   - label: how messages call the segments: `step`, `step 3, substep`.
    ///   - parent: the number of the segment that they are in; `nil` for steps, and where it is no narration.
    private func segments(
        of object: ShallowObject, label: String, depth: Int = 1, parent: Int? = nil, in piece: VideoPieces.Piece,
        into group: inout NarrationGroup
    ) throws(SourceFault) {
        var number = 0
        try object.forEachElement(of: "segments") { range in
            let name = "\(label) \(number)"
            number += 1
            guard depth <= Self.depthMax else { return }
            let bytes = UnsafeBufferPointer(rebasing: object.bytes[range])
            do throws(SourceFault) {
                let segment = try ShallowObject(bytes)
                // The segment's own fault must not hide the segments in it.
                let details = NarrationDetails(level: depth == 1 ? .step : .substep, parent: parent)
                let number = self.segment(segment, details, name, in: piece, into: &group)
                try self.segments(
                    of: segment, label: "\(name), substep", depth: depth + 1, parent: number, in: piece, into: &group)
            } catch { group.add(Self.problem(error, name, bytes, in: piece, key: group.videoUID)) }
        }
        if number > 0, depth > Self.depthMax {
            throw SourceFault(
                SourceReason.tooDeep,
                "`segments` lie more than \(Self.depthMax) deep in each other: none of the deeper ones is read; is a "
                    + "bracket missing?")
        }
    }

    /// Takes a segment as a narration.
    /// - Returns: the number by which its substeps name it; `nil` where it is none.
    private func segment(
        _ segment: ShallowObject, _ details: NarrationDetails, _ name: String, in piece: VideoPieces.Piece,
        into group: inout NarrationGroup
    ) -> Int? {
        do throws(SourceFault) {
            let entry = try segment.entry("step_description", "start_time", "end_time")
            guard let text = try entry.textIfAny("step_description"), !text.trimming().isEmpty else {
                group.count("without-text")
                return nil
            }
            let interval = try Interval(entry.seconds("start_time"), entry.seconds("end_time"))
            var details = details
            details.relevance = group.detail("is_relevant", of: try? segment.entry("is_relevant"))
            try group.add(seconds: nil, text: text, annotated: interval, details: details, fields: Self.fields)
            return group.nameLast()
        } catch {
            group.add(Self.problem(error, name, segment.bytes, in: piece, key: group.videoUID))
            return nil
        }
    }

    /// A problem with a part of a piece, whose memory `bytes` points into.
    private static func problem(
        _ fault: SourceFault, _ name: String, _ bytes: UnsafeBufferPointer<UInt8>, in piece: VideoPieces.Piece,
        key: String
    ) -> SourceProblem {
        fault.problem(at: piece.place(of: bytes), entry: "video \(key), \(name)", key: key, raw: bytes)
    }
}

/// The command line of `millrace ingest goalstep`.
public struct GoalStepArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "Ego4D Goal-Step: steps and substeps with their intervals."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest goalstep --annotations goalstep_train.json \\
              --groups goalstep_video_groups.tsv \\
              --exclude nlq_val.json --exclude nlq_test_unannotated.json
        """

    @Option(help: ArgumentHelp("goalstep_train.json or goalstep_valid.json.", valueName: "file"))
    var annotations: String

    @OptionGroup var part: SplitArguments
    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> GoalStepAdapter {
        try GoalStepAdapter(
            annotations: self.annotations, split: self.part.split, options: try self.guards.options())
    }
}
