// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records
import TaskRooms
import TextEncoders

/// Asks a model which actions follow those of a window: `llm` for windows.
struct ForecastStep: ConversationStep {
    /// The forecaster.
    enum Provider: String, Choice {
        /// The last action over and over: a baseline, without a model or a server.
        case rules
        /// A model behind a server that speaks OpenAI's protocol.
        case openai
    }

    static let provider = Field(
        "provider", default: Provider.rules,
        help: """
            The forecaster: `rules` repeats the last action, without a model or a server; `openai` is a model behind any \
            server that speaks OpenAI's protocol.
            """)
    static let taxonomy = Field(
        "taxonomy", required: FileReference(path: "fho_lta_taxonomy.json", content: "{}"),
        help: "fho_lta_taxonomy.json of the annotations' version, beside the topology.")
    static let prompt = Field(
        "prompt", required: FileReference(path: "prompts/anticipation.txt", content: "{{actions}}"),
        help: """
            The prompt, a text file beside the topology. It shows `{{actions}}`, those that were seen, and may show \
            `{{steps}}`, `{{verbs}}` and `{{nouns}}`.
            """)
    static let sentences = Field(
        "sentences", default: "",
        help: """
            A folder with a sentence encoder (model.safetensors, vocab.txt, config.json), which finds the nearest label \
            of words that the taxonomy does not have. Without one these take the label of what was seen last.
            """)

    static let specification = OperatorSpecification(
        name: "llm", summary: "Has a model forecast the actions that follow those of a window.",
        fields: [
            Self.provider, Self.taxonomy, Self.prompt, Self.sentences, ModelOptions.model, ModelOptions.temperature,
            ModelOptions.topP, ModelOptions.maxTokens, ModelOptions.seed, ModelOptions.stop,
            ModelOptions.responseFormat, ModelOptions.repair, ModelOptions.samples,
        ] + ModelEndpoint.fields, warnings: { $0[Self.provider] == .openai ? ModelOptions.warnings($0) : [] })

    static let withoutServer = "only `run` and `replay` ask a model; test topologies with `provider: rules`"

    /// `nil` where no model is asked.
    private let options: ModelOptions?
    private let template: PromptTemplate<ActionWindow>
    private let labels: ForecastLabels
    private let stage: String

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.options = configuration[Self.provider] == .openai ? try ModelOptions(configuration) : nil
        self.stage = context.stage
        let file = configuration[Self.taxonomy]
        let taxonomy: Taxonomy
        do throws(SourceError) {
            taxonomy = try Taxonomy(Bytes(file.content.utf8), path: file.path)
        } catch {
            throw ConfigurationError(error.description, field: Self.taxonomy.name)
        }
        let labels = try ForecastLabels(taxonomy, sentences: configuration[Self.sentences])
        self.labels = labels
        self.template = try PromptTemplate(
            configuration[Self.prompt], field: Self.prompt.name,
            [
                .about("actions") { labels.text(of: $0.inputs) }, .about("steps") { "\($0.futures.count)" },
                .constant("verbs", labels.verbs.heads.joined(separator: ", ")),
                .constant("nouns", labels.nouns.heads.joined(separator: ", ")),
            ], required: "actions")
    }

    var asksModel: Bool { self.options != nil }

    func conversation(about window: ActionWindow) -> ForecastConversation {
        guard let options = self.options else { return ForecastConversation(repeating: window, self.labels) }
        return ForecastConversation(about: window, self.labels) { form in
            Sampled(options, of: window.key, in: self.stage) { sampling in
                StructuredTalk(self.template.render(window), form, options, sampling)
            }
        }
    }
}

/// A taxonomy's labels as words, and back.
struct ForecastLabels: Sendable {
    let summary: TaxonomySummary
    let verbs: TaxonomyWords
    let nouns: TaxonomyWords
    private let verbMeanings: SentenceMeanings?
    private let nounMeanings: SentenceMeanings?

    /// - Parameter sentences: the folder of a sentence encoder; empty for none.
    init(_ taxonomy: Taxonomy, sentences: String = "") throws(ConfigurationError) {
        self.summary = taxonomy.summary
        self.verbs = TaxonomyWords(taxonomy.verbs)
        self.nouns = TaxonomyWords(taxonomy.nouns)
        guard !sentences.isEmpty else {
            self.verbMeanings = nil
            self.nounMeanings = nil
            return
        }
        do {
            try WordPieceTokenizer.checkConfiguration(folder: sentences)
            let encoder = try BERTEncoder(folder: sentences)
            let tokenizer = try WordPieceTokenizer(vocabulary: sentences + "/vocab.txt")
            self.verbMeanings = SentenceMeanings(self.verbs.heads, encoder, tokenizer)
            self.nounMeanings = SentenceMeanings(self.nouns.heads, encoder, tokenizer)
        } catch {
            throw ConfigurationError("\(error)", field: ForecastStep.sentences.name)
        }
    }

    /// Seen actions, a line each.
    func text(of segments: [ActionSegment]) -> String {
        segments.enumerated().map { index, segment in
            guard let action = segment.action, self.verbs.heads.indices.contains(action.verb),
                self.nouns.heads.indices.contains(action.noun)
            else { return "\(index + 1). (unknown)" }
            return "\(index + 1). \(self.verbs.heads[action.verb]) \(self.nouns.heads[action.noun])"
        }.joined(separator: "\n")
    }

    /// A verb's place, and how it was found.
    func verb(_ word: String) -> (place: Int?, match: TaxonomyWords.Match) {
        Self.find(word, self.verbs, self.verbMeanings)
    }

    /// A noun's place, and how it was found.
    func noun(_ word: String) -> (place: Int?, match: TaxonomyWords.Match) {
        Self.find(word, self.nouns, self.nounMeanings)
    }

    private static func find(
        _ word: String, _ words: TaxonomyWords, _ meanings: SentenceMeanings?
    ) -> (place: Int?, match: TaxonomyWords.Match) {
        if let place = words.place(of: word) { return (place, .exact) }
        if let place = meanings?.nearest(to: TaxonomyWords.plain(word)) { return (place, .nearest) }
        return (nil, .none)
    }
}
