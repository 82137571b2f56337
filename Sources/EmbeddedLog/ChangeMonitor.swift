// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GRDB
import Synchronization

/// Tells waiting threads that someone has committed something to the file, in this process or another.
///
/// `PRAGMA data_version` on a connection that never writes changes with every commit of any other connection. Commits
/// of this process wake the waiters at once; those of other processes are seen at the next look, every 10 ms.
final class ChangeMonitor: Sendable {
    /// A waiter, which is told of each change once, whatever others have been told.
    enum Waiter: Hashable {
        case thread(UInt)
        case member(String)
    }

    private struct State {
        var dataVersion: Int64 = -1
        var generation: UInt64 = 0
        var lookedAt: ContinuousClock.Instant?
        var seen: [Waiter: UInt64] = [:]
        var sleepers: [DispatchSemaphore] = []
        var signals: UInt64 = 0
        var isClosed = false
    }

    private static let lookIntervalMilliseconds = 10
    private let connection: DatabaseQueue
    private let state = Mutex(State())

    /// Opens a connection of its own to a file that exists.
    init(path: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(1)
        configuration.label = "EmbeddedLog.monitor"
        self.connection = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Wakes those who wait.
    func signal() {
        let sleepers = self.state.withLock { state in
            state.lookedAt = nil
            state.signals += 1
            defer { state.sleepers = [] }
            return state.sleepers
        }
        for sleeper in sleepers { sleeper.signal() }
    }

    /// Returns once something has been committed since this waiter's last return, or a time has passed.
    ///
    /// A waiter's first wait returns at once: what was committed before it came is news to it.
    func wait(_ waiter: Waiter, timeoutMilliseconds: Int) {
        let deadline = ContinuousClock.now + .milliseconds(max(0, timeoutMilliseconds))
        while true {
            let signals = self.state.withLock { $0.signals }
            if self.isNews(for: waiter) { return }
            let now = ContinuousClock.now
            if now >= deadline { return }
            let sleeper = DispatchSemaphore(value: 0)
            let maySleep = self.state.withLock { state in
                // A signal since the look would not find this sleeper.
                guard state.signals == signals else { return false }
                state.sleepers.append(sleeper)
                return true
            }
            if !maySleep { continue }
            let slice = DispatchTimeInterval.milliseconds(Self.lookIntervalMilliseconds)
            let rest = (deadline - now).components
            let restNanoseconds = rest.seconds > 0 ? Int.max : Int(rest.attoseconds / 1_000_000_000)
            let limit = min(DispatchTime.now() + slice, DispatchTime.now() + .nanoseconds(restNanoseconds))
            if sleeper.wait(timeout: limit) == .timedOut {
                self.state.withLock { state in state.sleepers.removeAll { $0 === sleeper } }
            }
        }
    }

    /// Forgets a waiter that will not come again.
    func forget(_ waiter: Waiter) {
        self.state.withLock { state in _ = state.seen.removeValue(forKey: waiter) }
    }

    /// Releases the connection and ends all waiting.
    func close() {
        self.state.withLock { state in state.isClosed = true }
        self.signal()
        try? self.connection.close()
    }

    /// The calling thread as a waiter.
    static var callingThread: Waiter { .thread(UInt(pthread_self())) }

    private func isNews(for waiter: Waiter) -> Bool {
        self.look()
        return self.state.withLock { state in
            if state.isClosed { return true }
            if state.seen[waiter] == state.generation { return false }
            // Threads come and go without saying so; forgetting all costs each of them one needless look.
            if state.seen.count > 4096 { state.seen = [:] }
            state.seen[waiter] = state.generation
            return true
        }
    }

    /// Reads the version, unless someone has just done so.
    private func look() {
        let now = ContinuousClock.now
        let isFresh = self.state.withLock { state in
            if state.isClosed { return true }
            if let last = state.lookedAt, now - last < .milliseconds(Self.lookIntervalMilliseconds / 2) { return true }
            state.lookedAt = now
            return false
        }
        if isFresh { return }
        // An error here is one that the next read meets too, and reports.
        let version = try? self.connection.unsafeRead { db in
            try Int64.fetchOne(db.cachedStatement(sql: "PRAGMA data_version"))
        }
        self.state.withLock { state in
            if let version, version != state.dataVersion {
                state.dataVersion = version
                state.generation += 1
            }
        }
    }
}
