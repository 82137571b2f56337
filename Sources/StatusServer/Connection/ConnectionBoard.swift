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

/// The place where connections and answers are counted.
final class ConnectionBoard: Sendable {
    private let state = Mutex(ServerCounts())
    private let observe: @Sendable (ServerEvent) -> Void

    /// - Parameter observe: is told of everything that is counted.
    init(observe: @escaping @Sendable (ServerEvent) -> Void = { _ in }) { self.observe = observe }

    var counts: ServerCounts { self.state.withLock { $0 } }

    /// - Returns: false where there are as many as may be; then it is not counted.
    func enter(max: Int) -> Bool {
        let hasRoom = self.state.withLock { state in
            guard state.connections < max else { return false }
            state.connections += 1
            return true
        }
        if hasRoom { self.observe(.connected) }
        return hasRoom
    }

    func leave() {
        self.state.withLock { $0.connections -= 1 }
        self.observe(.disconnected)
    }

    func answered(_ route: ServerEvent.Route, status: Int) {
        self.state.withLock { $0.answered += 1 }
        self.observe(.answered(route, status: status))
    }

    func refused(_ refusal: Refusal, _ route: ServerEvent.Route = .none) {
        self.state.withLock { $0.refused[refusal.status, default: 0] += 1 }
        self.observe(.refused(reason: refusal.reason.rawValue))
        self.observe(.answered(route, status: refusal.status))
    }

    func listens() { self.observe(.listens) }

    func leaves() { self.observe(.leaves) }

    func stalled() {
        self.state.withLock { $0.stalled += 1 }
        self.observe(.cut)
    }
}
