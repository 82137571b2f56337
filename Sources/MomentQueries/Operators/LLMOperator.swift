// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import Dataflow
internal import ModelRequests
internal import Records
internal import VideoAnnotations

/// Asks a writer of queries about a block.
///
/// Counted: `no-query.REASON`, the narrations without a query (`RuleWriter.Gap`, `ParsedAnswer.Gap`); of a model also
///
/// | count | what it is |
/// |---|---|
/// | `calls` | answers for which the server was called |
/// | `cache-hits` | answers that were kept from before, or came of a call that another block shares |
/// | `tokens-in`, `tokens-out` | tokens of those calls, where the server counts |
/// | `call-milliseconds` | the time that the server took for the answers of those calls, summed up |
/// | `retries`, `server-failure.KIND` | failures of the server that were waited out before an answer came |
/// | `repairs` | second turns, after an answer that could not be used |
/// | `free-text` | answers of numbered lines instead of JSON |
/// | `duplicate-calls` | calls that were made in vain or for the second time (`ModelCall.isDuplicate`) |
/// | `answer.CODE` | what was wrong with answers (`AnswerProblem`) |
struct LLMOperator: AsyncOperator {
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
            behind any server that speaks OpenAI's protocol.
            """)

    static let specification = OperatorSpecification(
        name: "llm", summary: "Has queries written about a block, by a model or by rule.",
        fields: [Self.provider] + ModelOptions.fields + ModelEndpoint.fields)

    /// A writer, set up.
    private enum Writer: Sendable {
        case rules(RuleWriter)
        case model(ModelWriter)
    }

    private let writer: Writer

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        switch configuration[Self.provider] {
        case .rules: self.writer = .rules(RuleWriter())
        case .openai: self.writer = .model(try ModelWriter(configuration, context))
        }
    }

    /// Rules answer at once, so nothing is ever in flight.
    var inFlightMax: Int {
        switch self.writer {
        case .rules: 1
        case .model(let model): model.inFlightMax
        }
    }

    /// As many again wait inside for a place at the server, so that a free place is taken at once.
    var askedAheadMax: Int {
        switch self.writer {
        case .rules: 0
        case .model(let model): model.inFlightMax
        }
    }

    func answerAtOnce(_ element: Element<PromptedBlock>, into output: inout Collector<Answer>) -> Bool {
        switch self.writer {
        case .rules(let rules):
            self.answer(element, by: rules, into: &output)
            return true
        case .model(let model): return model.answerAtOnce(element, into: &output)
        }
    }

    func answer(
        _ element: Element<PromptedBlock>, into output: inout Collector<Answer>
    ) async throws(CancellationError) {
        switch self.writer {
        case .rules(let rules): self.answer(element, by: rules, into: &output)
        case .model(let model): try await model.answer(element, into: &output)
        }
    }

    private func answer(
        _ element: Element<PromptedBlock>, by rules: RuleWriter, into output: inout Collector<Answer>
    ) {
        let reading = element.value.reading
        let (candidates, gaps) = rules.write(about: reading)
        for gap in gaps { output.count("no-query.\(gap.reason)") }
        let answer = Answer(
            reading: reading, promptHash: element.value.promptHash,
            answerHash: ContentHash.sha256(Candidate.json(candidates)), candidates: candidates, gaps: gaps)
        output.emit(answer, from: element)
    }
}
