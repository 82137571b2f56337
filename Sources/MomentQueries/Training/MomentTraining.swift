// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import MomentLocalization
import Shards
public import TaskRooms
public import Training
import VideoAnnotations

/// Options for targets and validation, shared by `train` and `finetune`.
public struct MomentRunArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "fixed drops windows of which up to 1/30 s lies in their clip, and widens short ones to a feature's slot; official "
                + "collapses both."))
    var targets = TargetRule.fixed

    @Option(
        name: .customLong("validate"),
        help: ArgumentHelp("Annotations to validate on, such as nlq_val.json.", valueName: "file"))
    var validation: String?

    /// Creates arguments that are to be parsed.
    public init() {}

    /// The preparation of samples, without jitter.
    public func preparation(text: String, layout: FeatureLayout) -> MomentPreparation {
        var preparation = MomentPreparation(text: text)
        preparation.targets = self.targets
        preparation.layout = layout
        return preparation
    }

    /// The answers to validate on, if any were named.
    public func truth() throws -> GroundTruth? {
        try self.validation.map { try GroundTruth(try Annotations.read($0).split, path: $0) }
    }
}

/// `millrace train`: VSLNet learns from moment queries. The one place where the schema `nlq` and the network meet.
public struct MomentTraining: SampleTraining {
    /// The network's name.
    public static let name = "moments"
    /// The first of the trainings has the short name.
    public static let commandName = "train"
    /// A line about it.
    public static let abstract = "Train VSLNet on shards, while they land."
    /// Examples of its use.
    public static let discussion = """
        Every --segment-steps steps it looks at what has been committed, draws --new-share of the next samples from what \
        is new, and the rest from what was there. The plan of segments is kept in the run's folder (plan.jsonl): with \
        --plan another run repeats it to the bit. Ctrl-C writes a checkpoint; the same command goes on from there.

        EXAMPLES
          millrace train --shards nlq --features world/features \\
              --bert bert-base-uncased --steps 5000 --output runs/a
          millrace train --shards naq --features world/features --text words \\
              --vocabulary-from world/nlq_train.json \\
              --steps 2000 --validate world/nlq_val.json --output runs/naq
          millrace train --shards nlq … --wait --output runs/online
          millrace train --shards nlq … --plan runs/online/plan.jsonl \\
              --output runs/again
        """
    /// A run's defaults.
    public static let defaults = TrainingOptions(source: "nlq", steps: 1)

    @Option(
        help: ArgumentHelp(
            "Most bins that targets are widened and shifted by, as NaQ does: 1 (off) to 100.",
            valueName: "factor"))
    var jitter = 2.5

    @OptionGroup(title: "Moments") var moments: MomentRunArguments
    @OptionGroup(title: "Data") var data: DataArguments
    @OptionGroup(title: "Network") var network: NetworkArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Refuses what is out of range.
    public func validate() throws {
        if let problem = self.preparation(text: "").problem() { throw ValidationError(problem) }
    }

    private func preparation(text: String) -> MomentPreparation {
        var preparation = self.moments.preparation(text: text, layout: self.data.layout)
        preparation.jitterScale = self.jitter
        return preparation
    }

    /// Makes a new network, and the reader of its samples.
    public func subject(
        _ options: TrainingOptions, set: (String) throws -> ShardSet
    ) throws -> TrainingSubject<MomentLocalizer, MomentReader> {
        let new = try self.network.make(self.data.inputs, seed: options.seed)
        let network = new.localizer(self.data.inputs, self.preparation(text: new.textHash))
        return TrainingSubject(
            network, reader: MomentReader(features: network.loader.features, rule: network.preparation.targets),
            validation: try self.moments.truth())
    }

    /// The samples passed over, the queries that were cut, and the figures of the targets.
    public func report(_ counts: MomentCounts, of network: MomentLocalizer) -> [String] {
        Self.lines(counts, of: network)
    }

    /// The report after training, whatever it was on.
    public static func lines(_ counts: MomentCounts, of network: MomentLocalizer) -> [String] {
        let text = network.loader.text
        var lines = counts.skipped.sorted { $0.key.rawValue < $1.key.rawValue }.map { reason, count in
            "skipped, \(reason.rawValue): \(count) (see \(reason.knob))"
        }
        if text.cutCount > 0 {
            lines.append("queries cut to \(text.countMax) tokens: \(text.cutCount) (see --max-pos-len)")
        }
        return lines + counts.statistics.lines + counts.statistics.complaints
    }
}
