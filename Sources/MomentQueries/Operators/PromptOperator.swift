// SPDX-License-Identifier: Apache-2.0

import Dataflow
import VideoAnnotations

/// Writes the messages that ask a model for queries about a block.
struct PromptOperator: Operator {
    static let template = Field(
        "template", required: FileReference(path: "prompts/nlq.txt", content: ""),
        help: "The prompt, a text file beside the topology; `QueryPrompt` says how it is written.")

    static let draws = Field(
        "draws", default: QueryWishes.Draws.none, isAdded: true,
        help: """
            `people`: ask for templates and forms drawn as people have them, among those that the notes support, and let the \
            answer name no others. The prompt then wants `{{wishes}}`, as prompts/nlq-wishes.txt has it.
            """)
    static let reference = Field<FileReference?>(
        "reference", default: nil, isAdded: true,
        help: "For `draws`: queries in the official format, or aggregates of them, in place of people's.")

    static let specification = OperatorSpecification(
        name: "prompt", summary: "Writes the messages that ask a model for queries about a block.",
        fields: [Self.template, Self.draws, Self.reference])

    private let template: QueryPrompt

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        let file = configuration[Self.reference]
        guard configuration[Self.draws] == .people else {
            if file != nil { throw ConfigurationError("only `draws: people` uses it", field: Self.reference.name) }
            self.template = try QueryPrompt(configuration[Self.template])
            return
        }
        let reference = try file.map { file throws(ConfigurationError) in
            try QueryReference(file, field: Self.reference.name)
        }
        self.template = try QueryPrompt(
            configuration[Self.template], wishes: QueryWishes(reference ?? .humanTrain))
    }

    mutating func process(_ element: Element<Block>, into output: inout Collector<PromptedBlock>) {
        let reading = BlockReading(element.value)
        var prompted = PromptedBlock(reading: reading, messages: self.template.render(reading))
        prompted.templates = self.template.wishes?.templates(for: reading)
        output.emit(prompted, from: element)
    }
}
