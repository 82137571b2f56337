// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
public import TaskRooms

/// The reading of a source that has a narration a line, the lines of a video next to each other: all that is left to
/// its adapter is what a line means.
///
/// Times, texts and ids are checked, narrations sorted, videos that come twice refused, and each fault told with file,
/// line and byte. A last line without a line end counts as whole where it can be read, else the file has broken off.
public struct NarrationLines: Sendable {
    /// One narration, as a line says it.
    public struct Entry: Hashable, Sendable {
        /// The id of the video.
        public var video: String
        /// The annotation pass, from 1.
        public var pass: Int
        /// The time in the video in seconds.
        public var seconds: Double
        /// The text.
        public var text: String
        /// The interval that the source gives it, in seconds.
        public var annotated: Interval?

        /// Describes a narration.
        public init(video: String, pass: Int = 1, seconds: Double, text: String, annotated: Interval? = nil) {
            self.video = video
            self.pass = pass
            self.seconds = seconds
            self.text = text
            self.annotated = annotated
        }
    }

    private let path: String
    private let source: String
    private let context: VideoContext

    /// Reads the side files that the options name; the file itself is opened by `read`.
    /// - Parameter source: the name of the adapter, which the videos carry.
    public init(path: String, source: String, options: SourceOptions = SourceOptions()) throws(SourceError) {
        self.path = path
        self.source = source
        self.context = try VideoContext(options)
    }

    /// Warnings about the side files for the user, one sentence each.
    public var notes: [String] { self.context.notes }
    /// The exclusion lists that were given, in their order.
    public var exclusionLists: [SourceList] { self.context.exclusionLists }

    /// Reads the file from its start; see `SourceAdapter.read`.
    /// - Parameters:
    ///   - body: takes each item.
    ///   - entry: reads a line, without its end; `nil` for one that says nothing. Empty lines are passed over.
    public func read(
        progress: ProgressHandler?, _ body: (NarrationItem) throws -> Void,
        entry: (String) throws(SourceFault) -> Entry?
    ) throws {
        var lines = LineReader(try FileReader.text(path: self.path, progress: progress))
        var groups = AdjacentGroups(context: self.context, remedy: "put the lines of a video next to each other")
        while try lines.next() {
            switch self.entry(lines, entry) {
            case .success(nil): continue
            case .success(let entry?):
                let key = AdjacentGroups.Key(uid: entry.video, pass: entry.pass)
                let item = groups.move(to: key, source: self.source, at: lines.place, raw: { lines.bytes })
                if let item { try body(item) }
                if groups.refuses() { continue }
                do throws(SourceFault) {
                    try groups.open?.group.add(
                        seconds: entry.seconds, text: entry.text, annotated: entry.annotated,
                        fields: NarrationFieldNames(time: "seconds", text: "text"))
                } catch {
                    groups.open?.group.add(lines.problem(error, key: key.uid))
                }
            case .failure(let fault):
                guard lines.isEnded else {
                    throw SourceError(
                        file: self.path, line: lines.line, offset: lines.offset,
                        "the file breaks off within this line (\(fault.message)); its video was not taken. Get a whole "
                            + "copy and run it again")
                }
                try body(.problem(lines.problem(fault, key: groups.key?.uid)))
            }
        }
        if let item = groups.finish() { try body(item) }
    }

    private func entry(
        _ line: LineReader, _ read: (String) throws(SourceFault) -> Entry?
    ) -> Result<Entry?, SourceFault> {
        do throws(SourceFault) {
            if line.isTooLong {
                throw SourceFault(
                    SourceReason.textTooLong, "the line has \(line.byteCount) bytes: is a line end missing?")
            }
            guard let text = String(validating: line.bytes, as: UTF8.self) else {
                throw SourceFault(SourceReason.invalidUTF8, "the line is not UTF-8: write the file as UTF-8")
            }
            if text.isEmpty { return .success(nil) }
            guard let entry = try read(text) else { return .success(nil) }
            try SourceFault.check(uid: entry.video, field: "video")
            return .success(entry)
        } catch {
            return .failure(error)
        }
    }
}
