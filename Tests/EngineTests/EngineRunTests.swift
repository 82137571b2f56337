// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Shards
import Synchronization
import Testing

@testable import Engine

/// The engine as it is shipped, threads and all, against what the simulation makes of the same input.
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

    /// What `Tally` makes of numbers.
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

/// What ends a run, and what it leaves behind.
@Suite(.serialized) struct EngineFailureTests {
    private func failure(_ engine: Engine) async -> (any Error)? {
        do {
            try await EngineWorld.runToEnd(engine)
            return nil
        } catch {
            return error
        }
    }

    private func committed(_ world: EngineWorld) throws -> Offset? {
        try world.log().committedOffset(group: "simple.only", partition: TopicPartition("input", 0))?.offset
    }

    @Test("a hundred dead letters in a row stop the stage, and nothing of them is committed")
    func deadLetters() async throws {
        let world = EngineWorld()
        try world.fill("input", with: Array(repeating: 17, count: 150))
        let topology = try simpleTopology("tally")
        let error = try #require(await self.failure(world.engine(topology)) as? EngineError)
        #expect(error.code == .failed)
        for part in [
            "stage `only`: 100 records in a row of input[0] ended as dead letters", "offset 99: tally: seventeen",
            "Nothing of them was committed", "max-consecutive-dead-letters",
        ] { #expect(error.message.contains(part), "\(error.message)") }
        #expect(try self.committed(world) == nil)
        #expect(try world.values("simple.dead-letters").isEmpty && world.values("output").isEmpty)
        let raised = try simpleTopology("tally", more: "max-consecutive-dead-letters: 151")
        try await EngineWorld.runToEnd(world.engine(raised))
        #expect(try world.values("simple.dead-letters").count == 150)
    }

    @Test("ninety-nine in a row do not, however often; rejects and drops do not count")
    func ninetyNine() async throws {
        let world = EngineWorld()
        let input =
            Array(repeating: 17, count: 99) + [1] + Array(repeating: 17, count: 99)
            + Array(repeating: 13, count: 150) + Array(repeating: 5, count: 150)
        try world.fill("input", with: input)
        try await EngineWorld.runToEnd(world.engine(try simpleTopology("tally")))
        #expect(try world.values("simple.dead-letters").count == 99 + 99 + 150, "without `rejects` those go there too")
        #expect(try self.committed(world) == Offset(input.count))
    }

    @Test("a changed stage is refused with its remedies; without state it may be accepted")
    func changedTopology() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...4)
        try await EngineWorld.runToEnd(world.engine(try simpleTopology("ask")))
        let changed = try simpleTopology("{ ask: { slow: true } }")
        let error = try #require(await self.failure(world.engine(changed)) as? EngineError)
        #expect(error.code == .unfit)
        for part in [
            "stage `only`", "has changed", "replay simple.yaml --from earliest", "--accept-changes", "another name",
        ] {
            #expect(error.message.contains(part), "\(error.message)")
        }
        try world.append([Record(key: "k", value: "{\"value\":9}")], to: "input")
        try await EngineWorld.runToEnd(world.engine(changed) { $0.acceptsChangedTopology = true })
        #expect(try world.values("output") == [2, 3, 4, 5, 10].map { "{\"value\":\($0)}" }, "each once")
        try await EngineWorld.runToEnd(world.engine(changed))
    }

    @Test("a changed stage with state is refused, accepted or not")
    func changedWithState() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...4)
        try await EngineWorld.runToEnd(world.engine(try simpleTopology("tally")))
        let changed = try simpleTopology("tally, tally")
        for accepts in [false, true] {
            let engine = world.engine(changed) { $0.acceptsChangedTopology = accepts }
            let error = try #require(await self.failure(engine) as? EngineError)
            #expect(error.code == .unfit && error.message.contains("finish the open videos with the old file"))
            #expect(!error.message.contains("--accept-changes"), "it would not help")
        }
    }

    @Test("what is not fit to start is said before anything starts")
    func startupChecks() async throws {
        let world = EngineWorld()
        let topology = try simpleTopology("ask")
        let missing = try #require(await self.failure(world.engine(topology)) as? EngineError)
        #expect(missing.code == .unfit && missing.message.contains("the topic `input` does not exist"))
        #expect(missing.message.contains("millrace ingest") && missing.message.contains("holds no topics"))
        try world.log().createTopic(TopicSpecification(name: "input", partitions: 3))
        let partitions = try #require(await self.failure(world.engine(topology)) as? EngineError)
        #expect(partitions.code == .unfit && partitions.message.contains("set `partitions: 3`"))
        #expect(try world.log().topics().count == 1, "nothing was created")
    }

    @Test("a topic must keep its records twice as long as a shard stays open")
    func retention() async throws {
        for (keeps, closes, isFit) in [(119, 60.0, false), (120, 60.0, true), (1_000_000, 0, false)] {
            let world = EngineWorld()
            let log = world.log()
            try log.createTopic(
                TopicSpecification(name: "more", partitions: 2, retention: .init(seconds: keeps)))
            try world.fill(records: 10, log: log)
            let topology = try numbersTopology(samples: 7, seconds: closes, commitRecords: 4)
            let error = await self.failure(world.engine(topology)) as? EngineError
            #expect((error == nil) == isFit)
            if let error {
                #expect(error.code == .unfit && error.message.contains("keeps records for \(keeps) s"))
            }
        }
    }

    @Test("a committed offset that retention has passed is an error with its remedies")
    func belowRetention() async throws {
        let world = EngineWorld()
        try world.fill("input", with: 1...40)
        let topology = try simpleTopology("ask")
        let place = TopicPartition("input", 0)
        try await EngineWorld.runToEnd(world.engine(topology) { $0.endOffsets = [place: 20] })
        #expect(try self.committed(world) == 20)
        try world.log().deleteRecords(of: place, before: 20)
        try await EngineWorld.runToEnd(world.engine(topology) { $0.endOffsets = [place: 25] })
        try world.log().deleteRecords(of: place, before: 30)
        let error = try #require(await self.failure(world.engine(topology)) as? EngineError)
        for part in ["input[0]", "offset 25", "below 30", "--replace", "--from earliest"] {
            #expect(error.message.contains(part), "\(error.message)")
        }
        #expect(try world.values("output").count == 25, "no silent reset")
    }

    @Test("a run may begin and end anywhere", arguments: [false, true])
    func startAndEnd(gaps: Bool) async throws {
        let world = EngineWorld(hasOffsetGaps: gaps)
        let place = TopicPartition("input", 0)
        for part in 0..<4 { try world.fill("input", with: part * 10 + 1...part * 10 + 10) }
        let reader = try world.log().makeReader(of: place, from: 0)
        let all = try reader.read(recordsMax: 100, bytesMax: 1 << 20)
        #expect(all.count == 40)
        for (start, end) in [(0, 60), (7, 31), (13, 14), (20, 20), (35, 100)] as [(Offset, Offset)] {
            let topology = try simpleTopology("ask", name: "from-\(start)-to-\(end)-\(gaps)")
            let log = world.log()
            try? log.deleteTopic("output")
            let engine = world.engine(topology) { options in
                options.startOffsets = [place: start]
                options.endOffsets = [place: end]
            }
            try await EngineWorld.runToEnd(engine)
            let expected = zip(all.offsets, 1...40).filter { start <= $0.0 && $0.0 < end }.map { $0.1 + 1 }
            #expect(try world.values("output") == expected.map { "{\"value\":\($0)}" }, "\(start)..<\(end)")
        }
    }

    @Test("a start below what is retained begins with what is, and ends, even where nothing is")
    func startBelowRetained() async throws {
        for left in [1, 0] {
            let world = EngineWorld()
            let place = TopicPartition("input", 0)
            try world.fill("input", with: 1...5)
            try world.log().deleteRecords(of: place, before: Offset(5 - left))
            try await EngineWorld.runToEnd(world.engine(try simpleTopology("ask")) { $0.startOffsets = [place: 0] })
            #expect(try world.values("output").count == left)
        }
    }

    @Test("a commit that may succeed later is tried again")
    func retriable() async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        let log = world.log()
        let refused = Mutex(0)
        log.inject { (operation) throws(LogError) in
            guard operation.kind == .commit, operation.side == .before else { return }
            let isRefused = refused.withLock { count in
                count += 1
                return count % 3 != 0
            }
            if isRefused { throw LogError(.unavailable, "busy") }
        }
        try await EngineWorld.runToEnd(world.engine(topology, log: log))
        #expect(refused.withLock { $0 } > 30)
        let expected = try EngineWorld.simulated(topology, records: 90)
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("any other failure ends the run as it is, and the next run makes up for it")
    func notRetriable() async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        let expected = try EngineWorld.simulated(topology, records: 90)
        for number in [0, 3, 9] {
            let log = world.log()
            let seen = Mutex(0)
            log.inject { (operation) throws(LogError) in
                guard operation.kind == .commit, operation.side == .before else { return }
                let isLast = seen.withLock { count in
                    count += 1
                    return count > number
                }
                if isLast { throw LogError(.storageFull, "no space left on device") }
            }
            let error = try #require(await self.failure(world.engine(topology, log: log)) as? LogError)
            #expect(error.code == .storageFull)
        }
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("killed between a shard's publishing and its commit, the file without a commit is swept", arguments: 0..<4)
    func swept(commit: Int) async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        let log = world.log()
        let commits = Mutex(0)
        log.inject { [disk = world.disk] (operation) throws(LogError) in
            guard operation.kind == .commit, operation.side == .before, operation.subject.contains(".land.") else {
                return
            }
            let isLast = commits.withLock { count in
                count += 1
                return count > commit
            }
            guard isLast else { return }
            disk.crash()
            throw LogError(.closed, "killed")
        }
        #expect(await self.failure(world.engine(topology, log: log)) is LogError)
        log.crash()
        world.disk.restart(losing: .nothing)
        let listed = try Manifest(reading: "numbers", from: world.log()).files
        #expect(Set(try world.disk.list()).subtracting(listed).isEmpty == false, "the kill has left something")
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(Set(try world.disk.list()) == (try Manifest(reading: "numbers", from: world.log()).files))
        let expected = try EngineWorld.simulated(topology, records: 90)
        #expect(try world.outcome(topology).difference(from: expected) == nil)
    }

    @Test("a run that is stopped leaves no file that no commit lists")
    func abandoned() async throws {
        let world = EngineWorld()
        try world.fill(records: 90)
        let topology = try numbersTopology(samples: 1_000, seconds: 0, commitRecords: 4)
        let engine = world.engine(topology) { $0.untilIdle = false }
        async let run: Void = EngineWorld.run(engine)
        try await EngineWorld.wait("shards are open") { try !world.disk.list().isEmpty }
        engine.stop()
        try await run
        #expect(try world.disk.list().isEmpty, "they hold nothing that is committed")
    }

    @Test("a letter about a record too large for the log is cut, whatever of it is large")
    func largeLetters() async throws {
        let large = Bytes(repeating: 1, count: TopicSpecification.recordBytesMaxDefault - 100)
        let records = [
            Record(key: Bytes("value".utf8), value: large),
            Record(key: large, value: Bytes("{broken".utf8)),
            Record(key: Bytes("header".utf8), value: Bytes("{broken".utf8), headers: [Header("large", large)]),
            Record(key: Bytes("last".utf8), value: Bytes("{\"value\":1}".utf8)),
        ]
        for (index, record) in records.dropLast().enumerated() {
            let world = EngineWorld()
            try world.log().createTopic(TopicSpecification(name: "input", partitions: 1))
            for record in [record, records[3]] { try world.append([record], to: "input") }
            try await EngineWorld.runToEnd(world.engine(try simpleTopology("ask")))
            #expect(try world.values("output") == ["{\"value\":2}"], "record \(index)")
            let letters = try world.values("simple.dead-letters")
            try #require(letters.count == 1)
            let letter = try JSONValue(parsing: letters[0].utf8)
            #expect(letter["truncated"] == .bool(true) && letter["reason"]?.string == "unreadable")
        }
        // One character may take any number of bytes.
        let endless = Letter(
            kind: .dead, step: "s", reason: "r", message: "e" + String(repeating: "\u{301}", count: 1 << 20), origin: 0,
            value: nil)
        let written = DeadLetterEnvelope(topology: "t", stage: "s").write(
            endless, source: TopicPartition("input", 0), record: nil, recordBytesMax: 8 << 20)
        #expect((written.value?.count ?? .max) < 8_192)
    }
}
