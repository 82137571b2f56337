// SPDX-License-Identifier: Apache-2.0

public import Codecs
internal import Records

/// Reads one data set's annotation files and hands out, per video and pass, what is to be written as one transaction.
///
/// An adapter opens its side files (metadata, exclusion lists, feature folder) when it is created and streams its main
/// file in `read`. Its memory grows with the number of videos, not with the size of the file: the narrations of one
/// video at a time.
public protocol SourceAdapter: Sendable {
    /// The name on the command line, and the `source` of its videos: `ego4d`.
    static var name: String { get }
    /// Warnings about the side files for the user, one sentence each: a split that had to be guessed, for instance.
    var notes: [String] { get }
    /// The exclusion lists that were given, in their order.
    var exclusionLists: [ExclusionList.File] { get }

    /// Reads the main file from its start, in its order.
    ///
    /// - Parameters:
    ///   - progress: called about once a mebibyte.
    ///   - body: takes each item; what it throws ends the reading and is thrown on.
    /// - Throws: `SourceError` where the file cannot be read on; every whole video before that has been handed out.
    func read(progress: ProgressHandler?, _ body: (SourceItem) throws -> Void) throws
}

extension SourceAdapter {
    /// Reads the main file from its start, in its order, and tells nobody how far it is.
    public func read(_ body: (SourceItem) throws -> Void) throws { try self.read(progress: nil, body) }
}

/// A function that is told how far the reading of a file is.
public typealias ProgressHandler = (SourceProgress) -> Void

/// The progress of reading a file.
public struct SourceProgress: Hashable, Sendable {
    /// The bytes read so far.
    public var bytesRead: Int
    /// The size of the file; 0 where it has none, a pipe for instance.
    public var bytesTotal: Int

    /// Creates a progress.
    public init(bytesRead: Int, bytesTotal: Int) {
        self.bytesRead = bytesRead
        self.bytesTotal = bytesTotal
    }
}

/// An item that an adapter hands out.
public enum SourceItem: Hashable, Sendable {
    /// A video and pass, complete.
    case video(VideoNarrations)
    /// Something that belongs to no video that is handed out.
    case problem(SourceProblem)
    /// Something that happened to no video that is handed out and is no fault: a pass that does not exist.
    case count(reason: String, number: Int)
}

/// A video and pass with all its narrations: one transaction.
public struct VideoNarrations: Hashable, Sendable {
    /// The video.
    public var video: Video
    /// Its narrations, sorted by time with ties in the order of the file, numbered from 0.
    public var narrations: [Narration]
    /// The narrations of this video and pass that could not be read.
    public var problems: [SourceProblem]
    /// Counts of what was left out or is worth knowing, by reason: `summaries`, `not-performed`.
    public var counts: [String: Int]
    /// The entries of exclusion lists that name the video.
    public var listed: [ExclusionList.Entry]

    /// Creates a group.
    public init(
        video: Video, narrations: [Narration], problems: [SourceProblem] = [], counts: [String: Int] = [:],
        listed: [ExclusionList.Entry] = []
    ) {
        self.video = video
        self.narrations = narrations
        self.problems = problems
        self.counts = counts
        self.listed = listed
    }
}

/// A piece of a source that could not be used: a dead letter in the making.
public struct SourceProblem: Hashable, Sendable {
    /// A short code to count by, one of `SourceReason`.
    public var reason: String
    /// The file, the line and the byte, what is wrong with which field, and what to do about it.
    public var message: String
    /// The video, where it is known.
    public var key: String?
    /// The offending text; of more than 64 KiB the beginning, with a mark at its end.
    public var raw: Bytes

    /// The longest text that is kept whole: 64 KiB.
    public static let rawBytesMax = 64 << 10

