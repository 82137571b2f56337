// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import Records

/// The notes of a task between two commits, so that the commit can be counted: plain numbers, for one thread.
struct TaskMeasure {
    /// Bytes given to the sink or a topic since the last commit.
    var bytesOut = 0
    /// The time at which the open shard took its first sample.
    var shardSince: Timestamp?
    /// Bytes of the state as it is committed.
    private(set) var state = StateSize()
    /// The age of what is not committed.
    private(set) var pending = PendingAges()

    private var began: ContinuousClock.Instant?
    private var rejects: [String: Int] = [:]
    private var deadLetters: [String: Int] = [:]
    /// Letters by `step.reason`: they are among the counts of the metadata, too.
    private var letters: [String: Int] = [:]
    /// The metadata as the last commit had it.
    private var committed: TaskMetadata

    init(_ metadata: TaskMetadata, state: [StateEntry]) {
        self.committed = metadata
        self.state.take(state)
    }

    /// A batch was read.
    mutating func read(_ batch: FetchedBatch) { self.pending.read(batch) }

    /// A letter was written.
    mutating func note(_ letter: Letter) {
        self.letters["\(letter.step).\(letter.reason)", default: 0] += 1
        if letter.kind == .dead {
            self.deadLetters[letter.reason, default: 0] += 1
        } else {
            self.rejects[letter.reason, default: 0] += 1
        }
    }

    /// A commit begins; one that is tried again began when it was first tried.
    mutating func begin() { if self.began == nil { self.began = ContinuousClock.now } }

    /// The commit that ends at a position succeeded.
    mutating func commit(
        _ position: Offset, readTo: Offset, _ metadata: TaskMetadata, state: [StateChange], rotation: RotationReason?,
        now: Timestamp
    ) -> StageMeters.Commit {
        var commit = StageMeters.Commit()
        commit.recordsIn = max(0, metadata.recordsIn - self.committed.recordsIn)
        commit.recordsOut = max(0, metadata.recordsOut - self.committed.recordsOut)
        commit.bytesOut = self.bytesOut
        commit.rejects = self.rejects
        commit.deadLetters = self.deadLetters
        commit.drops = self.drops(metadata.counts)
        if let began { commit.seconds = Double((ContinuousClock.now - began) / .nanoseconds(1)) / 1e9 }
        commit.oldestSeconds = self.pending.oldest(before: position).map { Double(now - $0) / 1000 }
        if let rotation, let since = self.shardSince {
            commit.shard = (rotation.rawValue, Double(max(0, now - since)) / 1000)
            self.shardSince = nil
        }
        if position >= readTo { self.pending.clear() } else { self.pending.commit(position) }
        self.state.take(state)
        self.bytesOut = 0
        self.began = nil
        self.rejects = [:]
        self.deadLetters = [:]
        self.letters = [:]
        self.committed = metadata
        return commit
    }

    /// Counts of the steps since the last commit, but for letters and calls of models, which are counted elsewhere.
    private func drops(_ counts: [String: Int]) -> [String: Int] {
        var drops: [String: Int] = [:]
        for (name, count) in counts {
            let more = count - (self.committed.counts[name] ?? 0) - (self.letters[name] ?? 0)
            if more > 0, !Self.isOfModels(name) { drops[name] = more }
        }
        return drops
    }

    private static let modelCounts: Set<Substring> = [
        "cache-hits", "calls", "call-milliseconds", "tokens-in", "tokens-out", "retries", "duplicate-calls",
    ]

    private static func isOfModels(_ name: String) -> Bool {
        guard let dot = name.firstIndex(of: ".") else { return false }
        let count = name[name.index(after: dot)...]
        return self.modelCounts.contains(count) || count.hasPrefix("server-failure.")
    }
}

/// The size of a task's state: of each piece by the hash of its key, for keys may be long and many.
struct StateSize {
    private var sizes: [Int: Int] = [:]
    /// Keys and values together, in bytes.
    private(set) var bytes = 0

    mutating func take(_ entries: [StateEntry]) {
        for entry in entries { self.set(entry.key.hashValue, entry.key.count + entry.value.count) }
    }

    mutating func take(_ changes: [StateChange]) {
        for change in changes { self.set(change.key.hashValue, change.value.map { change.key.count + $0.count }) }
    }

    private mutating func set(_ key: Int, _ size: Int?) {
        let former = size.map { self.sizes.updateValue($0, forKey: key) } ?? self.sizes.removeValue(forKey: key)
        self.bytes += (size ?? 0) - (former ?? 0)
    }
}

/// The times at which records that are not committed were appended: a mark each few dozen records, so that the age of
/// the oldest one costs next to nothing. It is that record's, or that of one a little before it.
struct PendingAges {
    private static let marksOfABatch = 64
    private var marks: [(offset: Offset, time: Timestamp)] = []

    mutating func read(_ batch: FetchedBatch) {
        let step = max(1, batch.count / Self.marksOfABatch)
        for index in stride(from: 0, to: batch.count, by: step) {
            self.marks.append((batch.offsets[index], batch.timestamps[index]))
        }
    }

    /// The time of the oldest record that is not committed, if one was read.
    var oldest: Timestamp? { self.marks.first?.time }

    /// The same, if it lies before a position.
    func oldest(before position: Offset) -> Timestamp? {
        self.marks.first.flatMap { $0.offset < position ? $0.time : nil }
    }

    /// Forgets marks before a position, but for the last: the records behind it may not be committed.
    mutating func commit(_ position: Offset) {
        let next = self.marks.firstIndex { $0.offset >= position }
        if let next {
            let isExact = self.marks[next].offset == position
            self.marks.removeFirst(isExact ? next : max(0, next - 1))
        } else {
            self.marks.removeFirst(max(0, self.marks.count - 1))
        }
    }

    /// Everything that was read is committed.
    mutating func clear() { self.marks.removeAll() }
}
