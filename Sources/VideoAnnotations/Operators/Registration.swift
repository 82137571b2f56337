// SPDX-License-Identifier: Apache-2.0

public import Dataflow

/// Registers the operators of this room: `filter`, `window` and `block`.
public func registerVideoAnnotations(in registry: inout OperatorRegistry) {
    registry.register(FilterOperator.self)
    registry.register(WindowOperator.self)
    registry.register(BlockOperator.self)
}
