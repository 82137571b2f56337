// SPDX-License-Identifier: Apache-2.0

public import Dataflow

/// Registers the operators of this room: `prompt`, `llm` and `validate`.
public func registerLanguageModels(in registry: inout OperatorRegistry) {
    registry.register(PromptOperator.self)
    registry.register(asynchronous: LLMOperator.self)
    registry.register(ValidateOperator.self)
}
