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

    /// Stands in line: the oldest record's requests first, so that what is nearly done is done. A request that is asked
    /// again stands behind all who are there, or one that fails for ever would keep others from being asked at all.
    mutating func wait(_ request: Int, record: Int = 0, isFirst: Bool) {
        if isFirst {
            self.waiting.insert(request, record: record)
            self.firstAttempts.insert(request)
        } else {
            self.waiting.append(request, record: record)
        }
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
            let entry = self.breaker.enter(now: now)
            if entry == .first { self.admission.reopen(now: now) }
            passes.append(
                Pass(
                    request: request, ticket: self.admission.enter(now: now), isTrial: entry == .trial,
                    isFirst: self.firstAttempts.remove(request) != nil, answersBefore: self.answers))
        }
        return passes
    }

    /// Time to look again although nothing has happened; `nil` if only a call's end can change anything.
    var nextTime: Double? {
        guard !self.waiting.isEmpty, let admissionTime = self.admission.nextTime else { return nil }
        switch self.breaker.state {
        case .closed: return admissionTime
        case .open(let until), .trying(let until): return max(until, admissionTime)
        }
    }

    /// Takes note of how a call ended; its place stays taken.
    mutating func note(_ outcome: Outcome, of pass: Pass, now: Double, random: Double) {
        if pass.isFirst { self.countFirst(outcome) }
        switch outcome {
        case .alive:
            self.answers += 1
            self.lastFailed = .nobody
            self.admission.answered(pass.ticket, now: now)
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
            self.admission.failed(pass.ticket, now: now, random: random)
            if fault == .timeout, self.othersAnswered(since: pass) { self.admission.strained(pass.ticket) }
            self.breaker.failed(
                isTrial: pass.isTrial, decisive: fault.needsAttention, seconds: now - pass.ticket.since, now: now,
                random: random)
        case .abandoned:
            self.admission.abandoned(pass.ticket)
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

/// A line of numbers in the order of the records that they are of, then of their coming; it can be left from the
/// middle.
struct WaitingLine {
    private struct Place: Comparable {
        let record: Int
        let arrival: Int

        static func < (left: Place, right: Place) -> Bool {
            (left.record, left.arrival) < (right.record, right.arrival)
        }
    }

    /// From the last to the first, who leaves at the end of the array.
    private var order: [(place: Place, number: Int)] = []
    private var places: [Int: Place] = [:]
    private var arrivals = 0

    var count: Int { self.order.count }
    var isEmpty: Bool { self.order.isEmpty }

    /// Stands behind those of the same record and of lower ones. A number that is in line already must be another one
    /// than this.
    mutating func insert(_ number: Int, record: Int) {
        self.arrivals += 1
        let place = Place(record: record, arrival: self.arrivals)
        self.places[number] = place
        self.order.insert((place, number), at: self.index(of: place))
    }

    /// Stands behind all who are in line, as if it were of the last one's record.
    mutating func append(_ number: Int, record: Int) {
        self.insert(number, record: max(record, self.order.first?.place.record ?? record))
    }

    mutating func remove(_ number: Int) {
        guard let place = self.places.removeValue(forKey: number) else { return }
        self.order.remove(at: self.index(of: place))
    }

    mutating func popFirst() -> Int? {
        guard let first = self.order.popLast() else { return nil }
        self.places[first.number] = nil
        return first.number
    }

    /// The first index whose place is not behind another: its own, where it is in line.
    private func index(of place: Place) -> Int {
        var (low, high) = (0, self.order.count)
        while low < high {
            let middle = (low + high) / 2
            if self.order[middle].place > place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
