// SPDX-License-Identifier: Apache-2.0

import ModelRequests
import Testing

@testable import ModelServers

/// A server and its clients in a time of their own, event by event.
private struct SimulatedServer {
    /// A call that will end.
    private struct Call {
        let pass: Gate.Pass
        let ends: Double
        let outcome: Gate.Outcome
    }

    let slots: Int
    let answerSeconds: Double
    let outage: Range<Double>
    /// Faults that it shows during the outage, in turn.
    let faults: [ServerFault]
    private var gate: Gate
    private var random: SplitMix
    private var calls: [Call] = []
    /// Requests that wait before they stand in line again.
    private var resting: [(request: Int, until: Double)] = []
    private var retries: [Int: RetryDecision] = [:]
    private var nextRequest = 0
    /// Calls that it bears at a time; it refuses what is more.
    let capacity: Int
    private(set) var faulted = 0
    private(set) var answered = 0
    /// The time after the outage at which all slots were busy.
    private(set) var fullAt: Double?

    init(
        slots: Int, answerSeconds: Double, outage: Range<Double>, faults: [ServerFault], seed: UInt64,
        capacity: Int = .max
    ) {
        (self.slots, self.answerSeconds, self.outage, self.faults) = (slots, answerSeconds, outage, faults)
        self.capacity = capacity
        self.gate = Gate(inFlightMax: slots, breakerFailuresMax: 5)
        self.random = SplitMix(state: seed)
    }

    private func fault(at now: Double) -> ServerFault? {
        let isFull = self.calls.count(where: { $0.outcome == .alive }) >= self.capacity
        return self.outage.contains(now) || isFull ? self.faults[self.faulted % self.faults.count] : nil
    }

    mutating func run(until end: Double) {
        var now = 0.0
        while now < end, self.fullAt == nil {
            // There is always somebody in line.
            while self.gate.waitingCount < 2 * self.slots {
                self.gate.wait(self.nextRequest, record: self.nextRequest, isFirst: true)
                self.nextRequest += 1
            }
            for pass in self.gate.letIn(now: now) { self.begin(pass, now: now) }
            if !self.outage.isEmpty, now >= self.outage.upperBound, self.fullAt == nil,
                self.calls.count(where: { $0.outcome == .alive }) == self.slots
            {
                self.fullAt = now
            }
            let times = self.calls.map(\.ends) + self.resting.map(\.until) + (self.gate.nextTime.map { [$0] } ?? [])
            now = max(now, times.min() ?? end) + 0.000_1
            self.end(now: now)
        }
    }

    private mutating func begin(_ pass: Gate.Pass, now: Double) {
        if let fault = self.fault(at: now) {
            self.faulted += 1
            self.calls.append(Call(pass: pass, ends: now + 0.002, outcome: .failed(fault)))
        } else {
            // Each tenth answer takes ten times as long.
            let slow = Int.random(in: 0..<10, using: &self.random) == 3 ? 10.0 : 1
            let seconds = self.answerSeconds * Double.random(in: 0.5..<1.5, using: &self.random) * slow
            self.calls.append(Call(pass: pass, ends: now + seconds, outcome: .alive))
        }
    }

    private mutating func end(now: Double) {
        for call in self.calls where call.ends <= now {
            let random = Double.random(in: 0..<1, using: &self.random)
            self.gate.note(call.outcome, of: call.pass, now: now, random: random)
            self.gate.leave()
            if call.outcome == .alive { self.answered += 1 }
            if case .failed(let fault) = call.outcome {
                let seconds = self.retries[call.pass.request, default: RetryDecision()]
                    .delaySeconds(after: fault, random: random)
                self.resting.append((call.pass.request, now + seconds))
            }
        }
        self.calls.removeAll { $0.ends <= now }
        for (request, until) in self.resting where until <= now { self.gate.wait(request, isFirst: false) }
        self.resting.removeAll { $0.until <= now }
    }
}

@Suite("Recovery from outages")
struct RecoveryTests {
    static let kinds: [(name: String, faults: [ServerFault])] = [
        ("429", [.rateLimited(retryAfterSeconds: nil)]),
        ("503", [.unavailable(retryAfterSeconds: nil)]),
        ("500", [.status(500)]),
        ("429 and 500", [.rateLimited(retryAfterSeconds: nil), .status(500)]),
        ("refused", [.refused]),
    ]

    @Test(
        "Ten seconds of an outage: the slots are full again within two seconds of its end, and few calls were in vain",
        arguments: 0..<5, [0.05, 0.2, 1])
    func tenSeconds(kind: Int, answerSeconds: Double) throws {
        let (name, faults) = Self.kinds[kind]
        for seed in 0..<3 as Range<UInt64> {
            for slots in [4, 64] {
                var server = SimulatedServer(
                    slots: slots, answerSeconds: answerSeconds, outage: 12..<22, faults: faults, seed: seed)
                server.run(until: 26)
                let full = try #require(server.fullAt, "\(name), \(slots) slots")
                #expect(full - 22 < 2, "\(name), \(slots) slots of \(answerSeconds) s: \(server.faulted) in vain")
                if faults.count == 1, case .rateLimited = faults[0] {
                    #expect(server.faulted <= 40, "\(name), \(slots) slots of \(answerSeconds) s")
                }
            }
        }
    }

    @Test("A server that bears fewer calls than it is sent is learnt, and refuses few from then on")
    func capacity() {
        for capacity in [1, 5, 20, 40] {
            var server = SimulatedServer(
                slots: 64, answerSeconds: 0.2, outage: 0..<0, faults: [.rateLimited(retryAfterSeconds: nil)], seed: 1,
                capacity: capacity)
            server.run(until: 40)
            // One place more is tried for as many answers as there are places.
            let inVain = Double(server.answered) * (0.05 + 0.6 / Double(capacity)) + 64
            #expect(Double(server.faulted) < inVain, "\(capacity) of 64 places")
            // Each tenth answer takes ten times as long: 0.38 s on average.
            #expect(Double(server.answered) > 0.6 * Double(capacity) * 40 / 0.38, "\(capacity) of 64 places")
        }
    }

    @Test("A long outage is asked more and more rarely")
    func tenMinutes() {
        for (name, faults) in Self.kinds {
            var server = SimulatedServer(
                slots: 8, answerSeconds: 0.2, outage: 5..<605, faults: faults, seed: 1)
            server.run(until: 640)
            #expect(server.faulted < 120, "\(name)")
            #expect((server.fullAt ?? .infinity) < 605 + 33, "\(name)")
        }
    }
}
