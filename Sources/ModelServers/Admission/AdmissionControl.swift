// SPDX-License-Identifier: Apache-2.0

/// Controls the number of calls at the server at a time, learnt from what it answers: additive increase, multiplicative
/// decrease (Chiu and Jain 1989).
///
/// A limit grows by one for as many answers as it is large, and is halved when the server says that it has enough, at
/// most once for the calls that were under way when it said so. Then all rest, and after that one call at a time probes
/// the server. A probe that is answered, or has been at the server for longer than its refusals took, opens the other
/// places, one after the other: a server that is back is busy again at once, and one that is not has refused few.
/// Without clock and randomness: both are given.
public struct AdmissionControl: Hashable, Sendable {
    /// A call that has been let in.
    public struct Ticket: Hashable, Sendable {
        /// Calls are numbered as they are let in.
        let number: Int
        /// The time at which it was let in.
        let since: Double
    }

    /// The most calls at a time, whatever the server bears.
    public let limitMax: Int
    /// The limit as it is; calls are let in up to its whole part.
    public private(set) var limit: Double
    /// The calls that have been let in and have not left.
    public private(set) var inFlight = 0
    /// Nobody is let in before this time, in seconds of the caller's clock.
    public private(set) var heldUntil = -Double.infinity
    /// Number of times in a row the server has had enough, one for each round of calls; an answer to a call of a later
    /// round sets it to zero.
    public private(set) var throttledRounds = 0
    private var nextNumber = 0
    /// Only calls from this number on may halve the limit again.
    private var nextRound = 0
    private var course = Course.open(since: -.infinity)
    private var refusals = Refusals()

    /// The way in which calls are let in.
    private enum Course: Hashable {
        /// Places open one by one from this time on, up to the limit.
        case open(since: Double)
        /// One call at a time, which tries.
        case probing(Ticket?)
    }

    /// The refusals since the last answer to a call that came after them.
    private struct Refusals: Hashable {
        /// The time of the first.
        var since = 0.0
        /// The limit before it.
        var limitBefore = 0.0
        /// The longest time that one took, in seconds.
        var longestSeconds = 0.0
    }

    /// A server may ask for this many seconds of rest at most; what is more is taken for a mistake.
    static let restMaxSeconds = 600.0
    /// Seconds of the first rest if the server names no time.
    static let firstRestSeconds = 0.25
    /// Seconds in which the places open after a probe.
    static let openingSeconds = 0.5

    /// Starts at the most: a server that cannot bear it says so at once, and one that can is busy at once.
    public init(limitMax: Int) {
        self.limitMax = max(1, limitMax)
        self.limit = Double(self.limitMax)
    }

    /// Tells whether another call may be let in now.
    public func mayEnter(now: Double) -> Bool {
        guard self.hasRoom, now >= self.heldUntil else { return false }
        switch self.course(at: now) {
        case .open(let since): return self.inFlight < self.places(openingSince: since, now: now)
        case .probing(let probe): return probe == nil
        }
    }

    /// Tells whether the limit leaves room, whatever the time.
    public var hasRoom: Bool { self.inFlight < Int(self.limit) }

    /// The time at which another call may be let in if nothing happens until then; `nil` if only a call's end helps.
    public var nextTime: Double? {
        guard self.hasRoom else { return nil }
        switch self.course {
        case .open(let since): return max(self.heldUntil, self.opening(of: self.inFlight, since: since))
        case .probing(nil): return self.heldUntil
        case .probing(let probe?):
            let accepted = self.acceptance(of: probe)
            return max(self.heldUntil, self.opening(of: self.inFlight, since: accepted))
        }
    }

    /// Lets a call in.
    public mutating func enter(now: Double) -> Ticket {
        let ticket = Ticket(number: self.nextNumber, since: now)
        self.inFlight += 1
        self.nextNumber += 1
        self.course = self.course(at: now)
        if case .probing = self.course { self.course = .probing(ticket) }
        return ticket
    }

    /// A call was answered.
    public mutating func answered(_ ticket: Ticket, now: Double) {
        // It says nothing of the server as it is now if it was let in before the server had enough.
        if self.throttledRounds > 0, ticket.number < self.nextRound { return }
        self.throttledRounds = 0
        self.course = self.course(at: now)
        if case .probing = self.course { self.course = .open(since: now) }
        self.limit = min(Double(self.limitMax), self.limit + 1 / self.limit)
    }

