// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import Mill

/// Registrations that are allowed, and those refused because they would never be found.
@Suite struct OperatorRegistryTests {
    /// Another type under a name that is taken.
    private struct OtherFlour: StreamValue {
        static let typeName = "flour"
        static let schemaVersion = 1
        init(json: inout JSONScanner) throws(JSONError) { try json.skip() }
        func write(to json: inout JSONWriter) { json.null() }
    }

    private struct Spill: Operator {
        static let specification = OperatorSpecification(name: "spill", summary: "Spills.", fields: [])
        init(_ configuration: Configuration, _ context: OperatorContext) {}
        mutating func process(_ element: Element<OtherFlour>, into output: inout Collector<OtherFlour>) {}
    }

    @Test("a name has its overloads in the order of their registration, and each type is there once")
    func overloads() {
        #expect(millRegistry.overloads(named: "sell").map(\.input.name) == ["flour", "bread"])
        #expect(millRegistry.overloads(named: "pack").map(\.specification.summary) == ["Packs flour.", "Packs bread."])
        #expect(millRegistry.overloads(named: "nothing").isEmpty)
        #expect(millRegistry.types.map(\.name) == ["grain", "flour", "bread"])
    }

    @Test("a second operator for one name and input ends the program that registers it")
    func twice() async {
        await #expect(processExitsWith: .failure) {
            var registry = OperatorRegistry()
            registry.register(Grind.self)
            registry.register(Grind.self)
        }
    }

    @Test("so does a second type with one name")
    func types() async {
        await #expect(processExitsWith: .failure) {
            var registry = OperatorRegistry()
            registry.register(Bake.self)
            registry.register(Spill.self)
        }
    }
}
