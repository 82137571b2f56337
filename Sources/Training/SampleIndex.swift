// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records
public import Shards

/// Makes samples of the lines of shards, and decides which are trained on: the one reader of a schema for training.
public protocol SampleReading {
    /// A value that a network trains on.
    associatedtype Sample: Sendable
    /// The counts that are taken on the way.
    associatedtype Counts: SampleCounts

    /// The sample of a line, a function of the line alone; `nil` where it holds none.
    func sample(_ line: Bytes) -> Sample?
    /// The place of a line in its sequence, a function of the line alone; asked for where the network wants whole
    /// sequences, of lines without a sample, too: one of them may end a sequence. Lines of a sequence come in its
    /// order, others may lie between them. `nil`: it is of none, and is not trained on.
    func place(_ line: Bytes) -> SequencePlace?
    /// Tells whether a line's sample, or `nil`, is trained on, and counts it.
    func admits(_ sample: Sample?, counting counts: inout Counts) throws -> Bool
    /// A hash of everything beside the lines that `admits` depends on.
    func key() throws -> String
}

extension SampleReading {
    /// Nothing: a reader whose samples stand by themselves.
    public func place(_ line: Bytes) -> SequencePlace? { nil }
}

extension SampleReading where Counts == SampleTally {
    /// Trains on every line that holds a sample.
    public func admits(_ sample: Sample?, counting counts: inout SampleTally) throws -> Bool {
        sample == nil ? counts.skip("malformed") : counts.take()
    }

    /// Nothing: lines alone decide.
    public func key() throws -> String { "" }
}

/// Counts over some samples; those of parts add up to those of the whole.
public protocol SampleCounts: Hashable, Sendable, Codable {
    /// Nothing counted.
    init()
    /// Adds what was counted elsewhere.
    mutating func add(_ other: Self)
    /// The samples that could not be used, in words; empty where all could.
    var omissions: String { get }
}

/// Counts by reason, for a task that needs none of its own.
public struct SampleTally: SampleCounts {
    /// The samples that are trained on.
    public private(set) var taken = 0
    /// Those passed over, by reason.
    public private(set) var skipped: [String: Int] = [:]

    /// Nothing counted.
    public init() {}

    /// Counts a sample that is trained on.
    /// - Returns: `true`.
    public mutating func take() -> Bool {
        self.taken += 1
        return true
    }

    /// Counts a sample that is passed over.
    /// - Returns: `false`.
    public mutating func skip(_ reason: String) -> Bool {
        self.skipped[reason, default: 0] += 1
        return false
    }

    /// Adds what was counted elsewhere.
    public mutating func add(_ other: SampleTally) {
        self.taken &+= other.taken
        self.skipped.merge(other.skipped, uniquingKeysWith: &+)
    }

    /// The samples passed over, in words: `3 malformed, 1 without a name`.
    public var omissions: String {
        self.skipped.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}

/// A shard, when it was first seen.
public struct ShardSight: Sendable {
    /// The shard.
    public var commit: Manifest.Commit
    /// The number of its samples that can be used.
    public var usable: Int
}

/// The samples that can be used of the shards that were committed so far, in the order of the commits. It trusts the
/// manifest alone: a sample that is not committed is never seen.
///
/// Of a sample its place is kept; the sample is read when it is asked for, and the latest stay in memory. With a file
/// of its own it does not read a shard again that an index before it has read.
public final class SampleIndex<Reader: SampleReading> {
    /// The shards that were read, in order.
    public private(set) var shards: [ManifestEntry] = []
    /// The counts over all shards.
    public private(set) var counts = Reader.Counts()
    /// The number of samples that can be used.
    public var usable: Int { self.places.count }
    /// The sequences that they make up; `nil` where they stand by themselves.
    private(set) var sequences: SequenceIndex?

    private struct Place {
        var shard: Int32
        var number: Int32
    }

    private var places: [Place] = []
    /// The sums after each shard: samples in all, usable ones, and the hash of the shards' hashes.
    private var marks: [(samples: Int, usable: Int, digest: String)] = [(0, 0, ContentHash.sha256(""))]
    private let tail: TailingReader
    private let storage: any ShardStorage
    private let reader: Reader
    private let path: String?
    private var file: SampleIndexFile<Reader.Counts>?
    private let samples = BoundedCache<Int, Reader.Sample>(bytesMax: SampleIndex.samplesMax) { _ in 1 }
    /// The shards that samples were read from last, the oldest first.
    private var open: [(shard: Int32, reader: ShardReader)] = []

    /// The number of samples that stay in memory.
    private static var samplesMax: Int { 1 << 17 }
    /// The number of shards that stay open, each with a frame in memory.
    private static var openMax: Int { 16 }

