// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Testing
import Topologies

@testable import Engine

/// Records whose `schema` header says something else than the topology.
@Suite struct SchemaTests {
    private func record(_ value: Int, _ schema: String?) -> Record {
        let headers = schema.map { [Header("schema", $0)] } ?? []
        return Record(key: "k", value: "{\"value\":\(value)}", headers: headers)
    }

    private func metadata(_ world: EngineWorld) throws -> TaskMetadata {
        let committed = try world.log().committedOffset(group: "simple.only", partition: TopicPartition("input", 0))
        return try TaskMetadata(parsing: committed?.metadata ?? "")
    }

    @Test("another type is a dead letter, no header is accepted, and both are counted", arguments: ["tally", "ask"])
    func wrongType(step: String) async throws {
        let world = EngineWorld()
        try world.fill("input", with: [1, 2])
        try world.append(
            [self.record(4, "sum/1"), self.record(4, nil), self.record(7, "number/1"), self.record(8, "sum/1")],
            to: "input")
        let topology = try simpleTopology(step)
        let waiting = try Rehearsal(topology, log: world.log(), options: RunOptions(), services: [:]).run()
        #expect(waiting.map(\.waiting) == [6], "the plan goes through them, too")
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.values("output").count == 4)
        let metadata = try self.metadata(world)
        #expect(metadata.counts == ["read.wrong-type": 2, "read.no-schema": 1] && metadata.deadLetters == 2)
        let letters = try world.values("simple.dead-letters")
        #expect(letters.count == 2 && letters.allSatisfy { $0.contains("\"reason\":\"wrong-type\"") })
        #expect(
            letters[0].contains("`sum`") && letters[0].contains("`number`")
                && letters[0].contains("\"value\":\"sum/1\""))
    }

    @Test("a topic of another type stops the stage as any row of dead letters does")
    func wrongTopic() async throws {
        let world = EngineWorld()
        try world.log().createTopic(TopicSpecification(name: "input", partitions: 1))
        try world.append((0..<120).map { self.record($0, "sum/1") }, to: "input")
        let error = await #expect(throws: EngineError.self) {
            try await EngineWorld.runToEnd(world.engine(try simpleTopology("tally")))
        }
        #expect(error?.message.contains("read: wrong-type") == true, "\(String(describing: error))")
        #expect(try world.values("output").isEmpty)
    }

    @Test("a newer form stops the stage at its record, in a run and in a plan, until a program comes that knows it")
    func newer() async throws {
        let world = EngineWorld()
        let topology = try simpleTopology("tally", more: "")
        try world.fill("input", with: [1, 2])
        try world.append([self.record(4, "number/2"), self.record(7, "number/1")], to: "input")
        let engine = world.engine(topology)
        let error = await #expect(throws: EngineError.self) { try await EngineWorld.runToEnd(engine) }
        for part in [
            "stage `only`", "newer-schema", "`number/2`", "up to version 1", "install that version", "offset 2 of",
        ] {
            #expect(error?.message.contains(part) == true, "\(part): \(String(describing: error))")
        }
        #expect(try world.values("simple.dead-letters").isEmpty, "nothing is lost")
        let plan = #expect(throws: EngineError.self) {
            try Rehearsal(topology, log: world.log(), options: RunOptions(), services: [:]).run()
        }
        #expect(plan?.message.contains("newer-schema") == true)
    }
}
