// SPDX-License-Identifier: Apache-2.0

/// The place in a sequence that each slot of a batch is at: a function of the sequences that are drawn, the number of
/// slots and the step.
///
/// Sequences are dealt one after another to the slots that are free: those of an earlier step first, then by the slot's
/// number. A slot starts its next sequence on the step after the last sample of the one before, whatever the others do.
struct SequenceWalk<Sequence> {
    /// The sequence that a slot is in, and the steps that it takes.
    struct Stand {
        var sequence: Sequence
        var firstStep: Int
        var length: Int
    }

    /// The stands of the slots; empty before the first step.
    private(set) var stands: [Stand] = []
    /// The step that the slots stand at; -1 before the first.
    private(set) var step = -1
    private let slots: Int
    private var drawn = 0

    init(slots: Int) {
        precondition(slots > 0, "a slot")
        self.slots = slots
    }

    /// Counts what is drawn from zero again: from here on another stock is drawn from.
    mutating func beginStock() { self.drawn = 0 }

    /// Walks on to a step. It walks over the sequences, not over their samples.
    /// - Parameter draw: the sequence of a draw, counted over the stock from zero, and its length, at least one.
    mutating func walk(to step: Int, draw: (Int) -> (sequence: Sequence, length: Int)) {
        precondition(step >= self.step, "a walk goes on")
        self.step = step
        while self.stands.count < self.slots { self.stands.append(self.next(firstStep: 0, draw)) }
        while let free = self.stands.lazy.map({ $0.firstStep + $0.length }).min(), free <= step {
            for slot in self.stands.indices where self.stands[slot].firstStep + self.stands[slot].length == free {
                self.stands[slot] = self.next(firstStep: free, draw)
            }
        }
    }

    private mutating func next(firstStep: Int, _ draw: (Int) -> (sequence: Sequence, length: Int)) -> Stand {
        let (sequence, length) = draw(self.drawn)
        precondition(length > 0, "a sequence of samples")
        self.drawn += 1
        return Stand(sequence: sequence, firstStep: firstStep, length: length)
    }
}
