// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ModelCalls

@Suite("Budgets")
struct BudgetTests {
    private let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("millrace-budget-\(UUID().uuidString)/nlq.json").path

    @Test("Calls are granted up to the limit; then it waits for those under way, and only then is it spent")
    func calls() throws {
        let budget = try Budget(BudgetLimits(calls: 2), path: self.path)
        defer { budget.close(hasEnded: true) }
        guard case .granted(let first) = budget.admit(estimate: 10),
            case .granted(let second) = budget.admit(estimate: 10)
        else {
            Issue.record("two calls are within the budget")
            return
        }
        #expect(budget.admit(estimate: 10) == .wait)
        budget.settle(first, tokens: 5)
        #expect(budget.admit(estimate: 10) == .wait)
        budget.settle(second, tokens: nil)
        guard case .spent(let message) = budget.admit(estimate: 10) else {
            Issue.record("nothing is left")
            return
        }
        #expect(message.contains("2 calls"))
        #expect(budget.spent == (2, 5))
    }

    @Test("Tokens are held at their highest and given back as they were used")
    func tokens() throws {
        let budget = try Budget(BudgetLimits(tokens: 100), path: self.path)
        defer { budget.close(hasEnded: true) }
        guard case .granted(let first) = budget.admit(estimate: 60) else {
            Issue.record("60 of 100 tokens are within the budget")
            return
        }
        #expect(budget.admit(estimate: 60) == .wait)
        budget.settle(first, tokens: 20)
        guard case .granted(let second) = budget.admit(estimate: 60) else {
            Issue.record("80 tokens are left")
            return
        }
        // Its cost is not known: what was held for it is spent.
        budget.settle(second, tokens: nil)
        guard case .spent = budget.admit(estimate: 60) else {
            Issue.record("20 tokens are left")
            return
        }
    }

    @Test("One that was left goes on; one with other limits, or after an end, begins anew; two at a time are refused")
    func resumed() throws {
        let limits = BudgetLimits(calls: 5, tokens: 1000)
        let killed = try Budget(limits, path: self.path)
        #expect(killed.resumed == nil)
        _ = killed.admit(estimate: 100)
        #expect(throws: BudgetProblem.self) { try Budget(limits, path: self.path) }
        killed.close(hasEnded: false)

        let next = try Budget(limits, path: self.path)
        #expect(next.resumed?.calls == 1)
        #expect(next.resumed?.tokens == 100)
        next.close(hasEnded: false)
        let other = try Budget(BudgetLimits(calls: 6), path: self.path)
        #expect(other.resumed == nil)
        _ = other.admit(estimate: 1)
        other.close(hasEnded: true)
        let last = try Budget(BudgetLimits(calls: 6), path: self.path)
        #expect(last.spent == (0, 0))
        last.close(hasEnded: true)
        #expect(!FileManager.default.fileExists(atPath: self.path))
    }
}
