// SPDX-License-Identifier: Apache-2.0

import Records
import Synchronization

/// Wakes those who wait for an append: librdkafka's threads raise it when a reader's queue fills.
final class AppendSignal: Sendable {
    private let condition = SteadyCondition()
    // Changes with the condition locked.
    private let raised = Atomic<UInt64>(0)

    func raise() {
        self.condition.withLock {
            self.raised.wrappingAdd(1, ordering: .relaxed)
            self.condition.broadcast()
        }
    }

    /// Waits for the next raise, or a time.
    func wait(milliseconds: Int) {
        let deadline = SteadyClock.now + Timestamp(max(0, milliseconds))
        self.condition.withLock {
            let before = self.raised.load(ordering: .relaxed)
            while self.raised.load(ordering: .relaxed) == before, self.condition.wait(until: deadline) {}
        }
    }
}
