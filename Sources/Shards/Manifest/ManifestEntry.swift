// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Records

/// The record that announces one committed shard: what readers trust, and what a replay follows.
///
/// It says nothing of clock time; the log's append time says when it was committed.
public struct ManifestEntry: Hashable, Sendable {
    /// The file's name in the folder of shards.
    public var file: String
    /// The partition of the task that wrote it.
    public var partition: Int
    /// Counts the partition's shards, from zero.
    public var sequence: Int
    /// The epoch of the task that wrote it.
    public var epoch: Int64
    /// The size of the file in bytes.
    public var bytes: Int
    /// The size of its samples in bytes, each with its newline.
    public var uncompressedBytes: Int
    /// The number of samples.
    public var samples: Int
    /// The number of frames.
    public var frames: Int
    /// The SHA-256 of the file, in lower-case hexadecimal.
    public var sha256: String
    /// Identity of the last sample.
    public var last: LineIdentity
    /// The reason why it was closed.
    public var reason: RotationReason
    /// The hash of the topology that made the samples.
    public var topologyHash: String
    /// The version of zstd that compressed it.
    public var zstdVersion: String
    /// The compression level.
    public var level: Int
    /// The source offset of the first input record with a sample in it.
    public var firstOffset: Offset
    /// The source offset of the last input record with a sample in it.
    public var lastOffset: Offset

    /// Describes a shard.
    public init(
        file: String, partition: Int, sequence: Int, epoch: Int64, bytes: Int, uncompressedBytes: Int, samples: Int,
        frames: Int, sha256: String, last: LineIdentity, reason: RotationReason, topologyHash: String,
        zstdVersion: String, level: Int, firstOffset: Offset, lastOffset: Offset
    ) {
        self.file = file
        self.partition = partition
        self.sequence = sequence
        self.epoch = epoch
        self.bytes = bytes
        self.uncompressedBytes = uncompressedBytes
        self.samples = samples
        self.frames = frames
        self.sha256 = sha256
        self.last = last
        self.reason = reason
        self.topologyHash = topologyHash
        self.zstdVersion = zstdVersion
        self.level = level
        self.firstOffset = firstOffset
        self.lastOffset = lastOffset
    }
}
