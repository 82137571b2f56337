// SPDX-License-Identifier: Apache-2.0

/// What one validator says of one query.
public struct Verdict: Error, Hashable, Sendable {
    /// How it judges.
    public enum Outcome: Hashable, Sendable {
        /// Nothing is wrong.
        case passed
        /// The query is rejected, and why, in words.
        case rejected(String)
        /// It cannot be told from the query and its block alone, and why not.
        case notJudged(String)
    }

    /// The validator, by the reason for which it rejects.
    public let reason: RejectReason
    /// How it judges.
    public let outcome: Outcome

    /// Creates a verdict.
    public init(_ reason: RejectReason, _ outcome: Outcome) {
        self.reason = reason
        self.outcome = outcome
    }

    /// Why the query is rejected; `nil` where it is not.
    public var problem: String? {
        if case .rejected(let message) = self.outcome { message } else { nil }
    }
}
