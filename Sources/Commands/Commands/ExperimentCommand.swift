// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Foundation
import MomentLocalization
import MomentQueries
import RecordLog
import Records
import Shards
import Training
import VideoAnnotations

/// `millrace experiment`
struct ExperimentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "experiment",
        abstract: "Run arms of training with several seeds, and compare them pair by pair.",
        discussion: """
            The plan is a JSON file: arms (each with a name, a shard set to pre-train on or null for scratch, jitter, and \
            perhaps a control), seeds, the baseline's name, steps and learning rates. Arms pre-train on the windows that all \
            their shard sets have, in one order: they differ in the text alone. An arm from scratch gets the steps of both \
            stages. The best checkpoint is chosen on --validate; what is printed is of --test. Run it again after a stop, and \
            it goes on.

            A plan:
              {"arms": [{"name": "scratch"}, {"name": "naq", "shards": "naq", "jitter": 2.5},
                        {"name": "rules", "shards": "nlq", "jitter": 2.5},
                        {"name": "permuted", "shards": "nlq", "jitter": 2.5, "control": "permuted-windows"}],
               "seeds": [1, 2, 3], "baseline": "scratch", "pretrain_steps": 1000, "finetune_steps": 500,
               "pretrain_learning_rate": 1e-3, "finetune_learning_rate": 5e-4, "batch_size": 32, "warmup": 0.05,
               "validation_steps": 100}

            Controls: swapped-features, blank-queries, permuted-windows.

            NaQ's published recipe differs: it trains on narrations and queries together, in batches of 2,048, for 200 epochs, \
            then fine-tunes; it jitters queries that start with "#", and takes every narration of the training clips.

            EXAMPLES
              millrace experiment plan.json --features world/features \\
                  --train world/nlq_train.json \\
                  --validate world/nlq_val.json --test world/nlq_test.json --text words \\
                  --vocabulary-from world/nlq_train.json --output runs/experiment
            """)

    @Argument(help: "The plan.")
    var file: String

    @Option(help: ArgumentHelp("The annotations to fine-tune on.", valueName: "file"))
    var train: String

    @Option(help: ArgumentHelp("The annotations that the best checkpoint is chosen by.", valueName: "file"))
    var validate: String

    @Option(help: ArgumentHelp("The annotations that scores are of.", valueName: "file"))
    var test: String

    @Option(help: ArgumentHelp("The folder of the experiment.", valueName: "dir"))
    var output: String

    @OptionGroup(title: "Data") var data: DataArguments
    @OptionGroup(title: "Network") var network: NetworkArguments
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let plan = try MomentPlan(json: try Annotations.bytes(self.file), path: self.file)
            try MatrixKernels.prepare()
            let (materials, network) = try self.materials(plan, home)
            let subject = MomentArms(materials)
            let experiment = Experiment(plan, subject, folder: self.output)
            for line in try subject.omissions(network) { Console.warning(line) }
            let isStopping = StopFlag()
            let interrupts = Interrupts("stopping: writing a checkpoint; once more to stop now") { isStopping.set() }
            defer { interrupts.cancel() }
            var results: [MomentExperiment.Result] = []
            for seed in plan.seeds {
                for arm in plan.arms {
                    let result = try experiment.run(
                        arm, seed: seed, isStopping: { isStopping.isSet }, onEvent: self.show)
                    guard let result else { return try Results.line("stopped; the same command goes on from here") }
                    Console.info("\(arm.name), seed \(seed), tested: last \(result.last.words)")
                    results.append(result)
                }
            }
            let report = ExperimentReport(
                plan: plan, results: results, prior: try self.prior(materials), windows: materials.samples)
            if self.common.json { try Results.json(report.json) } else { try Results.lines(report.lines) }
        }
    }

    private func materials(
        _ plan: MomentPlan, _ home: Home
    ) throws -> (MomentArms.Materials, VSLNetConfiguration) {
        let first = try self.network.make(self.data.inputs, seed: plan.seeds.first ?? 0)
        let features = self.data.inputs.store(first.model.configuration)
        var sets: [String: [MomentQuery]] = [:]
        if !plan.shardSets.isEmpty {
            let log = try home.openLogToRead()
            defer { log.close() }
            for name in plan.shardSets {
                _ = try ShardSets.manifest(name, in: log)
                let storage = FileShardStorage(folder: home.shardFolder(name))
                let index = SampleIndex(
                    try TailingReader(name: name, log: log, storage: storage), storage: storage,
                    reader: MomentReader(features: features, rule: .fixed))
                _ = try index.refresh()
                sets[name] = try (0..<index.usable).map { try index.sample($0) }
                for (reason, count) in index.counts.skipped.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                    Console.info("samples of `\(name)` skipped, \(reason.rawValue): \(count)")
                }
            }
        }
        let network = self.network
        let inputs = self.data.inputs
        let materials = MomentArms.Materials(
            features: inputs.features, layout: inputs.layout, text: first.text, textHash: first.textHash,
            makeModel: { seed in try network.make(inputs, seed: seed).model }, samples: SharedSamples(sets),
            train: try Annotations.read(self.train).split.queries,
            validation: try Annotations.read(self.validate).split,
            test: try Annotations.read(self.test).split)
        return (materials, first.model.configuration)
    }

    private func prior(_ materials: MomentArms.Materials) throws -> Scores {
        let truth = try GroundTruth(materials.test, path: self.test)
        return ConstantWindows(fittedTo: materials.train, count: 5, threshold: 0.3).scores(truth.queries)
    }

    private func show(_ name: String, _ event: TrainingEvent<Scores>) {
        switch event {
        case .resumed(let step, _): Console.info("\(name): going on from step \(step)")
        case .validated(let step, let scores): Console.info("\(name), step \(step): \(scores.words)")
        default: break
        }
    }
}

