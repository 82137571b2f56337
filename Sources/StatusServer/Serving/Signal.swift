// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// A value that a task sends once to a thread that waits for it; what is sent later is dropped.
final class Signal<Value: Sendable>: Sendable {
    private let value = Mutex<Result<Value, any Error>?>(nil)
    private let semaphore = DispatchSemaphore(value: 0)

    func send(_ new: Result<Value, any Error>) {
        let isFirst = self.value.withLock { value in
            guard value == nil else { return false }
            value = new
            return true
        }
        if isFirst { self.semaphore.signal() }
    }

    /// Waits for the value; for one thread.
    func wait() -> Result<Value, any Error> {
        while true {
            self.semaphore.wait()
            if let value = self.value.withLock({ $0 }) { return value }
        }
    }
}

/// The end of a task, for those who wait for it with a limit.
final class EndSignal: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func send() { self.semaphore.signal() }

    /// - Returns: false where the time is over first.
    func wait(for time: Duration) -> Bool {
        let nanoseconds = time.components.seconds * 1_000_000_000 + time.components.attoseconds / 1_000_000_000
        guard self.semaphore.wait(timeout: .now() + .nanoseconds(Int(nanoseconds))) == .success else { return false }
        self.semaphore.signal()
        return true
    }
}
