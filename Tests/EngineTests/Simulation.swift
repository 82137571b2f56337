// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Topologies

@testable import Engine

/// A run of a topology in a world made of a seed: the clock, the disk, the log, the order in which tasks get their
/// turn, and every crash. One seed is one run.
final class Simulation {
    /// Everything that can be seen from outside of a run that has ended.
    struct Outcome: Equatable {
        /// The samples of each partition, in order.
        var samples: [[String]] = []
        /// The records of each topic and partition, in order.
        var topics: [String: [[String]]] = [:]
        /// The counts, by stage.
        var counts: [String: [String: Int]] = [:]
        var recordsIn: [String: Int] = [:]

        /// The place where this outcome first differs from another, if it does.
        func difference(from other: Outcome) -> String? {
            for (topic, partitions) in other.topics {
                for (number, (own, others)) in zip(self.topics[topic] ?? [], partitions).enumerated()
                where own != others {
                    let place = zip(own, others).prefix { $0 == $1 }.count
                    return
                        "\(topic)[\(number)] from \(place): \(own.dropFirst(place).prefix(3)) for \(others.dropFirst(place).prefix(3)), "
                        + "\(own.count) records for \(others.count)"
                }
            }
            if self.samples != other.samples { return "samples: \(self.samples) for \(other.samples)" }
            if self.counts != other.counts { return "counts: \(self.counts) for \(other.counts)" }
            return self == other ? nil : "records in: \(self.recordsIn) for \(other.recordsIn)"
        }
    }

    /// The kinds of faults.
    private enum Fault: CaseIterable {
        case killBeforeCommit, killAfterCommit, killAtDiskOperation, powerCutAtDiskOperation, freeze, commitFails
    }

    private let topology: Topology
    private let storage: MemoryLog.Storage
    private let disk = SimulatedShardStorage()
    private let clock: SimulatedClock
    private var random: Generator
    private var faultsLeft: Int
    private(set) var faults = 0
    private var process: SimulatedProcess?
    /// A process that was stopped, not killed: it wakes up when another has its partitions.
    private var zombie: SimulatedProcess?

    init(topology: Topology, seed: UInt64, faults: Int) {
        self.topology = topology
        self.random = Generator(state: seed)
        self.faultsLeft = faults
        let clock = SimulatedClock()
        self.clock = clock
        self.storage = MemoryLog.Storage(hasOffsetGaps: seed % 2 == 0, waits: false) { clock.now }
    }

    // MARK: Input

    /// Fills the input topic: the same records for the same number.
    func fill(records: Int) throws {
        let log = MemoryLog(storage: self.storage)
        try log.createTopic(TopicSpecification(name: "input", partitions: 2))
        try log.createTopic(Manifest.topicSpecification("numbers"))
        let writer = try log.makeWriter(id: "input")
        for start in stride(from: 0, to: records, by: 10) {
            var transaction = Transaction()
            for number in start..<min(start + 10, records) {
                let value = number % 41 == 40 ? "{broken" : "{\"value\":\(number % 101 + 1)}"
                let record = Record(key: "key-\(number % 7)", value: value, headers: Number.headers)
                transaction.outputs.append(.init(topic: "input", partition: nil, records: RecordBatch([record])))
            }
            try writer.commit(transaction)
        }
        log.close()
    }

    // MARK: The run

    /// Runs to the end of the input, through all faults.
    func run() throws -> Outcome {
        var turns = 0
        while true {
            turns += 1
            guard turns < 20_000 else { throw SimulationFailure("the run does not end") }
            do {
                if self.process == nil { try self.boot() }
                guard let process = self.process else { continue }
                if process.isFrozen {
                    self.bury()
                } else if try self.turn(process) {
                    break
                }
            } catch {
                guard self.process?.isDead ?? true || self.disk.isCrashed else { throw error }
                self.bury()
            }
        }
        return try self.outcome()
    }

    /// One task's turn, or a look whether all is done.
    private func turn(_ process: SimulatedProcess) throws -> Bool {
        self.clock.advance(by: Timestamp(self.random.next() % 30))
        if let zombie = self.zombie, self.random.next() % 3 == 0 { try self.wake(zombie) }
        let (isComplete, closing) = try process.idle()
        if isComplete { return true }
        try process.step(Int(self.random.next() % 1_000), closing: closing)
        return false
    }

    private func boot() throws {
        let log = MemoryLog(storage: self.storage)
        let process = SimulatedProcess(log: log, topology: self.topology, disk: self.disk, clock: self.clock)
        self.process = process
        self.armFault(process)
        try process.start()
    }

    /// Draws what will happen to this process, and when.
    private func armFault(_ process: SimulatedProcess) {
        guard self.faultsLeft > 0 else { return }
        self.faultsLeft -= 1
        self.faults += 1
        let fault = Fault.allCases[Int(self.random.next() % UInt64(Fault.allCases.count))]
        let moment = Int(self.random.next() % 12)
        switch fault {
        case .killBeforeCommit: process.kill(atCommit: moment, side: .before)
        case .killAfterCommit: process.kill(atCommit: moment, side: .after)
        case .commitFails: process.failCommit(moment)
        case .freeze: process.freeze(atCommit: moment)
        case .killAtDiskOperation, .powerCutAtDiskOperation:
            let side: SimulatedShardStorage.Fault = self.random.next() % 2 == 0 ? .crashBefore : .crashAfter
            self.disk.schedule(side, atOperation: self.disk.operationCount + moment)
            process.losesDisk = fault == .powerCutAtDiskOperation
        }
    }

