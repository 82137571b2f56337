// SPDX-License-Identifier: Apache-2.0

/// Counts input records that end as dead letters in a row: a few are the data's fault, a hundred are the topology's.
struct DeadLetterLimit {
    let max: Int
    private(set) var inARow = 0

    init(max: Int) { self.max = max }

    /// Takes an input record.
    /// - Returns: whether the limit is reached.
    mutating func take(isDeadLetter: Bool) -> Bool {
        self.inARow = isDeadLetter ? self.inARow + 1 : 0
        return self.inARow >= self.max
    }
}
