// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The calls that a step's conversations under way may yet make, the fewest and the most, by what each says of itself.
final class CallForecast: Sendable {
    private let sum = Mutex((fewest: 0, most: 0))

    /// The sums over the conversations.
    var range: ClosedRange<Int> { self.sum.withLock { min($0.fewest, $0.most)...$0.most } }

    /// A conversation has more or less to come than it said before.
    func change(from old: ClosedRange<Int>, to new: ClosedRange<Int>) {
        if old == new { return }
        self.sum.withLock { sum in
            sum.fewest += new.lowerBound - old.lowerBound
            sum.most += new.upperBound - old.upperBound
        }
    }
}
