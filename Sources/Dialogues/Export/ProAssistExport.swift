// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import DurableFiles
import RecordLog
import Records
import Shards
public import TaskRooms

/// The command line of `millrace export proassist`.
public struct ProAssistExportArguments: SampleExport {
    /// The name on the command line.
    public static let name = "proassist"
    /// A line about the form.
    public static let abstract = "Write dialogues or training sequences as ProAssist's own code reads them."
    /// An example of its use.
    public static let discussion = """
        Of a set of sequences: lines of its prepared samples (dialog-klg-sum_train_L4096_I1.jsonl). Of a set of dialogues: \
        one list of videos with their dialogues (train_filtered.json).

        EXAMPLES
          millrace export proassist --shards sequences --split train \\
              --output dialog-klg-sum_train_L4096_I1.jsonl
          millrace export proassist --shards dialogues --split train \\
              --output train_filtered.json
          millrace export proassist --shards sequences \\
              --frames processed_data/ego4d --output all.jsonl
        """

    @Option(help: "The split to write; by default all.")
    var split: String?

    @Option(help: "The data set to write, such as ego4d; by default all. ProAssist's loader wants a file for each.")
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            """
            The data set's folder, with frames or features: leave out sequences whose file is not there, is cut, or has too \
            few.
            """, valueName: "dir"))
    var frames: String?

    @Flag(help: "Write each dialogue as often as its weight says, as ProAssist's own files have copies.")
    var copies = false

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Writes the file.
    public func write(_ set: ShardSet, to output: String) throws -> [String] {
        let export = ProAssistExport(
            split: self.split, dataset: self.dataset, copies: self.copies,
            frames: try self.frames.map { try FramesFolder($0) })
        return try export.write(set, to: output)
    }
}

/// Turns shards of the schemas `dialogue` and `sequence` into files of ProAssist.
struct ProAssistExport {
    let split: String?
    let dataset: String?
    let copies: Bool
    /// The folder that frames are looked for in; `nil`: their files are not looked at.
    var frames: FramesFolder?

    /// The most copies of one dialogue.
    static let copiesMax = 1000

    private struct Report {
        var videos = 0
        var written = 0
        var otherSplits = 0
        var otherSets = 0
        var malformed = 0
        /// Sequences that were left out because of their frames, by reason.
        var withoutFrames: [FramesFolder.Fault: Int] = [:]
    }

    func write(_ set: ShardSet, to path: String) throws -> [String] {
        var frames = self.frames
        let output = try Self.output { () throws(FileFailure) in try OutputFile(path: path) }
        var report = Report()
        var video: [Dialogue] = []
        var isList = false
        // Of one partition after the other: a video's dialogues are beside each other there.
        let entries = set.manifest.commits.map(\.entry).sorted {
            ($0.partition, $0.sequence, $0.file) < ($1.partition, $1.sequence, $1.file)
        }
        for entry in entries {
            var cursor = try ShardReader(entry.file, in: set.storage).samples()
            while let line = try cursor.next() {
                if let sequence = Self.sequence(line) {
                    guard self.isWanted(sequence.split, sequence.prepared, &frames, &report) else { continue }
                    try self.write(sequence.weight, to: output, &report, sequence.writePrepared)
                } else if let sequence = Self.auxiliarySequence(line) {
                    guard self.isWanted(sequence.split, sequence.prepared, &frames, &report) else { continue }
                    try self.write(1, to: output, &report, sequence.writePrepared)
                } else if let dialogue = Self.dialogue(line) {
                    isList = true
                    guard self.isWanted(dialogue.split, dialogue.activity.dataset, &report) else { continue }
                    if let last = video.last, !last.isOfSameVideo(as: dialogue) {
                        try self.write(video, to: output, &report)
                        video = []
                    }
                    video.append(dialogue)
                } else {
                    report.malformed += 1
                }
            }
        }
        if !video.isEmpty { try self.write(video, to: output, &report) }
        if isList { try Self.append(Bytes((report.videos == 0 ? "[]\n" : "\n]\n").utf8), to: output) }
        try Self.output { () throws(FileFailure) in try output.finish() }
        return Self.lines(report, isList, path)
    }

