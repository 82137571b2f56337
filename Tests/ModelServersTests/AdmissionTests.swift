// SPDX-License-Identifier: Apache-2.0

import ModelRequests
import Testing

@testable import ModelServers

@Suite("Admission control")
struct AdmissionControlTests {
    @Test("Starts at the most and never leaves 1...max, whatever happens")
    func bounds() {
        for seed in 0..<200 as Range<UInt64> {
            var random = SplitMix(state: seed)
            let limitMax = Int.random(in: 1...40, using: &random)
            var control = AdmissionControl(limitMax: limitMax)
            #expect(Int(control.limit) == limitMax)
            var tickets: [AdmissionControl.Ticket] = []
            var now = 0.0
            for _ in 0..<400 {
                now += Double.random(in: 0..<1, using: &random)
                if control.mayEnter(now: now), Bool.random(using: &random) {
                    tickets.append(control.enter())
                } else if let ticket = tickets.popLast() {
                    if Bool.random(using: &random) {
                        control.answered()
                    } else {
                        let rest = Bool.random(using: &random) ? Double.random(in: -5...5000, using: &random) : nil
                        control.throttled(ticket, retryAfterSeconds: rest, now: now, random: 0.999)
                    }
                    control.leave()
                }
                #expect(control.limit >= 1 && control.limit <= Double(limitMax))
                #expect(control.inFlight == tickets.count)
                #expect(control.heldUntil <= now + 600 * 1.05)
            }
        }
    }

    @Test("Halved once for all calls that were under way, again for a later one")
    func onceARound() {
        var control = AdmissionControl(limitMax: 64)
        let first = (0..<64).map { _ in control.enter() }
        #expect(!control.hasRoom)
        for ticket in first {
            control.throttled(ticket, retryAfterSeconds: nil, now: 0, random: 0)
            control.leave()
        }
        #expect(control.limit == 32)
        #expect(control.throttledRounds == 1)
        let later = control.enter()
        control.throttled(later, retryAfterSeconds: nil, now: 1, random: 0)
        #expect(control.limit == 16)
    }

    @Test("A deadline that others do not meet takes a quarter, once a round")
    func strained() {
        var control = AdmissionControl(limitMax: 64)
        let (a, b) = (control.enter(), control.enter())
        control.strained(a)
        control.strained(b)
        #expect(control.limit == 48)
        for _ in 0..<50 { control.strained(control.enter()) }
        #expect(control.limit == 1)
        #expect(control.mayEnter(now: 0) == false && control.heldUntil == -.infinity)
    }

    @Test("Grows by one for as many answers as it is large")
    func additiveIncrease() {
        var control = AdmissionControl(limitMax: 64)
        for _ in 0..<10 { control.throttled(control.enter(), retryAfterSeconds: nil, now: 0, random: 0) }
        #expect(control.limit == 1)
        var answers = 0
        while control.limit < 20 {
            control.answered()
            answers += 1
        }
        // 1 + 2 + … + 19, a little less because the limit grows on the way.
        #expect((150...210).contains(answers))
    }

    @Test("Everybody obeys Retry-After, and the later of two")
    func retryAfter() {
        var control = AdmissionControl(limitMax: 4)
        let (a, b) = (control.enter(), control.enter())
        control.throttled(a, retryAfterSeconds: 10, now: 100, random: 0)
        control.throttled(b, retryAfterSeconds: 2, now: 100, random: 0)
        control.leave()
        control.leave()
        #expect(!control.mayEnter(now: 109.9))
        #expect(control.mayEnter(now: 110))
    }

