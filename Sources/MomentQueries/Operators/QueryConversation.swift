// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import ModelRequests
import Records

/// The conversation about one block: a request, and another one where the answer cannot be used; or none, where rules
/// write the queries.
///
/// Counted: `no-query.REASON`, the narrations without a query (`RuleWriter.Gap`, `ParsedAnswer.Gap`); of a model also
///
/// | count | what it is |
/// |---|---|
/// | `repairs` | second turns, after an answer that could not be used |
/// | `free-text` | answers of numbered lines instead of JSON |
/// | `answer.CODE` | what was wrong with answers (`AnswerProblem`) |
struct QueryConversation: Conversation {
    /// The way in which a model is asked.
    struct Manner {
        let options: ModelOptions
        let schema: AnswerSchema
        /// The questions of the prompt's examples (`PromptedBlock.exampleQueries`).
        let examples: Set<String>
    }

    private let prompted: PromptedBlock
    /// `nil` where no model is asked.
    private let manner: Manner?
    private let sampling: Sampling?
    private var isRepaired = false
    /// The problems of the first answer, which are told where the second is no better.
    private var firstProblems: [AnswerProblem: Int] = [:]
    private(set) var outcome = Outcome<Answer>()
    private(set) var counts: [String: Int] = [:]

    /// A conversation with a model.
    /// - Parameter sampling: which of several samples it is; `nil` for the only one.
    init(about prompted: PromptedBlock, _ manner: Manner, _ sampling: Sampling? = nil) {
        self.prompted = prompted
        self.manner = manner
        self.sampling = sampling
    }

    /// A conversation that is over as it begins: rules answer.
    init(about prompted: PromptedBlock, by rules: RuleWriter) {
        self.prompted = prompted
        self.manner = nil
        self.sampling = nil
        let (candidates, gaps) = rules.write(about: prompted.reading)
        self.end(
            Answer(
                reading: prompted.reading, promptHash: prompted.promptHash,
                answerHash: ContentHash.sha256(Candidate.json(candidates)), candidates: candidates, gaps: gaps))
    }

    // MARK: Asking

    /// One more where the answer cannot be used.
    var callsToCome: ClosedRange<Int> {
        let mayRepair = self.manner?.options.repairs == true && !self.isRepaired && !self.prompted.ids.isEmpty
        return 0...(mayRepair ? 1 : 0)
    }

    mutating func begin() -> Turn { self.manner == nil ? .ends : self.ask(self.prompted.messages) }

    private mutating func ask(_ messages: [ChatMessage]) -> Turn {
        guard let manner else { return .ends }
        do throws(JSONError) {
            return .asks([
                try manner.options.request(
                    messages, schema: manner.schema.json(ids: self.prompted.ids, templates: self.prompted.templates),
                    sampling: self.sampling,
                    round: self.isRepaired ? 1 : 0)
            ])
        } catch {
            return self.fail("bad-request", "the schema of the answer is not JSON: \(error)")
        }
    }

    // MARK: Hearing

    mutating func take(_ reply: Reply) -> Turn {
        switch reply {
        case .answer(let answer): return self.hear(answer)
        case .refused(let failure): return self.fail(failure.reason, self.wording(of: failure))
        }
    }

    func message(of failure: RequestFailure) -> String { self.signed(self.wording(of: failure)) }

    /// The first answer was not usable, and the second will not come.
    private func wording(of failure: RequestFailure) -> String {
        self.isRepaired ? "the first answer was unusable; asked again: \(failure.message)" : failure.message
    }

    private mutating func hear(_ answer: ChatAnswer) -> Turn {
        let parsed = AnswerParser.parse(
            answer.written, finishReason: answer.refusal == nil ? answer.finishReason : "content_filter",
            ids: self.prompted.ids, examples: self.manner?.examples ?? [], isThought: answer.hasThoughtsOnly)
        for (problem, number) in parsed.problems { self.counts["answer.\(problem.rawValue)", default: 0] += number }
        if parsed.form == .numberedLines { self.counts["free-text", default: 0] += 1 }
        if parsed.isUsable {
            let hash = ContentHash.sha256(Bytes(answer.written.utf8))
            self.end(self.prompted.answer(from: parsed, answerHash: hash))
            return .ends
        }
        if parsed.isRefused {
            return self.fail("content-filter", answer.refusal ?? "the server's filter stopped the answer")
        }
        let turn =
            self.manner?.options.repairs == true && !self.isRepaired
            ? AnswerRepair.messages(for: self.prompted, answer: answer.text, parsed: parsed) : nil
        guard let turn else {
            return self.fail(parsed.isTruncated ? "truncated" : "unusable-answer", self.fault(parsed, answer))
        }
        self.isRepaired = true
        self.firstProblems = parsed.problems
        self.counts["repairs", default: 0] += 1
        return self.ask(turn)
    }

    // MARK: Ending

    private mutating func end(_ answer: Answer) {
        for gap in answer.gaps { self.counts["no-query.\(gap.reason)", default: 0] += 1 }
        self.outcome.outputs = [answer]
    }

    private mutating func fail(_ reason: String, _ message: String) -> Turn {
        self.outcome.failure = RequestFailure(reason: reason, message: self.signed(message))
        return .ends
    }

    /// A message with the name of the prompt, by which the request is found.
    private func signed(_ message: String) -> String { "\(message); prompt \(self.prompted.promptHash)" }

    /// Describes the fault of an answer of which nothing can be read.
    private func fault(_ parsed: ParsedAnswer, _ answer: ChatAnswer) -> String {
        let first = self.firstProblems.keys.map(\.rawValue).sorted().joined(separator: ", ")
        let before = self.isRepaired ? " (before the repair: \(first))" : ""
        guard parsed.problems[.emptyAnswer] != nil else {
            let codes = parsed.problems.keys.map(\.rawValue).sorted().joined(separator: ", ")
            return "no query can be read from the answer: \(codes)" + before
        }
        let isThought = answer.written.contains { !$0.isWhitespace }
        let what = isThought ? "the model thought and wrote no answer" : "the model wrote nothing"
        guard parsed.isTruncated, let manner else { return what + before }
        return what + " within its \(manner.options.maxTokens) tokens: raise `max-tokens`, or turn its thinking off"
            + before
    }
}
