// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import ModelRequests
import Records

/// One question with an answer of a given form: asked, and asked once more, saying what was wrong, where the answer is
/// not of the form. It ends with the answer's object.
///
/// A task's own conversation may hold one for a turn of its own, or several side by side (`Sampled`). Counted:
/// `repairs`, and `answer.CODE` for what was wrong (`StructuredAnswer.Fault`).
public struct StructuredTalk: Conversation {
    private let messages: [ChatMessage]
    private let form: StructuredAnswer
    private let options: ModelOptions
    private let sampling: Sampling?
    private var isRepaired = false
    /// The object, or the reason why there is none.
    public private(set) var outcome = Outcome<JSONValue>()
    /// Repairs, and what was wrong with answers.
    public private(set) var counts: [String: Int] = [:]

    /// Prepares a question.
    /// - Parameter sampling: which of several samples it is; `nil` for the only one.
    public init(
        _ messages: [ChatMessage], _ form: StructuredAnswer, _ options: ModelOptions, _ sampling: Sampling? = nil
    ) {
        self.messages = messages
        self.form = form
        self.options = options
        self.sampling = sampling
    }

    /// One more where the answer is not of the form.
    public var callsToCome: ClosedRange<Int> { 0...(self.options.repairs && !self.isRepaired ? 1 : 0) }

    /// Asks.
    public mutating func begin() -> Turn { self.ask(self.messages, round: 0) }

    private mutating func ask(_ messages: [ChatMessage], round: Int) -> Turn {
        do throws(JSONError) {
            return .asks([
                try self.options.request(messages, schema: self.form.schema, sampling: self.sampling, round: round)
            ])
        } catch {
            return self.fail("bad-request", "the schema of the answer is not JSON: \(error)")
        }
    }

    /// Reads the answer.
    public mutating func take(_ reply: Reply) -> Turn {
        switch reply {
        case .refused(let failure): return self.fail(failure.reason, self.message(of: failure))
        case .answer(let answer):
            do throws(StructuredAnswer.Faults) {
                self.outcome.outputs = [try self.form.read(answer)]
                return .ends
            } catch {
                return self.repair(error, answer)
            }
        }
    }

    private mutating func repair(_ faults: StructuredAnswer.Faults, _ answer: ChatAnswer) -> Turn {
        for fault in faults.all { self.counts["answer.\(fault.code)", default: 0] += 1 }
        guard self.options.repairs, !self.isRepaired, !faults.isRefusal else {
            let reason = faults.isRefusal ? "content-filter" : "unusable-answer"
            return self.fail(reason, faults.sentences.joined(separator: " "))
        }
        self.isRepaired = true
        self.counts["repairs", default: 0] += 1
        let content = """
            \(RepairTurn.opening(faults.sentences))
            Answer again. Write JSON alone, without a code fence or any other text, of this schema:
            \(self.form.schema)
            """
        return self.ask(RepairTurn.messages(after: self.messages, answer: answer.text, saying: content), round: 1)
    }

    private mutating func fail(_ reason: String, _ message: String) -> Turn {
        self.outcome.failure = RequestFailure(reason: reason, message: message)
        return .ends
    }

    /// The failure's message, and that it met the second turn, where it did.
    public func message(of failure: RequestFailure) -> String {
        self.isRepaired ? "the first answer was unusable; asked again: \(failure.message)" : failure.message
    }
}
