// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ModelCalls

@Suite("Budgets")
struct BudgetTests {
    private let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("millrace-budget-\(UUID().uuidString)/nlq.json").path

    /// Asks for a place that has to be there at once.
    private func granted(_ budget: Budget, _ estimate: Int) async throws -> Budget.Ticket {
        guard case .granted(let ticket) = await budget.admit(estimate: estimate) else {
            throw BudgetProblem("nothing is left of what the test counts on")
        }
        return ticket
    }

    /// Asks for a place for which others have to end first.
    private func waiting(_ budget: Budget, _ estimate: Int) async -> Task<Budget.Admission, Never> {
        let before = budget.waiting
        let task = Task { await budget.admit(estimate: estimate) }
        while budget.waiting == before { await Task.yield() }
        return task
    }

    @Test("Calls are granted up to the limit; then one waits for those under way, and only then is it spent")
    func calls() async throws {
        let budget = try Budget(BudgetLimits(calls: 2), path: self.path)
        defer { budget.close(hasEnded: true) }
        let first = try await self.granted(budget, 10)
        let second = try await self.granted(budget, 10)
        let third = await self.waiting(budget, 10)
        budget.settle(first, tokens: 5)
        #expect(budget.waiting == 1, "the second may not be made after all")
        budget.settle(second, tokens: nil)
        guard case .spent(let message) = await third.value else {
            Issue.record("nothing is left")
            return
        }
        #expect(message.contains("2 calls"))
        #expect(budget.spent == (2, 5))
    }

    @Test("A call that was not made lets the first in that waits")
    func givenBack() async throws {
        let budget = try Budget(BudgetLimits(calls: 1), path: self.path)
        defer { budget.close(hasEnded: true) }
        let first = try await self.granted(budget, 10)
        let second = await self.waiting(budget, 10)
        let third = await self.waiting(budget, 10)
        budget.giveBack(first)
        guard case .granted(let ticket) = await second.value else {
            Issue.record("its place was given back")
            return
        }
        #expect(budget.waiting == 1)
        budget.settle(ticket, tokens: 0)
        guard case .spent = await third.value else {
            Issue.record("nothing is left")
            return
        }
    }

    @Test("One that is cancelled waits no longer, and takes nothing")
    func cancelled() async throws {
        let budget = try Budget(BudgetLimits(calls: 1), path: self.path)
        defer { budget.close(hasEnded: true) }
        let first = try await self.granted(budget, 10)
        let second = await self.waiting(budget, 10)
        second.cancel()
        #expect(await second.value == .cancelled)
        budget.giveBack(first)
        #expect(budget.spent == (0, 0) && budget.waiting == 0)
    }

    @Test("Tokens are held at their highest and given back as they were used")
    func tokens() async throws {
        let budget = try Budget(BudgetLimits(tokens: 100), path: self.path)
        defer { budget.close(hasEnded: true) }
        let first = try await self.granted(budget, 60)
        let small = await self.waiting(budget, 60)
        let large = await self.waiting(budget, 90)
        budget.settle(first, tokens: 20)
        guard case .granted(let second) = await small.value else {
            Issue.record("80 tokens are left")
            return
        }
        #expect(budget.waiting == 1, "90 may be left yet")
        // Its cost is not known: what was held for it is spent.
        budget.settle(second, tokens: nil)
        guard case .spent = await large.value, case .spent = await budget.admit(estimate: 60) else {
            Issue.record("20 tokens are left")
            return
        }
    }

    @Test("One that was left goes on; one with other limits, or after an end, begins anew; two at a time are refused")
    func resumed() async throws {
        let limits = BudgetLimits(calls: 5, tokens: 1000)
        let killed = try Budget(limits, path: self.path)
        #expect(killed.resumed == nil)
        _ = await killed.admit(estimate: 100)
        #expect(throws: BudgetProblem.self) { try Budget(limits, path: self.path) }
        killed.close(hasEnded: false)

        let next = try Budget(limits, path: self.path)
        #expect(next.resumed?.calls == 1)
        #expect(next.resumed?.tokens == 100)
        next.close(hasEnded: false)
        let other = try Budget(BudgetLimits(calls: 6), path: self.path)
        #expect(other.resumed == nil)
        _ = await other.admit(estimate: 1)
        other.close(hasEnded: true)
        let last = try Budget(BudgetLimits(calls: 6), path: self.path)
        #expect(last.spent == (0, 0))
        last.close(hasEnded: true)
        #expect(!FileManager.default.fileExists(atPath: self.path))
    }
}
