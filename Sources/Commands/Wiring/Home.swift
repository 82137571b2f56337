// SPDX-License-Identifier: Apache-2.0

import Dataflow
import DurableFiles
import EmbeddedLog
import Engine
import Foundation
import KafkaLog
import RecordLog
import Records
import Shards
import TaskRooms
import Telemetry
import Topologies

/// The folder that holds the embedded log and the shards, and the log that a command works on.
struct Home {
    let path: String
    var location = LogLocation.embedded
    var kafkaProperties: [String: String] = [:]

    /// The SQLite file of the embedded log.
    var logPath: String { self.path + "/log.db" }

    /// The folder of the response cache.
    var cacheFolder: String { self.path + "/cache" }

    /// The file in which a run of a topology notes what it has spent on models.
    func budgetPath(of topology: String) -> String { self.path + "/budgets/" + topology + ".json" }

    /// The folder in which runs note the model servers that they wait for.
    var waitsFolder: String { self.path + "/waits" }

    /// The folder in which processes of an embedded home tell their figures.
    var processesFolder: String { self.path + "/processes" }

    /// The folder in which runs note when the shards that they have open will be closed.
    var rotationFolder: String { self.path + "/rotation" }

    /// The exchange by which processes on this log see each other's figures.
    func figureExchange(_ log: any RecordLog) -> any FigureExchange {
        self.logIsRemote ? TopicExchange(log: log) : FolderExchange(folder: self.processesFolder)
    }

    /// The life of this process, to be started.
    /// - Parameters:
    ///   - role: the command.
    ///   - name: its subject: the topology, the set, the topic.
    func makePulse(role: String, name: String, log: any RecordLog) -> Pulse {
        Pulse(role: role, name: name, path: self.path, exchange: self.figureExchange(log), stillSecondsMax: 60)
    }

    /// The folder of a set of shards.
    func shardFolder(_ name: String) -> String { self.path + "/shards/" + name }

    /// The committed shards of a set.
    func shardSet(_ name: String, in log: any RecordLog) throws -> ShardSet {
        ShardSet(
            name: name, manifest: try ShardSets.manifest(name, in: log),
            storage: FileShardStorage(folder: self.shardFolder(name)))
    }

    /// Opens the log for a command that writes, creating the home if need be.
    func openLog() throws -> any RecordLog {
        do throws(FileFailure) {
            try Folder.create(self.path, isPrivate: true)
        } catch {
            throw CommandFailure(.failed, "\(error.message); or name another home with --home")
        }
        switch self.location {
        case .embedded: return try EmbeddedLog(path: self.logPath)
        case .kafka(let brokers): return try self.connect(brokers)
        }
    }

    /// Tells whether commits wait for a network, so that more threads than cores pay.
    var logIsRemote: Bool { self.location != .embedded }

    private func connect(_ brokers: String) throws -> any RecordLog {
        let log: KafkaLog
        do throws(LogError) {
            log = try KafkaLog(brokers: brokers, properties: self.kafkaProperties) { event in
                switch event {
                case .log(let severity, let facility, let text):
                    BrokerTrouble.count(text, facility: facility, severity: severity)
                    // Connections come and go; what matters to a command comes back as its error.
                    if severity <= 2 {
                        Console.warning("librdkafka: \(text)")
                    } else {
                        Console.debug("librdkafka: \(text)")
                    }
                case .statistics(let json): Console.debug("librdkafka: statistics: \(json)")
                }
            }
        } catch {
            throw CommandFailure(.usage, error.message)
        }
        try log.connect()
        return log
    }

    /// Opens the log for a command that only looks.
    func openLogToRead() throws -> any RecordLog {
        if case .kafka(let brokers) = self.location { return try self.connect(brokers) }
        guard FileManager.default.fileExists(atPath: self.logPath) else {
            throw CommandFailure(
                .usage,
                "there is no log in the home `\(self.path)` yet: fill it with `millrace ingest`, or name another with --home"
            )
        }
        var options = EmbeddedLog.Options()
        options.readOnly = true
        return try EmbeddedLog(path: self.logPath, options: options)
    }

    /// Loads a topology and says its warnings.
    /// - Parameters:
    ///   - alias: another name for it, before all that it writes.
    ///   - overrides: values in place of the file's.
    static func loadTopology(
        _ path: String, as alias: String? = nil, overrides: [TopologyOverride] = []
    ) throws -> Topology {
        if let alias, let problem = TopologyName.problem(alias) { throw CommandFailure(.usage, "--as: \(problem)") }
        let (topology, warnings) = try Topology.load(
            path: path, registry: Tasks.registered.operators, environment: ProcessInfo.processInfo.environment,
            overrides: overrides)
        for warning in warnings { Console.warning(warning.description) }
        return alias.map(topology.renamed) ?? topology
    }

