// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// HoloAssist: people who do a task with a device on their head while an instructor talks with them.
///
/// The file is a list of `{"video_name", "taskType", "videoMetadata": {"duration": {"seconds"}, "video": {"fps"}},
/// "events": [{"start", "end", "attributes"}]}`. An event is what its attributes make it, whatever its label:
///
/// - `Action sentence`: a step;
/// - `Conversation Purpose` with `Transcription`: something said, by the user where the purpose begins with `student`,
///   else by the assistant; its time is the middle of its interval;
/// - `Action Correctness` with `Verb`, `Adjective` and `Noun`: a fine action, which is a mistake unless the value is
///   `Correct Action`;
/// - `Long form description`: the video's summary.
///
/// The lists `{train,val,test}-v1_2.txt` say which part of the data set a video is in.
public struct HoloAssistAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "holoassist"

    /// The path of the annotations.
    public let annotations: String
    private let context: VideoContext
    /// The part of each video; `nil` where no list was given.
    private let splits: [String: SourceSplit]?

    /// Reads the lists and the side files; `annotations` (`data-annotation-trainval-v1_1.json`) is opened by `read`.
    /// - Parameter splits: the lists of the videos of a part, one id a line, named for their part.
    public init(
        annotations: String, splits: [String] = [], options: SourceOptions = SourceOptions()
    ) throws(SourceError) {
        self.annotations = annotations
        self.context = try VideoContext(options)
        self.splits = splits.isEmpty ? nil : try Self.read(lists: splits)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        let pieces = VideoPieces(
            path: self.annotations, layout: JSONLayout(opening: [], taking: nil),
            expected: "data-annotation-trainval-v1_1.json, a list of videos")
        try pieces.read(progress: progress, self.item, body)
    }

    private func item(_ piece: VideoPieces.Piece, _ seen: inout Set<String>) throws(SourceFault) -> NarrationItem {
        let object = try ShallowObject(piece.bytes)
        let uid = try object.entry("video_name").uid("video_name")
        guard object.ranges["events"] != nil else {
            throw SourceFault(
                SourceReason.missingKey, "`events` is missing: is this a file of HoloAssist's annotations?")
        }
        try VideoPieces.check(uid: uid, isNewIn: &seen)
        var group = NarrationGroup(videoUID: uid, pass: 1, keepsOrder: true)
        var details = group.goal("taskType", of: object)
        details.sourceSplit = self.splits?[uid]?.rawValue
        if let splits = self.splits, splits[uid] == nil { group.count("in-no-list") }
        details.session = uid.firstIndex(of: "-").map { String(uid[..<$0]) }
        details.fps = Self.number(in: object, "videoMetadata", "video", "fps")
            .flatMap { VideoDetails.isRate($0) ? $0 : nil }
        let duration = VideoContext.duration(
            Self.number(in: object, "videoMetadata", "duration", "seconds"), &group)
        var events = HoloAssistEvents()
        try object.forEachElement(of: "events") { range in
            do throws(SourceFault) {
                try events.take(piece.bytes[range], into: &group)
            } catch {
                group.add(
                    error.problem(
                        at: piece.place(range.lowerBound), entry: "video \(uid), event \(events.count - 1)", key: uid,
                        raw: piece.bytes[range]))
            }
        }
        details.summary = group.fitting(events.summary, "summary", SourceLimits.goalBytesMax)
        events.add(to: &group) { fault, range in
            fault.problem(at: piece.place(0), entry: "video \(uid), \(range)", key: uid, raw: Bytes())
        }
        let video = Video(videoUID: uid, source: Self.name, durationSec: duration, details: details)
        return self.context.item(video, group, at: piece.place(0))
    }

    /// A number some objects deep; `nil` where there is none.
    private static func number(in object: ShallowObject, _ outer: String, _ inner: String, _ field: String) -> Double? {
        guard let range = object.ranges[outer], let first = try? ShallowObject(object.bytes[range]),
            let next = first.ranges[inner], let second = try? ShallowObject(first.bytes[next])
        else { return nil }
        return (try? second.entry(field).secondsIfAny(field)) ?? nil
    }

    // MARK: Lists

    /// The part of each video that the lists name.
    private static func read(lists: [String]) throws(SourceError) -> [String: SourceSplit] {
        var splits: [String: SourceSplit] = [:]
        for path in lists {
            guard let split = SourceSplit(path: path) else {
                throw SourceError(
                    file: path, "its name says no part of the data set: call it train-….txt, val-….txt or test-….txt")
            }
            var lines = LineReader(try FileReader.text(path: path))
            while try lines.next() {
                guard let line = String(validating: lines.bytes, as: UTF8.self),
                    line.utf8.count <= SourceLimits.uidBytesMax
                else {
                    throw SourceError(
                        file: path, line: lines.line, "is no video's id: give a list with one id a line")
                }
                let uid = String(line.trimming())
                if !uid.isEmpty, splits.updateValue(split, forKey: uid) ?? split != split {
                    throw SourceError(
                        file: path, line: lines.line, "\(uid) is in two lists: take it out of one of them")
                }
            }
        }
        return splits
    }
}

/// The command line of `millrace ingest holoassist`.
public struct HoloAssistArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "HoloAssist: steps, fine actions with mistakes, and what user and instructor say."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest holoassist --annotations data-annotation-trainval-v1_1.json \\
              --list train-v1_2.txt --list val-v1_2.txt --list test-v1_2.txt
        """

    @Option(help: ArgumentHelp("data-annotation-trainval-v1_1.json.", valueName: "file"))
    var annotations: String

    @Option(
        help: ArgumentHelp(
            "train-v1_2.txt, val-v1_2.txt or test-v1_2.txt: which videos are in that part; may be repeated.",
            valueName: "file"))
    var list: [String] = []

    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> HoloAssistAdapter {
        try HoloAssistAdapter(
            annotations: self.annotations, splits: self.list, options: try self.guards.options())
    }
}
