// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import DurableFiles
import Foundation
import MomentLocalization
import MomentQueries
import TaskRooms
import Training
import VideoAnnotations

/// `millrace evaluate`
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "moments",
        abstract: "Score a checkpoint, or anyone's prediction file, as the official script does and beyond.",
        discussion: """
            Prints recall over the predictions supplied, as the official script, and over all queries; with intervals, and \
            beside it what constant windows (fitted on --train, never on the evaluated file) and perfect labels on the model's \
            grid would score.

            EXAMPLES
              millrace evaluate --checkpoint runs/a/best.safetensors \\
                  --ground-truth nlq_val.json --features features \\
                  --bert bert-base-uncased --train nlq_train.json \\
                  --output predictions.json
              millrace evaluate --ground-truth nlq_val.json \\
                  --predictions predictions.json --train nlq_train.json
              millrace evaluate --checkpoint runs/a/best.safetensors \\
                  --ground-truth nlq_test_unannotated.json \\
                  --features features --bert bert-base-uncased --output test.json
            """)

    @Option(help: ArgumentHelp("The annotations, such as nlq_val.json.", valueName: "file"))
    var groundTruth: String

    @Option(help: ArgumentHelp("The checkpoint to ask.", valueName: "file"))
    var checkpoint: String?

    @Option(help: ArgumentHelp("A prediction file, in place of a checkpoint.", valueName: "file"))
    var predictions: String?

    @Option(help: ArgumentHelp("File to write the predictions to, in the challenge's form.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("The training annotations, for constant windows.", valueName: "file"))
    var train: String?

    @Flag(help: "Leave out queries whose answers are at most 1/30 s long; the report says how many.")
    var removeEmpty = false

    @Option(
        help: ArgumentHelp(
            "Bins of the label oracle, 3 to 8192; by default the checkpoint's, or 128.", valueName: "n"))
    var maxPosLen: Int?

    @Option(help: ArgumentHelp("The folder of features, with --checkpoint.", valueName: "dir"))
    var features: String?

    @Option(help: "Whose features the files hold: video, clip or automatic.")
    var layout: FeatureLayout?

    @Option(
        help: ArgumentHelp("The folder of the BERT that the checkpoint was trained with, if it was.", valueName: "dir"))
    var bert: String?

    @Option(help: ArgumentHelp("Threads, up to 1024; by default as many as cores.", valueName: "n"))
    var threads: Int?

    @Flag(help: "Show the scores of each template, too.")
    var byTemplate = false

    @Flag(help: "Show the scores of answers of similar length, too.")
    var byDuration = false

    @Flag(help: "Print the report as JSON, with all its parts.")
    var json = false

    @OptionGroup(title: "Options of every command") var logs: LogOptions

    func validate() throws {
        if (self.checkpoint == nil) == (self.predictions == nil) {
            throw ValidationError("Give --checkpoint FILE or --predictions FILE.")
        }
        if self.checkpoint != nil, self.features == nil { throw ValidationError("--checkpoint needs --features DIR.") }
        if let maxPosLen { try OptionRange.check("--max-pos-len", maxPosLen, VSLNetConfiguration.positionsRange) }
        if let threads { try OptionRange.check("--threads", threads, VSLNet.threadsRange) }
    }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            let annotations = try Annotations.read(self.groundTruth).split
            let train = try self.train.map { try self.trainQueries($0) }
            let (predictions, bins) = try self.answers(annotations)
            if let output { try self.write(predictions, to: output) }
            guard annotations.queries.contains(where: { $0.answer != nil }) else {
                if self.output == nil {
                    throw CommandFailure(.usage, "\(self.groundTruth) holds no answers to score by; give --output FILE")
                }
                let output = self.output ?? ""
                return try Results.lines(
                    ["\(self.groundTruth) holds no answers; \(predictions.count) predictions are in \(output)"],
                    beside: output)
            }
            let truth = try GroundTruth(annotations, path: self.groundTruth, removingEmpty: self.removeEmpty)
            let report = EvaluationReport(
                try Evaluation(predictions, truth: truth, removedEmpty: self.removeEmpty), truth: truth, bins: bins,
                train: train)
            if self.json { return try Results.json(report.json) }
            try Results.lines(report.lines(byTemplate: self.byTemplate, byDuration: self.byDuration))
        }
    }

    private func trainQueries(_ path: String) throws -> [MomentQuery] {
        let train = try Annotations.bytes(path)
        guard try train != Annotations.bytes(self.groundTruth) else {
            throw CommandFailure(
                .usage, "--train and --ground-truth are the same file: windows fitted to it prove nothing")
        }
        return try AnnotationFile(train, path: path).split.queries
    }

    private func answers(_ annotations: QuerySplit) throws -> ([QueryPrediction], bins: Int) {
        guard let path = self.checkpoint else {
            let file = self.predictions ?? ""
            return (try PredictionFile(Annotations.bytes(file), path: file).predictions, self.maxPosLen ?? 128)
        }
        try MatrixKernels.prepare()
        let checkpoint = try MomentCheckpoint(path: path)
        let configuration = checkpoint.state.description.configuration
        let data = NetworkInputs(
            features: self.features ?? "", layout: self.layout ?? checkpoint.state.preparation.layout, bert: self.bert,
            cacheBytes: 1 << 30, threads: self.threads)
        let model = try VSLNet.checked(configuration, seed: 0, threads: data.threadCount)
        let network = MomentLocalizer(
            model, features: data.store(configuration), text: try data.text(for: checkpoint),
            checkpoint.state.preparation)
        try checkpoint.loadWeights(into: network)
        let queries = annotations.queries
        let progress = ProgressReporter()
        let answers = try ModelPredictions(
            queries, network
        ) { done in
            progress.show { elapsed in
                String(
                    format: "%d of %d queries, %.0f queries/s", done, queries.count, Double(done) / max(elapsed, 1e-9))
            }
        }
        progress.finish()
        for line in answers.gaps.lines { Console.warning("of \(queries.count) queries, \(line): no prediction") }
        return (answers.predictions, self.maxPosLen ?? configuration.positionsMax)
    }

    private func write(_ predictions: [QueryPrediction], to path: String) throws {
        try UserFile.reporting { () throws(FileFailure) in
            try OutputFile.write(PredictionFile(predictions).bytes, to: path)
        }
    }
}
