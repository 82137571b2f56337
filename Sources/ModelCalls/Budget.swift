// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records
import Synchronization

/// Limits on what may be spent on models in a run.
public struct BudgetLimits: Hashable, Sendable {
    /// Calls that are sent, whatever for: retries, repairs, probes and witnesses count too; `nil` is without limit.
    public var calls: Int?
    /// Tokens of prompts and answers; `nil` is without limit.
    public var tokens: Int?

    /// Creates limits.
    public init(calls: Int? = nil, tokens: Int? = nil) {
        self.calls = calls
        self.tokens = tokens
    }
}

/// The budget of a run, over all its partitions and servers, and what has been spent of it.
///
/// Nothing is spent before it is written to the file: a call takes its place, and the most tokens that it may cost,
/// before it is made, and gives back what it did not need. A run that is killed or stopped leaves the file, and the
/// next one with the same limits goes on with what is left; one that ends, because all is done or the budget is spent,
/// removes it. Written by `pwrite`, it survives the process; a machine that loses its power may forget the last calls.
public final class Budget: Sendable {
    /// A call's place.
    struct Ticket: Hashable, Sendable {
        /// The tokens held for it.
        let tokens: Int
    }

    enum Admission: Hashable, Sendable {
        case granted(Ticket)
        /// There is nothing left, and nothing will be given back.
        case spent(String)
        /// The task was cancelled while it waited for calls under way.
        case cancelled
    }

    /// A call that waits for what those under way give back.
    private struct Waiter: Sendable {
        let number: Int
        let estimate: Int
        let continuation: CheckedContinuation<Admission, Never>
    }

    private struct State: Sendable {
        var calls = 0
        /// Tokens spent, and those held for calls under way.
        var tokens = 0
        var inFlight = 0
        var descriptor: Int32
        /// In the order in which they came.
        var waiters: [Waiter] = []
        var lastWaiter = 0
    }

    private let limits: BudgetLimits
    private let path: String
    private let state: Mutex<State>
    /// The amount already spent by an earlier run that this one continues; `nil` if it begins anew.
    public let resumed: (calls: Int, tokens: Int)?

    /// Opens a budget's file, or creates it.
    ///
    /// - Parameter path: the file that spending is written to.
    /// - Throws: `BudgetProblem` if another process spends it already, or the file cannot be written.
    public init(_ limits: BudgetLimits, path: String) throws(BudgetProblem) {
        self.limits = limits
        self.path = path
        let descriptor: Int32
        do throws(FileFailure) {
            try Folder.create(URL(fileURLWithPath: path).deletingLastPathComponent().path, isPrivate: true)
            descriptor = try OwnFile.open(path, O_RDWR | O_CREAT)
        } catch {
            throw BudgetProblem("the budget's file cannot be used: \(error.message)")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            Foundation.close(descriptor)
            throw BudgetProblem(
                "another process of this topology has a budget (\(path)); a budget is one process's: run this one without "
                    + "limits, or stop that one")
        }
        var state = State(descriptor: descriptor)
        if let before = try? Self.read(path), before.limits == limits {
            state.calls = before.calls
            state.tokens = before.tokens
            self.resumed = (before.calls, before.tokens)
        } else {
            self.resumed = nil
        }
        self.state = Mutex(state)
        self.state.withLock { self.write($0) }
    }

    /// The amount spent so far, including what is held for calls under way.
    public var spent: (calls: Int, tokens: Int) { self.state.withLock { ($0.calls, $0.tokens) } }

    /// Lets go of the file.
    /// - Parameter hasEnded: whether this budget is done with, so that the next run begins anew.
    public func close(hasEnded: Bool) {
        self.state.withLock { state in
            guard state.descriptor >= 0 else { return }
            if hasEnded { unlink(self.path) }
            Foundation.close(state.descriptor)
            state.descriptor = -1
        }
    }

    // MARK: Spending

