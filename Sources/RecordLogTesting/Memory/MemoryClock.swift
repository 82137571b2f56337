// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Records
import Synchronization

/// Real time, for storages that wait.
enum MemoryClock {
    /// A waiter, which is told of each change once, whatever others have been told.
    enum Waiter: Hashable {
        case thread(UInt)
        case member(String)

        /// The calling thread.
        static var callingThread: Waiter { .thread(UInt(pthread_self())) }
    }

    /// The system's clock, in milliseconds since 1970.
    static func systemMilliseconds() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Waits until the storage has changed since this waiter's last return, or a time has passed.
    static func wait(_ timeoutMilliseconds: Int, on storage: MemoryLog.Storage, for waiter: Waiter) {
        let sleeper = DispatchSemaphore(value: 0)
        let mayReturn = storage.state.withLock { state in
            if state.seen[waiter] != state.changes {
                state.seen[waiter] = state.changes
                return true
            }
            state.sleepers.append(sleeper)
            return false
        }
        if mayReturn { return }
        _ = sleeper.wait(timeout: .now() + .milliseconds(max(0, timeoutMilliseconds)))
        storage.state.withLock { state in
            state.sleepers.removeAll { $0 === sleeper }
            state.seen[waiter] = state.changes
        }
    }
}
