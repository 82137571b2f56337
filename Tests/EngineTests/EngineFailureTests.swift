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

/// Causes that end a run, and the state that it leaves behind.
@Suite(.serialized) struct EngineFailureTests {
    func failure(_ engine: Engine) async -> (any Error)? {
        do {
            try await EngineWorld.runToEnd(engine)
            return nil
        } catch {
            return error
        }
    }

    func committed(_ world: EngineWorld) throws -> Offset? {
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
            "stage `only`: 100 records in a row ended as dead letters", "offset 99 of input[0]: tally: seventeen",
            "Nothing of them was committed", "max-consecutive-dead-letters",
        ] { #expect(error.message.contains(part), "\(error.message)") }
        #expect(try self.committed(world) == nil)
        #expect(try world.values("simple.dead-letters").isEmpty && world.values("output").isEmpty)
        let raised = try simpleTopology("tally", more: "max-consecutive-dead-letters: 151")
        try await EngineWorld.runToEnd(world.engine(raised))
        #expect(try world.values("simple.dead-letters").count == 150)
    }

    @Test("a hundred in a row are those of all partitions, and the message says how many of them were committed")
    func deadLettersOfAllPartitions() async throws {
        let world = EngineWorld()
        let log = world.log()
        try log.createTopic(TopicSpecification(name: "input", partitions: 4))
        let text = """
            name: wide
            stages:
              only: { from: input, commit: { records: 10 }, steps: [tally], to: output }
            """
        let topology = try Topology.parse(text, file: "wide.yaml", registry: numbersRegistry, environment: [:]) { _ in
            ""
        }
        .topology
        // Fewer in each partition than the limit, more in all.
        for partition in 0..<4 {
            var transaction = Transaction()
            transaction.outputs = [
                .init(
                    topic: "input", partition: partition,
                    records: RecordBatch((0..<60).map { _ in Record(key: "k", value: "{\"value\":17}") }))
            ]
            try log.makeWriter(id: "fill").commit(transaction)
        }
        let error = try #require(await self.failure(world.engine(topology)) as? EngineError)
        #expect(error.message.contains("100 records in a row ended as dead letters"), "\(error.message)")
        let committed = try (0..<4).reduce(0) { try $0 + world.values("wide.dead-letters", $1).count }
        #expect((1..<100).contains(committed))
        #expect(
            error.message.contains("\(committed) of them were committed, to `wide.dead-letters`"),
            "\(committed): \(error.message)")
        let offsets = try (0..<4).map {
            try log.committedOffset(group: "wide.only", partition: TopicPartition("input", $0))?.offset ?? 0
        }
        #expect(offsets.reduce(0, +) == Offset(committed))
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
            "stage `only`", "has changed", "replay simple.yaml --from earliest", "--accept-changes", "--as NAME",
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
