// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records
import Synchronization

/// The known splits of a video.
public struct VideoGuard: Hashable, Sendable {
    /// The splits that it is in.
    public var splits: Set<String>
    /// Tells whether these are all.
    public var isComplete: Bool

    /// Creates a guard.
    public init(splits: Set<String>, isComplete: Bool) {
        self.splits = splits
        self.isComplete = isComplete
    }
}

extension Video {
    /// The video's splits as the record has them; `nil` where it says nothing.
    public var splitGuard: VideoGuard? {
        if let splits = self.splits { return VideoGuard(splits: Set(splits), isComplete: true) }
        return self.knownSplits.map { VideoGuard(splits: Set($0), isComplete: false) }
    }
}

/// The newest revision of each video and pass, and what the newest revisions say of a video's splits: whatever was
/// ingested before, in whatever pass and from whatever source, is judged by that.
///
/// A replay fills it from all `video` records that it may come to; a run fills it from what the ingests have written
/// down, and goes on with the records it meets. As a gate it keeps out of the stages behind the first what was made of
/// a video before that was excluded.
public final class NewestVideos: InputGate, Sendable {
    /// A video and pass of a source.
    private struct Key: Hashable {
        var source: String
        var videoUID: String
        var pass: Int
    }

    private struct Newest {
        var revision: Int
        var splitGuard: VideoGuard?
    }

    private struct State {
        var newest: [Key: Newest] = [:]
        /// The keys of each video.
        var keys: [String: Set<Key>] = [:]
        /// The records' keys of the videos that are excluded.
        var excluded: Set<Bytes> = []
        /// The videos of which some record is not excluded by itself.
        var everOpen: Set<String> = []
        /// The number of records that were older than another.
        var older = 0
        /// Tells whether the user has been told of a video that came late.
        var hasTold = false
    }

    private let excludedSplits: Set<String>
    /// Tells whether all is known that will be read, as in a replay, so that no revision but the newest is ever taken.
    let isBounded: Bool
    private let state = Mutex(State())
    private let tell: @Sendable (String) -> Void

    /// Creates one that knows nothing.
    /// - Parameters:
    ///   - excludedSplits: the splits whose videos the topology drops.
    ///   - isBounded: whether every record that will be read is taken note of before any of them is.
    ///   - tell: is told once of a revision that came after an older one had been read.
    public init(
        excludedSplits: Set<String>, isBounded: Bool, tell: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.excludedSplits = excludedSplits
        self.isBounded = isBounded
        self.tell = tell
    }

    // MARK: Taking note

    /// Takes note of a record.
    public func take(_ video: Video) {
        self.take(
            Key(source: video.source, videoUID: video.videoUID, pass: video.pass), revision: video.revision,
            video.splitGuard)
    }

    /// Takes note of what an ingest has written down of a video and pass.
    /// - Parameters:
    ///   - group: `VIDEO/PASS`; anything else is passed over.
    ///   - note: what `note(of:)` said of it; empty where an earlier version wrote nothing.
    ///   - source: whose ingest it was.
    public func take(group: String, revision: Int, note: Bytes, source: String) {
        guard let slash = group.lastIndex(of: "/"), let pass = Int(group[group.index(after: slash)...]) else { return }
        let parsed = try? JSONValue(parsing: note)
        var splitGuard: VideoGuard?
        if let splits = parsed?["splits"]?.array {
            let isComplete = parsed?["complete"] == .bool(true)
            splitGuard = VideoGuard(splits: Set(splits.compactMap(\.string)), isComplete: isComplete)
        }
        let key = Key(source: parsed?["source"]?.string ?? source, videoUID: String(group[..<slash]), pass: pass)
        self.take(key, revision: revision, splitGuard)
    }

