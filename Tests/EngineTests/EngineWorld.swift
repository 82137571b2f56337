// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Testing
import Topologies

@testable import Engine

/// A log and a disk in memory on which the real engine runs, with its threads and the system's clock.
final class EngineWorld: Sendable {
    let storage: MemoryLog.Storage
    let disk = SimulatedShardStorage()

    init(hasOffsetGaps: Bool = false) { self.storage = MemoryLog.Storage(hasOffsetGaps: hasOffsetGaps) }

    func log() -> MemoryLog { MemoryLog(storage: self.storage) }

    // MARK: Input

    /// The input of a `Simulation` of as many records.
    func fill(records: Int, log: MemoryLog? = nil) throws {
        let log = log ?? self.log()
        try log.createTopic(TopicSpecification(name: "input", partitions: 2))
        try log.createTopic(Manifest.topicSpecification("numbers"))
        let values = (0..<records).map { $0 % 41 == 40 ? "{broken" : "{\"value\":\($0 % 101 + 1)}" }
        for start in stride(from: 0, to: records, by: 10) {
            let numbers = start..<min(start + 10, records)
            try self.append(
                numbers.map { Record(key: "key-\($0 % 7)", value: values[$0], headers: Number.headers) }, to: "input",
                log: log)
        }
    }

    /// Appends records in one transaction, by key.
    func append(_ records: [Record], to topic: String, log: MemoryLog? = nil) throws {
        let log = log ?? self.log()
        var transaction = Transaction()
        for record in records {
            transaction.outputs.append(.init(topic: topic, partition: nil, records: RecordBatch([record])))
        }
        try log.makeWriter(id: "input").commit(transaction)
    }

    /// Creates a topic of one partition and fills it with numbers.
    func fill(_ topic: String, with numbers: some Sequence<Int>) throws {
        let log = self.log()
        try log.createTopic(TopicSpecification(name: topic, partitions: 1))
        try self.append(
            numbers.map { Record(key: "k", value: "{\"value\":\($0)}", headers: Number.headers) }, to: topic, log: log)
    }

    // MARK: Running

    func engine(_ topology: Topology, log: MemoryLog? = nil, _ change: (inout RunOptions) -> Void = { _ in }) -> Engine
    {
        var options = RunOptions()
        options.untilIdle = true
        options.threads = 2
        change(&options)
        let log = log ?? self.log()
        let disk = self.disk
        return Engine(topology: topology, log: log, options: options) {
            (shards, partition, epoch, hash) throws(SinkError) in
            do throws(ShardError) {
                let manifest = try Manifest(reading: shards.name, from: log)
                try Sweep.run(disk, name: shards.name, partition: partition, epoch: epoch, listed: manifest.files)
                return try ShardSink(
                    storage: disk,
                    options: ShardSinkOptions(
                        name: shards.name, partition: partition, epoch: epoch,
                        nextSequence: manifest.nextSequence(ofPartition: partition),
                        limits: RotationLimits(
                            samples: shards.samplesMax, uncompressedBytes: shards.bytesMax,
                            seconds: shards.secondsMax > 0 ? shards.secondsMax : nil),
                        topologyHash: hash, frameBytes: 200)
                ) { () throws(ShardError) in try Manifest(reading: shards.name, from: log).files }
            } catch {
                throw error.sinkError
            }
        }
    }

