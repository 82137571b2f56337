// SPDX-License-Identifier: Apache-2.0

public import Codecs
internal import Records
public import Shards

/// Makes samples of the lines of shards: the one reader of a schema for training. It counts what cannot be used.
public protocol SampleReading {
    /// What a network trains on.
    associatedtype Sample

    /// The sample of a line; `nil` where it cannot be used.
    mutating func sample(_ line: Bytes) throws -> Sample?
    /// What could not be used so far, in words; empty where all could.
    var omissions: String { get }
}

/// A shard, when it was first seen.
public struct ShardSight: Sendable {
    /// The shard.
    public var commit: Manifest.Commit
    /// How many of its samples can be used.
    public var usable: Int
}

/// The samples of the shards that were committed so far, in the order of the commits. It trusts the manifest alone: a
/// sample that is not committed is never seen.
public final class SampleIndex<Reader: SampleReading> {
    /// The samples that can be used.
    public private(set) var samples: [Reader.Sample] = []
    /// The shards that were read, in order.
    public private(set) var shards: [ManifestEntry] = []
    /// What reads the lines, with what it counted.
    public private(set) var reader: Reader

    /// What is known after each shard: samples in all, usable ones, and the hash of the shards' hashes.
    private var marks: [(samples: Int, usable: Int, digest: String)] = [(0, 0, ContentHash.sha256(""))]
    private let tail: TailingReader

    /// Follows a set of shards from its start.
    public init(_ tail: TailingReader, reader: Reader) {
        self.tail = tail
        self.reader = reader
    }

    /// Reads what was committed since the last look; does not wait.
    /// - Throws: `ShardError` where a listed shard is missing or damaged, and what the reader throws.
    public func refresh() throws -> [ShardSight] {
        var sights: [ShardSight] = []
        for commit in try self.tail.poll() {
            let before = self.samples.count
            for number in 0..<commit.entry.samples {
                guard let line = try self.tail.next() else {
                    throw ShardError(
                        .corrupt,
                        "\(commit.entry.file) has \(number) samples, the manifest says \(commit.entry.samples); restore it "
                            + "or replay")
                }
                if let sample = try self.reader.sample(line) { self.samples.append(sample) }
            }
            try self.tail.skipShard()
            self.shards.append(commit.entry)
            let last = self.marks[self.marks.count - 1]
            self.marks.append(
                (
                    last.samples + commit.entry.samples, self.samples.count,
                    ContentHash.sha256(last.digest + commit.entry.sha256)
                ))
            sights.append(ShardSight(commit: commit, usable: self.samples.count - before))
        }
        return sights
    }

    /// The samples of the first so many shards: all of them, those that can be used, and the hash of the shards' hashes.
    public func prefix(_ shards: Int) -> (samples: Int, usable: Int, digest: String) { self.marks[shards] }
}
