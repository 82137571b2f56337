// SPDX-License-Identifier: Apache-2.0

import Shards

/// A way to wait for shards.
public struct ShardWaiting {
    /// Tells whether to wait for shards that are not there yet.
    public var isAllowed: Bool
    /// Pauses a little; `false` ends the run.
    public var pause: () -> Bool
    /// Hears of each shard when it is first seen.
    public var onSight: (ShardSight) -> Void

    /// Describes a way to wait.
    public init(isAllowed: Bool, pause: @escaping () -> Bool, onSight: @escaping (ShardSight) -> Void) {
        self.isAllowed = isAllowed
        self.pause = pause
        self.onSight = onSight
    }
}

/// The samples of shards as they land.
public final class ShardSource<Reader: SampleReading>: SampleSource {
    /// A value that it draws.
    public typealias Sample = Reader.Sample

    /// Each by itself: a sequence may go on in a shard that has yet to land.
    public let order = SampleOrder.singles
    /// The samples seen so far.
    public let index: SampleIndex<Reader>
    private let journal: PlanJournal
    private let followed: [Segment]
    private let options: TrainingOptions
    private let waiting: ShardWaiting
    private var draw: SegmentDraw?
    private var current: Segment?

    /// Prepares to draw; nothing is read yet but the journals.
    /// - Parameters:
    ///   - folder: the run's folder, where its journal is.
    ///   - plan: another run's journal, whose segments are repeated before this run decides its own.
    public init(
        _ index: SampleIndex<Reader>, folder: String, following plan: String? = nil, options: TrainingOptions,
        waiting: ShardWaiting
    ) throws(TrainingError) {
        let journal = try PlanJournal(folder: folder)
        var followed: [Segment] = []
        if let plan { followed = try PlanJournal(following: plan).segments }
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

    /// The segments so far.
    public var plan: [Segment] { self.journal.segments }
    /// The hashes of the shards of the last segment's prefix.
    public var shards: [String] { self.index.shards.prefix(self.current?.shards ?? 0).map(\.sha256) }
    /// The samples that can be used, of that prefix.
    public var usable: Int { self.current.map { self.index.prefix($0.shards).usable } ?? 0 }

    /// Looks for new shards; does not wait. Their samples are drawn from the next segment on.
    public func look() throws { for sight in try self.index.refresh() { self.waiting.onSight(sight) } }

    /// Enters the segment of a step, and waits for shards that a plan names.
    public func enter(step: Int) throws -> Segment? {
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
        try self.index.save()
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
        while self.index.usable == 0 {
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
        let omissions = self.index.counts.omissions
        return TrainingError(
            .noSamples,
            "there is nothing to train on: \(self.index.shards.count) shards are committed, and no sample of theirs can be "
                + "used" + (omissions.isEmpty ? "" : " (" + omissions + ")")
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
        guard self.waiting.pause() else { throw WaitStopped() }
        try self.look()
    }

    /// The samples of a step.
    public func draws(step: Int) throws -> [Draw<Sample>] {
        guard let draw = self.draw, let segment = self.current else {
            preconditionFailure("a segment is entered before its samples are drawn")
        }
        return try (0..<self.options.batchSize).map { slot in
            let number = draw.sample((step - segment.firstStep) * self.options.batchSize + slot)
            return Draw(try self.index.sample(number), slot: slot)
        }
    }
}
