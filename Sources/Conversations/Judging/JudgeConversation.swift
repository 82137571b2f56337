// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import ModelRequests

/// A judge's conversation about one record: as many opinions as the topology wants, made one verdict.
///
/// More than half of the opinions have to be usable, or the record has not been judged: it becomes a dead letter
/// `not-judged`. One that lacks what the rubric shows is not asked about (`Judgeable.obstacle`). Counted, beside what
/// the opinions count: `low-score.CRITERION` of records that do not pass.
public struct JudgeConversation<Value: Judgeable>: Conversation {
    private let value: Value
    private let rules: JudgeRules
    private let obstacle: RequestFailure?
    /// `nil` where the record is not to be judged, or cannot be.
    private var opinions: Sampled<StructuredTalk>?

    init(about value: Value, _ rules: JudgeRules, _ opinions: Sampled<StructuredTalk>?, obstacle: RequestFailure?) {
        self.value = value
        self.rules = rules
        self.obstacle = obstacle
        self.opinions = opinions
    }

    /// Second turns of opinions that could not be read.
    public var callsToCome: ClosedRange<Int> { self.opinions?.callsToCome ?? 0...0 }

    /// Asks for all opinions at once.
    public mutating func begin() -> Turn { self.opinions?.begin() ?? .ends }

    /// Hears an opinion.
    public mutating func take(_ reply: Reply) -> Turn { self.opinions?.take(reply) ?? .ends }

    /// The message of the opinion that failed.
    public func message(of failure: RequestFailure) -> String {
        self.opinions?.message(of: failure) ?? failure.message
    }

    /// The record with its scores: as output, or as a reject. Earlier judges' scores of other criteria stay.
    public var outcome: Outcome<Value> {
        var outcome = Outcome<Value>()
        if let obstacle {
            outcome.failure = obstacle
            return outcome
        }
        guard let opinions = self.opinions?.outcomes else {
            outcome.outputs = [self.value]
            return outcome
        }
        let usable = opinions.flatMap(\.outputs).map(self.rules.scores)
        guard 2 * usable.count > opinions.count else {
            outcome.failure = Self.notJudged(opinions, usable: usable.count)
            return outcome
        }
        let scores = self.rules.combine(usable)
        var judged = self.value
        judged.scores = (judged.scores ?? JudgeScores()).merged(with: scores)
        if self.rules.failing(scores).isEmpty {
            outcome.outputs = [judged]
        } else {
            outcome.rejects = [.init(judged, reason: "low-score", message: self.verdict(scores))]
        }
        return outcome
    }

    private static func notJudged(_ opinions: [Outcome<JSONValue>], usable: Int) -> RequestFailure {
        let first = opinions.compactMap(\.failure).first
        // With one opinion, or all of one mind, the reason is the request's own.
        if usable == 0, let first, first.reason != "unusable-answer" { return first }
        return RequestFailure(
            reason: "not-judged",
            message: "\(opinions.count - usable) of \(opinions.count) judgements cannot be used; the first of these: "
                + (first?.message ?? "no answer"))
    }

    /// `clear 2.5 (below 3), short 4`
    private func verdict(_ scores: JudgeScores) -> String {
        let failing = Set(self.rules.failing(scores))
        return self.rules.criteria.map { name in
            let score = scores.values[name].map(Self.text) ?? "none"
            let threshold = self.rules.threshold.map(Self.text) ?? ""
            return "\(name) \(score)" + (failing.contains(name) ? " (below \(threshold))" : "")
        }.joined(separator: ", ")
    }

    /// Three decimals at most.
    private static func text(_ number: Double) -> String {
        let rounded = (number * 1_000).rounded() / 1_000
        return Int(exactly: rounded).map(String.init) ?? String(rounded)
    }

    /// The counts of the opinions, and the criteria that did not pass.
    public var counts: [String: Int] {
        var counts = self.opinions?.counts ?? [:]
        guard let reject = self.outcome.rejects.first?.value as? Value, let scores = reject.scores else {
            return counts
        }
        for name in self.rules.failing(scores) { counts["low-score.\(name)", default: 0] += 1 }
        return counts
    }
}
