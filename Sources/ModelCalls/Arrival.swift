// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value that arrives once, and that many wait for; whoever is cancelled waits no longer.
final class Arrival<Value: Sendable>: Sendable {
    private typealias Waiter = CheckedContinuation<Value?, Never>

    private struct State: Sendable {
        /// The value, once it is known; `nil` in it: there will be none.
        var value: Value??
        var waiters: [Int: Waiter] = [:]
        var lastWaiter = 0
    }

    private let state = Mutex(State())

    /// Tells those who wait, and those who come later; the first value counts.
    func come(_ value: Value?) {
        let waiters = self.state.withLock { state in
            guard state.value == nil else { return [Waiter]() }
            state.value = .some(value)
            defer { state.waiters.removeAll() }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    /// The value; `nil` where there is none, or the task is cancelled before it comes.
    func value() async -> Value? {
        let number = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: Waiter) in
                let known: Value?? = self.state.withLock { state in
                    if let value = state.value { return .some(value) }
                    // The handler below either finds the waiter, or has run before and is seen here.
                    if Task.isCancelled { return .some(nil) }
                    state.waiters[number] = waiter
                    return nil
                }
                if let known { waiter.resume(returning: known) }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(returning: nil)
        }
    }
}
