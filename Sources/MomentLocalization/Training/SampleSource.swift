// SPDX-License-Identifier: Apache-2.0

internal import Shards
internal import Training

/// Where the samples of each step come from.
protocol SampleSource: AnyObject {
    /// Makes ready for a step: enters its segment, and waits for shards that a plan names.
    /// - Returns: the segment, where one begins; `nil` within one.
    func enter(step: Int) throws -> Segment?
    /// The samples of a step.
    func queries(step: Int) -> [MomentQuery]
    /// The segments so far.
    var plan: [Segment] { get }
    /// The hashes of the shards of the last segment's prefix.
    var shards: [String] { get }
    /// The samples that can be used, of that prefix.
    var usable: Int { get }
}

/// A data set that is all there, trained on in epochs.
final class FixedSource: SampleSource {
    private let samples: [MomentQuery]
    private let options: TrainingOptions

    init(_ samples: [MomentQuery], options: TrainingOptions) {
        self.samples = samples
        self.options = options
    }

    let plan: [Segment] = []
    let shards: [String] = []
    var usable: Int { self.samples.count }

    func enter(step: Int) -> Segment? { nil }

    func queries(step: Int) -> [MomentQuery] {
        let order = EpochDraw(seed: self.options.seed, count: self.samples.count)
        return (0..<self.options.batchSize).map { slot in
            self.samples[order.sample(step * self.options.batchSize + slot)]
        }
    }
}

/// Shards as they land.
final class ShardSource: SampleSource {
    /// How to wait for shards.
    struct Waiting {
        /// Whether to wait for the first samples at all.
        var isAllowed: Bool
        /// Pauses a little; `false` ends the wait.
        var pause: () -> Bool
        /// Hears of each shard.
        var onSight: (SampleIndex.Sight) -> Void
    }

    /// What a wait ends with when it is ended from outside.
    struct Stopped: Error {}

    let index: SampleIndex
    private let journal: PlanJournal
    private let followed: [Segment]
    private let options: TrainingOptions
    private let waiting: Waiting
    private var draw: SegmentDraw?
    private var current: Segment?

    /// - Parameter followed: another run's segments, to be repeated before this run decides its own.
    init(
        index: SampleIndex, journal: PlanJournal, followed: [Segment], options: TrainingOptions, waiting: Waiting
    ) throws {
        self.index = index
        self.journal = journal
        self.followed = followed
        self.options = options
        self.waiting = waiting
        let common = min(followed.count, journal.segments.count)
        guard followed.prefix(common) == journal.segments.prefix(common) else {
            throw TrainingError(
                .checkpoint, "the plan to follow differs from what this run has done already; name another folder")
        }
    }

    var plan: [Segment] { self.journal.segments }
    var shards: [String] { self.index.shards.prefix(self.current?.shards ?? 0).map(\.sha256) }
    var usable: Int { self.current.map { self.index.prefix($0.shards).usable } ?? 0 }

    /// Looks for new shards; does not wait.
    func look() throws { for sight in try self.index.refresh() { self.waiting.onSight(sight) } }

    func enter(step: Int) throws -> Segment? {
        if let current = self.current, step >= current.firstStep, step < current.endStep { return nil }
        try self.look()
        let segment: Segment
        if let known = self.journal.segments.first(where: { step >= $0.firstStep && step < $0.endStep }) {
            segment = known
            try self.await(segment)
        } else {
            segment = try self.decide(step: step)
            try self.await(segment)
            try self.journal.append(segment)
        }
        let usable = self.index.prefix(segment.shards).usable
        let before =
            segment.segment == 0 ? 0 : self.index.prefix(self.journal.segments[segment.segment - 1].shards).usable
        guard usable > 0 else {
            throw TrainingError(
                .noSamples, "none of the \(segment.samples) samples of segment \(segment.segment) can be used here")
        }
        self.draw = SegmentDraw(
            seed: self.options.seed, segment: segment.segment, old: before, new: usable - before,
            newShare: self.options.newShare)
        self.current = segment
        return segment
    }

    /// The next segment: the followed plan's, or one over all that has been committed.
    private func decide(step: Int) throws -> Segment {
        let number = self.journal.segments.count
        if number < self.followed.count { return self.followed[number] }
        while self.index.queries.isEmpty {
            guard self.waiting.isAllowed else { throw self.nothing }
            try self.waitForMore()
        }
        let shards = self.index.shards.count
        let prefix = self.index.prefix(shards)
        return Segment(
            segment: number, firstStep: step, steps: min(self.options.segmentSteps, self.options.steps - step),
            shards: shards, samples: prefix.samples, digest: prefix.digest)
    }

    private var nothing: TrainingError {
        let skipped = self.index.skipped
        return TrainingError(
            .noSamples,
            "there is nothing to train on: \(self.index.shards.count) shards are committed, and no sample of theirs can be "
                + "used" + (skipped.isEmpty ? "" : " (" + SampleIndex.Skip.words(skipped) + ")")
                + "; run the topology first, check --features, or wait for samples with --wait")
    }

    /// Waits until the shards of a segment are there, and checks that they are the same.
    private func `await`(_ segment: Segment) throws {
        while self.index.shards.count < segment.shards {
            guard self.waiting.isAllowed else {
                throw TrainingError(
                    .noSamples,
                    "the plan's segment \(segment.segment) looks at \(segment.shards) shards, and \(self.index.shards.count) "
                        + "are committed; add --wait, or name the log that the plan was made on")
            }
            try self.waitForMore()
        }
        guard self.index.prefix(segment.shards).digest == segment.digest else {
            throw TrainingError(
                .checkpoint,
                "the first \(segment.shards) shards are not those that segment \(segment.segment) was planned on; name the "
                    + "shards of that run, or start another folder")
        }
    }

    private func waitForMore() throws {
        guard self.waiting.pause() else { throw Stopped() }
        try self.look()
    }

    func queries(step: Int) -> [MomentQuery] {
        guard let draw = self.draw, let segment = self.current else {
            preconditionFailure("a segment is entered before its samples are drawn")
        }
        return (0..<self.options.batchSize).map { slot in
            self.index.queries[draw.sample((step - segment.firstStep) * self.options.batchSize + slot)]
        }
    }
}
