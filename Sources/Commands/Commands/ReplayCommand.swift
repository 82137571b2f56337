// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Engine
import Foundation
import RecordLog
import Records
import Shards
import Topologies
import VideoAnnotations

/// `millrace replay`
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Run a topology again over what its topics hold, into a new set.",
        discussion: """
            Reads from a position up to the ends seen at its start, in topics and groups of its own, and never appends to an \
            existing set. Of each video and pass the newest revision is taken, and what the newest say of splits holds for all. \
            From the earliest record, with an unchanged topology and where neither has changed since, the shards come out byte for \
            byte, closed where the original's were. A replay that was interrupted goes on when it is started again with the same --into.

            EXAMPLES
              millrace replay topologies/nlq.yaml --from earliest
              millrace replay topologies/nlq.yaml --from time:2026-11-01T00:00:00Z \\
                  --into nlq-november
              millrace replay topologies/nlq.yaml --from offset:0=1200,1=900 \\
                  --stage generate
              millrace replay topologies/nlq.yaml --from earliest --dry-run
            """)

    @Argument(help: "The topology file; - is standard input.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "Begin: earliest, offset:P=N,…, or time:2026-11-01T00:00:00Z.", valueName: "position"))
    var from: String

    @Option(help: "The name of the new set; NAME.r1, NAME.r2 and so on by default.")
    var into: String?

    @Option(help: "Only this stage and those behind it, over the original's topics.")
    var stage: String?

    @Option(name: .customLong("as"), help: .alias)
    var alias: String?

    @Flag(help: "Say what would be read, and do nothing.")
    var dryRun = false

    @OptionGroup var arguments: RunArguments
    @OptionGroup(title: "The topology") var topologyOptions: TopologyOptions
    @OptionGroup(title: "Status server") var http: HTTPArguments
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try self.topologyOptions.load(self.file, as: self.alias)
            let http = try self.http.options()
            let log = self.dryRun ? try home.openLogToRead() : try home.openLog()
            defer { log.close() }
            if !self.dryRun { try home.finishRemovals(in: log) }
            let selected = try ReplayPlan.select(topology, stage: self.stage)
            let into = try self.into ?? ReplayPlan.freeName(topology.name, in: log)
            if let problem = TopologyName.problem(into) { throw CommandFailure(.usage, "--into: \(problem)") }
            let plan = try ReplayPlan(
                selected, into: into, from: try StartPosition(parsing: self.from), fromText: self.from, in: log)
            var ownership = RunOptions()
            ownership.ownerKind = .replay
            try Engine.check(plan.topology, log: log, options: ownership)
            if self.dryRun {
                let newest = try NewestVideos.scanned(for: topology, upTo: plan.ends, in: log)
                try Results.lines(plan.lines + newest.replayNotes)
                return
            }
            let bound = try plan.bind(in: log)
            let newest = try NewestVideos.scanned(for: topology, upTo: bound.ends, in: log)
            try newest.checkReplay(of: bound.original, of: topology)
            var options = self.arguments.options(for: home)
            options.untilIdle = true
            options.ownerKind = .replay
            options.topologyHash = topology.hash
            options.startOffsets = bound.starts
            options.endOffsets = bound.ends
            let originals = try bound.originals(in: log)
            let pulse = home.makePulse(role: "replay", name: bound.topology.name, log: log)
            let serving = try http.map { try StatusServing($0, of: pulse, home: home) }
            defer { serving?.stop() }
            options.metrics = pulse.registry
            options.onBeat = { pulse.beat() }
            let models = try ModelRun(
                home, topology: bound.topology.name, self.arguments, metrics: pulse.registry)
            options.services = models.services
            options.use(newest)
            newest.replayNotes.forEach(Console.warning)
            let engine = Engine(
                topology: bound.topology, log: log, options: options, warn: Console.warning,
                makeSink: home.sinkMaker(for: bound.topology, log: log, following: originals))
            Console.info("replaying \(topology.name) into \(into)")
            try EngineRun(
                engine, topology: bound.topology, home: home, log: log, models: models, pulse: pulse,
                drainSeconds: self.arguments.drainSeconds
            ).run(json: self.common.json)
        }
    }
}

/// The input and output of a replay: the topology under other names, with bounds on its sources.
struct ReplayPlan {
    let original: Topology
    let topology: Topology
    let into: String
    private(set) var starts: [TopicPartition: Offset] = [:]
    private(set) var ends: [TopicPartition: Offset] = [:]
    /// Tells whether the replay starts where the original did, so that its shards can close where the original's did.
    let followsOriginal: Bool
    private let fromText: String

    init(
        _ original: Topology, into: String, from: StartPosition, fromText: String, in log: any RecordLog
    ) throws {
        self.original = original
        self.into = into
        self.fromText = fromText
        self.topology = original.renamed(into)
        if case .earliest = from { self.followsOriginal = true } else { self.followsOriginal = false }
        let known = Set(try log.topics().map(\.name))
        for name in original.externalTopics {
            guard known.contains(name) else {
                throw CommandFailure(.usage, "the topic `\(name)` does not exist; there is nothing to replay")
            }
            for number in 0..<original.partitions {
                let partition = TopicPartition(name, number)
                self.starts[partition] = try from.offset(of: partition, in: log)
                self.ends[partition] = try log.offsets(of: partition).upperBound
            }
        }
    }