    /// Creates a problem; `raw` is cut to its limit.
    ///
    /// - Parameter byteCount: how many bytes the offending text has, where `raw` is just its beginning.
    public init(
        reason: String, message: String, key: String?, raw: some Collection<UInt8>, byteCount: Int? = nil
    ) {
        self.reason = reason
        self.message = message
        self.key = key
        self.raw = Bytes(raw.prefix(Self.rawBytesMax))
        let count = byteCount ?? raw.count
        if count > Self.rawBytesMax { self.raw += Bytes("…[cut: \(count) bytes in all]".utf8) }
    }
}

/// An error that makes a file unusable from some point on.
public struct SourceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path of the file.
    public var file: String
    /// The line, from 1.
    public var line: Int?
    /// The byte, from 0.
    public var offset: Int?
    /// The fault and its remedy.
    public var message: String
    /// Tells whether there is no such file or folder.
    public var isMissing: Bool

    /// Creates an error.
    public init(file: String, line: Int? = nil, offset: Int? = nil, isMissing: Bool = false, _ message: String) {
        self.file = file
        self.line = line
        self.offset = offset
        self.isMissing = isMissing
        self.message = message
    }

    /// `file, line N, byte N: message`
    public var description: String {
        "\(SourcePlace(file: self.file, line: self.line, offset: self.offset)): \(self.message)"
    }
}

/// A place in a file, as messages name it.
struct SourcePlace: CustomStringConvertible {
    var file: String
    var line: Int?
    var offset: Int?

    var description: String {
        var text = self.file
        if let line = self.line { text += ", line \(line)" }
        if let offset = self.offset { text += ", byte \(offset)" }
        return text
    }
}

/// The reason codes of the problems that adapters find.
public enum SourceReason {
    /// A time that is no number: NaN, an infinity, text in a table that should be a number.
    public static let notANumber = "not-a-number"
    /// A time before the start of the video.
    public static let negativeTime = "negative-time"
    /// A time beyond `SourceLimits.secondsMax`.
    public static let timeOutOfRange = "time-out-of-range"
    /// An interval that ends before it starts.
    public static let reversedInterval = "reversed-interval"
    /// A value of another type than it should have.
    public static let wrongType = "wrong-type"
    /// A field that must be there and is not.
    public static let missingKey = "missing-key"
    /// Bytes that are not UTF-8.
    public static let invalidUTF8 = "invalid-utf8"
    /// Text that is not JSON.
    public static let malformedJSON = "malformed-json"
    /// Parts within parts, deeper than `GoalStepAdapter.depthMax`.
    public static let tooDeep = "too-deep"
    /// A text or a line that would not fit in a record.
    public static let textTooLong = "text-too-long"
    /// A video whose annotations do not fit in memory.
    public static let videoTooLarge = "video-too-large"
    /// A video and pass that was there before in the same file.
    public static let duplicateVideo = "duplicate-video"
    /// An id that is empty or of more than `SourceLimits.uidBytesMax` bytes.
    public static let badUID = "bad-uid"
    /// A clip of the metadata without a place in its video.
    public static let badClip = "bad-clip"
    /// A video so long and clips so short that there would be more than `SourceLimits.clipsMax` of them.
    public static let tooManyClips = "too-many-clips"
    /// A row of a table with more or fewer fields than its header.
    public static let wrongFieldCount = "wrong-field-count"
    /// An `end` record that counts other narrations than there are.
    public static let countMismatch = "count-mismatch"
    /// A video in record form without an `end` record.
    public static let missingEnd = "missing-end"
}

/// The limits of what adapters take.
public enum SourceLimits {
    /// The longest text of a narration in bytes, as it stands escaped in a record: 8 MiB less what surrounds it.
    public static let textBytesMax = (8 << 20) - (16 << 10)
    /// The longest line of a JSON Lines file or row of a table: 8 MiB.
    public static let lineBytesMax = 8 << 20
    /// The largest annotations of one video: 32 MiB.
    public static let videoBytesMax = 32 << 20
    /// The longest id of a video in bytes.
    public static let uidBytesMax = 1 << 10
    /// The latest time in seconds: ten days and more, where the longest known video has ten hours.
    public static let secondsMax = 1_000_000.0
    /// The most clips that a video without clips is cut into.
    public static let clipsMax = 20_000
}