    /// Returns the note that an ingest is to write down of a video, as JSON.
    public static func note(of video: Video) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("source", video.source)
        if let splitGuard = video.splitGuard {
            json.key("splits")
            json.beginArray()
            for split in splitGuard.splits.sorted() { json.value(split) }
            json.endArray()
            json.field("complete", splitGuard.isComplete)
        }
        json.endObject()
        return json.bytes
    }

    private func take(_ key: Key, revision: Int, _ splitGuard: VideoGuard?) {
        self.state.withLock { state in
            if splitGuard?.splits.isDisjoint(with: self.excludedSplits) ?? true { state.everOpen.insert(key.videoUID) }
            if let known = state.newest[key], known.revision != revision {
                state.older += 1
                if revision < known.revision { return }
            }
            // A record that says nothing takes nothing back.
            let former = state.newest[key]?.splitGuard
            state.newest[key] = Newest(revision: revision, splitGuard: splitGuard ?? former)
            state.keys[key.videoUID, default: []].insert(key)
            let isExcluded =
                !(Self.splitGuard(of: key.videoUID, state)?.splits.isDisjoint(with: self.excludedSplits) ?? true)
            if isExcluded {
                state.excluded.insert(Bytes(key.videoUID.utf8))
            } else {
                state.excluded.remove(Bytes(key.videoUID.utf8))
            }
        }
    }

    /// Tells the user of the first video that comes as a newer revision after an older one has been read. Those behind
    /// it are counted, and a run may go on for days before it tells its counts.
    func tellOfLate(_ video: Video, isExcluded: Bool) {
        let isFirst = self.state.withLock { state in
            defer { state.hasTold = true }
            return !state.hasTold
        }
        guard isFirst else { return }
        self.tell(
            "video \(video.videoUID), pass \(video.pass) has come as revision \(video.revision)"
                + (isExcluded ? ", which is excluded," : "")
                + " after an older one had been read, and what was made of that "
                + "stays; a replay makes a set of the newest revisions alone. Further ones are counted as `newer-revision`"
        )
    }

    // MARK: Asking

    /// Tells whether a record's video and pass is known in a newer revision.
    func isSuperseded(_ video: Video) -> Bool {
        let key = Key(source: video.source, videoUID: video.videoUID, pass: video.pass)
        return self.state.withLock { state in (state.newest[key]?.revision ?? 0) > video.revision }
    }

    /// Returns a video's splits as its newest revisions have them, taken together: it is in all splits that any of them
    /// says. `nil` where none says anything.
    func splitGuard(of videoUID: String) -> VideoGuard? {
        self.state.withLock { state in Self.splitGuard(of: videoUID, state) }
    }

    private static func splitGuard(of videoUID: String, _ state: borrowing State) -> VideoGuard? {
        var all: VideoGuard?
        for key in state.keys[videoUID] ?? [] {
            guard let next = state.newest[key]?.splitGuard else { continue }
            guard let known = all else {
                all = next
                continue
            }
            all = VideoGuard(
                splits: known.splits.union(next.splits), isComplete: known.isComplete || next.isComplete)
        }
        return all
    }

    /// Tells whether any video and pass is known in a revision that is not its first.
    public var hasRevisions: Bool { self.state.withLock { $0.newest.values.contains { $0.revision > 1 } } }

    /// The number of noted records that are older than the newest of their video and pass.
    public var olderCount: Int { self.state.withLock { $0.older } }

    /// The number of excluded videos that some record by itself would not exclude.
    public var newlyExcludedCount: Int {
        self.state.withLock { state in
            state.everOpen.count { state.excluded.contains(Bytes($0.utf8)) }
        }
    }

    // MARK: Gate

    /// Narrations are the filter's to judge; what was made of them has left it behind.
    public func guards(_ type: StreamType) -> Bool { type.name != NarrationEvent.typeName }

    /// Tells whether no video is excluded, so that no record can be dropped.
    public var isIdle: Bool { self.state.withLock { $0.excluded.isEmpty } }

    /// `excluded-split` where the key is an excluded video's.
    public func reasonToDrop(_ key: Bytes) -> String? {
        self.state.withLock { $0.excluded.contains(key) } ? FilterOperator.excludedReason : nil
    }
}

/// The splits that the filters among the steps of a topology exclude, all together.
public func excludedSplits(of steps: [Step]) -> Set<String> {
    var splits: Set<String> = []
    for step in steps {
        guard let videos = step.videoRules else { continue }
        splits.formUnion(videos[FilterOperator.excludeSplits].map(\.rawValue))
    }
    return splits
}

/// Tells whether a stage that begins with a type reads narrations and judges no videos, so that excluded ones and older
/// revisions pass.
public func judgesNoVideos(_ input: StreamType, _ steps: [Step]) -> Bool {
    input.name == NarrationEvent.typeName && steps.allSatisfy { $0.videoRules == nil }
}

extension Step {
    /// The rules for videos, where it is a filter of narrations that has any.
    fileprivate var videoRules: Configuration? {
        guard self.name == FilterOperator.specification.name, self.overload.input.name == NarrationEvent.typeName else {
            return nil
        }
        return self.configuration[FilterOperator.videos]
    }
}
