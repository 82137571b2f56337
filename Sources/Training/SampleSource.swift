// SPDX-License-Identifier: Apache-2.0

/// The order that a network wants its samples in.
public enum SampleOrder: Hashable, Sendable {
    /// Each by itself, in random order.
    case singles
    /// Whole sequences, in random order, each from its first sample to its last: every slot of the batch walks through
    /// one, then through the next. What the network remembers of a slot ends where a sequence begins.
    case sequences
}

/// A sample at its place in a step's batch.
public struct Draw<Sample> {
    /// The sample.
    public var sample: Sample
    /// Its place in the batch.
    public var slot: Int
    /// Tells whether a sequence begins with it; always so for samples by themselves.
    public var beginsSequence: Bool

    /// Describes a draw.
    public init(_ sample: Sample, slot: Int, beginsSequence: Bool = true) {
        self.sample = sample
        self.slot = slot
        self.beginsSequence = beginsSequence
    }
}

extension Draw: Sendable where Sample: Sendable {}

/// A source of the samples of each step.
public protocol SampleSource<Sample>: AnyObject {
    /// A value that a network trains on.
    associatedtype Sample

    /// The order that the samples come in.
    var order: SampleOrder { get }
    /// Makes ready for a step: enters its segment, and waits for shards that a plan names.
    /// - Returns: the segment, where one begins; `nil` within one.
    func enter(step: Int) throws -> Segment?
    /// The samples of a step, which follow from the options, the data and the plan. Steps in order cost least.
    func draws(step: Int) throws -> [Draw<Sample>]
    /// Tells whether the samples of a step can be drawn before it is entered: no segment begins with it.
    func isOpen(_ step: Int) -> Bool
    /// The segments so far.
    var plan: [Segment] { get }
    /// The hashes of the shards of the last segment's prefix.
    var shards: [String] { get }
    /// The samples that can be used, of that prefix.
    var usable: Int { get }
}

extension SampleSource {
    /// Always: a source without segments.
    public func isOpen(_ step: Int) -> Bool { true }
}

/// The end of a wait for samples that is ended from outside.
struct WaitStopped: Error {}

/// A data set that is all there, trained on in epochs.
public final class FixedSource<Sample>: SampleSource {
    private let samples: [Sample]
    private let options: TrainingOptions

    /// Draws from samples.
    /// - Precondition: there is one.
    public init(_ samples: [Sample], options: TrainingOptions) {
        precondition(!samples.isEmpty, "a sample to train on")
        self.samples = samples
        self.options = options
    }

    /// Each by itself.
    public let order = SampleOrder.singles
    /// None.
    public let plan: [Segment] = []
    /// None.
    public let shards: [String] = []
    /// The samples.
    public var usable: Int { self.samples.count }

    /// There is nothing to enter.
    public func enter(step: Int) -> Segment? { nil }

    /// The samples of a step.
    public func draws(step: Int) -> [Draw<Sample>] {
        let order = EpochDraw(seed: self.options.seed, count: self.samples.count)
        return (0..<self.options.batchSize).map { slot in
            Draw(self.samples[order.sample(step * self.options.batchSize + slot)], slot: slot)
        }
    }
}

/// Whole sequences that are all there, walked through slot by slot.
public final class SequenceSource<Sample>: SampleSource {
    private let sequences: [[Sample]]
    private let options: TrainingOptions
    private var walk: SequenceWalk<Int>

    /// Draws from sequences.
    /// - Precondition: there is one, and none is empty.
    public init(_ sequences: [[Sample]], options: TrainingOptions) {
        precondition(!sequences.isEmpty && sequences.allSatisfy { !$0.isEmpty }, "sequences of samples")
        self.sequences = sequences
        self.options = options
        self.walk = SequenceWalk(slots: options.batchSize)
    }

    /// Whole sequences.
    public let order = SampleOrder.sequences
    /// None.
    public let plan: [Segment] = []
    /// None.
    public let shards: [String] = []
    /// The samples of all sequences.
    public var usable: Int { self.sequences.reduce(0) { $0 + $1.count } }

    /// There is nothing to enter.
    public func enter(step: Int) -> Segment? { nil }

    /// The samples of a step.
    public func draws(step: Int) -> [Draw<Sample>] {
        let order = EpochDraw(seed: self.options.seed, count: self.sequences.count)
        if step < self.walk.step { self.walk = SequenceWalk(slots: self.options.batchSize) }
        self.walk.walk(to: step) { draw in
            let sequence = order.sample(draw)
            return (sequence, self.sequences[sequence].count)
        }
        return self.walk.stands.enumerated().map { slot, stand in
            Draw(
                self.sequences[stand.sequence][step - stand.firstStep], slot: slot,
                beginsSequence: step == stand.firstStep)
        }
    }
}
