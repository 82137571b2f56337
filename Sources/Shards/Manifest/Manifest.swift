// SPDX-License-Identifier: Apache-2.0

public import RecordLog
public import Records

/// The committed shards of one set, in the order of their commits.
public struct Manifest: Sendable {
    /// One committed shard.
    public struct Commit: Hashable, Sendable {
        /// The shard that was committed.
        public var entry: ManifestEntry
        /// The offset of its record in the manifest topic.
        public var offset: Offset
        /// Time of the commit.
        public var time: Timestamp

        /// Describes a commit.
        public init(entry: ManifestEntry, offset: Offset, time: Timestamp) {
            self.entry = entry
            self.offset = offset
            self.time = time
        }
    }

    /// The common name of the shards.
    public let name: String
    /// The commits, by offset.
    public private(set) var commits: [Commit]

    /// Describes a manifest.
    public init(name: String, commits: [Commit] = []) {
        self.name = name
        self.commits = commits
    }

    /// The topic that holds the manifest of a set of shards.
    public static func topic(_ name: String) -> String { ReservedTopics.manifest(of: name) }

    /// That topic as it is to be created: one partition, kept for ever.
    public static func topicSpecification(_ name: String) -> TopicSpecification {
        TopicSpecification(name: self.topic(name), partitions: 1)
    }

    /// Reads all commits of a set; those behind a commit that is still undecided are not seen.
    /// - Parameter waitMilliseconds: how long to wait for decisions first, for those who must see every commit that has
    ///   taken place: sweeping or numbering by half a manifest would undo commits.
    /// - Parameter onUnreadable: is told of what cannot be read, which is then passed over: for those who show what
    ///   there is. Who decides about samples leaves it out, and it is thrown.
    /// - Throws: `ShardError.Code.missing` if there is no such set; `.corrupt`; `.versionTooNew`; `.log`.
    public init(
        reading name: String, from log: any RecordLog, waitMilliseconds: Int? = nil,
        onUnreadable: ((ShardError) -> Void)? = nil
    ) throws(ShardError) {
        self.init(name: name)
        let partition = TopicPartition(Self.topic(name), 0)
        let reader: any PartitionReader
        do throws(LogError) {
            if let waitMilliseconds {
                try log.awaitDecisions(on: partition, timeoutMilliseconds: waitMilliseconds)
            }
            reader = try log.makeReader(of: partition, from: try log.offsets(of: partition).lowerBound)
        } catch {
            throw .log(error, reading: partition.topic)
        }
        while true {
            let batch: FetchedBatch
            do throws(LogError) {
                batch = try reader.read(recordsMax: 1000, bytesMax: 4 << 20)
            } catch {
                let failure = ShardError.log(error, reading: partition.topic)
                // Rows behind a damaged one are out of reach.
                guard error.code == .corrupt, let onUnreadable else { throw failure }
                onUnreadable(failure)
                return
            }
            if batch.isEmpty { return }
            try self.append(batch, onUnreadable: onUnreadable)
        }
    }

    /// Appends the commits that a batch of the manifest topic announces.
    public mutating func append(
        _ batch: FetchedBatch, onUnreadable: ((ShardError) -> Void)? = nil
    ) throws(ShardError) {
        for index in 0..<batch.count {
            let offset = batch.offsets[index]
            do {
                let entry = try ManifestEntry(record: batch.records[index])
                self.commits.append(Commit(entry: entry, offset: offset, time: batch.timestamps[index]))
            } catch {
                let failure = ShardError(error.code, "\(batch.partition) offset \(offset): \(error.message)")
                guard let onUnreadable else { throw failure }
                onUnreadable(failure)
            }
        }
    }

    /// The entries of one partition, in order.
    public func entries(ofPartition partition: Int) -> [ManifestEntry] {
        self.commits.map(\.entry).filter { $0.partition == partition }
    }

    /// The sequence number of the next shard of a partition.
    public func nextSequence(ofPartition partition: Int) -> Int {
        self.entries(ofPartition: partition).map { $0.sequence + 1 }.max() ?? 0
    }

    /// The names of all committed files.
    public var files: Set<String> { Set(self.commits.map(\.entry.file)) }

    /// The number of samples in all shards.
    public var samples: Int { self.commits.reduce(0) { $0 + $1.entry.samples } }

    /// Returns the contradictions: gaps and repeats in a partition's sequence, names that do not fit their entry, a
    /// file announced twice, epochs that go back. A sound manifest has none.
    public func problems() -> [String] {
        var problems: [String] = []
        var next: [Int: Int] = [:]
        var epochs: [Int: Int64] = [:]
        var seen: Set<String> = []
        for commit in self.commits {
            let entry = commit.entry
            let place = "manifest \(Self.topic(self.name)) offset \(commit.offset)"
            let expected = next[entry.partition] ?? 0
            if entry.sequence > expected {
                problems.append(
                    "\(place): partition \(entry.partition) jumps from sequence \(expected - 1) to \(entry.sequence); "
                        + "\(entry.sequence - expected) shard(s) are missing")
            } else if entry.sequence < expected {
                problems.append("\(place): partition \(entry.partition) repeats sequence \(entry.sequence)")
            }
            next[entry.partition] = max(expected, entry.sequence + 1)
            if entry.epoch < epochs[entry.partition] ?? 0 {
                problems.append("\(place): partition \(entry.partition) goes back to epoch \(entry.epoch)")
            }
            epochs[entry.partition] = max(entry.epoch, epochs[entry.partition] ?? 0)
            let name = ShardName(
                name: self.name, partition: entry.partition, sequence: entry.sequence, epoch: entry.epoch)
            if entry.file != name.file {
                problems.append("\(place): the file is \(entry.file) where \(name.file) belongs")
            }
            if !seen.insert(entry.file).inserted { problems.append("\(place): \(entry.file) is announced twice") }
        }
        return problems
    }
}