    /// The topology from a stage on: what the stages before it wrote is read as it is.
    static func select(_ topology: Topology, stage: String?) throws -> Topology {
        guard let stage else { return topology }
        guard topology.stages.contains(where: { $0.name == stage }) else {
            let names = topology.stages.map(\.name).joined(separator: ", ")
            throw CommandFailure(.usage, "`\(topology.name)` has no stage `\(stage)`; it has: \(names)")
        }
        var kept: Set<String> = [stage]
        var selected = topology
        selected.stages = topology.stages.filter { candidate in
            let isBehind = topology.stages.contains {
                kept.contains($0.name) && $0.writtenTopics.contains(candidate.from)
            }
            if isBehind { kept.insert(candidate.name) }
            return kept.contains(candidate.name)
        }
        return selected
    }

    /// The first of NAME.r1, NAME.r2, … that no replay has used.
    static func freeName(_ name: String, in log: any RecordLog) throws -> String {
        let topics = Set(try log.topics().map(\.name))
        var number = 1
        while topics.contains(ReplayLedger.topic(for: "\(name).r\(number)")) { number += 1 }
        return "\(name).r\(number)"
    }

    /// A table of what would be read.
    var lines: [String] {
        var table = TextTable(["topic", "partition", "from", "to", "records"])
        for (partition, end) in self.ends.sorted(by: { $0.key < $1.key }) {
            let start = self.starts[partition] ?? 0
            table.add([
                partition.topic, String(partition.partition), String(start), String(end),
                ProgressReporter.grouped(Int(max(0, end - start))),
            ])
        }
        return ["replay of \(self.original.name) into \(self.into)"] + table.lines
    }

    /// Writes the bounds down, or takes up those of an interrupted replay with this name.
    func bind(in log: any RecordLog) throws -> ReplayPlan {
        var plan = self
        let ledger = ReplayLedger(into: self.into, hash: self.topology.hash, from: self.fromText)
        if let known = try ledger.read(log) {
            plan.starts = known.starts
            plan.ends = known.ends
        } else {
            if try log.topics().contains(where: { $0.name == Manifest.topic(self.into) }) {
                throw CommandFailure(
                    .usage, "there is a set `\(self.into)` already; a replay never appends: choose another --into")
            }
            try ledger.write(starts: self.starts, ends: self.ends, to: log)
        }
        return plan
    }

    /// The manifests that the replay's shards follow.
    func originals(in log: any RecordLog) throws -> [String: Manifest] {
        guard self.followsOriginal else { return [:] }
        let topics = Set(try log.topics().map(\.name))
        var originals: [String: Manifest] = [:]
        for (old, new) in zip(self.original.shardSets, self.topology.shardSets)
        where topics.contains(Manifest.topic(old)) {
            originals[new] = try Manifest(reading: old, from: log, waitMilliseconds: 60_000)
        }
        return originals
    }
}

/// The bounds of a replay, in a topic of its own, so that an interrupted one can go on.
struct ReplayLedger {
    let into: String
    let hash: String
    let from: String

    static func topic(for into: String) -> String { ReservedTopics.replay(into: into) }

    func read(_ log: any RecordLog) throws -> (starts: [TopicPartition: Offset], ends: [TopicPartition: Offset])? {
        let topic = Self.topic(for: self.into)
        guard try log.topics().contains(where: { $0.name == topic }) else { return nil }
        let partition = TopicPartition(topic, 0)
        let reader = try log.makeReader(of: partition, from: try log.offsets(of: partition).lowerBound)
        let batch = try reader.read(recordsMax: 1, bytesMax: 1 << 20)
        guard batch.count == 1, let value = batch.records.value(at: 0) else { return nil }
        let json = try JSONValue(parsing: value)
        guard json["hash"]?.string == self.hash, json["from"]?.string == self.from else {
            throw CommandFailure(
                .usage,
                "the set `\(self.into)` is another replay's, of another topology or position: choose another --into")
        }
        var starts: [TopicPartition: Offset] = [:]
        var ends: [TopicPartition: Offset] = [:]
        for entry in json["partitions"]?.array ?? [] {
            guard let name = entry["topic"]?.string, let number = entry["partition"]?.count,
                let start = entry["start"]?.count, let end = entry["end"]?.count
            else { continue }
            starts[TopicPartition(name, number)] = Offset(start)
            ends[TopicPartition(name, number)] = Offset(end)
        }
        return (starts, ends)
    }

    func write(
        starts: [TopicPartition: Offset], ends: [TopicPartition: Offset], to log: any RecordLog
    ) throws {
        let topic = Self.topic(for: self.into)
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        var json = JSONWriter()
        json.beginObject()
        json.field("hash", self.hash)
        json.field("from", self.from)
        json.key("partitions")
        json.beginArray()
        for (partition, end) in ends.sorted(by: { $0.key < $1.key }) {
            json.beginObject()
            json.field("topic", partition.topic)
            json.field("partition", partition.partition)
            json.field("start", Int(starts[partition] ?? 0))
            json.field("end", Int(end))
            json.endObject()
        }
        json.endArray()
        json.endObject()
        var transaction = Transaction()
        let record = Record(key: Bytes(self.into.utf8), value: json.bytes, headers: [Header("schema", "replay/1")])
        transaction.outputs = [.init(topic: topic, partition: 0, records: RecordBatch([record]))]
        let writer = try log.makeWriter(id: topic)
        try writer.commit(transaction)
        writer.close()
    }
}