    /// Runs an engine to its end on a thread of its own: its calls block, and answers want the cooperative pool. Where
    /// the test has failed meanwhile, nobody waits for what it does: it is stopped.
    static func run(_ engine: Engine) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                Thread { continuation.resume(with: Result { try engine.run() }) }.start()
            }
        } onCancel: {
            engine.stop()
        }
    }

    /// Runs an engine that has to end by itself. One that does not is stopped after four minutes, which is a failure.
    static func runToEnd(_ engine: Engine) async throws {
        let watchdog = Task {
            try await Task.sleep(for: .seconds(240))
            Issue.record("the run does not end by itself")
            engine.stop()
        }
        defer { watchdog.cancel() }
        try await self.run(engine)
    }

    /// Waits until something holds.
    static func wait(_ what: String, until isSo: () throws -> Bool) async throws {
        for _ in 0..<24_000 {
            if try isSo() { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw SimulationFailure("waited in vain: \(what)")
    }

    // MARK: Outcome

    /// The values of a partition, in order.
    func values(_ topic: String, _ partition: Int = 0) throws -> [String] {
        try self.records(topic, partition).map { String(decoding: $0.value ?? [], as: UTF8.self) }
    }

    func records(_ topic: String, _ partition: Int = 0) throws -> [Record] {
        let log = self.log()
        let place = TopicPartition(topic, partition)
        let reader = try log.makeReader(of: place, from: try log.offsets(of: place).lowerBound)
        var records: [Record] = []
        while true {
            let batch = try reader.read(recordsMax: 1_000, bytesMax: 64 << 20)
            if batch.isEmpty { return records }
            records += (0..<batch.count).map { batch.records[$0] }
        }
    }

    /// The outcome of the numbers topology, in the form in which a simulation reports it.
    func outcome(_ topology: Topology) throws -> Simulation.Outcome {
        let log = self.log()
        var outcome = Simulation.Outcome()
        let manifest = try Manifest(reading: "numbers", from: log)
        #expect(manifest.problems().isEmpty)
        for partition in 0..<topology.partitions {
            var samples: [String] = []
            for entry in manifest.entries(ofPartition: partition) {
                #expect(ShardVerification(of: entry, in: self.disk).isSound)
                var cursor = try ShardReader(entry.file, in: self.disk).samples()
                while let line = try cursor.next() { samples.append(String(decoding: line, as: UTF8.self)) }
            }
            outcome.samples.append(samples)
        }
        for topic in ["sums", "more", "more.rejected"] {
            outcome.topics[topic] = try (0..<topology.partitions).map { try self.known(topic, $0) }
        }
        for stage in topology.stages {
            outcome.topics["dead letters of \(stage.name)"] = try (0..<topology.partitions).map { partition in
                try self.known("numbers.dead-letters", partition).filter { $0.contains("\"stage\":\"\(stage.name)\"") }
            }
            var total = TaskMetadata(stageHash: "")
            for partition in 0..<topology.partitions {
                let committed = try log.committedOffset(
                    group: "numbers.\(stage.name)", partition: TopicPartition(stage.from, partition))
                if let committed { total.add(try TaskMetadata(parsing: committed.metadata)) }
            }
            outcome.counts[stage.name] = total.counts
            outcome.recordsIn[stage.name] = total.recordsIn
        }
        return outcome
    }

    /// Letters are known by their record, not by its place.
    private func known(_ topic: String, _ partition: Int) throws -> [String] {
        try self.values(topic, partition).map { $0.replacing(/"offset":\d+,/, with: "") }
    }

    /// The outcome of a simulation without faults for the same input.
    static func simulated(_ topology: Topology, records: Int) throws -> Simulation.Outcome {
        let simulation = Simulation(topology: topology, seed: 1, faults: 0)
        try simulation.fill(records: records)
        return try simulation.run()
    }
}

/// The number of answers awaited at a time, as reported by an operator.
final class Gauge: Sendable {
    private let state = Mutex((now: 0, most: 0, total: 0))

    private static let all = Mutex<[String: Gauge]>([:])

    static func named(_ name: String) -> Gauge {
        self.all.withLock { all in
            let gauge = all[name] ?? Gauge()
            all[name] = gauge
            return gauge
        }
    }

    var now: Int { self.state.withLock { $0.now } }
    var most: Int { self.state.withLock { $0.most } }
    var total: Int { self.state.withLock { $0.total } }

    func enter() {
        self.state.withLock { state in
            state.now += 1
            state.total += 1
            state.most = max(state.most, state.now)
        }
    }

    func leave() { self.state.withLock { $0.now -= 1 } }
}

/// Asynchronous: tells a gauge of every question, and never answers at once.
struct Probe: AsyncOperator {
    static let gauge = Field("gauge", default: "none", help: "The gauge to tell.")
    static let specification = OperatorSpecification(name: "probe", summary: "Asks.", fields: [Self.gauge])
    let gauge: Gauge
    var inFlightMax: Int { 3 }

    init(_ configuration: Configuration, _ context: OperatorContext) { self.gauge = .named(configuration[Self.gauge]) }

    func answer(_ element: Element<Number>, into output: inout Collector<Number>) async throws(CancellationError) {
        self.gauge.enter()
        defer { self.gauge.leave() }
        do {
            try await Task.sleep(for: .milliseconds(1 + abs(element.value.value) % 3))
        } catch {
            throw CancellationError()
        }
        output.emit(element)
    }
}

/// A topology of one stage and one partition from `input` to `output`.
func simpleTopology(_ steps: String, name: String = "simple", more: String = "") throws -> Topology {
    let text = """
        name: \(name)
        partitions: 1
        \(more)
        stages:
          only: { from: input, steps: [\(steps)], to: output }
        """
    var registry = numbersRegistry
    registry.register(asynchronous: Probe.self)
    return try Topology.parse(text, file: "simple.yaml", registry: registry, environment: [:]) { _ in "" }.topology
}
