// SPDX-License-Identifier: Apache-2.0

/// Decides when to ask again after a server's failure: after a jittered exponential backoff, which is the kind's own.
///
/// There is no last attempt: a failure of the server is waited out. What ends a request is `RequestBlame`.
public struct RetryDecision: Hashable, Sendable {
    /// Number of failures of the present kind in a row.
    private var attempts = 0
    private var lastLabel = ""

    /// Starts with no failure.
    public init() {}

    /// The seconds to wait before the request is asked again.
    ///
    /// - Parameters:
    ///   - fault: what happened; another kind than before begins anew.
    ///   - random: uniform in [0, 1).
    public mutating func delaySeconds(after fault: ServerFault, random: Double) -> Double {
        self.attempts = fault.label == self.lastLabel ? self.attempts + 1 : 1
        self.lastLabel = fault.label
        let (first, longest) = Self.bounds(of: fault)
        return Self.backoff(attempt: self.attempts, firstSeconds: first, longestSeconds: longest, random: random)
    }

    /// The first and the longest backoff of a kind, in seconds.
    static func bounds(of fault: ServerFault) -> (first: Double, longest: Double) {
        switch fault {
        // Admission or the breaker holds everybody back already; jitter is all that is wanted here.
        case .rateLimited, .unavailable: (0.05, 1)
        case .disconnected: (0.1, 1)
        case .refused: (0.25, 1)
        case .badAnswer: (0.5, 20)
        case .timeout: (0.5, 20)
        case .status, .quotaSpent: fault.needsAttention ? (5, 60) : (0.5, 20)
        }
    }

    /// Doubles with each attempt up to the longest; of the result, between a half and the whole.
    static func backoff(attempt: Int, firstSeconds: Double, longestSeconds: Double, random: Double) -> Double {
        var whole = firstSeconds
        var doublings = 1
        while doublings < attempt, whole < longestSeconds {
            whole *= 2
            doublings += 1
        }
        return min(whole, longestSeconds) * (0.5 + 0.5 * random)
    }

    /// Seconds for which nobody goes to a server that fails everybody: doubles with each attempt, up to a bound that
    /// grows with the outage. Up to ten seconds, as servers take to start again, it is one second; 30 are the most.
    static func pause(attempt: Int, outageSeconds: Double, firstSeconds: Double, random: Double) -> Double {
        let bound = min(max(1, outageSeconds * outageSeconds / 100), 30)
        return self.backoff(attempt: attempt, firstSeconds: firstSeconds, longestSeconds: bound, random: random)
    }

    /// Seconds after which a call that tries a failing server is not failed as others were, by the longest time that a
    /// failure has taken.
    static func acceptanceSeconds(failureSeconds: Double) -> Double { max(0.1, 3 * failureSeconds) }
}
