// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records

/// The reason why nothing can be read from an answer: a sentence for the model, and a code to count by.
struct UnreadableAnswer: Error, Hashable {
    let code: String
    let sentence: String
}

/// One answer as it was read.
struct ReadAnswer<Value: Sendable>: Sendable {
    /// The meaning of it.
    let value: Value
    /// The SHA-256 of what was written.
    let hash: String
    /// Counts by reason, of what was dropped.
    var counts: [String: Int] = [:]
}

/// One question whose answer is read by a task's own reader: JSON first, and whatever text it takes beside. Asked once
/// more, saying what was wrong, where nothing can be read.
///
/// Counted: `repairs`, `answer.CODE` for what was wrong, and what the reader counts.
struct ReadTalk<Value: Sendable>: Conversation {
    typealias Reader = @Sendable (ChatAnswer) -> Result<(Value, [String: Int]), UnreadableAnswer>

    /// The question, and how it is asked.
    struct Question: Sendable {
        let messages: [ChatMessage]
        let schema: String
        let options: ModelOptions
        /// The seeds' origin; requests have those of the topology where it is `nil`.
        let sampling: Sampling?
        /// The requests of this sample that came before.
        var round = 0
    }

    private let question: Question
    private let read: Reader
    private var isRepaired = false
    private(set) var outcome = Outcome<ReadAnswer<Value>>()
    private(set) var counts: [String: Int] = [:]

    init(_ question: Question, read: @escaping Reader) {
        self.question = question
        self.read = read
    }

    var callsToCome: ClosedRange<Int> { 0...(self.question.options.repairs && !self.isRepaired ? 1 : 0) }

    mutating func begin() -> Turn { self.ask(self.question.messages, round: self.question.round) }

    private mutating func ask(_ messages: [ChatMessage], round: Int) -> Turn {
        do throws(JSONError) {
            let question = self.question
            return .asks([
                try question.options.request(
                    messages, schema: question.schema, sampling: question.sampling, round: round)
            ])
        } catch {
            return self.fail("bad-request", "the schema of the answer is not JSON: \(error)")
        }
    }

    mutating func take(_ reply: Reply) -> Turn {
        switch reply {
        case .refused(let failure): return self.fail(failure.reason, self.message(of: failure))
        case .answer(let answer):
            if answer.isFiltered || answer.refusal != nil {
                return self.fail("content-filter", answer.refusal ?? "the server's filter stopped the answer")
            }
            switch self.read(answer) {
            case .success(let (value, counts)):
                self.counts.merge(counts, uniquingKeysWith: +)
                let hash = ContentHash.sha256(Bytes(answer.written.utf8))
                self.outcome.outputs = [ReadAnswer(value: value, hash: hash)]
                return .ends
            case .failure(let fault): return self.repair(fault, answer)
            }
        }
    }

    private mutating func repair(_ fault: UnreadableAnswer, _ answer: ChatAnswer) -> Turn {
        self.counts["answer.\(fault.code)", default: 0] += 1
        guard self.question.options.repairs, !self.isRepaired else {
            let reason = answer.isTruncated ? "truncated" : "unusable-answer"
            return self.fail(reason, self.isRepaired ? "asked again: \(fault.sentence)" : fault.sentence)
        }
        self.isRepaired = true
        self.counts["repairs", default: 0] += 1
        let content = """
            \(RepairTurn.opening([fault.sentence]))
            Answer again. Write JSON alone, without a code fence or any other text, of this schema:
            \(self.question.schema)
            """
        return self.ask(
            RepairTurn.messages(after: self.question.messages, answer: answer.text, saying: content),
            round: self.question.round + 1)
    }

    private mutating func fail(_ reason: String, _ message: String) -> Turn {
        self.outcome.failure = RequestFailure(reason: reason, message: message)
        return .ends
    }

    func message(of failure: RequestFailure) -> String {
        self.isRepaired ? "the first answer was unusable; asked again: \(failure.message)" : failure.message
    }
}

/// The last whole JSON object in an answer that a reading takes.
enum AnswerObject {
    static func last<Value>(in answer: ChatAnswer, _ read: (JSONValue) -> Value?) -> Value? {
        let text = AnswerText.spoken(Bytes(answer.written.utf8.prefix(TurnAnswer.bytesMax)))
        var json = LenientJSON(text)
        var last: Value?
        while let found = json.next() {
            guard found.ending == .complete, let value = try? JSONValue(parsing: text[found.range]) else { continue }
            last = read(value) ?? last
        }
        return last
    }

    /// The answer's own words, where it is no JSON.
    static func words(of answer: ChatAnswer) -> String {
        let text = AnswerText.spoken(Bytes(answer.written.utf8.prefix(TurnAnswer.bytesMax)))
        return PythonText.stripped(String(decoding: text, as: UTF8.self))
    }
}

/// The one who answers.
enum Speaker: String, Choice {
    /// Rules: no model, no server.
    case rules
    /// A model behind a server that speaks OpenAI's protocol.
    case openai

    static let field = Field(
        "provider", default: Speaker.rules,
        help: """
            Who answers: `rules` needs no model and no server; `openai` is a model behind any server that speaks OpenAI's \
            protocol, which the prompts and all fields of models are about.
            """)

    static let withoutServer = "only `run` and `replay` ask a model; test topologies with `provider: rules`"

    /// The fields of a step that asks in samples or in rounds.
    static let modelFields: [any FieldDescription] = [
        ModelOptions.model, ModelOptions.temperature, ModelOptions.topP, ModelOptions.maxTokens, ModelOptions.seed,
        ModelOptions.stop, ModelOptions.responseFormat, ModelOptions.repair,
    ]
}
