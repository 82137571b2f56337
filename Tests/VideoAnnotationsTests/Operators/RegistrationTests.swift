// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Testing
import VideoAnnotations

@Suite("registration of the narration operators")
struct RegistrationTests {
    @Test("registers the operators under their names")
    func names() {
        var registry = OperatorRegistry()
        registerVideoAnnotations(in: &registry)
        #expect(registry.names == ["block", "filter", "window"])
        #expect(registry.overloads(named: "block").map(\.output.name) == ["block"])
        #expect(registry.overloads.allSatisfy { !$0.isAsynchronous })
    }

    @Test("every field has help")
    func help() {
        var registry = OperatorRegistry()
        registerVideoAnnotations(in: &registry)
        for overload in registry.overloads {
            #expect(!overload.specification.summary.isEmpty)
            for field in overload.specification.fields { #expect(!field.help.isEmpty, "\(field.name)") }
        }
    }
}
