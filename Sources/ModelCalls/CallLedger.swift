// SPDX-License-Identifier: Apache-2.0

import ModelAnswerCache
import ModelRequests
import ModelServers
import Synchronization

/// Keeps the account of a server's calls: takes each from the budget before it is sent, and notes in the journal that
/// it is under way. Those of the client's own, probes and witnesses, cost as much as others.
final class CallLedger: Sendable {
    private let budget: Budget?
    private let journal: CallJournal
    private let halting: RunHalt
    /// The requests that are being asked, by their keys.
    private let asking = Mutex<[String: CallRecord]>([:])

    init(budget: Budget?, journal: CallJournal, halting: RunHalt) {
        self.budget = budget
        self.journal = journal
        self.halting = halting
    }

    /// The meter that the client asks before each call.
    var meter: CallMeter { CallMeter { [self] request in await self.admit(request) } }

    // MARK: Requests

    /// A request is about to be asked; what its calls come to is noted in the record.
    func begin(_ key: CacheKey, _ record: CallRecord) { self.asking.withLock { $0[key.description] = record } }

    /// A request has failed for good, or was given up.
    func failed(_ key: CacheKey, isCancelled: Bool) {
        // A call that was cancelled may have been answered: it stays in the journal until it is made again.
        if !isCancelled { self.journal.end(key) }
        self.asking.withLock { $0.removeValue(forKey: key.description) }?.settle()
    }

    /// A request's answer is stored.
    func stored(_ key: CacheKey) {
        self.journal.end(key)
        self.asking.withLock { $0.removeValue(forKey: key.description) }?.settle()
    }

    // MARK: Calls

    private func admit(_ request: ChatRequest) async -> CallMeter.Receipt? {
        let record = self.asking.withLock { $0[request.key] }
        // Asked again, it had an answer that was no good.
        record?.settle()
        guard let ticket = await self.place(for: request) else { return nil }
        if let record, let key = try? CacheKey(request.key) {
            let isRepeated = self.journal.begin(key)
            record.change { if isRepeated { $0.isDuplicate = true } }
        }
        return { outcome in self.ended(outcome, request, ticket, record) }
    }

    /// Takes what a call may cost from the budget, or waits for the end of the run.
    private func place(for request: ChatRequest) async -> Budget.Ticket? {
        guard let budget else { return Budget.Ticket(tokens: 0) }
        switch await budget.admit(estimate: Self.estimate(of: request)) {
        case .granted(let ticket): return ticket
        case .cancelled: return nil
        case .spent(let message):
            self.halting.halt(.budgetSpent(message))
            await RunHalt.untilCancelled()
            return nil
        }
    }

    private func ended(
        _ outcome: Result<ChatAnswer, ChatFailure>, _ request: ChatRequest, _ ticket: Budget.Ticket,
        _ record: CallRecord?
    ) {
        guard let budget else { return }
        switch outcome {
        case .success(let answer):
            let tokens = Self.tokens(of: answer, to: request)
            let settlement: @Sendable () -> Void = { budget.settle(ticket, tokens: tokens) }
            // Given back once the answer is stored: the run may end when nothing is left and nothing under way.
            if let record { record.settleLater(settlement) } else { settlement() }
        case .failure(.server(kind: .refused, _)): budget.giveBack(ticket)
        case .failure(.server(kind: .timeout, _)), .failure(.server(kind: .disconnected, _)),
            .failure(.server(kind: .badAnswer, _)), .failure(.cancelled):
            // It may have been answered at a cost: what was held for it counts.
            budget.settle(ticket, tokens: nil)
        case .failure: budget.settle(ticket, tokens: 0)
        }
    }

    /// Estimates a request's cost if nothing better is known: four bytes a token, `MessageImage.estimatedTokens`
    /// an image, and all the tokens it may be answered.
    static func estimate(of request: ChatRequest) -> Int {
        request.promptBytes / ChatRequest.bytesPerToken + (request.maxTokens ?? 0)
    }

    private static func tokens(of answer: ChatAnswer, to request: ChatRequest) -> Int {
        (answer.promptTokens ?? request.promptBytes / ChatRequest.bytesPerToken)
            + (answer.completionTokens ?? answer.written.utf8.count / ChatRequest.bytesPerToken)
    }
}

/// Knowledge of a request's calls while it is under way. Those who share an answer each have one; only the one that
/// makes the calls has it filled.
final class CallRecord: Sendable {
    private struct State {
        var isOwn = false
        var call: ModelCall?
        var settlements: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// Tells whether this request's own asking led to what came of it, and not another's that it shared.
    var isOwn: Bool { self.state.withLock { $0.isOwn } }

    /// The request is asked for this record's owner.
    func begin() { self.state.withLock { $0.isOwn = true } }

    /// The call, if one was made.
    var value: ModelCall? { self.state.withLock { $0.call } }

    func change(_ body: (inout ModelCall) -> Void) {
        self.state.withLock { state in
            var changed = state.call ?? ModelCall()
            body(&changed)
            state.call = changed
        }
    }

    /// Keeps what is given back for an answer once that is stored: its part of the budget, its place at the server. One
    /// that cannot be stored ends the run.
    func settleLater(_ settlement: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.settlements.append(settlement) }
    }

    /// Gives back what was held for the last answer, if that has not been done.
    func settle() {
        let settlements = self.state.withLock { state in
            defer { state.settlements = [] }
            return state.settlements
        }
        for settlement in settlements { settlement() }
    }
}
