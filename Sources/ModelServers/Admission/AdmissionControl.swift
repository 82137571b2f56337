// SPDX-License-Identifier: Apache-2.0

/// Controls the number of calls at the server at a time, learnt from what it answers: additive increase, multiplicative
/// decrease (Chiu and Jain 1989).
///
/// A limit grows by one for as many answers as it is large, and is halved when the server says that it has enough, at
/// most once for the calls that were under way when it said so. Without clock and randomness: both are given.
public struct AdmissionControl: Hashable, Sendable {
    /// A call that has been let in.
    public struct Ticket: Hashable, Sendable {
        /// Calls are numbered as they are let in.
        let number: Int
    }

    /// The most calls at a time, whatever the server bears.
    public let limitMax: Int
    /// The limit as it is; calls are let in up to its whole part.
    public private(set) var limit: Double
    /// The calls that have been let in and have not left.
    public private(set) var inFlight = 0
    /// Nobody is let in before this time, in seconds of the caller's clock.
    public private(set) var heldUntil = -Double.infinity
    /// Number of times in a row the server has had enough, one for each round of calls; an answer sets it to zero.
    public private(set) var throttledRounds = 0
    private var nextNumber = 0
    /// Only calls from this number on may halve the limit again.
    private var nextRound = 0

    /// A server may ask for this many seconds of rest at most; what is more is taken for a mistake.
    static let restMaxSeconds = 600.0
    /// Seconds of rest if the server names no time: the first and the longest.
    static let firstRestSeconds = 0.25
    static let longestRestSeconds = 30.0

    /// Starts at the most: a server that cannot bear it says so at once, and one that can is busy at once.
    public init(limitMax: Int) {
        self.limitMax = max(1, limitMax)
        self.limit = Double(self.limitMax)
    }

    /// Tells whether another call may be let in now.
    public func mayEnter(now: Double) -> Bool { self.hasRoom && now >= self.heldUntil }

    /// Tells whether there is room, whatever the time.
    public var hasRoom: Bool { self.inFlight < Int(self.limit) }

    /// Lets a call in.
    public mutating func enter() -> Ticket {
        self.inFlight += 1
        self.nextNumber += 1
        return Ticket(number: self.nextNumber - 1)
    }

    /// A call was answered.
    public mutating func answered() {
        self.throttledRounds = 0
        self.limit = min(Double(self.limitMax), self.limit + 1 / self.limit)
    }

    /// The server had enough: 429 or 503.
    ///
    /// - Parameters:
    ///   - retryAfterSeconds: the rest the server asks for. All obey it, not only the call that was told.
    ///   - now: seconds of the caller's clock.
    ///   - random: uniform in [0, 1).
    public mutating func throttled(_ ticket: Ticket, retryAfterSeconds: Double?, now: Double, random: Double) {
        if ticket.number >= self.nextRound {
            self.nextRound = self.nextNumber
            self.throttledRounds += 1
            self.limit = max(1, (self.limit / 2).rounded(.down))
            if retryAfterSeconds == nil { self.rest(self.ownRest(random: random), now: now) }
        }
        if let retryAfterSeconds {
            // A little later than asked, and not all at the same moment as other processes.
            let asked = min(max(0, retryAfterSeconds), Self.restMaxSeconds)
            self.rest(asked + asked * 0.05 * random, now: now)
        }
    }

    /// A call ran into a deadline although others are answered: too many may be waiting at the server, which says
    /// nothing of it. Gentler than `throttled`, because it may be the request's own fault.
    public mutating func strained(_ ticket: Ticket) {
        guard ticket.number >= self.nextRound else { return }
        self.nextRound = self.nextNumber
        self.limit = max(1, (self.limit * 0.75).rounded(.down))
    }

    /// A call has left, however it ended.
    public mutating func leave() { self.inFlight = max(0, self.inFlight - 1) }

    private mutating func rest(_ seconds: Double, now: Double) { self.heldUntil = max(self.heldUntil, now + seconds) }

    private func ownRest(random: Double) -> Double {
        RetryDecision.backoff(
            attempt: self.throttledRounds, firstSeconds: Self.firstRestSeconds,
            longestSeconds: Self.longestRestSeconds, random: random)
    }
}
