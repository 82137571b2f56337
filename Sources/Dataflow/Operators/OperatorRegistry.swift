// SPDX-License-Identifier: Apache-2.0

/// The operators that topologies may name.
public struct OperatorRegistry: Sendable {
    /// All overloads, in the order of their registration.
    public private(set) var overloads: [OperatorOverload] = []

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

    /// Adds an overload.
    public mutating func add(_ overload: OperatorOverload) { self.overloads.append(overload) }

    /// The overloads of a YAML name.
    public func overloads(named name: String) -> [OperatorOverload] {
        self.overloads.filter { $0.specification.name == name }
    }

    /// The YAML names, each once, sorted.
    public var names: [String] { Set(self.overloads.map(\.specification.name)).sorted() }
}