    /// Makes the sinks of tasks that write shards.
    /// - Parameters:
    ///   - topology: whose stages write the shards: what is known of their lines goes by the stages' types.
    ///   - originals: the manifests of the sets that a replay follows, by the name of the set it writes.
    func sinkMaker(
        for topology: Topology, log: any RecordLog, following originals: [String: Manifest] = [:]
    ) -> SinkMaker {
        let home = self
        let schemas = Tasks.registered.schemas(of: topology)
        return { (shards, partition, epoch, topologyHash) throws(SinkError) in
            do throws(ShardError) {
                return try home.makeSink(
                    shards, of: schemas[shards.name] ?? .any, partition: partition, of: topology.partitions,
                    epoch: epoch,
                    topologyHash: topologyHash, log: log, original: originals[shards.name])
            } catch {
                throw error.sinkError
            }
        }
    }

    /// Says who owns a shard file. One that a manifest lists holds samples that count, so nothing here advises to move
    /// any.
    private static func explain(taken file: String, of set: String, in log: any RecordLog) -> String {
        let ways = "write into another home (--home), or under other names (`millrace run FILE --as NAME`)"
        let topic = Manifest.topic(set)
        guard let manifest = try? Manifest(reading: set, from: log, waitMilliseconds: 2_000) else {
            return "whose it is cannot be told, for \(topic) cannot be read: leave the file where it is, and \(ways)"
        }
        guard let commit = manifest.commits.first(where: { $0.entry.file == file }) else {
            return
                "\(topic) of this log does not list it, so another log's run writes into this folder, or the file was copied there: "
                + "leave the file where it is until you know, and \(ways)"
        }
        let owner = (try? Owner.ofShards(set, in: log))?.description ?? "another run"
        return
            "it is committed: \(topic)[0] offset \(commit.offset) lists it, with \(commit.entry.samples) samples, and \(owner) "
            + "writes that set. Leave the file where it is, end the other run, or \(ways)"
    }

    private func makeSink(
        _ shards: ShardDestination, of schema: LineSchema, partition: Int, of partitions: Int, epoch: Int64,
        topologyHash: String, log: any RecordLog, original: Manifest?
    ) throws(ShardError) -> ShardSink {
        let storage = FileShardStorage(folder: self.shardFolder(shards.name))
        try storage.createFolder()
        // The task has its id by now, so its own commits are decided; those of others may hide them a little longer.
        let readManifest = { () throws(ShardError) -> Manifest in
            try Manifest(reading: shards.name, from: log, waitMilliseconds: 10_000)
        }
        let manifest = try readManifest()
        try Sweep.run(storage, name: shards.name, partition: partition, epoch: epoch, listed: manifest.files)
        let guide = original.map {
            ReplayGuide(
                original: $0.entries(ofPartition: partition), published: manifest.entries(ofPartition: partition))
        }
        let options = ShardSinkOptions(
            name: shards.name, partition: partition, epoch: epoch,
            nextSequence: manifest.nextSequence(ofPartition: partition),
            limits: RotationLimits(
                samples: shards.samplesMax, uncompressedBytes: shards.bytesMax,
                seconds: shards.secondsMax > 0 ? shards.secondsMax : nil),
            level: shards.level, topologyHash: topologyHash, schema: schema)
        let file = ManifestFile(
            storage: storage,
            header: ManifestFileHeader(name: shards.name, partition: partition, partitions: partitions, epoch: epoch)
        ) { () throws(ShardError) in try readManifest().entries(ofPartition: partition) }
        file.onLag = { error in
            Console.warning(
                "shards `\(shards.name)` partition \(partition): readers without the log may see less than is committed "
                    + "until the next commit or start mends it: \(error)")
        }
        file.open(listing: manifest.entries(ofPartition: partition))
        let sink = try ShardSink(
            storage: storage, options: options, guide: guide, manifestFile: file
        ) { () throws(ShardError) in try readManifest().files }
        sink.onParting = { parting in
            let place = "shards `\(shards.name)` partition \(partition)"
            switch parting {
            case .beyond: Console.info("\(place) go on beyond the original: \(parting)")
            case .diverged:
                Console.warning("\(place) have diverged from the original and no longer follow it: \(parting)")
            }
        }
        sink.onNameTaken = { file in Self.explain(taken: file, of: shards.name, in: log) }
        return sink
    }
}