    /// Follows a set of shards from its start.
    /// - Parameters:
    ///   - tail: a reader of the manifest, at its start.
    ///   - storage: where the shards are.
    ///   - order: the order that samples are wanted in.
    ///   - file: where to keep what was found, for the next start; `nil`: nowhere.
    public init(
        _ tail: TailingReader, storage: any ShardStorage, reader: Reader, order: SampleOrder = .singles,
        file: String? = nil
    ) {
        self.tail = tail
        self.storage = storage
        self.reader = reader
        self.path = file
        if order == .sequences { self.sequences = SequenceIndex() }
    }

    /// Reads what was committed since the last look; does not wait.
    /// - Throws: `ShardError` where a listed shard is missing or damaged, and what the reader throws.
    public func refresh() throws -> [ShardSight] {
        var sights: [ShardSight] = []
        for commit in try self.tail.poll() {
            var entry = try self.known(commit)
            if entry == nil {
                entry = try self.read(commit)
                if let entry { try self.file?.append(entry) }
            }
            try self.tail.skipShard()
            guard let entry else { continue }
            self.take(entry, commit)
            sights.append(ShardSight(commit: commit, usable: entry.usableCount))
        }
        return sights
    }

    /// Writes what was found to the index's file, for the next start.
    public func save() throws(TrainingError) { try self.file?.save() }

    /// Finds what an index before this one found in a shard.
    private func known(_ commit: Manifest.Commit) throws -> SampleIndexEntry<Reader.Counts>? {
        if self.file == nil, let path {
            let key = try self.reader.key() + (self.sequences == nil ? "" : " sequences")
            self.file = SampleIndexFile(path: path, key: key)
        }
        return self.file?.next(shard: commit.entry.sha256, samples: commit.entry.samples)
    }

    private func read(_ commit: Manifest.Commit) throws -> SampleIndexEntry<Reader.Counts> {
        var entry = SampleIndexEntry<Reader.Counts>(shard: commit.entry.sha256, samples: commit.entry.samples)
        if self.sequences != nil { entry.stretches = [] }
        for number in 0..<commit.entry.samples {
            guard let line = try self.tail.next() else {
                throw ShardError(
                    .corrupt,
                    "\(commit.entry.file) has \(number) samples, the manifest says \(commit.entry.samples); restore it "
                        + "or replay")
            }
            if try self.reader.admits(self.reader.sample(line), counting: &entry.counts) { entry.add(number) }
            guard self.sequences != nil, let place = self.reader.place(line) else { continue }
            entry.stretches?.add(place, line: number)
        }
        return entry
    }

    private func take(_ entry: SampleIndexEntry<Reader.Counts>, _ commit: Manifest.Commit) {
        let shard = Int32(self.shards.count)
        self.sequences?.take(
            entry.stretches ?? [], samples: entry.ranges.flatMap { Array($0) }, first: self.places.count)
        for range in entry.ranges {
            self.places += range.map { Place(shard: shard, number: Int32($0)) }
        }
        self.shards.append(commit.entry)
        self.counts.add(entry.counts)
        let last = self.marks[self.marks.count - 1]
        self.marks.append(
            (
                last.samples + commit.entry.samples, self.places.count,
                ContentHash.sha256(last.digest + commit.entry.sha256)
            ))
    }

    /// The samples of the first so many shards: all of them, those that can be used, and the hash of the shards'
    /// hashes.
    public func prefix(_ shards: Int) -> (samples: Int, usable: Int, digest: String) { self.marks[shards] }

    /// A sample that can be used, by its number.
    /// - Throws: `ShardError` where its shard is gone or damaged meanwhile.
    public func sample(_ index: Int) throws -> Reader.Sample {
        try self.samples.value(index) {
            let place = self.places[index], entry = self.shards[Int(place.shard)]
            guard let line = try self.shardReader(place.shard).sample(Int(place.number)),
                let sample = self.reader.sample(line)
            else {
                throw ShardError(
                    .corrupt, "\(entry.file) has no sample \(place.number) any more; restore the file, or replay")
            }
            return sample
        }
    }

    private func shardReader(_ shard: Int32) throws(ShardError) -> ShardReader {
        if let known = self.open.first(where: { $0.shard == shard }) { return known.reader }
        let entry = self.shards[Int(shard)]
        let content = try self.storage.open(entry.file)
        guard content.size == entry.bytes else {
            throw ShardError(
                .corrupt,
                "\(entry.file) has \(content.size) bytes, the manifest says \(entry.bytes); restore it or replay")
        }
        let reader = try ShardReader(content, file: entry.file)
        if self.open.count == Self.openMax { self.open.removeFirst() }
        self.open.append((shard, reader))
        return reader
    }
}
