// SPDX-License-Identifier: Apache-2.0

internal import Dataflow
internal import RecordLog
internal import Records

/// What must hold before a topology's tasks may start.
enum StartupChecks {
    /// Checks the topics that come from outside, and creates those that the topology writes.
    static func run(_ topology: Topology, log: any RecordLog) throws {
        let known = try log.topics()
        for name in topology.externalTopics {
            guard let topic = known.first(where: { $0.name == name }) else {
                throw EngineError(.unfit, Self.missing(name, known.map(\.name)))
            }
            try Self.check(topic, topology)
        }
        let retention = TopicSpecification.Retention(
            seconds: topology.retention.seconds, bytes: topology.retention.bytes)
        let written = topology.stages.flatMap(\.writtenTopics) + [topology.deadLetterTopic]
        for name in Set(written).sorted() {
            if let topic = known.first(where: { $0.name == name }) {
                try Self.check(topic, topology)
            } else {
                try log.createTopic(
                    TopicSpecification(name: name, partitions: topology.partitions, retention: retention))
            }
        }
        try Self.checkRetention(topology, log: log)
    }

    private static func missing(_ name: String, _ known: [String]) -> String {
        let there = known.isEmpty ? "the log holds no topics" : "the log holds " + known.joined(separator: ", ")
        return "the topic `\(name)` does not exist: \(there); fill it with `millrace ingest` first"
    }

    private static func check(_ topic: TopicSpecification, _ topology: Topology) throws(EngineError) {
        guard topic.partitions == topology.partitions else {
            throw EngineError(
                .unfit,
                "the topic `\(topic.name)` has \(topic.partitions) partitions, but the topology `\(topology.name)` wants "
                    + "\(topology.partitions): set `partitions: \(topic.partitions)`, or let it use topics of other names"
            )
        }
    }

    /// An open shard's records are read again after a crash, so they must be retained longer than it stays open.
    private static func checkRetention(_ topology: Topology, log: any RecordLog) throws {
        let topics = try log.topics()
        for stage in topology.stages {
            guard case .shards(let shards) = stage.destination,
                let seconds = topics.first(where: { $0.name == stage.from })?.retention.seconds
            else { continue }
            if shards.secondsMax == 0 || Double(seconds) < 2 * shards.secondsMax {
                let rotation = shards.secondsMax == 0 ? "never by the clock" : "every \(shards.secondsMax) s"
                throw EngineError(
                    .unfit,
                    "the topic `\(stage.from)` keeps records for \(seconds) s, but the shards `\(shards.name)` are closed \(rotation): "
                        + "records could be removed before the shard that holds them is committed; keep at least twice the "
                        + "rotation interval")
            }
        }
    }
}
