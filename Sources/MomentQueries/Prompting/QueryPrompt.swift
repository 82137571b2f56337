// SPDX-License-Identifier: Apache-2.0

import Conversations
public import Dataflow
public import ModelRequests
import NarrationGrammar
public import VideoAnnotations

/// The prompt that asks a model for queries about a block: a `PromptTemplate` with these placeholders.
///
/// | placeholder | becomes | in the system message |
/// |---|---|---|
/// | `{{templates}}` | the names of the 13 query templates, one a line | yes |
/// | `{{schema}}` | the JSON schema of an answer (`AnswerSchema.promptText`) | yes |
/// | `{{narrations}}` | the narrations, cleaned, one a line, behind ids in brackets, with what windows cover | no |
/// | `{{narration_ids}}` | their ids, separated by commas | no |
/// | `{{narration_count}}` | how many they are | no |
/// | `{{wishes}}` | the templates and forms that are drawn for them, one a line (`QueryWishes`) | no |
///
/// Ids count from 1 in each block (`PromptedBlock.ids`), and nothing in a prompt tells the block's place, time or
/// video: blocks of the same texts have the same prompt, and a narration that is inserted into a video changes the
/// prompts of the blocks that it is in and no others.
public struct QueryPrompt: Sendable {
    private static let placeholders: [PromptTemplate<BlockReading>.Placeholder] = [
        .constant("templates", QueryTemplate.allCases.map { "- \($0.rawValue)" }.joined(separator: "\n")),
        .constant("schema", AnswerSchema.promptText),
        .about("narrations") { reading in
            zip(PromptedBlock.ids(of: reading.block), reading.narrations).map { "[\($0)] \($1.shown)" }
                .joined(separator: "\n")
        },
        .about("narration_ids") { reading in
            PromptedBlock.ids(of: reading.block).map(String.init).joined(separator: ", ")
        },
        .about("narration_count") { reading in String(reading.narrations.count) },
    ]

    private let template: PromptTemplate<BlockReading>
    /// The draws of templates and forms, where the prompt asks for some.
    let wishes: QueryWishes?

    /// Reads a template.
    /// - Throws: `ConfigurationError` with the line of what is wrong.
    public init(_ file: FileReference) throws(ConfigurationError) { try self.init(file, wishes: nil) }

    /// Reads a template that asks for what is drawn.
    /// - Throws: `ConfigurationError`, also where it has no place for the wishes.
    init(_ file: FileReference, wishes: QueryWishes?) throws(ConfigurationError) {
        var placeholders = Self.placeholders
        if let wishes { placeholders.append(.about("wishes") { wishes.text(for: $0) }) }
        self.template = try PromptTemplate(file, field: "template", placeholders, required: "narrations")
        self.wishes = wishes
        if wishes != nil, !self.template.shown.contains("wishes") {
            throw ConfigurationError(
                "\(file.path) has no `{{wishes}}`, where what `draws` draws would be asked for", field: "template")
        }
    }

    /// The messages for a block.
    public func render(_ block: Block) -> [ChatMessage] { self.render(BlockReading(block)) }

    /// The messages for a block that has been read.
    func render(_ reading: BlockReading) -> [ChatMessage] { self.template.render(reading) }
}
