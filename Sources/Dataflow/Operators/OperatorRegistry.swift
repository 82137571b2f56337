// SPDX-License-Identifier: Apache-2.0

/// The operators that topologies may name.
public struct OperatorRegistry: Sendable {
    /// All overloads, in the order of their registration.
    public private(set) var overloads: [OperatorOverload] = []
    /// The types that operators take and make, each once.
    public private(set) var types: [StreamType] = []

    /// Creates an empty registry.
    public init() {}

    /// Adds a synchronous operator.
    @inlinable
    public mutating func register<Op: Operator>(_ type: Op.Type) { self.add(OperatorOverload(type)) }

    /// Adds an asynchronous operator.
    @inlinable
    public mutating func register<Op: AsyncOperator>(asynchronous type: Op.Type) {
        self.add(OperatorOverload(asynchronous: type))
    }

    /// Adds an overload: a name has one for each input, and a type's name is that type's alone.
    public mutating func add(_ overload: OperatorOverload) {
        if let conflict = self.conflict(with: overload) { preconditionFailure(conflict) }
        for type in [overload.input, overload.output] where !self.types.contains(where: { $0.name == type.name }) {
            self.types.append(type)
        }
        self.overloads.append(overload)
    }

    /// Says why an overload cannot be added to those that are here; `nil` where it can.
    public func conflict(with overload: OperatorOverload) -> String? {
        let (name, input) = (overload.specification.name, overload.input.name)
        if self.overloads(named: name).contains(where: { $0.input.name == input }) {
            return "two operators called `\(name)` take `\(input)`"
        }
        for type in [overload.input, overload.output] {
            let known = self.types.first { $0.name == type.name }
            if let known, known.identity != type.identity { return "two types are called `\(type.name)`" }
        }
        return nil
    }

    /// The overloads of a YAML name.
    public func overloads(named name: String) -> [OperatorOverload] {
        self.overloads.filter { $0.specification.name == name }
    }

    /// The YAML names, each once, sorted.
    public var names: [String] { Set(self.overloads.map(\.specification.name)).sorted() }
}
