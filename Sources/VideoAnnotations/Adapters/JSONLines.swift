// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// One JSON object a line, in either of two forms, told apart by `kind`:
///
/// - the records of the `narrations` topic: `video`, its `narration`s, `end`;
/// - loose narrations: `video_uid`, `timestamp_sec` or `time`, `text` or `narration_text`, and where known `pass`,
///   `start_sec`, `end_sec`, `duration_sec`, and the details that records have, but for `parent`. Without a time the
///   middle of the interval stands in for it.
///
/// The lines of a video and pass must be adjacent; then one group is in memory at a time.
public struct JSONLinesAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "jsonl"

    /// The path of the file.
    public let file: String
    private let context: VideoContext

    /// Reads the side files; `file` is opened by `read`.
    public init(file: String, options: SourceOptions = SourceOptions()) throws(SourceError) {
        self.file = file
        self.context = try VideoContext(options)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Reads the file from its start; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        var lines = LineReader(try FileReader.text(path: self.file, progress: progress))
        var reader = JSONNarrationLines(file: self.file, context: self.context)
        while try lines.next() {
            reader.take(lines)
            // Items handed out before stay; the open video lacks what was cut off.
            if let cut = reader.cut { throw cut }
            for item in reader.items { try body(item) }
            reader.items.removeAll(keepingCapacity: true)
        }
        reader.finish()
        for item in reader.items { try body(item) }
    }
}

/// Makes groups of lines.
private struct JSONNarrationLines {
    let file: String
    /// The items that the lines so far made, to be handed out.
    var items: [NarrationItem] = []
    /// Set where the file breaks off within its last line.
    private(set) var cut: SourceError?
    private var groups: AdjacentGroups

    init(file: String, context: VideoContext) {
        self.file = file
        self.groups = AdjacentGroups(context: context, remedy: "sort the file by video_uid and pass")
    }

    mutating func finish() {
        if let item = self.groups.finish() { self.items.append(item) }
    }

    mutating func take(_ line: LineReader) {
        var key: String?
        do throws(SourceFault) {
            if line.isTooLong {
                throw SourceFault(
                    SourceReason.textTooLong,
                    "the line has \(line.byteCount) bytes, more than \(SourceLimits.lineBytesMax >> 20) MiB")
            }
            let fields = line.withBytes { Self.fields(of: $0) }
            guard let fields = try fields.get() else { return }
            key = fields.uid
            if fields.kind != nil {
                try self.record(line)
            } else {
                try self.narration(fields, line)
            }
        } catch {
            if !line.isEnded, self.isCut(line, error) {
                self.cut = self.cutOff(line, error)
            } else {
                self.note(error, line, key: key)
            }
        }
    }

    private func isCut(_ line: LineReader, _ fault: SourceFault) -> Bool {
        guard !line.isTooLong, line.withBytes({ $0.first }) == UInt8(ascii: "{") else { return false }
        // A character may have been cut in its middle.
        let isOpen = line.withBytes { $0.last } != UInt8(ascii: "}")
        return fault.reason == SourceReason.malformedJSON || fault.reason == SourceReason.invalidUTF8 && isOpen
    }

    /// A last line that has no end and is no JSON was cut off, and with it perhaps more of its video.
    private func cutOff(_ line: LineReader, _ fault: SourceFault) -> SourceError {
        let video =
            self.groups.key.map { " Video \($0.uid), pass \($0.pass), which was being read, was not taken." } ?? ""
        return SourceError(
            file: self.file, line: line.line, offset: line.offset,
            "the file breaks off within this line (\(fault.message)).\(video) Get a whole copy and run it again")
    }

    /// Puts a problem into the group it belongs to, or hands it out by itself.
    private mutating func note(_ fault: SourceFault, _ line: LineReader, key: String?) {
        let problem = line.problem(fault, key: key)
        if let key, self.groups.open?.group.videoUID == key {
            self.groups.open?.group.add(problem)
        } else {
            self.items.append(.problem(problem))
        }
    }