    /// Takes a place for a call, waiting as long as calls under way may give back enough.
    /// - Parameter estimate: the most tokens that it may cost.
    func admit(estimate: Int) async -> Admission {
        let number = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let admission: Admission? = self.state.withLock { state in
                    // The handler below either finds the waiter, or has run before and is seen here.
                    if Task.isCancelled { return .cancelled }
                    if let admission = self.decide(estimate: estimate, &state) { return admission }
                    state.waiters.append(Waiter(number: number, estimate: estimate, continuation: continuation))
                    return nil
                }
                if let admission { continuation.resume(returning: admission) }
            }
        } onCancel: {
            let waiter = self.state.withLock { state in
                state.waiters.firstIndex { $0.number == number }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(returning: .cancelled)
        }
    }

    /// The calls that wait.
    var waiting: Int { self.state.withLock { $0.waiters.count } }

    /// A call has ended.
    /// - Parameter tokens: what it has cost; `nil` if that is not known and what was held for it counts.
    func settle(_ ticket: Ticket, tokens: Int?) {
        self.ended { state in
            if let tokens { state.tokens += tokens - ticket.tokens }
        }
    }

    /// A call was not made after all.
    func giveBack(_ ticket: Ticket) {
        self.ended { state in
            state.calls -= 1
            state.tokens -= ticket.tokens
        }
    }

    /// A call is no longer under way, which may let those in that wait for it.
    private func ended(_ change: (inout State) -> Void) {
        let decided = self.state.withLock { state in
            state.inFlight -= 1
            change(&state)
            self.write(state)
            return self.decideWaiters(&state)
        }
        for (continuation, admission) in decided { continuation.resume(returning: admission) }
    }

    private func decideWaiters(_ state: inout State) -> [(CheckedContinuation<Admission, Never>, Admission)] {
        var decided: [(CheckedContinuation<Admission, Never>, Admission)] = []
        var waiters: [Waiter] = []
        for waiter in state.waiters {
            if let admission = self.decide(estimate: waiter.estimate, &state) {
                decided.append((waiter.continuation, admission))
            } else {
                waiters.append(waiter)
            }
        }
        state.waiters = waiters
        return decided
    }

    /// Decides on a call; `nil` as long as those under way may give back enough.
    private func decide(estimate: Int, _ state: inout State) -> Admission? {
        if let problem = self.problem(state, estimate) { return state.inFlight > 0 ? nil : .spent(problem) }
        let ticket = Ticket(tokens: self.limits.tokens == nil ? 0 : estimate)
        state.calls += 1
        state.tokens += ticket.tokens
        state.inFlight += 1
        self.write(state)
        return .granted(ticket)
    }

    private func problem(_ state: State, _ estimate: Int) -> String? {
        if let calls = self.limits.calls, state.calls >= calls {
            return "the budget of \(calls) calls is spent, probes and retries among them"
        }
        if let tokens = self.limits.tokens, state.tokens + estimate > tokens {
            return "the budget of \(tokens) tokens is spent: \(state.tokens) are used, and the next call may take "
                + "\(estimate)"
        }
        return nil
    }

    // MARK: The file

    /// Longer than any content: later writes cover earlier ones.
    private static let fileBytes = 256

    private func write(_ state: State) {
        guard state.descriptor >= 0 else { return }
        var json = JSONWriter()
        json.beginObject()
        if let calls = self.limits.calls { json.field("max_calls", calls) }
        if let tokens = self.limits.tokens { json.field("max_tokens", tokens) }
        json.field("calls", state.calls)
        json.field("tokens", state.tokens)
        json.endObject()
        var bytes = json.bytes
        bytes += Bytes(repeating: 0x20, count: max(0, Self.fileBytes - 1 - bytes.count)) + [0x0a]
        _ = pwrite(state.descriptor, bytes, bytes.count, 0)
    }

    private struct Content {
        var limits: BudgetLimits
        var calls: Int
        var tokens: Int
    }

    private static func read(_ path: String) throws(FileFailure) -> Content? {
        guard let bytes = try OwnFile.contents(path, bytesMax: 1 << 16), let json = try? JSONValue(parsing: bytes),
            let calls = json["calls"]?.count, let tokens = json["tokens"]?.count
        else { return nil }
        let limits = BudgetLimits(calls: json["max_calls"]?.count, tokens: json["max_tokens"]?.count)
        return Content(limits: limits, calls: calls, tokens: tokens)
    }
}

/// The reason why a budget cannot be kept.
public struct BudgetProblem: Error, Hashable, Sendable {
    /// A description of what is wrong, and what to do about it.
    public var message: String

    init(_ message: String) { self.message = message }
}
