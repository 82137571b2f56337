// SPDX-License-Identifier: Apache-2.0

public import Dataflow

/// Registers the operators that take annotations: `activity` and `pack`.
public func registerActivities(in registry: inout OperatorRegistry) {
    registry.register(ActivityOperator.self)
    registry.register(PackOperator.self)
}
