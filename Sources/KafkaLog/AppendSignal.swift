// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Wakes those who wait for an append: librdkafka's threads raise it when a reader's queue fills.
///
/// `@unchecked Sendable`: `NSCondition` is made for many threads, and the counter changes only under its lock.
final class AppendSignal: @unchecked Sendable {
    private let condition = NSCondition()
    private var raised: UInt64 = 0

    func raise() {
        self.condition.lock()
        self.raised &+= 1
        self.condition.broadcast()
        self.condition.unlock()
    }

    /// Waits for the next raise, or a time.
    func wait(milliseconds: Int) {
        let deadline = Date(timeIntervalSinceNow: Double(max(0, milliseconds)) / 1000)
        self.condition.lock()
        let before = self.raised
        while self.raised == before, self.condition.wait(until: deadline) {}
        self.condition.unlock()
    }
}