    /// Goes to a group, and tells whether its entries are taken.
    private mutating func move(uid: String, pass: Int, _ line: LineReader) -> Bool {
        let key = AdjacentGroups.Key(uid: uid, pass: pass)
        let item = self.groups.move(
            to: key, source: JSONLinesAdapter.name, at: line.place, raw: { line.bytes })
        if let item { self.items.append(item) }
        return !self.groups.refuses()
    }

    // MARK: Loose narrations

    private static let names = NarrationFieldNames(time: "timestamp_sec", text: "text")

    private mutating func narration(_ fields: LooseNarration, _ line: LineReader) throws(SourceFault) {
        guard let uid = fields.uid else {
            throw SourceFault(SourceReason.missingKey, "`video_uid` is missing: give the video's id")
        }
        try SourceFault.check(uid: uid, field: "video_uid")
        guard (1...99).contains(fields.pass) else {
            throw SourceFault(SourceReason.wrongType, "`pass` is \(fields.pass): the first pass is 1")
        }
        guard self.move(uid: uid, pass: fields.pass, line) else { return }
        if self.groups.open?.video.durationSec == nil, let duration = fields.duration, duration > 0,
            duration <= SourceLimits.secondsMax
        {
            self.groups.open?.video.durationSec = duration
        }
        guard let text = fields.text else {
            throw SourceFault(SourceReason.missingKey, "`text` is missing: give the narration's text")
        }
        guard (fields.start == nil) == (fields.end == nil) else {
            throw SourceFault(
                SourceReason.missingKey, "`start_sec` and `end_sec` come together: give both or neither")
        }
        var annotated: Interval?
        if let start = fields.start, let end = fields.end { annotated = Interval(start, end) }
        try self.groups.open?.group.add(
            seconds: fields.seconds, text: text, annotated: annotated, details: fields.details, fields: Self.names)
    }

    /// The fields of a line; `nil` for a blank one.
    private static func fields(of bytes: UnsafeBufferPointer<UInt8>) -> Result<LooseNarration?, SourceFault> {
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return .success(nil) }
        do throws(JSONError) {
            var json = JSONScanner(bytes)
            let fields = try LooseNarration(&json)
            try json.finish()
            return .success(fields)
        } catch { return .failure(self.diagnose(bytes, error)) }
    }

    /// Finds out what exactly is wrong with a line.
    private static func diagnose(_ bytes: UnsafeBufferPointer<UInt8>, _ error: JSONError) -> SourceFault {
        do throws(SourceFault) {
            let object = try ShallowObject(bytes)
            let entry = try object.entry(
                "kind", "video_uid", "text", "narration_text", "timestamp_sec", "time", "start_sec", "end_sec",
                "duration_sec", "pass")
            for field in ["kind", "video_uid", "text", "narration_text"] { _ = try entry.textIfAny(field) }
            for field in ["timestamp_sec", "time", "start_sec", "end_sec", "duration_sec", "pass"] {
                _ = try entry.secondsIfAny(field)
            }
            return SourceEntry.fault(of: error)
        } catch { return error }
    }

    // MARK: Records of the narrations topic

    private mutating func record(_ line: LineReader) throws(SourceFault) {
        switch try Self.event(line.bytes) {
        case .video(let video): try self.begin(video, line)
        case .narration(let narration):
            guard self.move(uid: narration.videoUID, pass: narration.pass, line) else { return }
            try self.groups.open?.group.add(
                seconds: narration.timestampSec, text: narration.text, annotated: narration.annotated,
                details: narration.details, fields: Self.names)
            self.groups.open?.group.nameLast(narration.index)
        case .end(let end): try self.end(end, line)
        }
    }

    private static func event(_ bytes: Bytes) throws(SourceFault) -> NarrationEvent {
        do throws(JSONError) {
            return try JSONScanner.scan(bytes) { json throws(JSONError) in try NarrationEvent(json: &json) }
        } catch {
            // A finite time is part of the record's form, so its absence is said there; here it has its own code.
            if error.message.contains("not a finite number") {
                throw SourceFault(SourceReason.notANumber, error.message)
            }
            let isMissing = error.message.contains("wants") || error.message.hasPrefix("missing key")
            throw SourceFault(isMissing ? SourceReason.missingKey : SourceReason.wrongType, "\(error)")
        }
    }

    private mutating func begin(_ video: Video, _ line: LineReader) throws(SourceFault) {
        try SourceFault.check(uid: video.videoUID, field: "video_uid")
        var video = video
        if video.source.isEmpty { video.source = JSONLinesAdapter.name }
        let clips = video.clips.count
        video.clips.removeAll { !($0.span.start < $0.span.end && $0.span.length <= SourceLimits.secondsMax) }
        let bad = clips - video.clips.count
        if let duration = video.durationSec, !(duration > 0 && duration <= SourceLimits.secondsMax) {
            video.durationSec = nil
        }
        if let item = self.groups.begin(video, at: line.place, raw: { line.bytes }) { self.items.append(item) }
        self.groups.open?.awaitsEnd = true
        self.groups.open?.group.count(SourceReason.badClip, bad)
        _ = self.groups.refuses()
    }

    private mutating func end(_ end: EndOfVideo, _ line: LineReader) throws(SourceFault) {
        let key = AdjacentGroups.Key(uid: end.videoUID, pass: end.pass)
        guard self.groups.key == key else {
            throw SourceFault(
                SourceReason.countMismatch,
                "an `end` of video \(key.uid), pass \(key.pass), whose narrations do not stand before it")
        }
        if !self.groups.refuses(), let open = self.groups.open {
            self.groups.open?.awaitsEnd = false
            let count = open.group.narrations.count + open.group.problems.count
            if count != end.narrations {
                self.note(
                    SourceFault(
                        SourceReason.countMismatch,
                        "`narrations` is \(end.narrations), but \(count) stand before this `end`: is the file complete?"
                    ),
                    line, key: key.uid)
            }
        }
        if let item = self.groups.finish() { self.items.append(item) }
    }
}

