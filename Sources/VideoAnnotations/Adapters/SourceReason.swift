// SPDX-License-Identifier: Apache-2.0

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
    /// The longest detail of a narration in bytes, such as its relevance: all of them fit beside the longest text and
    /// id.
    public static let detailBytesMax = 320
    /// The longest goal of a video in bytes.
    public static let goalBytesMax = 4 << 10
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
