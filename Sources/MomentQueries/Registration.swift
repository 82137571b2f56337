// SPDX-License-Identifier: Apache-2.0

import Conversations
public import Dataflow

/// Registers the operators of this room: `prompt`, `llm`, `validate`, `judge`, `balance` and the two forms of `format`.
public func registerMomentQueries(in registry: inout OperatorRegistry) {
    registry.register(PromptOperator.self)
    registry.register(conversation: QueryStep.self)
    registry.register(ValidateOperator.self)
    registry.register(conversation: JudgeStep<Query>.self)
    registry.register(BalanceOperator.self)
    registry.register(FormatQueryOperator.self)
    registry.register(FormatNarrationOperator.self)
}
