// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import RecordLog
import Synchronization

/// Owns a librdkafka client and destroys it once it is closed and nobody is inside a call on it.
///
/// Closing may come from any thread, even from inside a callback of the client's: the last to leave destroys it.
///
/// `@unchecked Sendable`: the pointer is constant, librdkafka documents its clients as safe to use from any thread, and
/// what changes is behind the mutex.
final class Client: @unchecked Sendable {
    private struct State: Sendable {
        var users = 0
        var isClosed = false
    }

    private let pointer: OpaquePointer
    private let state = Mutex(State())
    private let destroy: @Sendable (Client, OpaquePointer) -> Void

    /// Takes over a client; `destroy` runs once.
    init(
        owning pointer: OpaquePointer,
        destroy: @escaping @Sendable (Client, OpaquePointer) -> Void = { rd_kafka_destroy($1) }
    ) {
        self.pointer = pointer
        self.destroy = destroy
    }

    deinit {
        let isClosed = self.state.withLock { $0.isClosed }
        if !isClosed { self.destroy(self, self.pointer) }
    }

    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// Lends the client, which lives until the body returns.
    func use<Result>(_ body: (OpaquePointer) throws(LogError) -> Result) throws(LogError) -> Result {
        let isOpen = self.state.withLock { state in
            if !state.isClosed { state.users += 1 }
            return !state.isClosed
        }
        guard isOpen else { throw .logClosed }
        defer {
            let isLast = self.state.withLock { state in
                state.users -= 1
                return state.isClosed && state.users == 0
            }
            if isLast { self.destroy(self, self.pointer) }
        }
        return try body(self.pointer)
    }

    /// Refuses further use, and destroys the client now or when its last user leaves.
    func close() {
        let isLast = self.state.withLock { state in
            if state.isClosed { return false }
            state.isClosed = true
            return state.users == 0
        }
        if isLast { self.destroy(self, self.pointer) }
    }
}
