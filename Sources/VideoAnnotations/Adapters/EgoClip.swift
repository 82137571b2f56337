// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// EgoClip: Ego4D's narrations as EgoVLP cut them, a tab-separated table with one row a narration and the window around
/// it (`QinghongLin/EgoVLP`, README: `video_uid, video_dur, narration_source, narration_ind, narration_time,
/// clip_start, clip_end, clip_text, tag_verb, tag_noun`, 3.8 million rows).
///
/// The rows of a video and pass must be adjacent, as they are in the published file; then one group is in memory at a
/// time. A `clip_start` before 0 is an artefact of the window's formula and becomes 0, counted.
public struct EgoClipAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "egoclip"

    /// The path of the table.
    public let annotations: String
    /// The passes that are read.
    public let passes: PassSelection
    private let context: VideoContext

    /// Reads the side files; `annotations` (`egoclip.csv`) is opened by `read`.
    public init(
        annotations: String, passes: PassSelection = .both, options: SourceOptions = SourceOptions()
    ) throws(SourceError) {
        self.annotations = annotations
        self.passes = passes
        self.context = try VideoContext(options)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        var table = try DelimitedText(
            path: self.annotations, delimiter: UInt8(ascii: "\t"),
            requiring: ["video_uid", "narration_source", "narration_time", "clip_text"], progress: progress)
        var rows = EgoClipRows(columns: EgoClipColumns(table), context: self.context, passes: self.passes)
        while try table.next() {
            rows.take(table)
            for item in rows.items { try body(item) }
            rows.items.removeAll(keepingCapacity: true)
        }
        rows.finish()
        for item in rows.items { try body(item) }
    }
}

/// The indices of the columns; −1 for one that is not there.
private struct EgoClipColumns {
    let uid: Int
    let source: Int
    let duration: Int
    let time: Int
    let start: Int
    let end: Int
    let text: Int

    init(_ table: DelimitedText) {
        self.uid = table.column("video_uid") ?? -1
        self.source = table.column("narration_source") ?? -1
        self.duration = table.column("video_dur") ?? -1
        self.time = table.column("narration_time") ?? -1
        self.start = table.column("clip_start") ?? -1
        self.end = table.column("clip_end") ?? -1
        self.text = table.column("clip_text") ?? -1
    }

    static let fields = NarrationFieldNames(
        time: "narration_time", text: "clip_text", start: "clip_start", end: "clip_end")
}

/// Makes groups of rows.
private struct EgoClipRows {
    let columns: EgoClipColumns
    let passes: PassSelection
    /// The items that the rows so far made, to be handed out.
    var items: [NarrationItem] = []
    private var groups: AdjacentGroups
    private var otherPass = 0
    /// The id and the source of the row before as they stand, so that most rows are grouped by comparing bytes.
    private var lastUID: Bytes = []
    private var lastSource: Bytes = []
    private var lastIsSelected = false

    init(columns: EgoClipColumns, context: VideoContext, passes: PassSelection) {
        self.columns = columns
        self.passes = passes
        self.groups = AdjacentGroups(
            context: context, remedy: "sort the file by video_uid and narration_source")
    }

    mutating func take(_ table: DelimitedText) {
        do throws(SourceFault) {
            try table.checkRow()
            try self.move(table)
        } catch {
            self.items.append(.problem(table.problem(error, key: nil)))
            return
        }
        guard self.lastIsSelected else {
            self.otherPass += 1
            return
        }
        if self.groups.refuses() { return }
        do throws(SourceFault) {
            try self.row(table)
        } catch {
            let key = self.groups.key?.uid
            self.groups.open?.group.add(table.problem(error, key: key))
        }
    }

    mutating func finish() {
        if let item = self.groups.finish() { self.items.append(item) }
        if self.otherPass > 0 { self.items.append(.count(reason: "other-pass", number: self.otherPass)) }
    }

    /// Goes to the group of a row.
    private mutating func move(_ table: DelimitedText) throws(SourceFault) {
        let isSame =
            table.withField(self.columns.uid) { $0.elementsEqual(self.lastUID) }
            && table.withField(self.columns.source) { $0.elementsEqual(self.lastSource) }
        if isSame, !self.lastUID.isEmpty { return }
        self.lastUID = []
        let uid = try table.checkedText(self.columns.uid)
        try SourceFault.check(uid: uid, field: "video_uid")
        let source = try table.checkedText(self.columns.source)
        guard let pass = Self.passes[source] else {
            throw SourceFault(
                SourceReason.wrongType,
                "`narration_source` is \"\(source.prefix(64))\": expected narration_pass_1 or narration_pass_2")
        }
        self.lastUID = Bytes(uid.utf8)
        self.lastSource = Bytes(source.utf8)
        self.lastIsSelected = self.passes.passes.contains(pass)
        guard self.lastIsSelected else { return }
        let key = AdjacentGroups.Key(uid: uid, pass: pass)
        let item = self.groups.move(to: key, source: EgoClipAdapter.name, at: table.place, raw: { table.raw })
        if let item { self.items.append(item) }
    }

    private static let passes = ["narration_pass_1": 1, "narration_pass_2": 2]

    private mutating func row(_ table: DelimitedText) throws(SourceFault) {
        let seconds = try self.seconds(table, self.columns.time)
        var annotated: Interval?
        if table.isEmpty(self.columns.start) || table.isEmpty(self.columns.end) {
            self.groups.open?.group.count("without-interval")
        } else {
            var start = try self.seconds(table, self.columns.start)
            if start < 0, start > -SourceLimits.secondsMax {
                start = 0
                self.groups.open?.group.count("clamped-start")
            }
            annotated = Interval(start, try self.seconds(table, self.columns.end))
        }
        let text = try table.checkedText(self.columns.text)
        // The first row of a group says how long the video is.
        if let open = self.groups.open, open.group.narrations.isEmpty, open.video.durationSec == nil,
            let duration = table.number(self.columns.duration), duration > 0, duration <= SourceLimits.secondsMax
        {
            self.groups.open?.video.durationSec = duration
        }
        try self.groups.open?.group.add(
            seconds: seconds, text: text, annotated: annotated, fields: EgoClipColumns.fields)
    }

    private func seconds(_ table: DelimitedText, _ column: Int) throws(SourceFault) -> Double {
        if let number = table.number(column) { return number }
        let name = table.header.indices.contains(column) ? table.header[column] : "a time"
        let text = try table.checkedText(column)
        guard !text.isEmpty else {
            throw SourceFault(SourceReason.missingKey, "`\(name)` is empty: give the time in seconds")
        }
        throw SourceFault(
            SourceReason.notANumber, "`\(name)` is \"\(text.prefix(64))\": give the time in seconds")
    }
}

/// The command line of `millrace ingest egoclip`.
public struct EgoClipArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "EgoClip's table of narrations with windows."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest egoclip --annotations egoclip.csv --exclude nlq_val.json
        """

    @Option(help: ArgumentHelp("egoclip.csv, tab-separated.", valueName: "file"))
    var annotations: String

    @Option(name: .customLong("pass"), help: "The annotation pass: 1, 2 or both.", transform: passSelection)
    var passes: PassSelection = .both

    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> EgoClipAdapter {
        try EgoClipAdapter(annotations: self.annotations, passes: self.passes, options: try self.guards.options())
    }
}
