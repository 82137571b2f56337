// SPDX-License-Identifier: Apache-2.0

public import Dataflow

/// Registers the operators of this room: `filter`, `window`, `block` and the two forms of `format`.
public func registerNarrations(in registry: inout OperatorRegistry) {
    registry.register(FilterOperator.self)
    registry.register(WindowOperator.self)
    registry.register(BlockOperator.self)
    registry.register(FormatQueryOperator.self)
    registry.register(FormatNarrationOperator.self)
}
