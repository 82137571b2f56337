// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Foundation
public import Records
public import Shards

/// Searches shard sets for samples, the newest first, within bounds of time and bytes.
///
/// There is no index of texts: frames are decompressed, from the last of the newest shard on, and looked through. So a
/// search may end before all is seen; it says where, and goes on from there when asked to.
public struct SampleSearch {
    /// A set, and the place of its files.
    public struct Source {
        /// The committed shards.
        public var manifest: Manifest
        /// The files.
        public var storage: any ShardStorage

        /// Names a set.
        public init(_ manifest: Manifest, in storage: any ShardStorage) {
            self.manifest = manifest
            self.storage = storage
        }
    }

    /// The most that one search may take.
    public struct Limits: Sendable {
        /// Samples to find.
        public var hits: Int
        /// Uncompressed bytes to look through.
        public var bytes: Int
        /// Seconds.
        public var seconds: Double

        /// Sets limits.
        public init(hits: Int = 40, bytes: Int = 256 << 20, seconds: Double = 1.5) {
            self.hits = hits
            self.bytes = bytes
            self.seconds = seconds
        }
    }

    /// A sample that fits.
    public struct Hit: Hashable, Sendable {
        /// The set.
        public var set: String
        /// The name of the shard.
        public var file: String
        /// The time of its commit.
        public var time: Timestamp
        /// The place in the shard.
        public var line: SampleLine
        /// The line, without its newline.
        public var bytes: Bytes
    }

    /// The reason why a search ended before all was seen.
    public enum Stop: String, Sendable {
        /// As many as wanted were found.
        case limit
        /// Its bytes were used up.
        case bytes
        /// Its time was up.
        case time
    }

    /// The result.
    public struct Outcome: Sendable {
        /// The samples that fit, the newest first.
        public internal(set) var hits: [Hit] = []
        /// Samples that were looked at.
        public internal(set) var scanned = 0
        /// Their bytes.
        public internal(set) var bytes = 0
        /// Seconds that it took.
        public internal(set) var seconds = 0.0
        /// The reason why it ended early; `nil` where all was seen.
        public internal(set) var stop: Stop?
        /// The place before which it is to go on; `nil` where all was seen.
        public internal(set) var next: SearchPlace?
        /// The shards that could not be read, and why; a few of them.
        public internal(set) var unreadable: [String] = []
    }

    /// One shard among all that are searched.
    private struct Shard {
        var source: Int
        var commit: Manifest.Commit
    }

    private static let unreadableMax = 5

    private let sources: [Source]
    private let shards: [Shard]

    /// Prepares a search.
    public init(_ sources: [Source]) {
        self.sources = sources
        self.shards = sources.indices.flatMap { source in
            sources[source].manifest.commits.map { Shard(source: source, commit: $0) }
        }.sorted { left, right in
            (left.commit.time, left.source, left.commit.offset) > (right.commit.time, right.source, right.commit.offset)
        }
    }

    /// Searches.
    /// - Parameter place: the place before which it goes on; by default it begins with the newest sample.
    /// - Returns: `nil` where the place is none of these shards.
    public func run(_ filter: SampleFilter, before place: SearchPlace? = nil, limits: Limits = Limits()) -> Outcome? {
        var first = 0
        if let place {
            let found = self.shards.firstIndex { shard in
                shard.commit.offset == place.offset && self.sources[shard.source].manifest.name == place.set
            }
            guard let found else { return nil }
            first = found
        }
        let start = ContinuousClock.now
        var outcome = Outcome()
        defer { outcome.seconds = Self.seconds(since: start) }
        for (index, shard) in self.shards[first...].enumerated() {
            let line = index == 0 ? place?.line : nil
            self.search(shard, filter, before: line, limits, since: start, &outcome)
            if outcome.stop != nil { break }
        }
        outcome.seconds = Self.seconds(since: start)
        return outcome
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - start) / .seconds(1)
    }

    /// Searches a shard from its end, or from before a line of it, to its start.
    private func search(
        _ shard: Shard, _ filter: SampleFilter, before line: SampleLine?, _ limits: Limits,
        since start: ContinuousClock.Instant, _ outcome: inout Outcome
    ) {
        let (source, entry) = (self.sources[shard.source], shard.commit.entry)
        let set = source.manifest.name
        do throws(ShardError) {
            let reader = try ShardReader(entry.file, in: source.storage)
            var ordinal = line.map { min($0.frame, reader.frames.count - 1) } ?? reader.frames.count - 1
            while ordinal >= 0 {
                let here = line.flatMap { $0.frame == ordinal ? $0.index : nil }
                let size = reader.frames[ordinal].size
                let place = SearchPlace(
                    set: set, offset: shard.commit.offset, line: SampleLine(frame: ordinal, index: here ?? .max))
                // One frame is looked at whatever the limits say, so that going on always gets further.
                let isFirst = outcome.bytes == 0
                if !isFirst, outcome.bytes > limits.bytes - size { return Self.stop(.bytes, at: place, &outcome) }
                if !isFirst, Self.seconds(since: start) > limits.seconds {
                    return Self.stop(.time, at: place, &outcome)
                }
                outcome.bytes += size
                let frame = try reader.frame(ordinal)
                let end = min(here ?? .max, frame.count)
                outcome.scanned += end
                for index in filter.lines(of: frame, before: end) {
                    let found = SampleLine(frame: ordinal, index: index)
                    if outcome.hits.count == limits.hits {
                        let next = SampleLine(frame: ordinal, index: index + 1)
                        outcome.scanned -= index + 1
                        return Self.stop(
                            .limit, at: SearchPlace(set: set, offset: shard.commit.offset, line: next), &outcome)
                    }
                    outcome.hits.append(
                        Hit(
                            set: set, file: entry.file, time: shard.commit.time, line: found,
                            bytes: frame.sample(index)))
                }
                ordinal -= 1
            }
        } catch {
            if outcome.unreadable.count < Self.unreadableMax { outcome.unreadable.append(error.message) }
        }
    }

    private static func stop(_ reason: Stop, at place: SearchPlace, _ outcome: inout Outcome) {
        outcome.stop = reason
        outcome.next = place
    }

    /// The sample at a place of a shard; `nil` where the set has no such shard, or the shard no such line.
    public static func sample(
        _ line: SampleLine, of file: String, in source: Source
    ) throws(ShardError) -> (bytes: Bytes, time: Timestamp)? {
        guard let commit = source.manifest.commits.first(where: { $0.entry.file == file }) else { return nil }
        let reader = try ShardReader(file, in: source.storage)
        guard reader.frames.indices.contains(line.frame) else { return nil }
        let frame = try reader.frame(line.frame)
        guard (0..<frame.count).contains(line.index) else { return nil }
        return (frame.sample(line.index), commit.time)
    }
}
