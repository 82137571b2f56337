// SPDX-License-Identifier: Apache-2.0

import Shards

/// A way to wait for shards.
public struct ShardWaiting {
    /// Tells whether to wait for shards that are not there yet.
    public var isAllowed: Bool
    /// Pauses a little, told what is waited for; `false` ends the run.
    public var pause: (String) -> Bool
    /// Hears of each shard when it is first seen.
    public var onSight: (ShardSight) -> Void

    /// Describes a way to wait.
    public init(isAllowed: Bool, pause: @escaping (String) -> Bool, onSight: @escaping (ShardSight) -> Void) {
        self.isAllowed = isAllowed
        self.pause = pause
        self.onSight = onSight
    }
}

/// The samples of shards as they land: each by itself, or whole sequences.
///
/// A sequence is drawn once its last line is committed. Where the set is taken as finished, since more is not waited
/// for, one that has not ended counts as whole as it stands; the plan says so.
public final class ShardSource<Reader: SampleReading>: SampleSource {
    /// A value that it draws.
    public typealias Sample = Reader.Sample

    /// The order that the samples come in.
    public let order: SampleOrder
    /// The samples seen so far.
    public let index: SampleIndex<Reader>
    private let journal: PlanJournal
    private let followed: [Segment]
    private let options: TrainingOptions
    private let waiting: ShardWaiting
    private var draw: SegmentDraw?
    private var sequences: SequencePlan
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
        self.order = index.sequences == nil ? .singles : .sequences
        self.sequences = SequencePlan(options: options)
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
        if self.isOpen(step) { return nil }
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
        try self.prepare(segment)
        self.current = segment
        return segment
    }

    /// Prepares to draw from a segment.
    private func prepare(_ segment: Segment) throws(TrainingError) {
        if let sequences = self.index.sequences {
            return try self.sequences.enter(segment.segment, of: self.journal.segments, sequences)
        }
        let usable = self.index.prefix(segment.shards).usable
        let before =
            segment.segment == 0 ? 0 : self.index.prefix(self.journal.segments[segment.segment - 1].shards).usable
        guard usable > 0 else {
            throw TrainingError(
                .noSamples,
                "none of the \(segment.samples) samples of segment \(segment.segment) can be used here; check --features, or name "
                    + "the shards that the plan was made on with --shards")
        }
        self.draw = SegmentDraw(
            seed: self.options.seed, segment: segment.segment, old: before, new: usable - before,
            newShare: self.options.newShare)
    }

    /// The next segment: the followed plan's, or one over all that has been committed.
    private func decide(step: Int) throws -> Segment {
        let number = self.journal.segments.count
        if number < self.followed.count { return self.followed[number] }
        while !self.hasStock {
            guard self.waiting.isAllowed else { throw self.nothing }
            try self.waitForMore(self.want)
        }
        let shards = self.index.shards.count
        let prefix = self.index.prefix(shards)
        return Segment(
            segment: number, firstStep: step, steps: min(self.options.segmentSteps, self.options.steps - step),
            shards: shards, samples: prefix.samples, digest: prefix.digest, isFinished: self.isFinished ? true : nil)
    }

    /// Tells whether sequences that have not ended are drawn as they stand.
    private var isFinished: Bool { self.order == .sequences && !self.waiting.isAllowed }

    /// Tells whether there is something to draw from what is committed.
    private var hasStock: Bool {
        guard let sequences = self.index.sequences else { return self.index.usable > 0 }
        return sequences.stock(shards: self.index.shards.count, isFinished: self.isFinished).count > 0
    }

    /// The samples that are waited for, in words.
    private var want: String {
        let shards = "\(self.index.shards.count) shards are committed"
        let omissions = self.index.counts.omissions
        if let sequences = self.index.sequences, sequences.openCount > 0 {
            return "for the end of a sequence: \(shards), and none of their \(sequences.openCount) sequences has ended"
        }
        return "for samples: \(shards), and no sample of theirs can be used"
            + (omissions.isEmpty ? "" : " (\(omissions))")
    }

    private var nothing: TrainingError {
        let omissions = self.index.counts.omissions
        if self.index.usable > 0 {
            return TrainingError(
                .noSamples,
                "there is nothing to train on: the network learns from whole sequences, and none of the "
                    + "\(self.index.usable) samples of \(self.index.shards.count) shards belongs to one; name another set"
            )
        }
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
            try self.waitForMore(
                "for shards of the plan: its segment \(segment.segment) looks at \(segment.shards), and "
                    + "\(self.index.shards.count) are committed")
        }
        guard self.index.prefix(segment.shards).digest == segment.digest else {
            throw TrainingError(
                .checkpoint,
                "the first \(segment.shards) shards are not those that segment \(segment.segment) was planned on; name the "
                    + "shards of that run, or start another folder")
        }
    }

    private func waitForMore(_ want: String) throws {
        guard self.waiting.pause(want) else { throw WaitStopped() }
        try self.look()
    }

    /// Tells whether a step lies in the segment that was entered last.
    public func isOpen(_ step: Int) -> Bool {
        self.current.map { ($0.firstStep..<$0.endStep).contains(step) } ?? false
    }

    /// The samples of a step.
    public func draws(step: Int) throws -> [Draw<Sample>] {
        guard let segment = self.current else {
            preconditionFailure("a segment is entered before its samples are drawn")
        }
        if let sequences = self.index.sequences {
            if step < self.sequences.step {
                self.sequences = SequencePlan(options: self.options)
                try self.prepare(segment)
            }
            return try self.sequences.samples(step: step, sequences).enumerated().map { slot, sample in
                Draw(try self.index.sample(sample.number), slot: slot, beginsSequence: sample.beginsSequence)
            }
        }
        return try (0..<self.options.batchSize).map { slot in
            let turn = (step - segment.firstStep) * self.options.batchSize + slot
            guard let number = self.draw?.sample(turn) else { preconditionFailure("a segment that was prepared") }
            return Draw(try self.index.sample(number), slot: slot)
        }
    }
}
