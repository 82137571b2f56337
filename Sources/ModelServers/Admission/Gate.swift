// SPDX-License-Identifier: Apache-2.0

/// Decides which requests wait for a place at the server, and which get one: admission, breaker and queue together.
///
/// It also keeps what `RequestBlame` wants to know: who was answered and who failed last. Without clock, randomness and
/// I/O.
struct Gate {
    /// A place at the server.
    struct Pass: Hashable, Sendable {
        /// Number of the request that holds it, the same over its attempts.
        let request: Int
        let ticket: AdmissionControl.Ticket
        /// Tells whether this call tries a server that was down.
        let isTrial: Bool
        /// Tells whether it is the request's first attempt.
        let isFirst: Bool
        /// The answers so far when it was let in.
        fileprivate let answersBefore: Int
    }

    /// The outcome of a call, as far as the gate is concerned.
    enum Outcome: Hashable, Sendable {
        /// Answered, or refused for a fault of the request's own: the server is well.
        case alive
        /// The server failed.
        case failed(ServerFault)
        /// Given up by whoever asked.
        case abandoned
    }

    private(set) var admission: AdmissionControl
    private(set) var breaker: CircuitBreaker
    private var waiting = WaitingLine()
    /// Those in line that have not been asked before.
    private var firstAttempts: Set<Int> = []
    private var answers = 0
    private var lastFailed = LastFailed.nobody
    /// The share of requests whose first attempt fails in a way that a request can cause, over about the last hundred.
    private(set) var failureShare = 0.0

    /// The requests that have failed since the last answer: none, one, or several.
    private enum LastFailed: Hashable {
        case nobody
        case one(Int)
        case several
    }

    init(inFlightMax: Int, breakerFailuresMax: Int) {
        self.admission = AdmissionControl(limitMax: inFlightMax)
        self.breaker = CircuitBreaker(failuresMax: breakerFailuresMax)
    }

    var waitingCount: Int { self.waiting.count }

    /// Stands in line, at the end: a request that is asked again does not keep others from being asked at all.
    mutating func wait(_ request: Int, isFirst: Bool) {
        self.waiting.append(request)
        if isFirst { self.firstAttempts.insert(request) }
    }

    /// Leaves the line.
    mutating func stopWaiting(_ request: Int) {
        self.waiting.remove(request)
        self.firstAttempts.remove(request)
    }

    /// Lets in as many as may, in order.
    mutating func letIn(now: Double) -> [Pass] {
        var passes: [Pass] = []
        while !self.waiting.isEmpty, self.admission.mayEnter(now: now), self.breaker.mayEnter(now: now),
            let request = self.waiting.popFirst()
        {
            let isTrial = self.breaker.enter()
            passes.append(
                Pass(
                    request: request, ticket: self.admission.enter(), isTrial: isTrial,
                    isFirst: self.firstAttempts.remove(request) != nil, answersBefore: self.answers))
        }
        return passes
    }

    /// Time to look again although nothing has happened; `nil` if only a call's end can change anything.
    var nextTime: Double? {
        guard !self.waiting.isEmpty, self.admission.hasRoom else { return nil }
        switch self.breaker.state {
        case .closed: return self.admission.heldUntil
        case .open(let until): return max(until, self.admission.heldUntil)
        case .trying: return nil
        }
    }

    /// Takes note of how a call ended; its place stays taken.
    mutating func note(_ outcome: Outcome, of pass: Pass, now: Double, random: Double) {
        if pass.isFirst { self.countFirst(outcome) }
        switch outcome {
        case .alive:
            self.answers += 1
            self.lastFailed = .nobody
            self.admission.answered()
            self.breaker.alive()
        case .failed(.rateLimited(let retryAfter)), .failed(.unavailable(let retryAfter)):
            self.admission.throttled(pass.ticket, retryAfterSeconds: retryAfter, now: now, random: random)
            self.breaker.alive()
        case .failed(let fault):
            switch self.lastFailed {
            case .nobody: self.lastFailed = .one(pass.request)
            case .one(let request): if request != pass.request { self.lastFailed = .several }
            case .several: break
            }
            if fault == .timeout, self.othersAnswered(since: pass) { self.admission.strained(pass.ticket) }
            self.breaker.failed(isTrial: pass.isTrial, decisive: fault.needsAttention, now: now, random: random)
        case .abandoned:
            if pass.isTrial { self.breaker.trialAbandoned(now: now) }
        }
    }

    private mutating func countFirst(_ outcome: Outcome) {
        let failed: Double
        switch outcome {
        case .alive: failed = 0
        case .failed(let fault) where fault.blame != nil: failed = 1
        case .failed, .abandoned: return
        }
        self.failureShare += (failed - self.failureShare) / 100
    }

    /// A witness was answered: the server is well. Who has failed last is not forgotten.
    mutating func noteWitness() { self.breaker.alive() }

    /// Gives a place back.
    mutating func leave() { self.admission.leave() }

    /// Tells whether another request was answered since this one was let in.
    func othersAnswered(since pass: Pass) -> Bool { self.answers > pass.answersBefore }

    /// Tells whether another request has failed since the last answer.
    func othersFailed(beside pass: Pass) -> Bool {
        switch self.lastFailed {
        case .nobody: false
        case .one(let request): request != pass.request
        case .several: true
        }
    }
}

/// A queue of numbers that can be left from the middle.
struct WaitingLine {
    // Requests that have left stay in `order` until the head comes by, or until more than half of it has left.
    private var order: [Int] = []
    private var head = 0
    private var present: Set<Int> = []

    var count: Int { self.present.count }
    var isEmpty: Bool { self.present.isEmpty }

    /// Stands at the end. A number that is in line already, or has left it, must be another one than this.
    mutating func append(_ number: Int) {
        self.present.insert(number)
        self.order.append(number)
    }

    mutating func remove(_ number: Int) {
        self.present.remove(number)
        self.compact()
    }

    mutating func popFirst() -> Int? {
        while self.head < self.order.count {
            let number = self.order[self.head]
            self.head += 1
            if self.present.remove(number) != nil {
                self.compact()
                return number
            }
        }
        return nil
    }

    private mutating func compact() {
        guard self.order.count > 64, self.order.count > 2 * self.present.count else { return }
        self.order = self.order[self.head...].filter { self.present.contains($0) }
        self.head = 0
    }
}