/// An experiment's results: each run, and each arm against the baseline.
struct ExperimentReport {
    var plan: MomentPlan
    var results: [MomentExperiment.Result]
    /// The scores of constant windows.
    var prior: Scores
    var windows: SharedSamples

    private static let metrics = [(1, 0.3), (1, 0.5), (5, 0.3), (5, 0.5)]

    private static func name(_ metric: (Int, Double)) -> String { "R\(metric.0)@\(metric.1)" }

    private func values(_ arm: String, _ metric: (Int, Double), isBest: Bool) -> [Double] {
        self.results.filter { $0.arm == arm }.map { result in
            ((isBest ? result.best : result.last).recall(topK: metric.0, threshold: metric.1) ?? 0) * 100
        }
    }

    var lines: [String] {
        var lines: [String] = []
        for (set, queries) in self.windows.queries.sorted(by: { $0.key < $1.key }) {
            lines.append("pre-training on `\(set)`: \(queries.count) windows that all sets have")
        }
        lines.append("left out, since not all sets have them: \(self.windows.dropped)")
        var table = TextTable(["arm", "seed", "checkpoint"] + Self.metrics.map(Self.name) + ["mIoU"])
        for result in self.results {
            for (name, scores) in [("last", result.last), ("best", result.best)] {
                table.add([result.arm, "\(result.seed)", name] + self.row(scores))
            }
        }
        table.add(["constant windows", "", ""] + self.row(self.prior))
        lines += table.lines
        lines.append("")
        lines += self.meanLines
        lines.append("")
        lines.append(
            "differences from `\(self.plan.baseline)`, mean over seeds ± 95 % (standard error), percent points:")
        var differences = TextTable(["arm", "checkpoint"] + Self.metrics.map(Self.name))
        for arm in self.plan.arms where arm.name != self.plan.baseline {
            for isBest in [false, true] {
                let cells = Self.metrics.map { metric in
                    let difference = self.difference(arm.name, metric, isBest: isBest)
                    return String(
                        format: "%+.2f ± %.2f (%.2f)", difference.mean, difference.halfWidth, difference.standardError)
                }
                differences.add([arm.name, isBest ? "best" : "last"] + cells)
            }
        }
        return lines + differences.lines
    }