    /// The server had enough: 429 or 503.
    ///
    /// - Parameters:
    ///   - retryAfterSeconds: the rest the server asks for. All obey it, not only the call that was told.
    ///   - now: seconds of the caller's clock.
    ///   - random: uniform in [0, 1).
    public mutating func throttled(_ ticket: Ticket, retryAfterSeconds: Double?, now: Double, random: Double) {
        self.noteRefusal(ticket, now: now)
        if ticket.number >= self.nextRound {
            self.nextRound = self.nextNumber
            self.throttledRounds += 1
            self.lower(now: now)
            if retryAfterSeconds == nil { self.rest(self.ownRest(now: now, random: random), now: now) }
        }
        if let retryAfterSeconds {
            // A little later than asked, and not all at the same moment as other processes.
            let asked = min(max(0, retryAfterSeconds), Self.restMaxSeconds)
            self.rest(asked + asked * 0.05 * random, now: now)
        }
    }

    /// A call failed in another way. If it was the probe, the next one comes after a rest.
    public mutating func failed(_ ticket: Ticket, now: Double, random: Double) {
        guard self.isProbe(ticket) else { return }
        self.noteRefusal(ticket, now: now)
        self.course = .probing(nil)
        self.throttledRounds += 1
        self.rest(self.ownRest(now: now, random: random), now: now)
    }

    /// A server that had failed is tried again by all: the places open one by one.
    public mutating func reopen(now: Double) {
        if case .open = self.course { self.course = .open(since: now) }
    }

    /// A call was given up without a result. If it was the probe, the next one may try.
    public mutating func abandoned(_ ticket: Ticket) {
        if self.isProbe(ticket) { self.course = .probing(nil) }
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

    // MARK: Refusals and probes

    private func isProbe(_ ticket: Ticket) -> Bool { self.course == .probing(ticket) }

    private mutating func noteRefusal(_ ticket: Ticket, now: Double) {
        if self.throttledRounds == 0 { self.refusals = Refusals(since: now, limitBefore: self.openPlaces(now: now)) }
        self.refusals.longestSeconds = max(self.refusals.longestSeconds, now - ticket.since)
    }

    /// Halves the places that were open. But a server that refuses a probe, although it has borne twice as many calls,
    /// refuses all; how many it bears is seen when the places open again.
    private mutating func lower(now: Double) {
        switch self.course(at: now) {
        case .open: self.limit = max(1, (self.openPlaces(now: now) / 2).rounded(.down))
        case .probing: self.limit = max(self.limit, self.refusals.limitBefore)
        }
        self.course = .probing(nil)
    }

    private func openPlaces(now: Double) -> Double {
        guard case .open(let since) = self.course(at: now) else { return self.limit }
        return min(self.limit, Double(self.places(openingSince: since, now: now)))
    }

    /// The course as the time alone has made it.
    private func course(at now: Double) -> Course {
        guard case .probing(let probe?) = self.course else { return self.course }
        let accepted = self.acceptance(of: probe)
        return now >= accepted ? .open(since: accepted) : self.course
    }

    /// The time at which a probe has been at the server for so long that it is not refused as others were.
    private func acceptance(of probe: Ticket) -> Double {
        probe.since + RetryDecision.acceptanceSeconds(failureSeconds: self.refusals.longestSeconds)
    }

    private func places(openingSince since: Double, now: Double) -> Int {
        let limit = Int(self.limit)
        guard now < since + Self.openingSeconds else { return limit }
        // A time that `opening` has computed counts as reached, whatever the last bit.
        return min(limit, 1 + Int(max(0, now - since) / Self.openingSeconds * Double(limit) + 1e-6))
    }

    /// The time at which there is one place more than a number.
    private func opening(of places: Int, since: Double) -> Double {
        guard since.isFinite else { return since }
        return since + min(1, Double(places) / Double(Int(self.limit))) * Self.openingSeconds
    }

    private mutating func rest(_ seconds: Double, now: Double) { self.heldUntil = max(self.heldUntil, now + seconds) }

    private func ownRest(now: Double, random: Double) -> Double {
        RetryDecision.pause(
            attempt: self.throttledRounds, outageSeconds: now - self.refusals.since,
            firstSeconds: Self.firstRestSeconds, random: random)
    }
}
