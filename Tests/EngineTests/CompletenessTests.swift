// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Testing
import Topologies

@testable import Engine

/// Gathers the numbers of a key, and gives their sum at a zero, which is their end.
private struct Gather: Operator {
    static let specification = OperatorSpecification(
        name: "gather", summary: "Gathers.", fields: [], isStateful: true)
    private var sums: [Bytes: Int] = [:]
    private var changed: Set<Bytes> = []
    var openCount: Int { self.sums.count }

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    mutating func process(_ element: Element<Number>, into output: inout Collector<Number>) {
        let key = element.key ?? []
        if element.value.value != 0 {
            self.sums[key, default: 0] += element.value.value
            self.changed.insert(key)
        } else if let sum = self.sums.removeValue(forKey: key) {
            self.changed.insert(key)
            output.emit(Number(sum), from: element)
        } else {
            output.count("end-without-start")
        }
    }

    mutating func stateChanges() -> [StateChange] {
        defer { self.changed = [] }
        return self.changed.sorted { $0.lexicographicallyPrecedes($1) }
            .map { key in StateChange(key: key, value: self.sums[key].map { Bytes("\($0)".utf8) }) }
    }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) {
        for entry in entries { self.sums[entry.key] = Int(String(decoding: entry.value, as: UTF8.self)) }
    }
}

/// Records that say that something is complete: they never come, or come twice.
@Suite struct CompletenessTests {
    private let text = "name: t\npartitions: 1\nstages: { only: { from: input, steps: [gather], to: output } }"

    private func metadata(_ world: EngineWorld) throws -> TaskMetadata {
        let committed = try world.log().committedOffset(group: "t.only", partition: TopicPartition("input", 0))
        return try TaskMetadata(parsing: committed?.metadata ?? "")
    }

    private func append(_ records: [(key: String, value: Int)], to world: EngineWorld) throws {
        let records = records.map {
            Record(key: $0.key, value: "{\"value\":\($0.value)}", headers: Number.headers)
        }
        try world.append(records, to: "input")
    }

    @Test("an input that is idle ends nothing; the end does, once, in whatever run it comes")
    func ends() async throws {
        let world = EngineWorld()
        try world.log().createTopic(TopicSpecification(name: "input", partitions: 1))
        try self.append([("a", 1), ("b", 10), ("a", 2), ("b", 0), ("c", 7)], to: world)
        var registry = OperatorRegistry()
        registry.register(Gather.self)
        let topology = try Topology.parse(self.text, file: "t", registry: registry, environment: [:]) { _ in "" }
            .topology
        for _ in 0..<3 { try await EngineWorld.runToEnd(world.engine(topology)) }
        #expect(try world.values("output") == ["{\"value\":10}"], "idle is not complete, however often it is so")
        #expect(try self.metadata(world).open == ["gather": 2], "what is open is told")
        #expect(try self.metadata(world).counts.isEmpty)

        try self.append([("a", 4), ("a", 0)], to: world)
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.values("output") == ["{\"value\":10}", "{\"value\":7}"], "gathered over runs")
        #expect(try self.metadata(world).open == ["gather": 1])

        try self.append([("a", 0), ("b", 0), ("c", 0), ("c", 0)], to: world)
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try world.values("output").count == 3)
        let metadata = try self.metadata(world)
        #expect(metadata.open.isEmpty && metadata.counts == ["gather.end-without-start": 3])
        #expect(!metadata.text.contains("open"), "what has nothing open is written as it always was")
    }

    @Test("what is open is read back as it was written, and adds up")
    func openCounts() throws {
        var one = TaskMetadata(stageHash: "h")
        one.open = ["block": 2, "window": 1]
        var two = try TaskMetadata(parsing: one.text)
        #expect(two == one)
        two.add(one)
        #expect(two.open == ["block": 4, "window": 2])
        for number in 0..<1_000 { two.counts["step.reason-\(number)"] = 1 }
        #expect(two.text.utf8.count <= TaskMetadata.bytesMax)
        #expect(try TaskMetadata(parsing: two.text).open == two.open)
    }
}
