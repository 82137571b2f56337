// SPDX-License-Identifier: Apache-2.0

import ModelRequests
import Testing

@testable import ModelServers

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
