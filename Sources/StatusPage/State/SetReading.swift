// SPDX-License-Identifier: Apache-2.0

import Engine
import RecordLog
import Records
import Shards
import Synchronization

/// The manifests of all sets, read once and then as they grow.
final class SetReading: Sendable {
    private struct Known {
        var manifest: Manifest
        var next: Offset
        var unreadable: [String] = []
        /// Sums of what was read so far.
        var bytes = 0
        var uncompressed = 0
        var samples = 0
        var reasons: [String: Int] = [:]
        var summed = 0
    }

    /// The most shards of a set that are shown, and complaints that are kept.
    private static let (newestMax, unreadableMax) = (20, 10)

    private let log: any RecordLog
    private let known = Mutex<[String: Known]>([:])

    init(_ log: any RecordLog) { self.log = log }

    /// The names of the sets.
    func names() throws(LogError) -> [String] {
        try self.log.topics().compactMap { ReservedTopics.set(ofManifest: $0.name) }.sorted()
    }

    /// The committed shards of a set, as far as they can be read.
    func manifest(_ name: String) throws -> Manifest {
        try self.known.withLock { known in try self.current(name, &known).manifest }
    }

    /// The set as the page shows it; what processes know of it is added by others.
    func view(_ name: String) throws -> PageState.ShardSet {
        let set = try self.known.withLock { known in try self.current(name, &known) }
        let commits = set.manifest.commits
        return PageState.ShardSet(
            name: name, samples: set.samples, shards: commits.count, bytes: set.bytes, uncompressed: set.uncompressed,
            lastCommit: commits.last?.time,
            rotation: set.reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { PageState.Named(name: $0.key, count: $0.value) },
            newest: commits.suffix(Self.newestMax).reversed().map { commit in
                PageState.Shard(
                    file: commit.entry.file, samples: commit.entry.samples, bytes: commit.entry.bytes,
                    reason: commit.entry.reason.rawValue, time: commit.time)
            }, unreadable: set.unreadable)
    }

    /// Forgets sets that are no longer there.
    func keep(_ names: [String]) {
        self.known.withLock { known in known = known.filter { names.contains($0.key) } }
    }

    private func current(_ name: String, _ known: inout [String: Known]) throws -> Known {
        let partition = TopicPartition(Manifest.topic(name), 0)
        let range = try self.log.offsets(of: partition)
        var set = known[name] ?? Known(manifest: Manifest(name: name), next: range.lowerBound)
        // A set that was dropped and made again begins anew.
        if range.upperBound < set.next { set = Known(manifest: Manifest(name: name), next: range.lowerBound) }
        if set.next < range.upperBound {
            let reader = try self.log.makeReader(of: partition, from: max(set.next, range.lowerBound))
            while true {
                let batch = try reader.read(recordsMax: 1_000, bytesMax: 4 << 20)
                if batch.isEmpty { break }
                var unreadable: [String] = []
                try set.manifest.append(batch) { unreadable.append($0.message) }
                set.unreadable += unreadable.prefix(max(0, Self.unreadableMax - set.unreadable.count))
                set.next = batch.nextOffset
            }
        }
        for commit in set.manifest.commits[set.summed...] {
            set.bytes += commit.entry.bytes
            set.uncompressed += commit.entry.uncompressedBytes
            set.samples += commit.entry.samples
            set.reasons[commit.entry.reason.rawValue, default: 0] += 1
        }
        set.summed = set.manifest.commits.count
        known[name] = set
        return set
    }
}
