// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import Records
public import Shards

/// The samples of the shards that were committed so far, in the order of the commits. It trusts the manifest alone: a
/// sample that is not committed is never seen.
public final class SampleIndex {
    /// Why samples are passed over.
    public enum Skip: String, CaseIterable, Sendable {
        /// It is no JSON object, or a field is missing.
        case malformed
        /// There are no features for its clip.
        case withoutFeatures = "without features"
        /// The features end more than two frames before the clip.
        case shortFeatures = "features end before the clip"
        /// Its window has no length.
        case emptyWindow = "empty window"
        /// Its window ends before it starts.
        case reversedWindow = "window ends before it starts"
        /// Its window lies outside its clip.
        case outsideClip = "window outside the clip"
        /// Its clip ends before it starts, or has no length.
        case noClip = "clip without length"
        /// It has no window.
        case withoutAnswer = "without an answer"
        /// Its text is missing, or white space.
        case blankQuery = "blank query"
    }

    /// A commit, when it was first seen.
    public struct Sight: Sendable {
        /// The shard.
        public var commit: Manifest.Commit
        /// How many of its samples can be used.
        public var usable: Int
    }

    /// The samples that can be used.
    public private(set) var queries: [MomentQuery] = []
    /// The shards that were read, in order.
    public private(set) var shards: [ManifestEntry] = []
    /// The samples passed over, by reason.
    public var skipped: [Skip: Int] { self.selection.skipped }
    /// What the targets look like.
    public var statistics: TargetStatistics { self.selection.statistics }

    /// What is known after each shard: samples in all, usable ones, and the hash of the shards' hashes.
    private var marks: [(samples: Int, usable: Int, digest: String)] = [(0, 0, ContentHash.sha256(""))]
    private let reader: TailingReader
    private var selection: SampleSelection
    private var names: [String: String] = [:]

    /// Follows a set of shards from its start.
    public init(reader: TailingReader, features: FeatureStore, rule: TargetRule) {
        self.reader = reader
        self.selection = SampleSelection(features: features, rule: rule)
    }

    /// Reads what was committed since the last look; does not wait.
    /// - Throws: `ShardError` where a listed shard is missing or damaged; `TensorFileError` where features are.
    public func refresh() throws -> [Sight] {
        var sights: [Sight] = []
        for commit in try self.reader.poll() {
            let before = self.queries.count
            for number in 0..<commit.entry.samples {
                guard let line = try self.reader.next() else {
                    throw ShardError(
                        .corrupt,
                        "\(commit.entry.file) has \(number) samples, the manifest says \(commit.entry.samples); restore it "
                            + "or replay")
                }
                try self.add(line)
            }
            try self.reader.skipShard()
            self.shards.append(commit.entry)
            let last = self.marks[self.marks.count - 1]
            self.marks.append(
                (
                    last.samples + commit.entry.samples, self.queries.count,
                    ContentHash.sha256(last.digest + commit.entry.sha256)
                ))
            sights.append(Sight(commit: commit, usable: self.queries.count - before))
        }
        return sights
    }

    private func add(_ line: Bytes) throws {
        guard var query = try? MomentQuery(sample: line) else {
            self.selection.skip(.malformed)
            return
        }
        query.videoUID = self.shared(query.videoUID)
        query.clipUID = self.shared(query.clipUID)
        query.template = query.template.map { self.shared($0) }
        if try self.selection.take(query) { self.queries.append(query) }
    }

    /// One copy of a name that many samples have.
    private func shared(_ name: String) -> String {
        if let known = self.names[name] { return known }
        self.names[name] = name
        return name
    }

    /// The samples of the first so many shards: all of them, those that can be used, and the hash of the shards' hashes.
    public func prefix(_ shards: Int) -> (samples: Int, usable: Int, digest: String) { self.marks[shards] }
}
