// SPDX-License-Identifier: Apache-2.0

/// The draws of whole sequences along the segments of a plan: a function of the plan, the sequences of its prefixes and
/// the options. A slot that is within a sequence where a segment ends goes on with it in the next.
struct SequencePlan {
    private let options: TrainingOptions
    private var walk: SequenceWalk<[Int32]>
    /// The segment that is drawn from, and what it has.
    private var current: (segment: Segment, stock: SequenceStock, draw: SegmentDraw)?

    init(options: TrainingOptions) {
        self.options = options
        self.walk = SequenceWalk(slots: options.batchSize)
    }

    /// The step that the slots stand at.
    var step: Int { self.walk.step }

    /// Enters a segment of a plan, walking through those before it.
    /// - Throws: `TrainingError.Code.noSamples` where it has no sequence.
    mutating func enter(_ number: Int, of plan: [Segment], _ index: SequenceIndex) throws(TrainingError) {
        let first = self.current.map { $0.segment.segment + 1 } ?? 0
        guard first <= number else { return }
        for segment in plan[first...number] {
            if let current { self.walk(to: current.segment.endStep - 1, index) }
            let stock = self.stock(of: segment, index)
            guard stock.count > 0 else {
                throw TrainingError(
                    .noSamples,
                    "no sequence of the \(segment.samples) samples of segment \(segment.segment) can be used here; "
                        + "name another set with --shards, or another plan with --plan")
            }
            let old = self.current.map { $0.stock == stock ? stock.count : $0.stock.wholeCount } ?? 0
            let draw = SegmentDraw(
                seed: self.options.seed, segment: segment.segment, old: old, new: stock.count - old,
                newShare: self.options.newShare)
            self.current = (segment, stock, draw)
            self.walk.beginStock()
        }
    }

    private func stock(of segment: Segment, _ index: SequenceIndex) -> SequenceStock {
        if let current, current.segment.shards == segment.shards, current.segment.isFinished == segment.isFinished {
            return current.stock
        }
        return index.stock(shards: segment.shards, isFinished: segment.isFinished == true)
    }

    private mutating func walk(to step: Int, _ index: SequenceIndex) {
        guard let current else { preconditionFailure("a segment is entered before its sequences are drawn") }
        self.walk.walk(to: step) { draw in
            let samples = index.samples(of: current.draw.sample(draw), in: current.stock)
            return (samples, samples.count)
        }
    }

    /// The samples of a step of the segment, one a slot.
    mutating func samples(step: Int, _ index: SequenceIndex) -> [(number: Int, beginsSequence: Bool)] {
        self.walk(to: step, index)
        return self.walk.stands.map { stand in
            (Int(stand.sequence[step - stand.firstStep]), step == stand.firstStep)
        }
    }
}
