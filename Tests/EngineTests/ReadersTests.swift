// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Testing
import Topologies

@testable import Engine

/// Keeps the numbers that leave a remainder.
private struct Remainder: Operator {
    static let field = Field("of-three", default: 0, in: 0...2, help: "The remainder that passes.")
    static let specification = OperatorSpecification(name: "remainder", summary: "Filters.", fields: [Self.field])
    let passing: Int

    init(_ configuration: Configuration, _ context: OperatorContext) { self.passing = configuration[Self.field] }

    mutating func process(_ element: Element<Number>, into output: inout Collector<Number>) {
        if element.value.value % 3 == self.passing { output.emit(element) } else { output.count("other") }
    }
}

/// Several stages that read one topic, each with a filter: one output a value of a field.
@Suite struct ReadersTests {
    private let text = """
        name: t
        partitions: 2
        stages:
          zero: { from: input, steps: [remainder: { of-three: 0 }], to: zeros }
          one: { from: input, steps: [{ remainder: { of-three: 1 } }, tally], to: ones, rejects: ones.rejected }
          two: { from: input, steps: [{ remainder: { of-three: 2 } }, ask], to: twos }
          again: { from: zeros, steps: [remainder], to: zeros.again }
        """

    @Test("each stage reads all of it, in a plan, in a run and in the next one")
    func run() async throws {
        let world = EngineWorld()
        try world.fill(records: 200)
        var registry = numbersRegistry
        registry.register(Remainder.self)
        let topology = try Topology.parse(self.text, file: "t", registry: registry, environment: [:]) { _ in "" }
            .topology
        let plan = try Rehearsal(topology, log: world.log(), options: RunOptions(), services: [:]).run()
        // Four of 200 cannot be read: every forty-first.
        let values = (0..<200).filter { $0 % 41 != 40 }.map { $0 % 101 + 1 }
        func count(_ remainder: Int) -> Int { values.count { $0 % 3 == remainder } }
        #expect(plan.map(\.stage) == ["zero", "one", "two", "again"])
        #expect(plan.map(\.waiting) == [200, 200, 200, count(0)])
        try await EngineWorld.runToEnd(world.engine(topology))
        let more = (0..<30).map { Record(key: "key-\($0 % 7)", value: "{\"value\":3}", headers: Number.headers) }
        try world.append(more, to: "input")
        try await EngineWorld.runToEnd(world.engine(topology))
        func total(_ topic: String) throws -> Int { try (0..<2).reduce(0) { try $0 + world.values(topic, $1).count } }
        #expect(try total("zeros") == count(0) + 30 && total("zeros.again") == count(0) + 30)
        #expect(try total("twos") == count(2))
        #expect(try total("t.dead-letters") >= 3 * 4, "each reads what cannot be read")
        for stage in ["zero", "one", "two"] {
            var taken = 0
            for partition in 0..<2 {
                let committed = try world.log().committedOffset(
                    group: "t.\(stage)", partition: TopicPartition("input", partition))
                taken += try TaskMetadata(parsing: committed?.metadata ?? "").recordsIn
            }
            #expect(taken == 230, "\(stage)")
        }
    }
}