    private static func lines(_ report: Report, _ isList: Bool, _ path: String) -> [String] {
        var lines = [
            isList
                ? "\(path): \(report.videos) videos, \(report.written) dialogues"
                : "\(path): \(report.written) sequences"
        ]
        if report.otherSplits > 0 { lines.append("left out, of other splits: \(report.otherSplits)") }
        if report.otherSets > 0 { lines.append("left out, of other data sets: \(report.otherSets)") }
        if report.malformed > 0 { lines.append("left out, neither dialogue nor sequence: \(report.malformed)") }
        for (fault, count) in report.withoutFrames.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("left out, \(fault.rawValue): \(count)")
        }
        return lines
    }

    private func isWanted(_ split: String?, _ dataset: String, _ report: inout Report) -> Bool {
        if let wanted = self.dataset, dataset != wanted {
            report.otherSets += 1
            return false
        }
        guard let wanted = self.split, split != wanted else { return true }
        report.otherSplits += 1
        return false
    }

    private func isWanted(
        _ split: String?, _ sequence: PreparedSequence, _ frames: inout FramesFolder?, _ report: inout Report
    ) -> Bool {
        guard self.isWanted(split, sequence.dataset, &report) else { return false }
        guard let fault = frames?.fault(of: sequence) else { return true }
        report.withoutFrames[fault, default: 0] += 1
        return false
    }

    private static func sequence(_ line: Bytes) -> TrainingSequence? {
        try? JSONScanner.scan(line) { json throws(JSONError) in try TrainingSequence(json: &json) }
    }

    private static func auxiliarySequence(_ line: Bytes) -> AuxiliarySequence? {
        try? JSONScanner.scan(line) { json throws(JSONError) in try AuxiliarySequence(json: &json) }
    }

    private static func dialogue(_ line: Bytes) -> Dialogue? {
        try? JSONScanner.scan(line) { json throws(JSONError) in try DialogueSample(json: &json) }.dialogue
    }

    private func count(_ weight: Double) -> Int {
        self.copies ? max(1, Int(min(weight, Double(Self.copiesMax)))) : 1
    }

    private func write(
        _ weight: Double, to output: OutputFile, _ report: inout Report, _ fields: (inout JSONWriter) -> Void
    ) throws {
        var json = JSONWriter()
        json.beginObject()
        fields(&json)
        json.endObject()
        let line = json.bytes + [UInt8(ascii: "\n")]
        for _ in 0..<self.count(weight) {
            try Self.append(line, to: output)
            report.written += 1
        }
    }

    /// Writes a video with its dialogues, as the original's generated outputs have it.
    private func write(_ dialogues: [Dialogue], to output: OutputFile, _ report: inout Report) throws {
        guard let activity = dialogues.first?.activity else { return }
        var json = JSONWriter()
        json.beginObject()
        json.field("video_uid", activity.videoUID)
        json.field("inferred_goal", activity.goal ?? "")
        json.field("inferred_knowledge", activity.knowledge ?? "")
        json.key("video_labels")
        json.beginObject()
        json.endObject()
        json.key("conversations")
        json.beginArray()
        for dialogue in dialogues.sorted(by: { $0.ordinal < $1.ordinal }) {
            for _ in 0..<self.count(dialogue.weight) {
                Self.write(dialogue, to: &json)
                report.written += 1
            }
        }
        json.endArray()
        json.key("parsed_video_anns")
        Self.write(activity, to: &json)
        json.endObject()
        try Self.append(Bytes((report.videos == 0 ? "[\n" : ",\n").utf8) + json.bytes, to: output)
        report.videos += 1
    }

    private static func write(_ dialogue: Dialogue, to json: inout JSONWriter) {
        json.beginObject()
        json.key("conversation")
        json.beginArray()
        for turn in dialogue.turns { SequenceTurn(turn).write(to: &json) }
        json.endArray()
        json.field("user_type", dialogue.userType)
        json.key("auto_quality_eval")
        if let quality = dialogue.quality { quality.write(to: &json) } else { json.null() }
        json.endObject()
    }

    private static func write(_ activity: Activity, to json: inout JSONWriter) {
        json.beginObject()
        json.field("dataset", activity.dataset)
        json.field("domain", activity.domain)
        // The original's own spelling.
        json.field("knowedge_type", activity.knowledgeType)
        json.field("video_uid", activity.videoUID)
        json.field("goal_description", activity.goal ?? "")
        json.field("duration", activity.durationSec)
        json.field("ann_ratio", activity.annotatedShare)
        json.field("video_start_time", activity.videoStartSec)
        json.field("has_mistake", activity.hasMistake)
        json.key("fps")
        if let fps = activity.fps { json.value(fps) } else { json.null() }
        json.endObject()
    }

    private static func append(_ bytes: Bytes, to output: OutputFile) throws(ShardError) {
        try Self.output { () throws(FileFailure) in try output.append(bytes) }
    }

    private static func output<Result>(_ body: () throws(FileFailure) -> Result) throws(ShardError) -> Result {
        do throws(FileFailure) {
            return try body()
        } catch {
            throw ShardError(error)
        }
    }
}

extension Dialogue {
    fileprivate func isOfSameVideo(as other: Dialogue) -> Bool {
        self.activity.videoUID == other.activity.videoUID && self.activity.dataset == other.activity.dataset
    }
}
