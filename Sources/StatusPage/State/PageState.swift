// SPDX-License-Identifier: Apache-2.0

import Records

/// All that the page shows without being asked: what flows, what waits, what there is. Times are in milliseconds since
/// 1970, rates a second.
struct PageState: Equatable {
    struct Place: Equatable {
        var home = ""
        var log: String?
    }

    struct Process: Equatable {
        var name: String
        /// The command and its subject.
        var does: String
        var partitions: [String] = []
        var since: Timestamp?
    }

    struct Named: Equatable {
        var name: String
        var count: Int
    }

    struct Stage: Equatable {
        enum Output: Equatable {
            case topic(String)
            case shards(String)
        }

        var name: String
        var group: String
        var from: [String] = []
        var output: Output?
        var rejects: String?
        /// Processes that are at it.
        var members = 0
        var recordsIn = 0
        var recordsOut = 0
        var rejected = 0
        var dead = 0
        var rates: StageRates?
        var lag = 0
        /// The age of the oldest record that is not committed, where somebody knows.
        var lagSeconds: Double?
        var lastCommit: Timestamp?
        /// Counts of the steps, the largest first.
        var counts: [Named] = []
        var open: [Named] = []
        var callsToCome = 0...0
        /// Input rates of the last minutes, the newest last.
        var history: [Double] = []
    }

    struct Topology: Equatable {
        var name: String
        /// The topic of its dead letters.
        var letters: String?
        var stages: [Stage] = []
    }

    struct OpenShard: Equatable {
        var partition: Int
        var process: String
        var since: Timestamp
        var deadline: Timestamp?
    }

    struct Shard: Equatable {
        var file: String
        var samples: Int
        var bytes: Int
        var reason: String
        var time: Timestamp
    }

    struct ShardSet: Equatable {
        var name: String
        var owner: String?
        var samples = 0
        var shards = 0
        var bytes = 0
        var uncompressed = 0
        var lastCommit: Timestamp?
        /// Shards by the reason why they were closed.
        var rotation: [Named] = []
        var open: [OpenShard] = []
        /// The newest first.
        var newest: [Shard] = []
        var unreadable: [String] = []
    }

    struct Curve: Equatable {
        var name: String
        var value: Double
        /// The newest last.
        var history: [Double] = []
    }

    struct Trainer: Equatable {
        var name: String
        var process: String
        var time: Timestamp
        var waits: String?
        var values: [Curve] = []
    }

    struct Reason: Equatable {
        var name: String
        var stage: String
        var step: String
        var count: Int
        /// Letters of which nothing has been done.
        var open: Int
        var newest: Timestamp
        var example: String
        /// The command that retries them; `nil` where nothing is open, or they are not to be retried.
        var command: String?
        /// The reason why the newest of them is not to be retried, and what to do instead.
        var remedy: String?
    }

    struct Letters: Equatable {
        var topic: String
        /// The topology, or the ingest's topic.
        var name: String
        /// All records of the topic.
        var records: Int
        var reasons: [Reason] = []
        /// Tells whether only the oldest were counted.
        var isPartial = false
    }

    struct Rejects: Equatable {
        var topic: String
        var records: Int
    }

    struct Wait: Equatable {
        var who: String
        var what: String
        var since: Timestamp
        var message: String
    }

    /// A model server, and a process's calls of it since its start.
    struct Model: Equatable {
        var server: String
        var process: String
        var calls: Int
        var cacheHits: Int
        var failures: Int
        var tokens: Int
        /// The money with its currency, where the topology has a price.
        var cost: String?
        var inFlight: Int
        var inFlightMax: Int
        var waiting: Int
        /// `closed`, `open` or `trying`.
        var breaker: String
    }

    var place = Place()
    var processes: [Process] = []
    var topologies: [Topology] = []
    var sets: [ShardSet] = []
    var trainers: [Trainer] = []
    var letters: [Letters] = []
    var rejects: [Rejects] = []
    var waits: [Wait] = []
    var models: [Model] = []
    /// Things that could not be read.
    var problems: [String] = []
}

/// Rates of a stage.
struct StageRates: Equatable {
    var recordsIn: Double
    var recordsOut: Double
    var rejected: Double
}
