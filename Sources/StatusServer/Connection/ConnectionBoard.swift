// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts of a server, since its start.
public struct ServerCounts: Sendable, Equatable {
    /// Open connections.
    public var connections = 0
    /// Requests that were answered.
    public var answered = 0
    /// Refusals by status.
    public var refused: [Int: Int] = [:]
    /// Clients that were dropped because they did not take what was sent.
    public var stalled = 0
}

/// The place where connections are counted.
final class ConnectionBoard: Sendable {
    private let state = Mutex(ServerCounts())

    var counts: ServerCounts { self.state.withLock { $0 } }

    /// - Returns: false where there are as many as may be; then it is not counted.
    func enter(max: Int) -> Bool {
        self.state.withLock { state in
            guard state.connections < max else { return false }
            state.connections += 1
            return true
        }
    }

    func leave() { self.state.withLock { $0.connections -= 1 } }

    func answered() { self.state.withLock { $0.answered += 1 } }

    func refused(_ refusal: Refusal) { self.state.withLock { $0.refused[refusal.status, default: 0] += 1 } }

    func stalled() { self.state.withLock { $0.stalled += 1 } }
}
