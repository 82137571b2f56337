// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MomentLocalization
import MomentQueries
import RecordLog
import Shards
import Training

/// `millrace train`
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train VSLNet on shards, while they land.",
        discussion: """
            Every --segment-steps steps it looks at what has been committed, draws --new-share of the next samples from what \
            is new, and the rest from what was there. The plan of segments is kept in the run's folder (plan.jsonl): with \
            --plan another run repeats it to the bit. Ctrl-C writes a checkpoint; the same command goes on from there.

            EXAMPLES
              millrace train --shards nlq --features world/features --bert bert-base-uncased --steps 5000 --output runs/a
              millrace train --shards naq --features world/features --text words --vocabulary-from world/nlq_train.json \\
                  --steps 2000 --validate world/nlq_val.json --output runs/naq
              millrace train --shards nlq … --wait --output runs/online      # beside `millrace run topologies/nlq.yaml`
              millrace train --shards nlq … --plan runs/online/plan.jsonl --output runs/again
            """)

    @Option(help: ArgumentHelp("The shard set.", valueName: "name"))
    var shards = "nlq"

    @Option(help: ArgumentHelp("Steps between two looks at what has come, up to 1000000000.", valueName: "n"))
    var segmentSteps = 200

    @Option(help: "The share of a segment that is drawn from what came since the one before, 0 to 1.")
    var newShare = 0.5

    @Option(
        help: ArgumentHelp(
            "Most bins that targets are widened and shifted by, as NaQ does: 1 (off) to 100.",
            valueName: "factor"))
    var jitter = 2.5

    @Option(help: ArgumentHelp("Another run's plan.jsonl, to repeat its segments.", valueName: "file"))
    var plan: String?

    @Flag(help: "Wait for shards that are not there yet.")
    var wait = false

    @OptionGroup(title: "Run") var length: RunLengthArguments
    @OptionGroup(title: "Data") var data: DataArguments
    @OptionGroup(title: "Network") var network: NetworkArguments
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let problem = self.options.problem() ?? self.preparation(text: "").problem() {
            throw ValidationError(problem)
        }
    }

    private var options: TrainingOptions {
        var options = self.length.options(source: self.shards)
        options.segmentSteps = self.segmentSteps
        options.newShare = self.newShare
        return options
    }

    private func preparation(text: String) -> MomentPreparation {
        var preparation = self.length.preparation(text: text, layout: self.data.layout)
        preparation.jitterScale = self.jitter
        return preparation
    }

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            try MatrixKernels.prepare()
            let new = try self.network.make(self.data.inputs, seed: self.length.seed)
            let network = new.localizer(self.data.inputs, self.preparation(text: new.textHash))
            let parts = MomentTrainer.Parts(
                network: network, options: self.options,
                folder: CheckpointFolder(path: self.length.output, keep: self.length.keep),
                schedule: try self.length.schedule())
            let log = try self.openLog(home)
            defer { log.close() }
            let run = TrainingRun(self.length)
            let storage = FileShardStorage(folder: home.shardFolder(self.shards))
            let training = try ShardTraining(
                TailingReader(name: self.shards, log: log, storage: storage), storage: storage,
                reader: MomentReader(features: network.loader.features, rule: network.preparation.targets), parts,
                following: self.plan,
                waiting: ShardWaiting(
                    isAllowed: self.wait,
                    pause: { _ in
                        log.awaitAppend(timeoutMilliseconds: 200)
                        return !run.stopping
                    }, onSight: { run.saw($0) }))
            let outcome = try run.run(training.trainer, look: training.look)
            try self.report(outcome, training, text: new.text)
        }
    }

    private func openLog(_ home: Home) throws -> any RecordLog {
        if !self.wait {
            let log = try home.openLogToRead()
            _ = try ShardSets.manifest(self.shards, in: log)
            return log
        }
        // The generator may come later: its log and its topic are made as it would make them.
        let log = try home.openLog()
        try log.createTopic(Manifest.topicSpecification(self.shards))
        return log
    }

    private func report(
        _ outcome: TrainingOutcome, _ training: ShardTraining<MomentLocalizer, MomentReader>, text: TextEncoder
    ) throws {
        let index = training.index
        try Results.line(
            "\(outcome == .finished ? "trained" : "stopped after") \(training.trainer.step) of \(self.length.steps) steps on "
                + "\(index.usable) samples of \(index.shards.count) shards; checkpoints are in \(self.length.output)"
        )
        try TrainingReport.write(index.counts, text: text)
        if outcome == .stopped { try Results.line("the same command goes on from here") }
    }
}

/// The report after training, whatever it was on.
enum TrainingReport {
    static func write(
        _ counts: MomentCounts, text: TextEncoder
    ) throws {
        for (reason, count) in counts.skipped.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            try Results.line("skipped, \(reason.rawValue): \(count)")
        }
        if text.cutCount > 0 { try Results.line("queries cut to \(text.countMax) tokens: \(text.cutCount)") }
        try Results.lines(counts.statistics.lines)
    }
}
