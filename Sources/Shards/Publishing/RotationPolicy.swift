// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Records

/// Limits on what a shard may hold, and on how long it may be open.
public struct RotationLimits: Hashable, Sendable {
    /// Samples.
    public var samples: Int
    /// Bytes of samples before compression.
    public var uncompressedBytes: Int
    /// Seconds since the first sample; `nil`: as long as it takes.
    public var seconds: Double?

    /// Describes limits: by default 50,000 samples, 64 MiB and a minute.
    public init(samples: Int = 50_000, uncompressedBytes: Int = 64 << 20, seconds: Double? = 60) {
        self.samples = samples
        self.uncompressedBytes = uncompressedBytes
        self.seconds = seconds
    }

    /// Some thirty years.
    private static let secondsMax = 1e9

    /// A description of what is wrong with the limits; `nil` if nothing is.
    public var problem: String? {
        if self.samples < 1 { return "a shard must be allowed at least one sample, not \(self.samples)" }
        if self.uncompressedBytes < 1 { return "a shard must be allowed a byte, not \(self.uncompressedBytes)" }
        if let seconds = self.seconds, !(0...Self.secondsMax ~= seconds) {
            return "a shard cannot be open for \(seconds) seconds; give 0 to \(Self.secondsMax), or no limit"
        }
        return nil
    }
}

/// Decides when an open shard is to be closed. It is asked only between input records, so that the samples of one
/// are never parted, and a shard may pass its limits by the samples of one.
public struct RotationPolicy: Hashable, Sendable {
    /// The limits.
    public let limits: RotationLimits
    /// The samples in the open shard.
    public private(set) var samples = 0
    /// Their bytes.
    public private(set) var uncompressedBytes = 0
    /// Time at which the question was first asked with a sample in the shard.
    private var openedAt: Timestamp?

    /// Starts with no shard open.
    public init(limits: RotationLimits) { self.limits = limits }

    /// Counts samples that were appended.
    public mutating func added(samples: Int, uncompressedBytes: Int) {
        self.samples += samples
        self.uncompressedBytes += uncompressedBytes
    }

    /// Returns the reason to close the shard now, if any: the first in the order samples, bytes, seconds.
    public mutating func due(now: Timestamp) -> RotationReason? {
        if self.samples == 0 { return nil }
        if self.samples >= self.limits.samples { return .samples }
        if self.uncompressedBytes >= self.limits.uncompressedBytes { return .bytes }
        // A clock that was set back must not keep a shard open for longer than its limit from now on.
        self.openedAt = min(self.openedAt ?? now, now)
        guard let deadline = self.deadline else { return nil }
        return now >= deadline ? .seconds : nil
    }

    /// Time at which the shard will have been open as long as it may; `nil` without a limit, or before `due` was asked.
    public var deadline: Timestamp? {
        guard let seconds = self.limits.seconds, let openedAt = self.openedAt else { return nil }
        return openedAt + Timestamp((seconds * 1000).rounded(.up))
    }

    /// The shard was closed or dropped.
    public mutating func closed() { self = RotationPolicy(limits: self.limits) }
}
