// SPDX-License-Identifier: Apache-2.0

/// The place in a sequence that each slot of a batch is at: a function of the seed, the sequences' lengths, the number
/// of slots and the step.
///
/// Sequences are dealt to the slots in turn, in the order of `EpochDraw`: a slot's n-th sequence is number
/// n · slots + slot of all that are drawn. A slot starts its next sequence on the step after the last sample of the one
/// before, whatever the others do.
struct SequenceWalk {
    /// A place in a sequence.
    struct Place: Hashable {
        var sequence: Int
        var index: Int
    }

    /// The sequence that a slot is in, how many it had before, and the step that it began at.
    private struct Stand {
        var turn = 0
        var firstStep = 0
    }

    private let order: EpochDraw
    private let lengths: [Int]
    private var stands: [Stand]

    init(seed: UInt64, lengths: [Int], slots: Int) {
        precondition(!lengths.isEmpty && lengths.allSatisfy { $0 > 0 } && slots > 0, "sequences of samples, and slots")
        self.order = EpochDraw(seed: seed, count: lengths.count)
        self.lengths = lengths
        self.stands = Array(repeating: Stand(), count: slots)
    }

    /// The place of each slot. Steps in order cost next to nothing; a step back, or far ahead, walks over the
    /// sequences, not over their samples.
    mutating func places(step: Int) -> [Place] {
        (0..<self.stands.count).map { slot in
            if step < self.stands[slot].firstStep { self.stands[slot] = Stand() }
            while true {
                let stand = self.stands[slot]
                let sequence = self.order.sample(stand.turn * self.stands.count + slot)
                let index = step - stand.firstStep
                if index < self.lengths[sequence] { return Place(sequence: sequence, index: index) }
                self.stands[slot] = Stand(turn: stand.turn + 1, firstStep: stand.firstStep + self.lengths[sequence])
            }
        }
    }
}
