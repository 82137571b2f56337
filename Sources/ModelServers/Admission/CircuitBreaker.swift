// SPDX-License-Identifier: Apache-2.0

/// Keeps calls from a server that is down (Nygard, "Release It!"): after some failures in a row it opens and nobody is
/// let in; after a while one call is let in to try; its success closes the breaker, its failure opens it for longer.
///
/// Any sign of life closes it, a 429 or a 400 too: the server is there. Without clock and randomness: both are given.
public struct CircuitBreaker: Hashable, Sendable {
    /// A state of the breaker.
    public enum State: Hashable, Sendable {
        /// Calls are let in.
        case closed
        /// Nobody is let in before a time, in seconds of the caller's clock.
        case open(until: Double)
        /// One call is trying.
        case trying
    }

    /// The present state.
    public private(set) var state = State.closed
    /// The failures in a row.
    public private(set) var failures = 0
    /// Number of times in a row it has opened without closing.
    public private(set) var openings = 0

    /// Number of failures in a row that opens it.
    public let failuresMax: Int
    static let firstPauseSeconds = 0.5
    static let longestPauseSeconds = 30.0

    /// Starts closed.
    public init(failuresMax: Int) { self.failuresMax = max(1, failuresMax) }

    /// Tells whether a call may be let in now.
    public func mayEnter(now: Double) -> Bool {
        switch self.state {
        case .closed: true
        case .open(let until): now >= until
        case .trying: false
        }
    }

    /// A call is let in.
    /// - Returns: whether it is the one that tries.
    public mutating func enter() -> Bool {
        guard case .open = self.state else { return false }
        self.state = .trying
        return true
    }

    /// The server has shown life.
    public mutating func alive() {
        self.state = .closed
        self.failures = 0
        self.openings = 0
    }

    /// The server has failed a call.
    ///
    /// - Parameters:
    ///   - isTrial: whether this call was the one that tried.
    ///   - decisive: whether one such failure is enough, because every call will meet it.
    ///   - now: seconds of the caller's clock.
    ///   - random: uniform in [0, 1).
    public mutating func failed(isTrial: Bool, decisive: Bool, now: Double, random: Double) {
        self.failures += 1
        switch self.state {
        case .closed:
            if decisive || self.failures >= self.failuresMax { self.open(now: now, random: random) }
        case .trying:
            // A call from before has no say about the server as it is now.
            if isTrial { self.open(now: now, random: random) }
        case .open: break
        }
    }

    /// The call that tried was given up without a result; the next may try.
    public mutating func trialAbandoned(now: Double) {
        if case .trying = self.state { self.state = .open(until: now) }
    }

    private mutating func open(now: Double, random: Double) {
        self.openings += 1
        let pause = RetryDecision.backoff(
            attempt: self.openings, firstSeconds: Self.firstPauseSeconds, longestSeconds: Self.longestPauseSeconds,
            random: random)
        self.state = .open(until: now + pause)
    }
}
