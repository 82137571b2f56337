// SPDX-License-Identifier: Apache-2.0

import Dataflow
import VideoAnnotations

/// Writes the messages that ask a model for queries about a block.
struct PromptOperator: Operator {
    static let template = Field(
        "template", required: FileReference(path: "prompts/nlq.txt", content: ""),
        help: "The prompt, a text file beside the topology; `QueryPrompt` says how it is written.")

    static let specification = OperatorSpecification(
        name: "prompt", summary: "Writes the messages that ask a model for queries about a block.",
        fields: [Self.template])

    private let template: QueryPrompt

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.template = try QueryPrompt(configuration[Self.template])
    }

    mutating func process(_ element: Element<Block>, into output: inout Collector<PromptedBlock>) {
        let reading = BlockReading(element.value)
        output.emit(PromptedBlock(reading: reading, messages: self.template.render(reading)), from: element)
    }
}
