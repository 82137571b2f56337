// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// EPIC-KITCHENS-100: narrations with their own time and the interval of the action.
///
/// The annotations are `EPIC_100_{train,validation}.csv` (`video_id`, `narration_timestamp`, `start_timestamp`,
/// `stop_timestamp`, `narration`), the lengths of the videos `EPIC_100_video_info.csv` (`video_id`, `duration`, `fps`).
/// Rows keep their order where it is not that of their times. The part of the data set is that of the file's name
/// (`SourceSplit`). A few rows have no `narration_timestamp`: the middle of their interval stands in for it, counted.
/// Rows of a video need not be adjacent, so all rows are in memory; the largest file has 67,000.
public struct EpicKitchensAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "epic-kitchens"

    /// The path of the annotations.
    public let annotations: String
    private let context: VideoContext
    private let split: SourceSplit?
    /// The length of each video; `nil` where no such file was given.
    private let recordings: [String: Recording]?

    /// A row of the table of videos.
    private struct Recording {
        var durationSec: Double
        var fps: Double?
    }

    private static let fields = NarrationFieldNames(
        time: "narration_timestamp", text: "narration", start: "start_timestamp", end: "stop_timestamp")

    /// Reads the lengths of the videos and the side files; `annotations` is opened by `read`.
    /// - Parameter split: the part of the data set; `nil` for that of the file's name.
    public init(
        annotations: String, videos: String? = nil, split: SourceSplit? = nil,
        options: SourceOptions = SourceOptions()
    ) throws(SourceError) {
        self.annotations = annotations
        self.split = split ?? SourceSplit(path: annotations)
        self.context = try VideoContext(options)
        if let videos {
            self.recordings = try Self.recordings(path: videos)
        } else {
            self.recordings = nil
        }
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        var table = try DelimitedText(
            path: self.annotations, delimiter: UInt8(ascii: ","),
            requiring: ["video_id", "start_timestamp", "stop_timestamp", "narration"], progress: progress)
        let columns = Columns(table)
        var videos = GatheredVideos()
        while try table.next() {
            var uid: String?
            do throws(SourceFault) {
                let video = try Self.uid(table, columns.video)
                uid = video
                try Self.row(table, columns, into: &videos.groups[videos.index(of: video, at: table.place)])
            } catch {
                if let problem = videos.take(table.problem(error, key: uid), of: uid) { try body(.problem(problem)) }
            }
        }
        for (group, place) in zip(videos.groups, videos.places) { try body(self.item(group, at: place)) }
    }

    private func item(_ group: NarrationGroup, at place: SourcePlace) -> NarrationItem {
        var group = group
        var video = Video(videoUID: group.videoUID, source: Self.name)
        video.details.sourceSplit = self.split?.rawValue
        video.details.session = Self.person(ofVideo: group.videoUID)
        if let recordings = self.recordings {
            video.durationSec = recordings[group.videoUID]?.durationSec
            video.details.fps = recordings[group.videoUID]?.fps
            if video.durationSec == nil { group.count("not-in-videos") }
        }
        return self.context.item(video, group, at: place)
    }

    /// The person of `P01_11`.
    private static func person(ofVideo uid: String) -> String? {
        let person = uid.prefix { $0 != "_" }
        return person.first == "P" && person.count < uid.count && person.dropFirst().allSatisfy(\.isNumber)
            ? String(person) : nil
    }

    // MARK: Rows

    private struct Columns {
        let video: Int
        let time: Int?
        let start: Int
        let stop: Int
        let text: Int

        init(_ table: DelimitedText) {
            self.video = table.column("video_id") ?? -1
            self.time = table.column("narration_timestamp")
            self.start = table.column("start_timestamp") ?? -1
            self.stop = table.column("stop_timestamp") ?? -1
            self.text = table.column("narration") ?? -1
        }
    }

    private static func uid(_ table: DelimitedText, _ column: Int) throws(SourceFault) -> String {
        try table.checkRow()
        let uid = try table.checkedText(column)
        try SourceFault.check(uid: uid, field: "video_id")
        return uid
    }

    private static func row(
        _ table: DelimitedText, _ columns: Columns, into group: inout NarrationGroup
    ) throws(SourceFault) {
        let interval = Interval(
            try self.seconds(table, columns.start), try self.seconds(table, columns.stop))
        var time: Double?
        if let column = columns.time, !table.isEmpty(column) { time = try self.seconds(table, column) }
        try group.add(
            seconds: time, text: table.checkedText(columns.text), annotated: interval, fields: Self.fields)
        if time == nil { group.count("without-narration-time") }
    }

    private static func seconds(_ table: DelimitedText, _ column: Int) throws(SourceFault) -> Double {
        let text = try table.checkedText(column)
        if let seconds = self.seconds(ofTimestamp: text) { return seconds }
        let name = table.header.indices.contains(column) ? table.header[column] : "a time"
        guard !text.isEmpty else {
            throw SourceFault(SourceReason.missingKey, "`\(name)` is empty: give a time like 00:05:27.840")
        }
        throw SourceFault(
            SourceReason.notANumber, "`\(name)` is \"\(text.prefix(64))\": give a time like 00:05:27.840")
    }

    /// The seconds of `00:05:27.840`, rounded once; of a plain number, that; `nil` for anything else.
    static func seconds(ofTimestamp text: String) -> Double? {
        let parts = text.trimming().split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return Double(text.trimming()) }
        guard parts.count <= 3, let last = parts.last else { return nil }
        let pieces = last.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        var whole = 0
        for part in parts.dropLast() + [pieces[0]] {
            guard (1...6).contains(part.count), part.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int(part)
            else { return nil }
            whole = whole * 60 + value
        }
        guard pieces.count == 2 else { return Double(whole) }
        guard pieces[1].allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Double("\(whole).\(pieces[1])0")
    }

    private static func recordings(path: String) throws(SourceError) -> [String: Recording] {
        var table = try DelimitedText(
            path: path, delimiter: UInt8(ascii: ","), requiring: ["video_id", "duration"])
        guard let video = table.column("video_id"), let duration = table.column("duration") else { return [:] }
        let rate = table.column("fps")
        var recordings: [String: Recording] = [:]
        while try table.next() {
            guard let uid = table.text(video), let seconds = table.number(duration), seconds > 0,
                seconds <= SourceLimits.secondsMax
            else {
                throw SourceError(
                    file: path, line: table.line, offset: table.offset,
                    "expected a video id and its `duration` in seconds: correct or remove the row")
            }
            let fps = rate.flatMap { table.number($0) }.flatMap { VideoDetails.isRate($0) ? $0 : nil }
            recordings[uid] = Recording(durationSec: seconds, fps: fps)
        }
        return recordings
    }
}

/// The command line of `millrace ingest epic-kitchens`.
public struct EpicKitchensArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "EPIC-KITCHENS-100: narrations with their intervals."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest epic-kitchens --annotations EPIC_100_train.csv \\
              --videos EPIC_100_video_info.csv
        """

    @Option(help: ArgumentHelp("EPIC_100_train.csv or EPIC_100_validation.csv.", valueName: "file"))
    var annotations: String

    @Option(help: ArgumentHelp("EPIC_100_video_info.csv, for durations and frame rates.", valueName: "file"))
    var videos: String?

    @OptionGroup var part: SplitArguments
    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> EpicKitchensAdapter {
        try EpicKitchensAdapter(
            annotations: self.annotations, videos: self.videos, split: self.part.split,
            options: try self.guards.options())
    }
}
