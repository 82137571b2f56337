// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Testing

/// Fields added to an operator that has shipped: configurations hashed before keep their hash.
@Suite struct AddedFieldTests {
    private static let size = Field("size", default: 5, help: "Shipped.")
    private static let low = Field("low", default: 0, help: "Shipped.")
    private static let stride = Field("stride", default: 5, in: 1...9, isAdded: true, help: "Added.")
    private static let label = Field<String?>("label", default: nil, isAdded: true, help: "Added.")
    private static let high = Field("high", default: 100, isAdded: true, help: "Added.")
    private static let extra = Section("extra", isAdded: true, help: "Added.", fields: [Self.low])

    private static let limitsBefore = Section("limits", help: "Shipped.", fields: [Self.low])
    private static let limits = Section("limits", help: "Shipped.", fields: [Self.high, Self.low])
    private static let before: [any FieldDescription] = [Self.size, Self.limitsBefore]
    private static let now: [any FieldDescription] = [Self.stride, Self.size, Self.limits, Self.label, Self.extra]

    /// An earlier configuration, and the same with the fields that a change adds to it.
    private func texts(_ change: (inout Configuration) -> Void) -> (before: String, now: String) {
        var limits = Configuration()
        limits.set(Self.low, 3)
        var configuration = Configuration()
        configuration.set(Self.size, 7)
        configuration.set(Self.limits, limits)
        let before = configuration.canonical(Self.before)
        change(&configuration)
        return (before, configuration.canonical(Self.now))
    }

    @Test("at their defaults, written out or not, they are not there")
    func defaults() {
        #expect(Configuration().canonical(Self.now) == Configuration().canonical(Self.before))
        let changes: [(inout Configuration) -> Void] = [
            { _ in }, { $0.set(Self.stride, 5) }, { $0.set(Self.label, nil) },
            { configuration in
                var limits = configuration[Self.limits] ?? Configuration()
                limits.set(Self.high, 100)
                configuration.set(Self.limits, limits)
            },
        ]
        for change in changes {
            let texts = self.texts(change)
            #expect(texts.now == texts.before)
        }
    }

    @Test("at any other value they are, and no two values are alike")
    func otherValues() {
        let changes: [(inout Configuration) -> Void] = [
            { _ in }, { $0.set(Self.stride, 6) }, { $0.set(Self.stride, 4) }, { $0.set(Self.label, "") },
            { $0.set(Self.label, "a") }, { $0.set(Self.label, "none") }, { $0.set(Self.extra, Configuration()) },
            { configuration in
                var extra = Configuration()
                extra.set(Self.low, 1)
                configuration.set(Self.extra, extra)
            },
            { configuration in
                var limits = configuration[Self.limits] ?? Configuration()
                limits.set(Self.high, 99)
                configuration.set(Self.limits, limits)
            },
        ]
        #expect(Set(changes.map { self.texts($0).now }).count == changes.count)
    }

    @Test("shipped fields are there at any value, as they always were")
    func shipped() {
        #expect(Configuration().canonical(Self.before) == "{size=1:5;limits=6:absent}")
        #expect(self.texts { $0.set(Self.stride, 6) }.now == "{stride=1:6;size=1:7;limits=9:{low=1:3}}")
    }
}
