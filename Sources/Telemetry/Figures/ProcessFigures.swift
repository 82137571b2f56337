// SPDX-License-Identifier: Apache-2.0

public import Records

/// The figures that a process tells about itself, every second or so, for others to show.
///
/// A value alone: it is made from an engine, a trainer or an ingest, written as JSON, and read again by whoever shows
/// it. Whatever text is in it came from outside, so it is made harmless where it is shown.
public struct ProcessFigures: Hashable, Sendable {
    /// The process.
    public var identity: Identity
    /// The time of these figures, in milliseconds since 1970.
    public var at: Timestamp
    /// Its health when they were taken.
    public var health: HealthReport
    /// The topology that it runs, as a graph; `nil` for a process that runs none.
    public var graph: TopologyGraph?
    /// The part of each stage in this process.
    public var stages: [StageFigures] = []
    /// The things that it waits for, the longest first.
    public var waits: [WaitFigures] = []
    /// The shard sets that it writes.
    public var sets: [SetFigures] = []
    /// The model servers that it asks.
    public var models: [ModelFigures] = []
    /// The trainers in it.
    public var trainers: [TrainerFigures] = []
    /// All its metrics.
    public var metrics: [MetricFamily] = []

    /// Creates figures of a process that has nothing to tell yet.
    public init(_ identity: Identity, at: Timestamp, health: HealthReport = HealthReport()) {
        self.identity = identity
        self.at = at
        self.health = health
    }

    /// The facts about a process that do not change.
    public struct Identity: Hashable, Sendable {
        /// A random name, for this life of the process alone.
        public var instance: String
        /// The command: `run`, `replay`, `ingest`, `train`, `finetune`, `serve`.
        public var role: String
        /// The name of its subject: the topology, the set, the topic.
        public var name: String
        /// The host's name.
        public var host: String
        /// The process's number on its host.
        public var pid: Int
        /// Its start, in milliseconds since 1970.
        public var start: Timestamp

        /// Describes a process.
        public init(instance: String, role: String, name: String, host: String, pid: Int, start: Timestamp) {
            self.instance = instance
            self.role = role
            self.name = name
            self.host = host
            self.pid = pid
            self.start = start
        }

        /// `host:17`: the value of the label `process`.
        public var label: String { "\(self.host):\(self.pid)" }
    }
}

/// The stages of a topology, and what they read and write: the edges are the topics that one names and another too.
public struct TopologyGraph: Hashable, Sendable {
    /// A stage.
    public struct Node: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// The names of its steps, in order.
        public var steps: [String]
        /// The topic that it reads.
        public var from: String
        /// The topic that it writes; `nil` where it writes shards.
        public var topic: String?
        /// The shard set that it writes; `nil` where it writes a topic.
        public var set: String?
        /// The topic of its rejects; `nil` where they are dead letters.
        public var rejects: String?

        /// Describes a stage.
        public init(
            name: String, steps: [String], from: String, topic: String?, set: String?, rejects: String?
        ) {
            self.name = name
            self.steps = steps
            self.from = from
            self.topic = topic
            self.set = set
            self.rejects = rejects
        }
    }

    /// The topology's name.
    public var name: String
    /// The partitions that each topic has.
    public var partitions: Int
    /// The topic of dead letters.
    public var deadLetters: String
    /// The stages, each behind those it reads from.
    public var stages: [Node]

    /// Describes a topology.
    public init(name: String, partitions: Int, deadLetters: String, stages: [Node]) {
        self.name = name
        self.partitions = partitions
        self.deadLetters = deadLetters
        self.stages = stages
    }
}

/// A process's part in a stage.
public struct StageFigures: Hashable, Sendable {
    /// The stage.
    public var name: String
    /// Input records committed by this process since its start.
    public var recordsIn = 0
    /// Output records committed by this process since its start.
    public var recordsOut = 0
    /// Input records since ever, of the partitions that it has: these counts move with a partition.
    public var everIn = 0
    /// Output records since ever, of the partitions that it has.
    public var everOut = 0
    /// Rejects since ever, of the partitions that it has.
    public var everRejects = 0
    /// Dead letters since ever, of the partitions that it has.
    public var everDeadLetters = 0
    /// Input records a second, over the last ten seconds.
    public var rateIn = 0.0
    /// Output records a second, over the last ten seconds.
    public var rateOut = 0.0
    /// Offsets that are not committed; offsets have gaps.
    public var lagOffsets = 0
    /// The age of the oldest record that is not committed, in seconds; 0 where there is none.
    public var lagSeconds = 0.0
    /// Records that wait for answers.
    public var inFlight = 0
    /// Groups that its steps gather and whose end has not come.
    public var openGroups = 0
    /// Partitions that this process has.
    public var tasks = 0
    /// Those of them whose task is open.
    public var tasksOpen = 0
    /// Those of them that wait for the log.
    public var tasksStalled = 0
    /// Those of them that another owner has fenced.
    public var tasksFenced = 0
    /// The last commit, in milliseconds since 1970.
    public var lastCommit: Timestamp?
    /// Rejects by reason, since the start of this process.
    public var rejects: [String: Int] = [:]
    /// Dead letters by reason, since the start of this process.
    public var deadLetters: [String: Int] = [:]
    /// Counts of what was left out, by `step.reason`, since the start of this process.
    public var drops: [String: Int] = [:]

