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
