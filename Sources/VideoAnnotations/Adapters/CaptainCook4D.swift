// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// CaptainCook4D: the timed steps of cooking recordings.
///
/// The file is `{"1_7": {"recording_id": "1_7", "activity_name", "steps": [{"start_time", "end_time", "description",
/// "has_errors", …}]}}`: the activity is the goal, and a step with errors a mistake. A start of −1 marks a step that
/// was not performed; it is skipped and counted.
public struct CaptainCook4DAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "captaincook4d"

    /// The path of the annotations.
    public let annotations: String
    private let context: VideoContext

    private static let fields = NarrationFieldNames(
        time: "start_time", text: "description", start: "start_time", end: "end_time")

    /// Reads the side files; `annotations` (`complete_step_annotations.json`) is opened by `read`.
    public init(annotations: String, options: SourceOptions = SourceOptions()) throws(SourceError) {
        self.annotations = annotations
        self.context = try VideoContext(options)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        let pieces = VideoPieces(
            path: self.annotations, layout: JSONLayout(opening: [], taking: nil),
            expected: "complete_step_annotations.json with the recordings' ids as keys")
        try pieces.read(progress: progress, self.item, body)
    }

    private func item(_ piece: VideoPieces.Piece, _ seen: inout Set<String>) throws(SourceFault) -> NarrationItem {
        let object = try ShallowObject(piece.bytes)
        let entry = try object.entry("recording_id")
        guard let uid = try entry.textIfAny("recording_id") ?? piece.key else {
            throw SourceFault(SourceReason.missingKey, "`recording_id` is missing: give the recording's id")
        }
        try SourceFault.check(uid: uid, field: "recording_id")
        guard object.ranges["steps"] != nil else {
            throw SourceFault(SourceReason.missingKey, "`steps` is missing: is this complete_step_annotations.json?")
        }
        try VideoPieces.check(uid: uid, isNewIn: &seen)
        var group = NarrationGroup(videoUID: uid, pass: 1)
        let details = group.goal("activity_name", of: object)
        var number = 0
        try object.forEachElement(of: "steps") { range in
            do throws(SourceFault) {
                let step = try ShallowObject(piece.bytes[range])
                try Self.step(step, into: &group)
            } catch {
                group.add(
                    error.problem(
                        at: piece.place(range.lowerBound), entry: "recording \(uid), step \(number)", key: uid,
                        raw: piece.bytes[range]))
            }
            number += 1
        }
        return self.context.item(Video(videoUID: uid, source: Self.name, details: details), group, at: piece.place(0))
    }

    private static func step(_ step: ShallowObject, into group: inout NarrationGroup) throws(SourceFault) {
        let entry = try step.entry("start_time", "end_time", "description")
        let start = try entry.seconds("start_time")
        if start == -1 {
            group.count("not-performed")
            return
        }
        guard let text = try entry.textIfAny("description"), !text.trimming().isEmpty else {
            group.count("without-text")
            return
        }
        let interval = Interval(start, try entry.seconds("end_time"))
        let details = NarrationDetails(mistake: group.flag("has_errors", of: try? step.entry("has_errors")))
        try group.add(seconds: nil, text: text, annotated: interval, details: details, fields: Self.fields)
    }
}

/// The command line of `millrace ingest captaincook4d`.
public struct CaptainCook4DArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "CaptainCook4D: recipe steps with their intervals."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest captaincook4d --annotations complete_step_annotations.json
        """

    @Option(help: ArgumentHelp("complete_step_annotations.json.", valueName: "file"))
    var annotations: String

    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> CaptainCook4DAdapter {
        try CaptainCook4DAdapter(annotations: self.annotations, options: try self.guards.options())
    }
}
