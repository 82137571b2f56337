// SPDX-License-Identifier: Apache-2.0

/// What the steps of a chain had to say.
public struct ChainNotes: Sendable {
    /// What was counted, by `step.reason`.
    public var counts: [String: Int] = [:]
    /// What could not be used or was rejected.
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
