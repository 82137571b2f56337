// SPDX-License-Identifier: Apache-2.0

/// One validator's verdict on one query.
public struct Verdict: Error, Hashable, Sendable {
    /// The outcome of a judgement.
    public enum Outcome: Hashable, Sendable {
        /// Nothing is wrong.
        case passed
        /// The query is rejected, and why, in words.
        case rejected(String)
        /// The query and its block alone do not decide it, and why not.
        case notJudged(String)
    }

    /// The validator, by the reason for which it rejects.
    public let reason: RejectReason
    /// The outcome.
    public let outcome: Outcome

    /// Creates a verdict.
    public init(_ reason: RejectReason, _ outcome: Outcome) {
        self.reason = reason
        self.outcome = outcome
    }

    /// The reason the query is rejected; `nil` where it is not.
    public var problem: String? {
        if case .rejected(let message) = self.outcome { message } else { nil }
    }
}