    /// The process has ended without a word: nothing of it is cleaned up.
    private func bury() {
        guard let process = self.process else { return }
        if process.isFrozen {
            self.zombie = process
            // Others notice by its silence.
            self.clock.advance(by: 11_000)
        } else {
            process.log.crash()
        }
        if self.disk.isCrashed {
            self.disk.restart(losing: process.losesDisk ? .some(seed: self.random.next()) : .nothing)
        }
        self.process = nil
    }

    /// A stopped process goes on where it was, while its successor has its partitions.
    private func wake(_ zombie: SimulatedProcess) throws {
        zombie.thaw()
        self.zombie = nil
        for number in 0..<20 {
            do { try zombie.step(number, closing: ["first", "second", "land"]) } catch { break }
        }
        zombie.lose()
        zombie.log.crash()
    }

    // MARK: Outcome

    private func outcome() throws -> Outcome {
        let log = MemoryLog(storage: self.storage)
        defer { log.close() }
        var outcome = Outcome()
        let manifest = try Manifest(reading: "numbers", from: log)
        let problems = manifest.problems()
        guard problems.isEmpty else { throw SimulationFailure("the manifest: \(problems)") }
        // Owners sweep when they come, and a former owner takes away what it publishes after that.
        if !self.disk.isCrashed {
            let strays = try Set(self.disk.list()).subtracting(manifest.files)
            guard strays.isEmpty else { throw SimulationFailure("no manifest lists \(strays.sorted())") }
        }
        for partition in 0..<self.topology.partitions {
            var samples: [String] = []
            for entry in manifest.entries(ofPartition: partition) {
                let verification = ShardVerification(of: entry, in: self.disk)
                guard verification.isSound else { throw SimulationFailure("\(entry.file): \(verification.problems)") }
                var cursor = try ShardReader(entry.file, in: self.disk).samples()
                while let line = try cursor.next() { samples.append(String(decoding: line, as: UTF8.self)) }
            }
            outcome.samples.append(samples)
        }
        for topic in ["sums", "more", "more.rejected", "numbers.dead-letters"] {
            outcome.topics[topic] = try (0..<self.topology.partitions).map { try self.values(topic, $0, log) }
        }
        // The stages share the topic of dead letters, in no order among each other.
        let letters = outcome.topics.removeValue(forKey: "numbers.dead-letters") ?? []
        for stage in self.topology.stages {
            outcome.topics["dead letters of \(stage.name)"] = letters.map { partition in
                partition.filter { $0.contains("\"stage\":\"\(stage.name)\"") }
            }
        }
        for stage in self.topology.stages {
            var total = TaskMetadata(stageHash: "")
            for partition in 0..<self.topology.partitions {
                let committed = try log.committedOffset(
                    group: "numbers.\(stage.name)", partition: TopicPartition(stage.from, partition))
                if let committed { total.add(try TaskMetadata(parsing: committed.metadata)) }
            }
            outcome.counts[stage.name] = total.counts
            outcome.recordsIn[stage.name] = total.recordsIn
        }
        return outcome
    }

    private func values(_ topic: String, _ partition: Int, _ log: MemoryLog) throws -> [String] {
        let place = TopicPartition(topic, partition)
        let reader = try log.makeReader(of: place, from: try log.offsets(of: place).lowerBound)
        var values: [String] = []
        while true {
            let batch = try reader.read(recordsMax: 1_000, bytesMax: 1 << 20)
            if batch.isEmpty { return values }
            for index in 0..<batch.count {
                // Offsets may have gaps, so a letter is known by its record and not by its place.
                let value = String(decoding: batch.records.value(at: index) ?? [], as: UTF8.self)
                values.append(value.replacing(/"offset":\d+,/, with: ""))
            }
        }
    }

    /// The shards' bytes by partition and sequence, for runs whose shards are closed by count.
    func shardBytes() throws -> [String: Bytes] {
        let log = MemoryLog(storage: self.storage)
        defer { log.close() }
        var bytes: [String: Bytes] = [:]
        for commit in try Manifest(reading: "numbers", from: log).commits {
            bytes["\(commit.entry.partition)/\(commit.entry.sequence)"] = self.disk.bytes(of: commit.entry.file)
        }
        return bytes
    }
}

/// A fault that a simulation found in itself or its outcome.
struct SimulationFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A clock that moves when it is told to.
final class SimulatedClock: Sendable {
    private let time = Mutex<Timestamp>(1_000_000)
    var now: Timestamp { self.time.withLock { $0 } }
    func advance(by milliseconds: Timestamp) { self.time.withLock { $0 += milliseconds } }
}

/// SplitMix64.
struct Generator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
