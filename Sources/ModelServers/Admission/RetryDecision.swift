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
        // Admission holds everybody back already; jitter is all that is wanted here.
        case .rateLimited, .unavailable: (0.05, 1)
        case .disconnected: (0.1, 10)
        case .refused: (0.25, 10)
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
}
