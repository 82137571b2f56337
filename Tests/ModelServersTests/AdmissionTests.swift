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
                    tickets.append(control.enter(now: now))
                } else if let ticket = tickets.popLast() {
                    if Bool.random(using: &random) {
                        control.answered(ticket, now: now)
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
        let first = (0..<64).map { _ in control.enter(now: 0) }
        #expect(!control.hasRoom)
        for ticket in first {
            control.throttled(ticket, retryAfterSeconds: nil, now: 0, random: 0)
            control.leave()
        }
        #expect(control.limit == 32)
        #expect(control.throttledRounds == 1)
        let probe = control.enter(now: 1)
        control.answered(probe, now: 1)
        control.leave()
        let later = control.enter(now: 2)
        control.throttled(later, retryAfterSeconds: nil, now: 2, random: 0)
        #expect(control.limit == 16)
    }

    @Test("A deadline that others do not meet takes a quarter, once a round")
    func strained() {
        var control = AdmissionControl(limitMax: 64)
        let (a, b) = (control.enter(now: 0), control.enter(now: 0))
        control.strained(a)
        control.strained(b)
        #expect(control.limit == 48)
        for _ in 0..<50 { control.strained(control.enter(now: 0)) }
        #expect(control.limit == 1)
        #expect(control.mayEnter(now: 0) == false && control.heldUntil == -.infinity)
    }

    @Test("Grows by one for as many answers as it is large")
    func additiveIncrease() {
        var control = AdmissionControl(limitMax: 64)
        for _ in 0..<50 { control.strained(control.enter(now: 0)) }
        #expect(control.limit == 1)
        var answers = 0
        while control.limit < 20 {
            control.answered(control.enter(now: 0), now: 0)
            answers += 1
        }
        // 1 + 2 + … + 19, a little less because the limit grows on the way.
        #expect((150...210).contains(answers))
    }

    @Test("Everybody obeys Retry-After, and the later of two")
    func retryAfter() {
        var control = AdmissionControl(limitMax: 4)
        let (a, b) = (control.enter(now: 0), control.enter(now: 0))
        control.throttled(a, retryAfterSeconds: 10, now: 100, random: 0)
        control.throttled(b, retryAfterSeconds: 2, now: 100, random: 0)
        control.leave()
        control.leave()
        #expect(!control.mayEnter(now: 109.9))
        #expect(control.mayEnter(now: 110))
    }

    @Test(
        "Without Retry-After everybody rests a little: longer each round, up to a second, and more as the outage lasts")
    func ownRest() {
        var control = AdmissionControl(limitMax: 4)
        var rests: [Double] = []
        var now = 0.0
        for _ in 0..<60 {
            control.throttled(control.enter(now: now), retryAfterSeconds: nil, now: now, random: 1)
            control.leave()
            rests.append(control.heldUntil - now)
            now = control.heldUntil
        }
        #expect(rests.prefix(9) == [0.25, 0.5, 1, 1, 1, 1, 1, 1, 1])
        #expect(zip(rests.dropFirst(), rests).allSatisfy { $0 >= $1 - 1e-9 })
        #expect(rests.last == 30)
        control.answered(control.enter(now: now), now: now)
        #expect(control.throttledRounds == 0)
    }

    @Test("After a rest one call probes; answered, or not refused as fast as others, it opens the places one by one")
    func probes() {
        for isAnswered in [true, false] {
            var control = AdmissionControl(limitMax: 8)
            for ticket in (0..<8).map({ _ in control.enter(now: 0) }) {
                control.throttled(ticket, retryAfterSeconds: 1, now: 0.2, random: 0)
                control.leave()
            }
            #expect(control.limit == 4)
            #expect(!control.mayEnter(now: 1.19) && control.mayEnter(now: 1.2))
            let refused = control.enter(now: 1.2)
            #expect(!control.mayEnter(now: 1.3))
            control.throttled(refused, retryAfterSeconds: 1, now: 1.3, random: 0)
            control.leave()
            // It was alone: the server bears no other number than before.
            #expect(control.limit == 8)
            let probe = control.enter(now: 3)
            #expect(!control.mayEnter(now: 3.59), "three times as long as the longest refusal")
            let start = isAnswered ? 3.1 : 3.6
            if isAnswered {
                control.answered(probe, now: start)
                control.leave()
            }
            var entered = isAnswered ? 0 : 1
            for step in 0..<100 {
                let now = start + Double(step) / 100
                while control.mayEnter(now: now) {
                    _ = control.enter(now: now)
                    entered += 1
                }
                #expect(entered <= 2 + step * 8 / 50)
            }
            #expect(entered == 8)
        }
    }

    @Test("A probe that fails in another way or is given up leaves the next to try")
    func otherProbes() {
        var control = AdmissionControl(limitMax: 8)
        control.throttled(control.enter(now: 0), retryAfterSeconds: nil, now: 0, random: 1)
        control.leave()
        let failing = control.enter(now: 1)
        #expect(!control.mayEnter(now: 1))
        control.failed(failing, now: 1, random: 1)
        control.leave()
        #expect(!control.mayEnter(now: 1.4) && control.mayEnter(now: 1.5))
        let leaving = control.enter(now: 2)
        control.abandoned(leaving)
        control.leave()
        #expect(control.mayEnter(now: 2))
    }

    @Test("An answer to a call from before the refusal says nothing of the server as it is now")
    func answersFromBefore() {
        var control = AdmissionControl(limitMax: 8)
        let (old, refused) = (control.enter(now: 0), control.enter(now: 0))
        control.throttled(refused, retryAfterSeconds: nil, now: 0, random: 0)
        control.answered(old, now: 0.01)
        #expect(control.throttledRounds == 1 && control.limit == 4)
        control.leave()
        control.leave()
        _ = control.enter(now: 1)
        #expect(!control.mayEnter(now: 1), "still one at a time")
    }
}

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    @Test("Opens after so many failures in a row, and only in a row")
    func opens() {
        var breaker = CircuitBreaker(failuresMax: 3)
        for _ in 0..<2 { breaker.failed(isTrial: false, decisive: false, seconds: 0.1, now: 0, random: 0) }
        breaker.alive()
        for _ in 0..<2 { breaker.failed(isTrial: false, decisive: false, seconds: 0.1, now: 0, random: 0) }
        #expect(breaker.state == .closed)
        breaker.failed(isTrial: false, decisive: false, seconds: 0.1, now: 0, random: 0)
        #expect(breaker.state == .open(until: 0.25))
        #expect(!breaker.mayEnter(now: 0.2))
        #expect(breaker.mayEnter(now: 0.25))
    }

    @Test("A failure that all will meet opens it at once")
    func decisive() {
        var breaker = CircuitBreaker(failuresMax: 3)
        breaker.failed(isTrial: false, decisive: true, seconds: 0.1, now: 0, random: 0)
        #expect(!breaker.mayEnter(now: 0))
    }

    @Test("One tries; its failure opens it for longer, its success closes it")
    func trial() {
        var breaker = CircuitBreaker(failuresMax: 1)
        let outcome1 = breaker.enter(now: 0)
        #expect(outcome1 == .usual)
        breaker.failed(isTrial: false, decisive: false, seconds: 0.1, now: 0, random: 1)
        var pauses: [Double] = []
        for _ in 0..<60 {
            guard case .open(let until) = breaker.state else { break }
            let outcome2 = breaker.enter(now: until)
            #expect(outcome2 == .trial)
            #expect(!breaker.mayEnter(now: until))
            // Stragglers from before have no say.
            breaker.failed(isTrial: false, decisive: true, seconds: 0.1, now: until, random: 1)
            #expect(breaker.state != .closed && !breaker.mayEnter(now: until))
            breaker.failed(isTrial: true, decisive: false, seconds: 0.1, now: until, random: 1)
            if case .open(let next) = breaker.state { pauses.append(next - until) }
        }
        // Up to ten seconds of outage one second, then more.
        #expect(pauses.count == 60 && pauses.prefix(9).allSatisfy { $0 == 1 })
        #expect(zip(pauses.dropFirst(), pauses).allSatisfy { $0 >= $1 - 1e-9 })
        #expect(pauses.last == 30)
        let outcome3 = breaker.enter(now: 0)
        #expect(outcome3 == .trial)
        breaker.alive()
        #expect(breaker.state == .closed)
        #expect(breaker.openings == 0)
    }

    @Test("A trial that is given up leaves the next to try at once")
    func abandoned() {
        var breaker = CircuitBreaker(failuresMax: 1)
        breaker.failed(isTrial: false, decisive: false, seconds: 0.1, now: 0, random: 0)
        let outcome4 = breaker.enter(now: 0)
        #expect(outcome4 == .trial)
        breaker.trialAbandoned(now: 7)
        #expect(breaker.mayEnter(now: 7))
        let outcome5 = breaker.enter(now: 0)
        #expect(outcome5 == .trial)
    }

    @Test("A trial that takes longer than failures took closes it, until the next failure")
    func outlives() {
        var breaker = CircuitBreaker(failuresMax: 3)
        for _ in 0..<3 { breaker.failed(isTrial: false, decisive: false, seconds: 2, now: 0, random: 1) }
        let trial = breaker.enter(now: 1)
        #expect(trial == .trial && !breaker.mayEnter(now: 6.9) && breaker.mayEnter(now: 7))
        let (first, next) = (breaker.enter(now: 7), breaker.enter(now: 7))
        #expect(first == .first && next == .usual)
        breaker.failed(isTrial: true, decisive: false, seconds: 9, now: 10, random: 1)
        #expect(!breaker.mayEnter(now: 10) && breaker.openings == 2)
    }
}
