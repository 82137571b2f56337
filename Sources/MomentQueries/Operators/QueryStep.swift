// SPDX-License-Identifier: Apache-2.0

import Conversations
import Dataflow
import ModelRequests
import Synchronization
import VideoAnnotations

/// Asks a writer of queries about a block: `llm` for blocks.
struct QueryStep: ConversationStep {
    /// The writer of the queries.
    enum Provider: String, Choice {
        /// The rule-based writer: a grammar of narrations, no model, no server.
        case rules
        /// A model behind a server that speaks OpenAI's protocol.
        case openai
    }

    static let provider = Field(
        "provider", default: Provider.rules,
        help: """
            Who writes the queries: `rules` is the built-in grammar, which needs no model and no server; `openai` is a model \
            behind any server that speaks OpenAI's protocol, which all other fields are about.
            """)
    static let queryForm = Field(
        "query-form", default: AnswerSchema.QueryForm.free,
        help: """
            With a schema: how far a query is held to the form of a question. `free`: any text; `sentence`: a capital \
            letter, 4 to 20 words, a question mark; `question`: also a first word that human queries begin with.
            """)
    static let boundsLists = Field(
        "bounds-lists", default: true,
        help: "With a schema: bound its lists, which keeps small models from going on for ever.")

    static let forms = Field(
        "forms", default: RuleForms.plain, isAdded: true,
        help: """
            For `rules`: `plain` asks in the first person and the past tense, once a narration; `people` as people do, also \
            without "I" and in the present tense, counts what is done several times, and asks up to twice.
            """)

    // Hashes go by this order.
    static let specification = OperatorSpecification(
        name: "llm", summary: "Has queries written about a block, by a model or by rule.",
        fields: [
            Self.provider, ModelOptions.model, ModelOptions.temperature, ModelOptions.topP, ModelOptions.maxTokens,
            ModelOptions.seed, ModelOptions.stop, ModelOptions.responseFormat, Self.queryForm, Self.boundsLists,
            ModelOptions.repair, ModelOptions.samples, Self.forms,
        ] + ModelEndpoint.fields,
        warnings: { $0[Self.provider] == .openai ? ModelOptions.warnings($0) : [] })

    static let withoutServer = "only `run` and `replay` ask a model; test topologies with `provider: rules`"

    /// A writer, set up.
    private enum Writer: Sendable {
        case rules(RuleWriter)
        case model(ModelOptions, AnswerSchema)
    }

    private let writer: Writer
    private let examples = ExampleQueries()
    private let stage: String

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.stage = context.stage
        guard configuration[Self.provider] == .openai else {
            self.writer = .rules(RuleWriter(forms: configuration[Self.forms]))
            return
        }
        let options = try ModelOptions(configuration)
        let schema = AnswerSchema(
            queryForm: configuration[Self.queryForm], boundsLists: configuration[Self.boundsLists])
        guard options.sendsSchema || schema.queryForm == .free else {
            throw ConfigurationError(
                "it needs the schema, which `response-format: none` leaves out", field: Self.queryForm.name)
        }
        self.writer = .model(options, schema)
    }

    var asksModel: Bool {
        switch self.writer {
        case .rules: false
        case .model: true
        }
    }

    func conversation(about prompted: PromptedBlock) -> Sampled<QueryConversation> {
        switch self.writer {
        case .rules(let rules): return Sampled(QueryConversation(about: prompted, by: rules))
        case .model(let options, let schema):
            let manner = QueryConversation.Manner(
                options: options, schema: schema, examples: self.examples.of(prompted))
            return Sampled(options, of: prompted.block.blockID, in: self.stage) { sampling in
                QueryConversation(about: prompted, manner, sampling)
            }
        }
    }
}

/// The questions of a prompt's examples, read once: they are the same for all blocks of a prompt file.
private final class ExampleQueries: Sendable {
    private let known = Mutex<(messages: ArraySlice<ChatMessage>, queries: Set<String>)?>(nil)

    func of(_ prompted: PromptedBlock) -> Set<String> {
        // All but the last message, which holds the block.
        let messages = prompted.messages.dropLast()
        return self.known.withLock { known in
            if let known, known.messages == messages { return known.queries }
            let queries = prompted.exampleQueries
            known = (messages, queries)
            return queries
        }
    }
}
