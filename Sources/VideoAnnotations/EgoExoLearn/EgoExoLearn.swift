// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// EgoExoLearn: people who do a task that they have seen in a video, in kitchens and laboratories.
///
/// The file is `fine_annotation_trainval_en.csv` (`video_uid`, `subset`, `view`, `scene`, `start_sec`, `end_sec`,
/// `narration_en_no_hand_prompt` and others). Rows whose `view` is not `ego` are counted and left out. A row without
/// text is kept, counted `without-text`: it says that something happened. Rows of a video need not be adjacent, so all
/// rows are in memory. The source does not say how long a video is.
public struct EgoExoLearnAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "egoexolearn"

    /// The path of the annotations.
    public let annotations: String
    private let context: VideoContext

    private static let fields = NarrationFieldNames(
        time: "start_sec", text: Columns.text, start: "start_sec", end: "end_sec")

    /// Reads the side files; `annotations` is opened by `read`.
    public init(annotations: String, options: SourceOptions = SourceOptions()) throws(SourceError) {
        self.annotations = annotations
        self.context = try VideoContext(options)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    private struct Columns {
        static let text = "narration_en_no_hand_prompt"
        static let required = ["video_uid", "subset", "view", "scene", "start_sec", "end_sec", Self.text]

        let uid: Int
        let subset: Int
        let view: Int
        let scene: Int
        let start: Int
        let end: Int
        let text: Int

        init(_ table: DelimitedText) {
            func column(_ name: String) -> Int { table.column(name) ?? -1 }
            self.uid = column("video_uid")
            self.subset = column("subset")
            self.view = column("view")
            self.scene = column("scene")
            self.start = column("start_sec")
            self.end = column("end_sec")
            self.text = column(Self.text)
        }
    }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        var table = try DelimitedText(
            path: self.annotations, delimiter: UInt8(ascii: ","), requiring: Columns.required, progress: progress)
        let columns = Columns(table)
        var videos = GatheredVideos()
        var details: [VideoDetails] = []
        var otherViews = 0
        while try table.next() {
            var uid: String?
            do throws(SourceFault) {
                try table.checkRow()
                let video = try table.checkedText(columns.uid)
                try SourceFault.check(uid: video, field: "video_uid")
                uid = video
                guard table.field(columns.view, is: "ego") else {
                    otherViews += 1
                    continue
                }
                let index = videos.index(of: video, at: table.place)
                if index == details.count { details.append(Self.details(table, columns, &videos.groups[index])) }
                try Self.row(table, columns, into: &videos.groups[index])
            } catch {
                if let problem = videos.take(table.problem(error, key: uid), of: uid) { try body(.problem(problem)) }
            }
        }
        if otherViews > 0 { try body(.count(reason: "other-views", number: otherViews)) }
        for (index, group) in videos.groups.enumerated() {
            let video = Video(videoUID: group.videoUID, source: Self.name, details: details[index])
            try body(self.context.item(video, group, at: videos.places[index]))
        }
    }

    /// The facts of a video, as its first row has them.
    private static func details(
        _ table: DelimitedText, _ columns: Columns, _ group: inout NarrationGroup
    ) -> VideoDetails {
        let subset = group.fitting(table.text(columns.subset), "subset", SourceLimits.detailBytesMax)
        return VideoDetails(
            sourceSplit: subset.map { SourceSplit(word: $0)?.rawValue ?? $0 },
            scene: group.fitting(table.text(columns.scene), "scene", SourceLimits.detailBytesMax))
    }

    private static func row(
        _ table: DelimitedText, _ columns: Columns, into group: inout NarrationGroup
    ) throws(SourceFault) {
        let interval = Interval(
            try Self.seconds(table, columns.start), try Self.seconds(table, columns.end))
        let text = try table.checkedText(columns.text)
        try group.add(
            seconds: nil, text: text, annotated: interval, details: NarrationDetails(level: .step), fields: Self.fields)
        if text.trimming().isEmpty { group.count("without-text") }
    }

    private static func seconds(_ table: DelimitedText, _ column: Int) throws(SourceFault) -> Double {
        if let seconds = table.number(column) { return seconds }
        let name = table.header.indices.contains(column) ? table.header[column] : "a time"
        let text = try table.checkedText(column)
        throw SourceFault(
            text.isEmpty ? SourceReason.missingKey : SourceReason.notANumber,
            "`\(name)` is \"\(text.prefix(64))\": give the time in seconds")
    }
}

/// The command line of `millrace ingest egoexolearn`.
public struct EgoExoLearnArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "EgoExoLearn: fine steps of tasks in kitchens and laboratories."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest egoexolearn --annotations fine_annotation_trainval_en.csv
        """

    @Option(help: ArgumentHelp("fine_annotation_trainval_en.csv.", valueName: "file"))
    var annotations: String

    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> EgoExoLearnAdapter {
        try EgoExoLearnAdapter(annotations: self.annotations, options: try self.guards.options())
    }
}
