// SPDX-License-Identifier: Apache-2.0

import Codecs
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

/// The engine as it is shipped, threads and all, against the simulation with the same input.
@Suite(.serialized) struct EngineRunTests {
    private let records = 90
    private func topology(slow: Bool = false) throws -> Topology {
        try numbersTopology(samples: 7, seconds: 0, commitRecords: 4, slow: slow)
    }

    private func expectSimulated(_ world: EngineWorld) throws {
        let topology = try self.topology()
        let expected = try EngineWorld.simulated(topology, records: self.records)
        #expect(expected.samples.allSatisfy { $0.count > 10 })
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("until idle: ends by itself with what the simulation gives", arguments: [1, 2, 5])
    func untilIdle(threads: Int) async throws {
        let world = EngineWorld()
        try world.fill(records: self.records)
        let engine = world.engine(try self.topology()) { $0.threads = threads }
        try await EngineWorld.runToEnd(engine)
        try self.expectSimulated(world)
        try await EngineWorld.runToEnd(world.engine(try self.topology()))
        try self.expectSimulated(world)
    }

    @Test("offsets with gaps, as Kafka has them, change nothing")
    func gaps() async throws {
        let world = EngineWorld(hasOffsetGaps: true)
        try world.fill(records: self.records)
        try await EngineWorld.runToEnd(world.engine(try self.topology()))
        try self.expectSimulated(world)
    }

    @Test("answers that come late and in any order leave the output in the order of the input")
    func slowAnswers() async throws {
        let world = EngineWorld()
        try world.fill(records: self.records)
        try await EngineWorld.runToEnd(world.engine(try self.topology(slow: true)))
        try self.expectSimulated(world)
    }

    @Test("never more questions at a time than the operator allows, over all partitions")
    func inFlight() async throws {
        let world = EngineWorld()
        let text = """
            name: asking
            partitions: 2
            stages:
              only: { from: input, steps: [{ probe: { gauge: in-flight } }], to: output }
            """
        var registry = numbersRegistry
        registry.register(asynchronous: Probe.self)
        let topology = try Topology.parse(text, file: "t", registry: registry, environment: [:]) { _ in "" }.topology
        try world.fill(records: 80)
        try await EngineWorld.runToEnd(world.engine(topology))
        let gauge = Gauge.named("in-flight")
        #expect(gauge.most == 3)
        #expect(gauge.total == 79, "one of the 80 cannot be read")
        for partition in 0..<2 {
            let readable = try world.values("input", partition).filter { $0 != "{broken" }
            #expect(try world.values("output", partition) == readable)
        }
    }

    /// Drops what has one key, from stages that read numbers.
    private struct KeyGate: InputGate {
        let key: String
        func guards(_ type: StreamType) -> Bool { type.name == "number" }
        var isIdle: Bool { false }
        func reasonToDrop(_ key: Bytes) -> String? { key == Bytes(self.key.utf8) ? "closed" : nil }
    }

    @Test(
        "a gate keeps records out of the stages it guards, counted, whether they ask or not", arguments: [true, false])
    func gate(asks: Bool) async throws {
        let world = EngineWorld()
        let text = """
            name: gated
            partitions: 2
            stages:
              only: { from: input, steps: [\(asks ? "{ probe: { gauge: gate } }" : "{ tally: {} }")], to: output }
            """
        var registry = numbersRegistry
        registry.register(asynchronous: Probe.self)
        let topology = try Topology.parse(text, file: "t", registry: registry, environment: [:]) { _ in "" }.topology
        try world.fill(records: 40)
        try await EngineWorld.runToEnd(world.engine(topology) { $0.gate = KeyGate(key: "key-3") })
        var counted = 0
        for partition in 0..<2 {
            let keys = try world.records("output", partition).map { String(decoding: $0.key ?? [], as: UTF8.self) }
            #expect(!keys.contains("key-3") && !keys.isEmpty)
            let committed = try world.log().committedOffset(
                group: "gated.only", partition: TopicPartition("input", partition))
            counted += try TaskMetadata(parsing: try #require(committed).metadata).counts["read.closed"] ?? 0
        }
        #expect(counted == 6, "every seventh of 40, the fourth first")
    }

    @Test("stopped in the middle, the next run goes on as if nothing had been", arguments: [false, true])
    func stopAndGoOn(slow: Bool) async throws {
        let world = EngineWorld()
        try world.fill(records: self.records)
        let topology = try self.topology(slow: slow)
        let engine = world.engine(topology) { $0.maxRate = 150 }
        async let first: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("a third is read") {
            engine.progress().contains { $0.stage == "first" && $0.recordsIn > 30 }
        }
        engine.stop()
        try await first
        let committed = try (0..<2).map {
            try world.log().committedOffset(group: "numbers.first", partition: TopicPartition("input", $0))?.offset ?? 0
        }
        #expect((30..<Offset(self.records)).contains(committed.reduce(0, +)), "what was finished is committed")
        try await EngineWorld.runToEnd(world.engine(topology))
        try self.expectSimulated(world)
    }

    @Test("two processes share the partitions, and give what one gives")
    func twoEngines() async throws {
        let world = EngineWorld()
        let filling = world.log()
        try world.fill(records: 0, log: filling)
        let topology = try self.topology()
        let engines = (0..<2).map { _ in world.engine(topology) { $0.untilIdle = false } }
        async let one: Void = EngineWorld.run(engines[0])
        async let other: Void = EngineWorld.run(engines[1])
        try await EngineWorld.wait("each has one partition of each stage") {
            engines.allSatisfy { $0.progress().allSatisfy { $0.tasks == 1 } }
        }
        try world.fill(records: self.records, log: filling)
        try await EngineWorld.wait("the last stage has read everything") {
            let progress = engines.map { $0.progress() }
            let total = (0..<3).map { stage in progress.reduce(0) { $0 + $1[stage].recordsIn } }
            let written = try (0..<2).reduce(0) { try $0 + world.values("more", $1).count }
            return total[0] == self.records && total[2] == written
                && progress.allSatisfy { $0.allSatisfy { $0.lag == 0 && $0.inFlight == 0 } }
        }
        for stage in engines.flatMap({ $0.progress() }) { #expect(stage.recordsIn > 0 && stage.tasks == 1) }
        for engine in engines { engine.stop() }
        _ = try await (one, other)
        try await EngineWorld.runToEnd(world.engine(topology))
        try self.expectSimulated(world)
    }

    @Test("two processes until idle both end")
    func twoUntilIdle() async throws {
        let world = EngineWorld()
        try world.fill(records: self.records)
        let topology = try self.topology()
        async let one: Void = EngineWorld.runToEnd(world.engine(topology))
        async let other: Void = EngineWorld.runToEnd(world.engine(topology))
        _ = try await (one, other)
        try self.expectSimulated(world)
    }

    @Test("a run ends though its tasks never all rest at one moment: on a busy machine each look takes its time")
    func slowReads() async throws {
        let world = EngineWorld()
        try world.fill(records: 30)
        let log = world.log()
        log.inject { operation throws(LogError) in
            if operation.kind == .read, operation.side == .before { Thread.sleep(forTimeInterval: 0.03) }
        }
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        try await EngineWorld.runToEnd(world.engine(topology, log: log) { $0.threads = 1 })
        let expected = try EngineWorld.simulated(topology, records: 30)
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("the rate limit is for what comes from outside, and is kept")
    func maxRate() async throws {
        let world = EngineWorld()
        try world.fill(records: self.records)
        let clock = ContinuousClock()
        let start = clock.now
        try await EngineWorld.runToEnd(world.engine(try self.topology()) { $0.maxRate = 200 })
        // 90 records at 200 a second, less what two tasks may take of one bucket of a tenth of a second.
        #expect(start.duration(to: clock.now) > .milliseconds(300))
        try self.expectSimulated(world)
    }

    @Test("follows new records until stopped")
    func follows() async throws {
        let world = EngineWorld()
        let filling = world.log()
        try world.fill("input", with: 1...3)
        let engine = world.engine(try simpleTopology("ask")) { $0.untilIdle = false }
        async let run: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("the first three") { (try? world.values("output").count) == 3 }
        try world.append([Record(key: "k", value: "{\"value\":4}")], to: "input", log: filling)
        try await EngineWorld.wait("the fourth") { try world.values("output").count == 4 }
        engine.stop()
        try await run
        #expect(try world.values("output").last == "{\"value\":5}")
    }
}

/// The numbers topology worked out without any engine: the simulation compares the engine with itself, so it cannot see
/// what is missing from every run.
@Suite struct EngineOutputTests {
    private struct Tallied {
        var output: [(key: String, value: Int)] = []
        var dead = 0
        var rejected: [Int] = []
    }

    /// The output expected of `Tally` for some numbers.
    private func tally(_ input: [(key: String, value: Int)]) -> Tallied {
        var tallied = Tallied()
        var sums: [String: Int] = [:]
        for (key, value) in input {
            let sum = sums[key, default: 0] + value
            sums[key] = sum
            if value % 17 == 0 {
                tallied.dead += 1
            } else if value % 13 == 0 {
                tallied.rejected.append(sum)
            } else if value % 5 != 0 {
                tallied.output.append((key, sum))
                if value % 3 == 0 { tallied.output.append((key, -sum)) }
            }
        }
        return tallied
    }

    @Test("every topic and every shard holds what it should, letters and rejects too")
    func output() async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        try await EngineWorld.runToEnd(world.engine(topology))
        let outcome = try world.outcome(topology)
        for partition in 0..<2 {
            let input = (0..<90).map { (key: "key-\($0 % 7)", value: $0 % 101 + 1, isBroken: $0 % 41 == 40) }
                .filter { Partitioner.partition(forKey: Bytes($0.key.utf8), count: 2) == partition }
            let first = self.tally(input.filter { !$0.isBroken }.map { ($0.key, $0.value) })
            let second = self.tally(first.output.map { ($0.key, $0.value + 1) })
            let land = self.tally(second.output)
            func json(_ numbers: [(key: String, value: Int)]) -> [String] { numbers.map { "{\"value\":\($0.value)}" } }
            #expect(outcome.topics["sums"]?[partition] == json(first.output))
            #expect(outcome.topics["more"]?[partition] == json(second.output))
            #expect(outcome.samples[partition] == json(land.output))
            let rejected = try world.values("more.rejected", partition).map { try JSONValue(parsing: $0.utf8) }
            #expect(rejected.map { $0["verdict_on"]?["value"] } == second.rejected.map { .int($0) })
            let broken = input.count { $0.isBroken }
            for (stage, count) in [
                ("first", first.dead + first.rejected.count + broken), ("second", second.dead),
                ("land", land.dead + land.rejected.count),
            ] { #expect(outcome.topics["dead letters of \(stage)"]?[partition].count == count, "\(stage)") }
            #expect(first.dead + first.rejected.count > 3 && second.rejected.count + second.dead > 0 && broken > 0)
        }
    }
}
