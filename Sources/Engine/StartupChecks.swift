// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Topologies

/// The checks to pass before a topology's tasks may start.
struct StartupChecks {
    let topology: Topology
    let log: any RecordLog
    /// The kind of owner that runs the topology.
    var ownerKind = Owner.Kind.topology
    var acceptsChanges = false
    var warn: @Sendable (String) -> Void = { _ in }

    /// Checks the topics that come from outside, those that the topology writes, and their owners; writes nothing.
    func check() throws {
        try self.checkRemovals()
        try self.checkTopics()
        do throws(LogError) { try self.ownership.check() } catch { throw Self.refusal(error) }
    }

    /// Checks, creates what is not there, and claims what the topology writes.
    func run() throws {
        try self.checkRemovals()
        try self.checkTopics()
        do throws(LogError) { try self.ownership.take(self.createTopics) } catch { throw Self.refusal(error) }
    }

    /// Half of what there was is nothing to go on from.
    private func checkRemovals() throws {
        do throws(LogError) {
            try PendingRemovals(reading: self.log).requireNone(
                topics: self.topology.externalTopics + self.written
                    + self.topology.shardSets.map(ReservedTopics.manifest),
                groups: self.topology.stages.map {
                    TaskSurroundings.group(topology: self.topology.name, stage: $0.name)
                })
        } catch { throw Self.refusal(error) }
    }

    private func createTopics() throws(LogError) {
        let known = Set(try self.log.topics().map(\.name))
        for name in self.written where !known.contains(name) {
            try self.log.createTopic(
                TopicSpecification(name: name, partitions: self.topology.partitions, retention: self.retention))
        }
        for name in self.topology.shardSets {
            try self.log.createTopic(TopicSpecification(name: ReservedTopics.manifest(of: name), partitions: 1))
        }
    }

    private var written: [String] {
        Set(self.topology.stages.flatMap(\.writtenTopics) + [self.topology.deadLetterTopic]).sorted()
    }

    private var retention: TopicSpecification.Retention {
        TopicSpecification.Retention(seconds: self.topology.retention.seconds, bytes: self.topology.retention.bytes)
    }

    // MARK: Topics

    private func checkTopics() throws {
        let known = try self.log.topics()
        for name in self.topology.externalTopics {
            guard let topic = known.first(where: { $0.name == name }) else {
                throw EngineError(.unfit, Self.missing(name, known.map(\.name)))
            }
            try self.check(topic)
        }
        for topic in known where self.written.contains(topic.name) { try self.check(topic) }
        try self.checkRetention(known)
    }

    private static func missing(_ name: String, _ known: [String]) -> String {
        let there = known.isEmpty ? "the log holds no topics" : "the log holds " + known.joined(separator: ", ")
        return "the topic `\(name)` does not exist: \(there); fill it with `millrace ingest` first"
    }

    private func check(_ topic: TopicSpecification) throws(EngineError) {
        guard topic.partitions == self.topology.partitions else {
            throw EngineError(
                .unfit,
                "the topic `\(topic.name)` has \(topic.partitions) partitions, but the topology `\(self.topology.name)` wants "
                    + "\(self.topology.partitions): set `partitions: \(topic.partitions)`, or let it use topics of other names"
            )
        }
    }

    /// An open shard's records are read again after a crash, so they must be retained longer than it stays open.
    private func checkRetention(_ known: [TopicSpecification]) throws(EngineError) {
        for stage in self.topology.stages {
            // A topic that is not there yet is created with the topology's retention.
            let retention = known.first { $0.name == stage.from }?.retention ?? self.retention
            guard case .shards(let shards) = stage.destination, let seconds = retention.seconds else { continue }
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

    // MARK: Ownership

    private var ownership: Ownership {
        let file = self.topology.file
        let ownNames = "`millrace run \(file) --as NAME`, which puts NAME before all that it writes"
        let remedy =
            self.ownerKind == .replay
            ? "choose another --into"
            : "give it another name and other topics and another set, or run it with \(ownNames)"
        return Ownership(
            log: self.log, intent: Intent(self.topology, ownerKind: self.ownerKind),
            acceptsChanges: self.acceptsChanges,
            remedy: remedy,
            waysOut: "regenerate everything with `millrace replay \(file) --from earliest` or with \(ownNames)",
            warn: self.warn)
    }

    private static func refusal(_ error: LogError) -> any Error {
        error.code == .topicConflict ? EngineError(.unfit, error.message) : error
    }
}

extension Intent {
    /// Lists what a topology writes.
    init(_ topology: Topology, ownerKind: Owner.Kind) {
        let owner = Owner(ownerKind, topology.name)
        func topic(_ name: String) -> Claim.Subject { Claim.Subject(kind: .topic, name: name) }
        var claims = [Claim(subject: topic(topology.deadLetterTopic), owner: owner)]
        var bindings: [Binding] = []
        for stage in topology.stages {
            let output: Claim.Subject =
                switch stage.destination {
                case .topic(let name): topic(name)
                case .shards(let shards): Claim.Subject(kind: .shards, name: shards.name)
                }
            claims.append(Claim(subject: output, owner: owner, stage: stage.name))
            if let rejects = stage.rejects {
                claims.append(Claim(subject: topic(rejects), owner: owner, stage: stage.name))
            }
            bindings.append(
                Binding(owner: owner, stage: stage.name, from: stage.from, output: output, rejects: stage.rejects))
        }
        self.init(owner: owner, claims: claims, bindings: bindings)
    }

    /// Lists what an ingest writes.
    init(ingestInto topic: String) {
        let names = [topic, ReservedTopics.deadLetters(of: topic)]
        self.init(
            owner: .ingest,
            claims: names.map { Claim(subject: Claim.Subject(kind: .topic, name: $0), owner: .ingest) }, bindings: [])
    }
}