/// The fields of a line that count.
private struct LooseNarration {
    var kind: String?
    var uid: String?
    var pass = 1
    var seconds: Double?
    var text: String?
    var start: Double?
    var end: Double?
    var duration: Double?
    var details: NarrationDetails?

    init(_ json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "video_uid" {
                self.uid = try json.stringOrNull()
            } else if key == "timestamp_sec" || key == "time" {
                self.seconds = try json.doubleOrNull()
            } else if key == "text" || key == "narration_text" {
                self.text = try json.stringOrNull()
            } else if key == "pass" {
                self.pass = try json.intOrNull() ?? 1
            } else if key == "start_sec" {
                self.start = try json.doubleOrNull()
            } else if key == "end_sec" {
                self.end = try json.doubleOrNull()
            } else if key == "duration_sec" {
                self.duration = try json.doubleOrNull()
            } else if key == "kind" {
                self.kind = try json.stringOrNull()
            } else {
                var details = self.details ?? NarrationDetails()
                if try details.read(key, &json) {
                    // A loose narration has no number by which another could name it.
                    details.parent = nil
                    self.details = details
                } else {
                    try json.skip()
                }
            }
        }
    }
}

/// The command line of `millrace ingest jsonl`.
public struct JSONLinesArguments: SourceArguments {
    /// A line about the source.
    public static let abstract =
        "JSON Lines: narration records as `topics read` prints their values, or loose narrations."
    /// Examples of its use.
    public static let discussion = """
        A loose narration is {"video_uid": …, "timestamp_sec": …, "text": …}, with pass, start_sec, end_sec and duration_sec \
        if known; the lines of a video stand together.

        EXAMPLES
          millrace ingest jsonl --file narrations.jsonl
          millrace topics read narrations --json | jq -c .value > copy.jsonl
        """

    @Option(help: ArgumentHelp("The file.", valueName: "file"))
    var file: String

    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> JSONLinesAdapter {
        try JSONLinesAdapter(file: self.file, options: try self.guards.options())
    }
}
