// SPDX-License-Identifier: Apache-2.0

import ModelRequests
import Testing

@testable import ModelServers

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

    @Test("The oldest record goes first, whoever came first; requests of one record go in the order of their coming")
    func oldestFirst() {
        var gate = Gate(inFlightMax: 1, breakerFailuresMax: 3)
        for (request, record) in [(0, 7), (1, 3), (2, 7), (3, 5), (4, 3), (5, 9)] {
            gate.wait(request, record: record, isFirst: true)
        }
        gate.stopWaiting(3)
        var served: [Int] = []
        while let pass = gate.letIn(now: 0).first {
            served.append(pass.request)
            gate.note(.alive, of: pass, now: 0, random: 0)
            gate.leave()
            // The second round of an old record, while younger ones wait for their first.
            if pass.request == 0 { gate.wait(6, record: 3, isFirst: true) }
        }
        #expect(served == [1, 4, 0, 6, 2, 5])
    }

    @Test("Who is asked again stands behind those who are there, and before younger ones that come later")
    func againBehindYounger() {
        var gate = Gate(inFlightMax: 1, breakerFailuresMax: 9)
        gate.wait(0, record: 1, isFirst: true)
        let pass = gate.letIn(now: 0)[0]
        for request in 1...3 { gate.wait(request, record: 1 + request, isFirst: true) }
        gate.note(.failed(.timeout), of: pass, now: 0, random: 0)
        gate.leave()
        gate.wait(0, record: 1, isFirst: false)
        gate.wait(4, record: 5, isFirst: true)
        gate.wait(5, record: 2, isFirst: true)
        var served: [Int] = []
        while let pass = gate.letIn(now: 0).first {
            served.append(pass.request)
            gate.leave()
        }
        #expect(served == [1, 5, 2, 3, 0, 4])
    }

    @Test("A line at random: whoever leaves, the lowest record of those in line is next, then who came first")
    func line() {
        var random = SplitMix(state: 7)
        var line = WaitingLine()
        var model: [(record: Int, number: Int)] = []
        for number in 0..<5_000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                let next = model.min { ($0.record, $0.number) < ($1.record, $1.number) }?.number
                let popped = line.popFirst()
                #expect(popped == next)
                model.removeAll { $0.number == next }
            case 1:
                let leaving = model.randomElement(using: &random)?.number ?? -1
                line.remove(leaving)
                model.removeAll { $0.number == leaving }
            case 2:
                let record = Int.random(in: 0..<20, using: &random)
                line.append(number, record: record)
                model.append((max(record, model.map(\.record).max() ?? 0), number))
            default:
                let record = Int.random(in: 0..<20, using: &random)
                line.insert(number, record: record)
                model.append((record, number))
            }
            #expect(line.count == model.count && line.isEmpty == model.isEmpty)
        }
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
