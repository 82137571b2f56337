// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MomentLocalization
import MomentQueries
import TaskRooms
import Training
import VideoAnnotations

/// `millrace finetune`
struct FineTuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finetune",
        abstract: "Train VSLNet on an annotation file, from a checkpoint's weights or from scratch.",
        discussion: """
            Of the checkpoint the weights alone are taken, with the network's settings and its vocabulary; optimizer, schedule \
            and random numbers are fresh. Samples come in epochs, each in an order of its own. Ctrl-C writes a checkpoint; the \
            same command goes on from there.

            EXAMPLES
              millrace finetune --from runs/a/step-000005000.safetensors \\
                  --train nlq_train.json --features features \\
                  --bert bert-base-uncased --steps 3000 --validate nlq_val.json \\
                  --output runs/a-tuned
              millrace finetune --scratch --train nlq_train.json --features features \\
                  --text words \\
                  --vocabulary-from nlq_train.json --steps 3000 --output runs/scratch
            """)

    @Option(help: ArgumentHelp("The checkpoint whose weights to start from.", valueName: "file"))
    var from: String?

    @Flag(help: "Start from scratch: the baseline that every pre-training needs.")
    var scratch = false

    @Option(help: ArgumentHelp("The annotations to train on, such as nlq_train.json.", valueName: "file"))
    var train: String

    @OptionGroup(title: "Run") var length: RunLengthArguments<MomentTraining>
    @OptionGroup(title: "Moments") var moments: MomentRunArguments
    @OptionGroup(title: "Data") var data: DataArguments
    @OptionGroup(title: "Network, with --scratch") var network: NetworkArguments

    @OptionGroup(title: "Options of every command") var logs: LogOptions

    func validate() throws {
        if (self.from == nil) != self.scratch { throw ValidationError("Give --from CHECKPOINT, or --scratch.") }
    }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            let bytes = try Annotations.bytes(self.train)
            let file = try AnnotationFile(bytes, path: self.train)
            guard file.queryCount > 0 else {
                throw CommandFailure(
                    .usage,
                    "--train \(self.train) holds no query; name annotations with queries, such as nlq_train.json")
            }
            let queries = file.split.queries
            try MatrixKernels.prepare()
            let start = try self.start()
            let options = self.length.options(
                source: "annotations:" + (try FileHash.sha256(self.train)) + start.origin)
            let parts = self.length.parts(start.network, options, validation: try self.moments.truth())
            let (trainer, counts) = try Trainer.fixed(
                queries, textless: file.queryCount - queries.count, parts)
            let run = try self.length.run("finetune", on: self.train)
            let outcome = try run.run(trainer)
            if outcome == .finished, run.didNothing {
                try Results.line("this run did nothing: all \(self.length.steps) steps were done before")
            }
            try Results.line(
                "\(outcome == .finished ? "trained" : "stopped after") \(trainer.step) of \(self.length.steps) steps on "
                    + "\(counts.statistics.targets) queries; checkpoints are in \(self.length.output)")
            try Results.lines(MomentTraining.lines(counts, of: start.network))
            if outcome == .stopped { try Results.line("the same command goes on from here") }
        }
    }

    private struct Start {
        var network: MomentLocalizer
        /// The origin of the weights: part of what decides the bits.
        var origin: String
    }

    private func start() throws -> Start {
        let inputs = self.data.inputs
        guard let from else {
            let new = try self.network.make(inputs, seed: self.length.seed)
            return Start(
                network: new.localizer(inputs, self.moments.preparation(text: new.textHash, layout: inputs.layout)),
                origin: "")
        }
        let checkpoint = try MomentCheckpoint(path: from)
        let model = try VSLNet.checked(
            checkpoint.state.description.configuration, seed: self.length.seed, threads: inputs.threadCount)
        let network = MomentLocalizer(
            model, features: inputs.store(model.configuration), text: try inputs.text(for: checkpoint),
            self.moments.preparation(text: checkpoint.state.preparation.text, layout: inputs.layout))
        try checkpoint.loadWeights(into: network)
        return Start(network: network, origin: " from " + (try FileHash.sha256(from)))
    }
}