    /// Each arm's means, beside how many times what constant windows score its R@1 at IoU 0.3 is.
    private var meanLines: [String] {
        var table = TextTable(["arm", "checkpoint"] + Self.metrics.map(Self.name) + ["R1@0.3 / constant windows"])
        for arm in self.plan.arms {
            for isBest in [false, true] {
                let means = Self.metrics.map { String(format: "%.2f", self.mean(arm.name, $0, isBest: isBest)) }
                let ratio = self.ratio(arm.name, isBest: isBest).map { String(format: "%.2f", $0) } ?? "-"
                table.add([arm.name, isBest ? "best" : "last"] + means + [ratio])
            }
        }
        return ["means over \(self.plan.seeds.count) seeds:"] + table.lines
    }

    private func mean(_ arm: String, _ metric: (Int, Double), isBest: Bool) -> Double {
        let values = self.values(arm, metric, isBest: isBest)
        return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    private func ratio(_ arm: String, isBest: Bool) -> Double? {
        let prior = (self.prior.recall(topK: 1, threshold: 0.3) ?? 0) * 100
        return prior > 0 ? self.mean(arm, (1, 0.3), isBest: isBest) / prior : nil
    }

    private func difference(_ arm: String, _ metric: (Int, Double), isBest: Bool) -> PairedDifference {
        PairedDifference(
            self.values(arm, metric, isBest: isBest), minus: self.values(self.plan.baseline, metric, isBest: isBest))
    }

    private func row(_ scores: Scores) -> [String] {
        Self.metrics.map { String(format: "%.2f", (scores.recall(topK: $0.0, threshold: $0.1) ?? 0) * 100) }
            + [String(format: "%.2f", scores.meanOverlap * 100)]
    }

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.key("runs")
        json.beginArray()
        for result in self.results {
            for (name, scores) in [("last", result.last), ("best", result.best)] {
                json.beginObject()
                json.field("arm", result.arm)
                json.field("seed", Int(clamping: result.seed))
                json.field("checkpoint", name)
                self.write(scores, to: &json)
                json.endObject()
            }
        }
        json.endArray()
        json.key("constant_windows")
        json.beginObject()
        self.write(self.prior, to: &json)
        json.endObject()
        json.key("means")
        json.beginArray()
        for arm in self.plan.arms {
            for isBest in [false, true] {
                json.beginObject()
                json.field("arm", arm.name)
                json.field("checkpoint", isBest ? "best" : "last")
                for metric in Self.metrics {
                    json.key(text: Self.name(metric))
                    json.value(self.mean(arm.name, metric, isBest: isBest))
                }
                if let ratio = self.ratio(arm.name, isBest: isBest) { json.field("over_constant_windows", ratio) }
                json.endObject()
            }
        }
        json.endArray()
        json.key("differences")
        json.beginArray()
        for arm in self.plan.arms where arm.name != self.plan.baseline {
            for isBest in [false, true] {
                for metric in Self.metrics {
                    let difference = self.difference(arm.name, metric, isBest: isBest)
                    json.beginObject()
                    json.field("arm", arm.name)
                    json.field("checkpoint", isBest ? "best" : "last")
                    json.field("metric", Self.name(metric))
                    json.field("mean", difference.mean)
                    json.field("standard_error", difference.standardError)
                    json.field("half_width_95", difference.halfWidth)
                    json.endObject()
                }
            }
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private func write(_ scores: Scores, to json: inout JSONWriter) {
        json.field("queries", scores.queries)
        for metric in Self.metrics {
            json.key(text: Self.name(metric))
            json.value((scores.recall(topK: metric.0, threshold: metric.1) ?? 0) * 100)
        }
        json.field("mean_iou", scores.meanOverlap * 100)
    }
}