    @Test("Without Retry-After everybody rests a little, longer each round, and not at all after an answer")
    func ownRest() {
        var control = AdmissionControl(limitMax: 4)
        var rests: [Double] = []
        for _ in 0..<10 {
            let now = max(0, control.heldUntil)
            control.throttled(control.enter(), retryAfterSeconds: nil, now: now, random: 1)
            control.leave()
            rests.append(control.heldUntil)
        }
        let steps = zip(rests.dropFirst(), rests).map { $0 - $1 }
        #expect(rests[0] == 0.25)
        #expect(zip(steps.dropFirst(), steps).allSatisfy { $0 >= $1 })
        #expect(steps.last == 30)
        control.answered()
        #expect(control.throttledRounds == 0)
    }
}

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    @Test("Opens after so many failures in a row, and only in a row")
    func opens() {
        var breaker = CircuitBreaker(failuresMax: 3)
        for _ in 0..<2 { breaker.failed(isTrial: false, decisive: false, now: 0, random: 0) }
        breaker.alive()
        for _ in 0..<2 { breaker.failed(isTrial: false, decisive: false, now: 0, random: 0) }
        #expect(breaker.state == .closed)
        breaker.failed(isTrial: false, decisive: false, now: 0, random: 0)
        #expect(breaker.state == .open(until: 0.25))
        #expect(!breaker.mayEnter(now: 0.2))
        #expect(breaker.mayEnter(now: 0.25))
    }

    @Test("A failure that all will meet opens it at once")
    func decisive() {
        var breaker = CircuitBreaker(failuresMax: 3)
        breaker.failed(isTrial: false, decisive: true, now: 0, random: 0)
        #expect(!breaker.mayEnter(now: 0))
    }

    @Test("One tries; its failure opens it for longer, its success closes it")
    func trial() {
        var breaker = CircuitBreaker(failuresMax: 1)
        let outcome1 = breaker.enter()
        #expect(!outcome1)
        breaker.failed(isTrial: false, decisive: false, now: 0, random: 1)
        var pauses: [Double] = []
        for _ in 0..<10 {
            guard case .open(let until) = breaker.state else { break }
            let outcome2 = breaker.enter()
            #expect(outcome2)
            #expect(!breaker.mayEnter(now: until))
            // Stragglers from before have no say.
            breaker.failed(isTrial: false, decisive: true, now: until, random: 1)
            #expect(breaker.state == .trying)
            breaker.failed(isTrial: true, decisive: false, now: until, random: 1)
            if case .open(let next) = breaker.state { pauses.append(next - until) }
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30])
        let outcome3 = breaker.enter()
        #expect(outcome3)
        breaker.alive()
        #expect(breaker.state == .closed)
        #expect(breaker.openings == 0)
    }

    @Test("A trial that is given up leaves the next to try at once")
    func abandoned() {
        var breaker = CircuitBreaker(failuresMax: 1)
        breaker.failed(isTrial: false, decisive: false, now: 0, random: 0)
        let outcome4 = breaker.enter()
        #expect(outcome4)
        breaker.trialAbandoned(now: 7)
        #expect(breaker.mayEnter(now: 7))
        let outcome5 = breaker.enter()
        #expect(outcome5)
    }
}

@Suite("Retry decision")
struct RetryDecisionTests {
    static let faults: [ServerFault] = [
        .refused, .timeout, .disconnected, .rateLimited(retryAfterSeconds: 1), .unavailable(retryAfterSeconds: nil),
        .status(500), .status(401), .badAnswer(.wrongShape),
    ]

    @Test("Doubles from the kind's first to its longest, within a half and the whole of it", arguments: 0..<8)
    func backoff(index: Int) {
        let fault = Self.faults[index]
        let (first, longest) = RetryDecision.bounds(of: fault)
        var (low, high) = (RetryDecision(), RetryDecision())
        var whole = first
        for _ in 0..<200 {
            let outcome6 = low.delaySeconds(after: fault, random: 0)
            #expect(outcome6 == whole / 2)
            let outcome7 = high.delaySeconds(after: fault, random: 1)
            #expect(outcome7 == whole)
            whole = min(longest, whole * 2)
        }
    }

