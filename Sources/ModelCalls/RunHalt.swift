// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The reason why no more calls are made, and who is to be told of it; shared by all servers of a run.
final class RunHalt: Sendable {
    private struct State: Sendable {
        var reason: CompletionService.Halt?
        var listener: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// The first reason, if there is one.
    var reason: CompletionService.Halt? { self.state.withLock { $0.reason } }

    /// Has a closure called once when there is a reason; at once if there is one already.
    func listen(_ body: @escaping @Sendable () -> Void) {
        let isHalted = self.state.withLock { state in
            state.listener = body
            return state.reason != nil
        }
        if isHalted { body() }
    }

    /// Waits until the task is cancelled: nothing can be done for a request, and it is not its fault.
    static func untilCancelled() async {
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
    }

    /// Ends all calling; the first reason counts.
    func halt(_ reason: CompletionService.Halt) {
        let body = self.state.withLock { state -> (@Sendable () -> Void)? in
            guard state.reason == nil else { return nil }
            state.reason = reason
            return state.listener
        }
        body?()
    }
}
