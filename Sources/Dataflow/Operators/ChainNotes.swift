// SPDX-License-Identifier: Apache-2.0

/// Notes of the steps of a chain: counts, rejects and dead letters.
public struct ChainNotes: Sendable {
    /// Counts, by `step.reason`.
    public var counts: [String: Int] = [:]
    /// Records that could not be used or were rejected.
    public var letters: [Letter] = []

    /// Creates empty notes.
    public init() {}

    mutating func merge(_ notes: StepNotes, step: String) {
        for (reason, count) in notes.counts { self.counts["\(step).\(reason)", default: 0] += count }
        self.letters.append(contentsOf: notes.letters)
    }

    mutating func merge(_ notes: ChainNotes) {
        self.counts.merge(notes.counts, uniquingKeysWith: +)
        self.letters.append(contentsOf: notes.letters)
    }
}
