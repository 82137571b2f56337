// SPDX-License-Identifier: Apache-2.0

internal import Codecs
internal import Dataflow
internal import ModelRequests
internal import Records

/// A conversation between the `llm` step and a model about one block: a request, and another one where the answer
/// cannot be used. It decides what to ask and what to make of the answers, and leaves the asking to others, so that
/// kept answers and those that have to be waited for take the same path.
struct ModelConversation {
    private let prompted: PromptedBlock
    private let options: ModelOptions
    private let examples: Set<String>
    private var repairs = 0
    /// The problems of the first answer, which are told where the second is no better.
    private var firstProblems: [AnswerProblem: Int] = [:]
    private var outcome: Outcome?
    private var counts: [String: Int] = [:]
    /// The request to make next; `nil` at the end.
    private(set) var request: ChatRequest?

    private enum Outcome {
        case answer(ParsedAnswer, hash: String)
        case failure(reason: String, message: String)
    }

    /// Begins.
    /// - Parameter examples: the questions of the prompt's examples (`PromptedBlock.exampleQueries`).
    init(about prompted: PromptedBlock, _ options: ModelOptions, examples: Set<String>) {
        self.prompted = prompted
        self.options = options
        self.examples = examples
        self.ask(prompted.messages)
    }

    private mutating func ask(_ messages: [ChatMessage]) {
        do throws(JSONError) {
            self.request = try self.options.request(messages, ids: self.prompted.ids)
        } catch {
            self.end(.failure(reason: "bad-request", message: "the schema of the answer is not JSON: \(error)"))
        }
    }

    private mutating func end(_ outcome: Outcome) {
        self.request = nil
        self.outcome = outcome
    }

    // MARK: Hearing

    /// Takes the answer to `request`.
    mutating func take(_ completion: Completion) {
        let answer = completion.answer
        self.count(completion)
        let parsed = AnswerParser.parse(
            answer.written, finishReason: answer.refusal == nil ? answer.finishReason : "content_filter",
            ids: self.prompted.ids, examples: self.examples, isThought: answer.hasThoughtsOnly)
        for (problem, number) in parsed.problems { self.counts["answer.\(problem.rawValue)", default: 0] += number }
        if parsed.form == .numberedLines { self.counts["free-text", default: 0] += 1 }
        if parsed.isUsable { return self.end(.answer(parsed, hash: ContentHash.sha256(Bytes(answer.written.utf8)))) }
        if parsed.isRefused {
            return self.end(
                .failure(reason: "content-filter", message: answer.refusal ?? "the server's filter stopped the answer"))
        }
        let turn =
            self.options.repairs && self.repairs == 0
            ? AnswerRepair.messages(for: self.prompted, answer: answer.text, parsed: parsed) : nil
        guard let turn else { return self.end(self.unusable(parsed, answer)) }
        self.repairs += 1
        self.firstProblems = parsed.problems
        self.counts["repairs", default: 0] += 1
        self.ask(turn)
    }

    /// Takes the news that `request` is at fault.
    mutating func fail(reason: String, message: String, _ call: ModelCall) {
        self.count(call)
        // The first answer was not usable, and the second will not come.
        let message = self.repairs == 0 ? message : "the first answer was unusable; asked again: \(message)"
        self.end(.failure(reason: reason, message: message))
    }

    private func unusable(_ parsed: ParsedAnswer, _ answer: ChatAnswer) -> Outcome {
        let first = self.firstProblems.keys.map(\.rawValue).sorted().joined(separator: ", ")
        let before = self.repairs == 0 ? "" : " (before the repair: \(first))"
        return .failure(
            reason: parsed.isTruncated ? "truncated" : "unusable-answer", message: self.fault(parsed, answer) + before)
    }

    /// Describes the fault of an answer of which nothing can be read.
    private func fault(_ parsed: ParsedAnswer, _ answer: ChatAnswer) -> String {
        guard parsed.problems[.emptyAnswer] != nil else {
            let codes = parsed.problems.keys.map(\.rawValue).sorted().joined(separator: ", ")
            return "no query can be read from the answer: \(codes)"
        }
        let isThought = answer.written.contains { !$0.isWhitespace }
        let what = isThought ? "the model thought and wrote no answer" : "the model wrote nothing"
        guard parsed.isTruncated else { return what }
        return what + " within its \(self.options.maxTokens) tokens: raise `max-tokens`, or turn its thinking off"
    }

    private mutating func count(_ completion: Completion) {
        guard let call = completion.call else {
            self.counts["cache-hits", default: 0] += 1
            return
        }
        self.count(call)
        self.counts["calls", default: 0] += 1
        self.counts["call-milliseconds", default: 0] += Int((call.seconds * 1000).rounded())
        self.counts["tokens-in", default: 0] += completion.answer.promptTokens ?? 0
        self.counts["tokens-out", default: 0] += completion.answer.completionTokens ?? 0
    }

    private mutating func count(_ call: ModelCall) {
        for (kind, number) in call.serverFailures {
            self.counts["retries", default: 0] += number
            self.counts["server-failure.\(kind)", default: 0] += number
        }
        if call.isDuplicate { self.counts["duplicate-calls", default: 0] += 1 }
    }

    // MARK: Ending

    /// Passes on what has come of it.
    func finish(_ element: Element<PromptedBlock>, into output: inout Collector<Answer>) {
        for (code, number) in self.counts { output.count(code, number) }
        switch self.outcome {
        case .answer(let parsed, let hash):
            let answer = self.prompted.answer(from: parsed, answerHash: hash)
            for gap in answer.gaps { output.count("no-query.\(gap.reason)") }
            output.emit(answer, from: element)
        case .failure(let reason, let message):
            output.fail(element, reason: reason, message: "\(message); prompt \(self.prompted.promptHash)")
        case nil:
            preconditionFailure("a conversation is finished when nothing is left to ask")
        }
    }
}
