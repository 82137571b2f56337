// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Records

/// A task's note beside each committed offset: the stage it was, and its counts since the beginning.
///
/// The counts are committed with the output, so they are exact across crashes and can be read from any process.
public struct TaskMetadata: Hashable, Sendable {
    /// The hash of the stage that the offset and the state are good for.
    public var stageHash: String
    /// Input records taken.
    public var recordsIn: Int
    /// Output records given.
    public var recordsOut: Int
    /// Dead letters written.
    public var deadLetters: Int
    /// Rejected values written.
    public var rejected: Int
    /// The time of the commit.
    public var committedAt: Timestamp?
    /// Counts of the steps, by `step.reason`, rejects and dead letters included.
    public var counts: [String: Int]
    /// Numbers of things the steps gather whose end has not come, by step.
    public var open: [String: Int] = [:]
    /// The fewest and the most calls to a server that the records under way at the commit may yet make.
    public var callsToCome = 0...0

    /// Kafka refuses more than 4,096 bytes of metadata; what does not fit is added up under `other`.
    static let bytesMax = 3_800

    /// Starts counting for a stage.
    public init(stageHash: String) {
        self.stageHash = stageHash
        self.recordsIn = 0
        self.recordsOut = 0
        self.deadLetters = 0
        self.rejected = 0
        self.counts = [:]
    }

    /// Reads metadata.
    public init(parsing text: String) throws(JSONError) {
        let value = try JSONValue(parsing: text.utf8)
        guard let hash = value["stage"]?.string else { throw JSONError("no stage hash", offset: 0) }
        self.init(stageHash: hash)
        self.recordsIn = value["in"]?.count ?? 0
        self.recordsOut = value["out"]?.count ?? 0
        self.deadLetters = value["dead"]?.count ?? 0
        self.rejected = value["rejected"]?.count ?? 0
        self.committedAt = value["at"]?.count.map { Timestamp($0) }
        self.counts = Self.numbers(value["counts"])
        self.open = Self.numbers(value["open"])
        let calls = value["calls"]?.array?.compactMap(\.count) ?? []
        if calls.count == 2, calls[0] <= calls[1] { self.callsToCome = calls[0]...calls[1] }
    }

    /// The sum of two ranges.
    static func sum(_ left: ClosedRange<Int>, _ right: ClosedRange<Int>) -> ClosedRange<Int> {
        left.lowerBound + right.lowerBound...left.upperBound + right.upperBound
    }

    private static func numbers(_ value: JSONValue?) -> [String: Int] {
        guard case .object(let members)? = value else { return [:] }
        return members.reduce(into: [:]) { $0[$1.key] = $1.value.count }
    }

    /// The metadata as text.
    public var text: String {
        let full = self.json(self.counts)
        if full.utf8.count <= Self.bytesMax { return full }
        var kept: [String: Int] = [:]
        // The names of steps are few and short.
        var size = 400 + self.open.keys.reduce(0) { $0 + $1.utf8.count + 24 }
        var other = 0
        for (reason, count) in self.counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            size += reason.utf8.count + 24
            if size < Self.bytesMax { kept[reason] = count } else { other += count }
        }
        kept["other", default: 0] += other
        return self.json(kept)
    }

    private func json(_ counts: [String: Int]) -> String {
        var json = JSONWriter()
        json.beginObject()
        json.field("stage", self.stageHash)
        json.field("in", self.recordsIn)
        json.field("out", self.recordsOut)
        json.field("dead", self.deadLetters)
        json.field("rejected", self.rejected)
        if let committedAt { json.field("at", Int(committedAt)) }
        json.key("counts")
        Self.write(counts, to: &json)
        if !self.open.isEmpty {
            json.key("open")
            Self.write(self.open, to: &json)
        }
        if self.callsToCome.upperBound > 0 {
            json.key("calls")
            json.beginArray()
            json.value(self.callsToCome.lowerBound)
            json.value(self.callsToCome.upperBound)
            json.endArray()
        }
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func write(_ counts: [String: Int], to json: inout JSONWriter) {
        json.beginObject()
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
            json.key(text: name)
            json.value(count)
        }
        json.endObject()
    }

    /// The counts that came since an earlier note of the same task.
    func since(_ earlier: TaskMetadata) -> TaskMetadata {
        var difference = TaskMetadata(stageHash: self.stageHash)
        difference.recordsIn = max(0, self.recordsIn - earlier.recordsIn)
        difference.recordsOut = max(0, self.recordsOut - earlier.recordsOut)
        difference.deadLetters = max(0, self.deadLetters - earlier.deadLetters)
        difference.rejected = max(0, self.rejected - earlier.rejected)
        for (reason, count) in self.counts {
            let more = count - (earlier.counts[reason] ?? 0)
            if more > 0 { difference.counts[reason] = more }
        }
        return difference
    }

    /// Adds another task's counts.
    public mutating func add(_ other: TaskMetadata) {
        self.recordsIn += other.recordsIn
        self.recordsOut += other.recordsOut
        self.deadLetters += other.deadLetters
        self.rejected += other.rejected
        self.counts.merge(other.counts, uniquingKeysWith: +)
        self.open.merge(other.open, uniquingKeysWith: +)
        self.callsToCome = Self.sum(self.callsToCome, other.callsToCome)
    }
}
