// SPDX-License-Identifier: Apache-2.0

import Codecs
public import Dataflow
import Records

/// The stages of one pipeline, read from a YAML file and checked.
public struct Topology: Sendable {
    /// Its name, which its groups and tasks bear.
    public var name: String
    /// The number of partitions that each of its topics has.
    public var partitions: Int
    /// The retention of the topics it creates.
    public var retention: TopicRetention
    /// The stages, each behind those it reads from.
    public var stages: [Stage]
    /// The file it was read from.
    public var file: String
    /// The place of its name in the file.
    public var mark: SourceMark?

    /// SHA-256 of the parsed steps with the environment applied and of which stage reads from which; no names,
    /// endpoints or comments.
    public var hash: String {
        var chains: [String: String] = [:]
        for stage in self.stages {
            let source = chains[stage.from].map { ContentHash.sha256($0) } ?? "external"
            for topic in stage.writtenTopics {
                let isRejects = topic == stage.rejects
                chains[topic] = "\(source)\n\(isRejects ? "rejects" : "output")\n\(stage.canonical)"
            }
        }
        // Stages that do not depend on each other have no order of their own.
        let parts = self.stages.map { stage in
            "\(chains[stage.from].map { ContentHash.sha256($0) } ?? "external")\n\(stage.canonical)"
        }
        return ContentHash.sha256("millrace-topology/1\n" + parts.sorted().joined(separator: "\n"))
    }

    /// The topics that stages read and none writes.
    public var externalTopics: [String] {
        let written = Set(self.stages.flatMap(\.writtenTopics))
        return Set(self.stages.map(\.from)).subtracting(written).sorted()
    }

    /// The topic that takes what could not be processed.
    public var deadLetterTopic: String { ReservedTopics.deadLetters(of: self.name) }

    /// The names of the shard sets that stages write.
    public var shardSets: [String] {
        self.stages.compactMap { stage in
            if case .shards(let shards) = stage.destination { shards.name } else { nil }
        }
    }
}

/// The limits on what a topic keeps of each partition; `nil` is without limit.
public struct TopicRetention: Hashable, Sendable {
    /// Seconds after its append that a record may be removed.
    public var seconds: Int?
    /// Bytes a partition may take before its oldest records are removed.
    public var bytes: Int?

    /// Describes a retention.
    public init(seconds: Int? = nil, bytes: Int? = nil) {
        self.seconds = seconds
        self.bytes = bytes
    }
}

/// A chain of operators between two topics, or a topic and shards: the unit that runs in tasks.
public struct Stage: Sendable {
    /// Its name.
    public var name: String
    /// The topic it reads.
    public var from: String
    /// Its operators.
    public var steps: [Step]
    /// The destination of its output.
    public var destination: Destination
    /// The topic for what `validate` and its like reject; the dead letters where none is named.
    public var rejects: String?
    /// The number of input records in a row that may end as dead letters before the stage stops.
    public var maxConsecutiveDeadLetters: Int
    /// The limits at which its tasks commit.
    public var commit: CommitLimits
    /// The type of its input.
    public var inputType: StreamType
    /// The type of its output.
    public var outputType: StreamType
    /// The place of its destination in the file.
    public var toMark: SourceMark?
    /// The place of its topic for rejects in the file.
    public var rejectsMark: SourceMark?

    /// The destination of a stage's output.
    public enum Destination: Hashable, Sendable {
        /// A topic.
        case topic(String)
        /// Shards.
        case shards(ShardDestination)
    }

    /// The steps as text, the same for stages that do the same.
    var canonical: String { self.steps.map(\.canonical).joined(separator: "|") }

    /// SHA-256 of what it reads and does: offsets and state are good for this and nothing else.
    public var hash: String { ContentHash.sha256("millrace-stage/1\n\(self.inputType.name)\n\(self.canonical)") }

    /// Tells whether a step waits for what comes next of a record's video, so that no record can be taken out of order.
    public var gathers: Bool {
        self.steps.contains { $0.overload.specification.isStateful && !$0.overload.specification.remembers }
    }

    /// The topics it writes, dead letters aside.
    public var writtenTopics: [String] {
        var topics: [String] = []
        if case .topic(let topic) = self.destination { topics.append(topic) }
        if let rejects = self.rejects { topics.append(rejects) }
        return topics
    }
}

/// A set of shards that a stage writes.
public struct ShardDestination: Hashable, Sendable {
    /// The set's name.
    public var name: String
    /// The zstd level.
    public var level: Int
    /// Samples after which a shard is closed.
    public var samplesMax: Int
    /// Uncompressed bytes after which a shard is closed.
    public var bytesMax: Int
    /// Seconds after its first sample that a shard is closed; 0 is never.
    public var secondsMax: Double

    /// Describes a set.
    public init(
        name: String, level: Int = 3, samplesMax: Int = 50_000, bytesMax: Int = 64 << 20, secondsMax: Double = 60
    ) {
        self.name = name
        self.level = level
        self.samplesMax = samplesMax
        self.bytesMax = bytesMax
        self.secondsMax = secondsMax
    }
}

/// The limits at which a task commits to a topic: whichever is reached first.
public struct CommitLimits: Hashable, Sendable {
    /// Input records since the last commit.
    public var records: Int
    /// Output bytes since the last commit.
    public var bytes: Int
    /// Seconds since the first record that is not committed.
    public var seconds: Double

    /// Describes limits.
    public init(records: Int = 20_000, bytes: Int = 16 << 20, seconds: Double = 1) {
        self.records = records
        self.bytes = bytes
        self.seconds = seconds
    }
}

extension Chain {
    /// Wires the steps of a stage.
    /// - Throws: what an operator finds wrong with its configuration.
    public convenience init(_ stage: Stage, _ context: OperatorContext) throws(ConfigurationError) {
        var context = context
        context.stage = stage.name
        try self.init(stage.steps, input: stage.inputType, output: stage.outputType, context)
    }
}
