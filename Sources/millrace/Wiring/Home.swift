// SPDX-License-Identifier: Apache-2.0

import Dataflow
import EmbeddedLog
import Engine
import Foundation
import LanguageModels
import Narrations
import RecordLog
import Records
import Shards

/// The folder that holds the embedded log and the shards.
struct Home {
    let path: String

    /// The SQLite file of the embedded log.
    var logPath: String { self.path + "/log.db" }

    /// The folder of a set of shards.
    func shardFolder(_ name: String) -> String { self.path + "/shards/" + name }

    /// Opens the log for a command that writes, creating the home if need be.
    func openLog() throws -> any RecordLog {
        do throws(ShardError) {
            try FileShardStorage(folder: self.path).createFolder()
        } catch {
            throw CommandFailure(.failed, "\(error.message); or name another home with --home")
        }
        return try EmbeddedLog(path: self.logPath)
    }

    /// Opens the log for a command that only looks.
    func openLogToRead() throws -> any RecordLog {
        guard FileManager.default.fileExists(atPath: self.logPath) else {
            throw CommandFailure(
                .failed,
                "there is no log in the home `\(self.path)` yet: fill it with `millrace ingest`, or name another with --home"
            )
        }
        var options = EmbeddedLog.Options()
        options.readOnly = true
        return try EmbeddedLog(path: self.logPath, options: options)
    }

    /// The operators that topologies may name.
    static let registry: OperatorRegistry = {
        var registry = OperatorRegistry()
        registerNarrations(in: &registry)
        registerLanguageModels(in: &registry)
        return registry
    }()

    /// Loads a topology and says its warnings.
    static func loadTopology(_ path: String) throws -> Topology {
        let (topology, warnings) = try Topology.load(
            path: path, registry: self.registry, environment: ProcessInfo.processInfo.environment)
        for warning in warnings { Console.warning(warning.description) }
        return topology
    }

    /// Creates the manifest topics of a topology's shards.
    static func createManifests(of topology: Topology, in log: any RecordLog) throws {
        for name in topology.shardSets { try log.createTopic(Manifest.topicSpecification(name)) }
    }

    /// Makes the sinks of tasks that write shards.
    /// - Parameter originals: the manifests of the sets that a replay follows, by the name of the set it writes.
    func sinkMaker(log: any RecordLog, following originals: [String: Manifest] = [:]) -> SinkMaker {
        let home = self
        return { (shards, partition, epoch, topologyHash) throws(SinkError) in
            do throws(ShardError) {
                return try home.makeSink(
                    shards, partition: partition, epoch: epoch, topologyHash: topologyHash, log: log,
                    original: originals[shards.name])
            } catch {
                throw error.sinkError
            }
        }
    }

    private func makeSink(
        _ shards: ShardDestination, partition: Int, epoch: Int64, topologyHash: String, log: any RecordLog,
        original: Manifest?
    ) throws(ShardError) -> ShardSink {
        let storage = FileShardStorage(folder: self.shardFolder(shards.name))
        try storage.createFolder()
        let manifest = try Manifest(reading: shards.name, from: log)
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
            level: shards.level, topologyHash: topologyHash)
        let sink = try ShardSink(storage: storage, options: options, guide: guide)
        sink.onDivergence = { reason in
            Console.warning("shards `\(shards.name)` partition \(partition) no longer follow the original: \(reason)")
        }
        if let pause = PublishPause.fromEnvironment { sink.onPublishStep = pause.callAsFunction }
        return sink
    }
}

/// A pause between a shard's rename and its commit, for tests that kill the process there.
struct PublishPause {
    private let microseconds: UInt32

    /// `MILLRACE_TEST_PUBLISH_PAUSE_MS`, where it is set.
    static var fromEnvironment: PublishPause? {
        ProcessInfo.processInfo.environment["MILLRACE_TEST_PUBLISH_PAUSE_MS"].flatMap(UInt32.init)
            .map { PublishPause(microseconds: $0 * 1000) }
    }

    func callAsFunction(_ step: PublishStep) {
        if step == .renamed { usleep(self.microseconds) }
    }
}
