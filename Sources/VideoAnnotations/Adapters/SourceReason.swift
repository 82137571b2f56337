// SPDX-License-Identifier: Apache-2.0

public import TaskRooms

/// The reason codes of narrations and their videos.
extension SourceReason {
    /// A time before the start of the video.
    public static let negativeTime = "negative-time"
    /// A time beyond `SourceLimits.secondsMax`.
    public static let timeOutOfRange = "time-out-of-range"
    /// An interval that ends before it starts.
    public static let reversedInterval = "reversed-interval"
    /// Parts within parts, deeper than `GoalStepAdapter.depthMax`.
    public static let tooDeep = "too-deep"
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
    /// An `end` record that counts other narrations than there are.
    public static let countMismatch = "count-mismatch"
    /// A file of a video's folder that is not there.
    public static let missingFile = "missing-file"
    /// A file of a video that cannot be read, or is not of its kind.
    public static let unreadableFile = "unreadable-file"
    /// A video in record form without an `end` record.
    public static let missingEnd = "missing-end"
}

/// The limits of what adapters of narrations take.
extension SourceLimits {
    /// The longest text of a narration in bytes, as it stands escaped in a record: 8 MiB less what surrounds it.
    public static let textBytesMax = (8 << 20) - (16 << 10)
    /// The longest detail of a narration in bytes, such as its relevance: all of them fit beside the longest text and
    /// id.
    public static let detailBytesMax = 320
    /// The longest verb of an action in bytes.
    public static let verbBytesMax = 64
    /// The longest path of a picture in bytes.
    public static let pictureBytesMax = 200
    /// The longest goal or summary of a video in bytes.
    public static let goalBytesMax = 4 << 10
    /// The largest annotations of one video: 32 MiB.
    public static let videoBytesMax = SourceLimits.valueBytesMax
    /// The longest id of a video in bytes.
    public static let uidBytesMax = 1 << 10
    /// The latest time in seconds: ten days and more, where the longest known video has ten hours.
    public static let secondsMax = 1_000_000.0
    /// The most clips that a video without clips is cut into.
    public static let clipsMax = 20_000
}
