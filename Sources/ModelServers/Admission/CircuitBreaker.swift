// SPDX-License-Identifier: Apache-2.0

/// Keeps calls from a server that is down (Nygard, "Release It!"): after some failures in a row it opens and nobody is
/// let in; after a while one call is let in to try; its success closes the breaker, its failure opens it for longer. A
/// call that has been at the server for longer than failures took closes it too, until the next failure: an answer may
/// take minutes.
///
/// Any sign of life closes it, a 429 or a 400 too: the server is there. Without clock and randomness: both are given.
public struct CircuitBreaker: Hashable, Sendable {
    /// A state of the breaker.
    public enum State: Hashable, Sendable {
        /// Calls are let in.
        case closed
        /// Nobody is let in before a time, in seconds of the caller's clock.
        case open(until: Double)
        /// One call is trying; nobody else is let in before a time, in seconds of the caller's clock.
        case trying(until: Double)
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
    /// The time at which it opened first without closing since.
    private var openedAt = 0.0
    /// The longest time that a failure took since the server has shown life, in seconds.
    private var longestFailureSeconds = 0.0

    /// Starts closed.
    public init(failuresMax: Int) { self.failuresMax = max(1, failuresMax) }

    /// Tells whether a call may be let in now.
    public func mayEnter(now: Double) -> Bool {
        switch self.state {
        case .closed: true
        case .open(let until), .trying(let until): now >= until
        }
    }

    /// A call that is let in.
    public enum Entry: Hashable, Sendable {
        /// One of many.
        case usual
        /// It tries.
        case trial
        /// It is the first after one that tried and has not failed so far.
        case first
    }

    /// A call is let in.
    public mutating func enter(now: Double) -> Entry {
        switch self.state {
        case .closed: return .usual
        case .open:
            let accepted = RetryDecision.acceptanceSeconds(failureSeconds: self.longestFailureSeconds)
            self.state = .trying(until: now + accepted)
            return .trial
        case .trying:
            self.state = .closed
            self.failures = self.failuresMax - 1
            return .first
        }
    }

    /// The server has shown life.
    public mutating func alive() {
        self.state = .closed
        self.failures = 0
        self.openings = 0
        self.longestFailureSeconds = 0
    }

    /// The server has failed a call.
    ///
    /// - Parameters:
    ///   - isTrial: whether this call was the one that tried.
    ///   - decisive: whether one such failure is enough, because every call will meet it.
    ///   - seconds: the time that it took.
    ///   - now: seconds of the caller's clock.
    ///   - random: uniform in [0, 1).
    public mutating func failed(isTrial: Bool, decisive: Bool, seconds: Double, now: Double, random: Double) {
        self.failures += 1
        self.longestFailureSeconds = max(self.longestFailureSeconds, seconds)
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
        if self.openings == 0 { self.openedAt = now }
        self.openings += 1
        let pause = RetryDecision.pause(
            attempt: self.openings, outageSeconds: now - self.openedAt, firstSeconds: Self.firstPauseSeconds,
            random: random)
        self.state = .open(until: now + pause)
    }
}
