// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import RecordLog
import Records
import Testing
import Topologies

@testable import Engine

/// A value as large as its number says.
private struct Swollen: StreamValue {
    static let typeName = "swollen"
    static let schemaVersion = 1
    var size: Int

    init(size: Int) { self.size = size }

    init(json: inout JSONScanner) throws(JSONError) { self.size = try json.string().utf8.count }

    func write(to json: inout JSONWriter) { json.value(String(repeating: "x", count: self.size)) }
}

/// Gives a small value, one of as many mebibytes as the number says, and another small one.
private struct Swell: Operator {
    static let specification = OperatorSpecification(name: "swell", summary: "Swells.", fields: [])

    init(_ configuration: Configuration, _ context: OperatorContext) {}

    mutating func process(_ element: Element<Number>, into output: inout Collector<Swollen>) {
        output.emit(Swollen(size: 1), from: element)
        output.emit(Swollen(size: element.value.value << 20), from: element)
        output.emit(Swollen(size: 2), from: element)
    }
}

@Suite struct OversizedOutputTests {
    @Test("an output that the log would refuse is a dead letter of its input, and everything else goes on")
    func deadLetter() throws {
        var registry = OperatorRegistry()
        registry.register(Swell.self)
        let text = """
            name: swell
            partitions: 1
            stages: { one: { from: in, steps: [swell], to: out } }
            """
        let topology = try Topology.parse(text, file: "swell.yaml", registry: registry, environment: [:]) { _ in "" }
            .topology
        let world = EngineWorld()
        try world.fill("in", with: [1, 9, 2])
        try world.engine(topology).run()
        let sizes = try world.values("out").map { $0.utf8.count - 2 }
        #expect(sizes == [1, 1 << 20, 2, 1, 2, 1, 2 << 20, 2])
        let letters = try world.values("swell.dead-letters").map { try JSONValue(parsing: $0.utf8) }
        #expect(letters.map { $0["reason"]?.string } == ["too-large"])
        #expect(letters.first?["offset"] == .int(1) && letters.first?["value"]?.string == "{\"value\":9}")
    }
}
