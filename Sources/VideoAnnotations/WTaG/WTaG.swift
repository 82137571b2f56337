// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Records
public import TaskRooms

/// WTaG (Watch, Talk and Guide): people who cook while an instructor talks with them, a folder a recording.
///
/// A recording's folder has `Video/VideoMpegTiming.txt` (its start and its end, a line each),
/// `StepDetection/StepDetection.txt` and `TextASR/{Instructor,User}Annotations_intent.txt` (start, end, text and more,
/// with tabs between). All times are ticks of 100 ns since the beginning of year 1, as .NET counts them. What is said
/// has the time of the middle of its interval.
///
/// The first 40 recordings in the order of their names are for training, the others for validation, as ProAssist
/// divides them; T55a and T55b, two halves of one, are left out as there. A recording that lacks a file is a problem of
/// its own.
public struct WTaGAdapter: SourceAdapter {
    /// The name on the command line, and the `source` of the videos.
    public static let name = "wtag"

    /// The path of the folder of recordings.
    public let folder: String
    private let context: VideoContext

    /// Recordings that are left out.
    static let leftOut: Set<String> = ["T55a", "T55b"]
    /// The number of recordings for training.
    static let trainingMax = 40

    /// Reads the side files; the recordings are opened by `read`.
    public init(folder: String, options: SourceOptions = SourceOptions()) throws(SourceError) {
        self.folder = folder
        self.context = try VideoContext(options)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Reads all recordings in the order of their names; see `SourceAdapter.read`.
    public func read(progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void) throws {
        let names = try FileReader.names(inFolder: self.folder).filter { !$0.hasPrefix(".") }
        var number = 0
        // By bytes, which is the order of code points, and of no language.
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let path = self.folder + "/" + name
            guard (try? FileReader.names(inFolder: path)) != nil else {
                try body(.count(reason: "no-folder", number: 1))
                continue
            }
            if Self.leftOut.contains(name) {
                try body(.count(reason: "left-out", number: 1))
                continue
            }
            let split = number < Self.trainingMax ? SourceSplit.train : .val
            number += 1
            try body(self.item(name, path, split))
        }
        if number == 0 {
            throw SourceError(file: self.folder, "holds no recording: expected folders T1, T2, … with `Video` in them")
        }
        progress?(SourceProgress(bytesRead: 1, bytesTotal: 1))
    }

    private func item(_ name: String, _ path: String, _ split: SourceSplit) -> NarrationItem {
        var place = SourcePlace(file: path)
        do throws(SourceFault) {
            try SourceFault.check(uid: name, field: "the folder's name")
            var group = NarrationGroup(videoUID: name, pass: 1, keepsOrder: true)
            do throws(SourceError) {
                var recording = try WTaGRecording(folder: path)
                try recording.readEvents(into: &group)
                let duration = VideoContext.duration(recording.durationSec, &group)
                recording.add(to: &group)
                let video = Video(
                    videoUID: name, source: Self.name, durationSec: duration,
                    details: VideoDetails(sourceSplit: split.rawValue, session: name))
                return self.context.item(video, group, at: place)
            } catch {
                place = SourcePlace(file: error.file, line: error.line, offset: error.offset)
                throw SourceFault(
                    error.isMissing ? SourceReason.missingFile : SourceReason.unreadableFile,
                    "\(error.message). None of the recording is read; complete its folder or take it out")
            }
        } catch {
            return .problem(error.problem(at: place, entry: "recording \(name.prefix(64))", key: name, raw: Bytes()))
        }
    }
}

/// The command line of `millrace ingest wtag`.
public struct WTaGArguments: SourceArguments {
    /// A line about the source.
    public static let abstract = "WTaG: recipe steps, and what user and instructor say."
    /// Examples of its use.
    public static let discussion = """
        EXAMPLES
          millrace ingest wtag --folder WTaG
        """

    @Option(help: ArgumentHelp("The folder with a folder a recording: T1, T2, ….", valueName: "dir"))
    var folder: String

    @OptionGroup var guards: GuardArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Opens the side files.
    public func makeAdapter() throws -> WTaGAdapter {
        try WTaGAdapter(folder: self.folder, options: try self.guards.options())
    }
}