    @Test("Another kind of failure begins anew")
    func kinds() {
        var retry = RetryDecision()
        for _ in 0..<5 { _ = retry.delaySeconds(after: .timeout, random: 1) }
        let outcome8 = retry.delaySeconds(after: .refused, random: 1)
        #expect(outcome8 == 0.25)
        let outcome9 = retry.delaySeconds(after: .timeout, random: 1)
        #expect(outcome9 == 0.5)
    }
}

@Suite("Request blame")
struct RequestBlameTests {
    /// Every history of five failures: whether it may be its own, whether others were answered, whether others failed.
    @Test("Convicts exactly after so many failures alone, in every history of five failures")
    func exhaustive() {
        for history in 0..<(1 << 15) {
            var blame = RequestBlame(failuresMax: 3)
            var alone = 0
            var unwitnessed = 0
            for step in 0..<5 {
                let bits = history >> (3 * step) & 7
                let (own, answered, failed) = (bits & 1 == 1, bits & 2 == 2, bits & 4 == 4)
                let decision = blame.failed(
                    mayBeItsOwn: own, othersAnswered: answered, othersFailed: failed, failureShare: 0)
                var expected = RequestBlame.Decision.retry
                if own, answered, !failed {
                    alone += 1
                    unwitnessed = 0
                    if alone >= 3 { expected = .blame }
                } else if own {
                    unwitnessed += 1
                    if unwitnessed > 1 { expected = .askWitness }
                }
                #expect(decision == expected)
                if decision == .blame { break }
            }
        }
    }

    @Test("A witness that is answered counts, one that is not does not")
    func witness() {
        var blame = RequestBlame(failuresMax: 2)
        let outcome10 = blame.witness(answered: false)
        #expect(outcome10 == .retry)
        let outcome11 = blame.witness(answered: true)
        #expect(outcome11 == .retry)
        let outcome12 = blame.witness(answered: false)
        #expect(outcome12 == .retry)
        let outcome13 = blame.witness(answered: true)
        #expect(outcome13 == .blame)
    }

    @Test("Where the server fails often, more failures are wanted")
    func failureShare() {
        #expect(RequestBlame.failures(unlikelyAt: 0) == 1)
        #expect(RequestBlame.failures(unlikelyAt: 0.01) == 3)
        #expect(RequestBlame.failures(unlikelyAt: 0.09) == 5)
        #expect(RequestBlame.failures(unlikelyAt: 0.3) == 10)
        #expect(RequestBlame.failures(unlikelyAt: 1) == 12)
    }
}

@Suite("Gate")
struct GateTests {
    @Test("Lets in in order, no more than there is room for")
    func order() {
        var gate = Gate(inFlightMax: 3, breakerFailuresMax: 3)
        for request in 0..<6 { gate.wait(request, isFirst: true) }
        gate.stopWaiting(1)
        let first = gate.letIn(now: 0)
        #expect(first.map(\.request) == [0, 2, 3])
        #expect(gate.nextTime == nil)
        gate.note(.alive, of: first[1], now: 0, random: 0)
        gate.leave()
        let outcome14 = gate.letIn(now: 0)
        #expect(outcome14.map(\.request) == [4])
    }

    @Test("Whoever is asked again stands at the end")
    func again() {
        var gate = Gate(inFlightMax: 1, breakerFailuresMax: 9)
        gate.wait(0, isFirst: true)
        gate.wait(1, isFirst: true)
        let pass = gate.letIn(now: 0)[0]
        gate.note(.failed(.timeout), of: pass, now: 0, random: 0)
        gate.leave()
        gate.wait(0, isFirst: false)
        let outcome15 = gate.letIn(now: 0)
        #expect(outcome15.map(\.request) == [1])
    }

