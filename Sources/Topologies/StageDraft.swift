// SPDX-License-Identifier: Apache-2.0

import Dataflow

/// A stage as it stands in the file: its parts read one by one, its types not yet known.
struct StageDraft {
    /// A step as it stands in the file: its fields depend on which of its overloads it is.
    struct Step {
        let name: String
        let mark: SourceMark
        let overloads: [OperatorOverload]
        let body: ConfigurationNode
    }

    var name: String
    var mark: SourceMark
    var from: String
    var fromMark: SourceMark
    /// The type of the topic's values, where the file says so.
    var type: StreamType?
    var steps: [Step]
    /// Tells whether every step could be read, and the type where one is given.
    var isWhole = true
    var destination: Stage.Destination?
    var toMark: SourceMark
    var rejects: String?
    var rejectsMark: SourceMark?
    var letters: Int
    var commit: CommitLimits

    var writtenTopics: [String] {
        var topics: [String] = []
        if case .topic(let topic)? = self.destination { topics.append(topic) }
        if let rejects = self.rejects { topics.append(rejects) }
        return topics
    }
}

/// A stage's input, as it may be written: `from: topic` or `from: { topic: …, type: … }`.
enum SourceFields {
    static let topic = Field<String>("topic", required: "name", help: "the topic", check: TopologyLoader.checkSource)
    static let type = Field<String?>(
        "type", default: nil, help: "what lies in the topic, where the steps take more than one type")

    static let all: [any FieldDescription] = [topic, type]
}

/// A stage's output, as it may be written: `to: topic` or `to: { shards: name, … }`.
enum DestinationFields {
    enum Compression: String, Choice {
        case zstd
    }

    static let shards = Field<String>(
        "shards", required: "name", help: "the name of the shard set", check: TopologyLoader.checkName)
    static let compression = Field<Compression>("compression", default: .zstd, help: "how shards are compressed")
    static let level = Field<Int>("level", default: 3, in: 1...19, help: "zstd's level")
    static let samples = Field<Int>(
        "samples", default: 50_000, in: 1...1_000_000_000, help: "samples after which a shard is closed")
    static let bytes = Field<ByteCount>(
        "bytes", default: ByteCount(64 << 20), in: ByteCount(1)...ByteCount(4 << 30),
        help: "uncompressed bytes after which a shard is closed")
    static let seconds = Field<Double>(
        "seconds", default: 60, in: 0...86_400,
        help: "seconds after its first sample that a shard is closed; 0 is never")
    static let rotate = Section(
        "rotate", help: "when a shard is closed: whichever limit is reached first", fields: [samples, bytes, seconds])

    static let all: [any FieldDescription] = [shards, compression, level, rotate]

    static func destination(_ configuration: Configuration) -> ShardDestination {
        let rotate = configuration[Self.rotate] ?? Configuration()
        return ShardDestination(
            name: configuration[Self.shards], level: configuration[Self.level], samplesMax: rotate[Self.samples],
            bytesMax: rotate[Self.bytes].bytes, secondsMax: rotate[Self.seconds])
    }
}

/// The commit limits of a stage's tasks, as they may be written.
enum CommitFields {
    static let records = Field<Int>(
        "records", default: 20_000, in: 1...10_000_000, help: "input records since the last commit")
    static let bytes = Field<ByteCount>(
        "bytes", default: ByteCount(16 << 20), in: ByteCount(1)...ByteCount(1 << 30),
        help: "output bytes since the last commit")
    static let seconds = Field<Double>(
        "seconds", default: 1, in: 0.001...3600, help: "seconds since the first record that is not committed")

    static let all: [any FieldDescription] = [records, bytes, seconds]

    static func limits(_ configuration: Configuration) -> CommitLimits {
        CommitLimits(
            records: configuration[Self.records], bytes: configuration[Self.bytes].bytes,
            seconds: configuration[Self.seconds]
        )
    }
}
