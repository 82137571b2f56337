// SPDX-License-Identifier: Apache-2.0

internal import Dataflow
internal import Narrations
internal import Records

/// Asks a writer of queries about a block.
///
/// Counted: `no-query.REASON`, the narrations that the writer had no query for (`RuleWriter.Gap`).
struct LLMOperator: AsyncOperator {
    /// Who writes the queries.
    enum Provider: String, Choice {
        /// The rule-based writer: a grammar of narrations, no model, no server.
        case rules
    }

    static let provider = Field(
        "provider", default: Provider.rules,
        help: "Who writes the queries: `rules` is the built-in grammar, which needs no model and no server.")

    static let specification = OperatorSpecification(
        name: "llm", summary: "Has queries written about a block, by rule.", fields: [Self.provider])

    /// A writer, set up.
    private enum Writer: Sendable {
        case rules(RuleWriter)
    }

    private let writer: Writer

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        switch configuration[Self.provider] {
        case .rules: self.writer = .rules(RuleWriter())
        }
    }

    /// Rules answer at once, so nothing is ever in flight.
    var inFlightMax: Int { 1 }

    func answerAtOnce(_ element: Element<PromptedBlock>, into output: inout Collector<Answer>) -> Bool {
        switch self.writer {
        case .rules(let rules):
            self.answer(element, by: rules, into: &output)
            return true
        }
    }

    func answer(
        _ element: Element<PromptedBlock>, into output: inout Collector<Answer>
    ) async throws(CancellationError) {
        switch self.writer {
        case .rules(let rules): self.answer(element, by: rules, into: &output)
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