    /// Creates figures of a stage that has done nothing.
    public init(name: String) { self.name = name }
}

/// Something that a process waits for.
public struct WaitFigures: Hashable, Sendable {
    /// The kinds of thing that are waited for.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A model server.
        case model
        /// The log.
        case log
        /// Shards that are not there yet.
        case shards
        /// Anything else.
        case other
    }

    /// The kind.
    public var kind: Kind
    /// Its name: a server's address, a stage, a set.
    public var subject: String
    /// The beginning of the wait, in milliseconds since 1970.
    public var since: Timestamp
    /// The last news of it.
    public var message: String

    /// Describes a wait.
    public init(_ kind: Kind, subject: String, since: Timestamp, message: String) {
        self.kind = kind
        self.subject = subject
        self.since = since
        self.message = message
    }
}

/// A process's part in a shard set.
public struct SetFigures: Hashable, Sendable {
    /// A shard that is being written.
    public struct Open: Hashable, Sendable {
        /// Its partition.
        public var partition: Int
        /// The time of its first sample, in milliseconds since 1970.
        public var since: Timestamp
        /// The time at which the clock will close it; `nil` where it does not.
        public var deadline: Timestamp?

        /// Describes a shard.
        public init(partition: Int, since: Timestamp, deadline: Timestamp?) {
            self.partition = partition
            self.since = since
            self.deadline = deadline
        }
    }

    /// The set.
    public var name: String
    /// Its shards that are being written here.
    public var open: [Open] = []
    /// Shards committed since the start of this process, by the reason why they were closed.
    public var published: [String: Int] = [:]
    /// The last of them, in milliseconds since 1970.
    public var lastPublished: Timestamp?

    /// Creates figures of a set to which nothing was written.
    public init(name: String) { self.name = name }
}

/// A process's calls of a model server, since its start.
public struct ModelFigures: Hashable, Sendable {
    /// The server's address.
    public var server: String
    /// Calls sent, retries among them.
    public var calls = 0
    /// Requests answered without a call.
    public var cacheHits = 0
    /// Calls that were another attempt.
    public var retries = 0
    /// Failures of the server.
    public var failures = 0
    /// Tokens of prompts, as the server counts them.
    public var tokensIn = 0
    /// Tokens of answers, as the server counts them.
    public var tokensOut = 0
    /// The money for these tokens, where the topology has a price.
    public var cost: Double?
    /// The currency of the price.
    public var currency: String?
    /// Calls at the server.
    public var inFlight = 0
    /// Calls that may be at the server now.
    public var inFlightMax = 0
    /// Requests that wait for a place.
    public var waiting = 0
    /// `closed`, `open` or `trying`.
    public var breaker = "closed"

    /// Creates figures of a server that was not asked.
    public init(server: String) { self.server = server }
}

/// The course of a trainer.
public struct TrainerFigures: Hashable, Sendable {
    /// A value at a step.
    public struct Point: Hashable, Sendable {
        /// The step.
        public var step: Int
        /// The value.
        public var value: Double

        /// Creates a point.
        public init(step: Int, value: Double) {
            self.step = step
            self.value = value
        }
    }

    /// A named value.
    public struct Figure: Hashable, Sendable {
        /// The name.
        public var name: String
        /// The value.
        public var value: Double

        /// Creates a value.
        public init(_ name: String, _ value: Double) {
            self.name = name
            self.value = value
        }
    }

    /// The most points of a curve.
    public static let pointsMax = 120

    /// The trainer's command.
    public var name: String
    /// The set that it trains on.
    public var set: String
    /// The step it stands at.
    public var step = 0
    /// The last step.
    public var steps = 0
    /// Samples a second, since the start of this process.
    public var samplesPerSecond = 0.0
    /// Samples that may be drawn.
    public var usable = 0
    /// The last step's losses, gradient norm and learning rate.
    public var losses: [Figure] = []
    /// The scores of the last validation.
    public var scores: [Figure] = []
    /// The step of the last validation.
    public var scoredAt: Int?
    /// The total loss over the run, thinned to at most `pointsMax` points, rising by step.
    public var curve: [Point] = []
    /// The last checkpoint's step.
    public var savedAt: Int?
    /// The time from the commit of the last shard until it was seen, in seconds.
    public var visibleSeconds: Double?

    /// Creates figures of a trainer that has not begun.
    public init(name: String, set: String) {
        self.name = name
        self.set = set
    }
}