    @Test("Knows who was answered and who failed beside a call")
    func evidence() {
        var gate = Gate(inFlightMax: 4, breakerFailuresMax: 9)
        for request in 0..<4 { gate.wait(request, isFirst: true) }
        let passes = gate.letIn(now: 0)
        #expect(!gate.othersAnswered(since: passes[0]))
        #expect(!gate.othersFailed(beside: passes[0]))
        gate.note(.failed(.timeout), of: passes[0], now: 0, random: 0)
        #expect(!gate.othersFailed(beside: passes[0]))
        #expect(gate.othersFailed(beside: passes[1]))
        gate.note(.failed(.timeout), of: passes[1], now: 0, random: 0)
        #expect(gate.othersFailed(beside: passes[0]))
        gate.note(.alive, of: passes[2], now: 0, random: 0)
        #expect(gate.othersAnswered(since: passes[0]))
        #expect(!gate.othersFailed(beside: passes[0]))
        #expect(gate.failureShare > 0 && gate.failureShare < 0.03)
    }

    @Test("Says when to look again: after a rest, after a pause; not where only a call's end helps")
    func nextTime() {
        var gate = Gate(inFlightMax: 2, breakerFailuresMax: 1)
        for request in 0..<3 { gate.wait(request, isFirst: true) }
        let passes = gate.letIn(now: 0)
        gate.note(.failed(.rateLimited(retryAfterSeconds: 10)), of: passes[0], now: 0, random: 0)
        gate.leave()
        gate.note(.failed(.refused), of: passes[1], now: 0, random: 0)
        gate.leave()
        #expect(gate.nextTime == 10)
        let outcome16 = gate.letIn(now: 9.9)
        #expect(outcome16.isEmpty)
        let trial = gate.letIn(now: 10)
        #expect(trial.map(\.isTrial) == [true])
        gate.wait(7, isFirst: true)
        #expect(gate.nextTime == nil)
        gate.note(.abandoned, of: trial[0], now: 11, random: 0)
        gate.leave()
        let outcome17 = gate.letIn(now: 11)
        #expect(outcome17.map(\.isTrial) == [true])
    }

    @Test("Random histories: places never leak, nobody waits for ever, nobody is let in twice")
    func random() {
        for seed in 0..<100 as Range<UInt64> {
            var random = SplitMix(state: seed)
            var gate = Gate(inFlightMax: Int.random(in: 1...8, using: &random), breakerFailuresMax: 3)
            var inside: [Gate.Pass] = []
            var waiting: Set<Int> = []
            var now = 0.0
            for request in 0..<300 {
                gate.wait(request, isFirst: true)
                waiting.insert(request)
                if Int.random(in: 0..<8, using: &random) == 0 {
                    gate.stopWaiting(request)
                    waiting.remove(request)
                }
                now += Double.random(in: 0..<0.5, using: &random)
                for pass in gate.letIn(now: now) {
                    #expect(waiting.remove(pass.request) != nil)
                    inside.append(pass)
                }
                if let pass = inside.popLast() {
                    let outcomes: [Gate.Outcome] = [
                        .alive, .alive, .failed(.refused), .failed(.rateLimited(retryAfterSeconds: nil)), .abandoned,
                        .failed(.status(404)),
                    ]
                    let outcome = outcomes.randomElement(using: &random) ?? .alive
                    gate.note(outcome, of: pass, now: now, random: 0.5)
                    gate.leave()
                }
                #expect(gate.waitingCount == waiting.count)
                #expect(gate.admission.inFlight == inside.count)
            }
            var rounds = 0
            while !waiting.isEmpty || !inside.isEmpty, rounds < 3000 {
                rounds += 1
                now = max(now, gate.nextTime ?? now)
                for pass in gate.letIn(now: now) {
                    waiting.remove(pass.request)
                    inside.append(pass)
                }
                if let pass = inside.popLast() {
                    gate.note(.alive, of: pass, now: now, random: 0.5)
                    gate.leave()
                }
            }
            #expect(waiting.isEmpty && inside.isEmpty)
        }
    }
}

/// Steele, Lea and Flood 2014: a generator that gives the same numbers on every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
