// SPDX-License-Identifier: Apache-2.0

import ActionAnticipation
import ActionForecasting
import ArgumentParser
import DurableFiles
import Foundation
import TaskRooms
import Training

/// `millrace predict`, of one task or another.
struct PredictCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Have a trained network predict, in a challenge's form.",
        subcommands: [PredictAnticipationCommand.self])
}

/// `millrace predict anticipation`
struct PredictAnticipationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anticipation", abstract: "Forecast the actions of an annotation file's windows.",
        discussion: """
            Writes {"CLIP_RANK": {"verb": [[…] × K], "noun": [[…] × K]}}, as the challenge takes it. Of one candidate each \
            step is the most likely; of more, each is drawn. A window's draws follow from --seed and its key, whatever else \
            is predicted. Where a window cannot be answered nothing is written: the challenge refuses a file without it.

            EXAMPLES
              millrace predict anticipation --checkpoint runs/lta/best.safetensors \\
                  --annotations world/fho_lta_val.json \\
                  --taxonomy world/fho_lta_taxonomy.json \\
                  --features world/lta_features --window 16 \\
                  --k 5 --output outputs.json
            """)

    @Option(help: ArgumentHelp("The checkpoint to ask.", valueName: "file"))
    var checkpoint: String

    @Option(help: ArgumentHelp("The annotations whose windows are answered.", valueName: "file"))
    var annotations: String

    @Option(help: ArgumentHelp("fho_lta_taxonomy.json, that of the training.", valueName: "file"))
    var taxonomy: String

    @Option(help: ArgumentHelp("File to write.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Candidates of each window, 1 to 1000.", valueName: "n"))
    var k = ActionForecaster.candidates

    @Option(help: "Seed of the draws.")
    var seed: UInt64 = 1

    @Flag(
        inversion: .prefixedNo, help: "Answer the last window of each clip, too, which the official code once left out."
    )
    var inclusive = true

    @OptionGroup(title: "Features") var features: SegmentFeatureArguments
    @OptionGroup(title: "Options of every command") var logs: LogOptions

    func validate() throws { try OptionRange.check("--k", self.k, OutputsFile.candidatesRange) }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            try MatrixKernels.prepare()
            let checkpoint = try Checkpoint<ActionForecaster>(path: self.checkpoint)
            let make = checkpoint.state.description
            try self.check(make)
            let cutting = WindowCutting(inputs: make.inputs, futures: make.futures, isInclusive: self.inclusive)
            let windows = try AnticipationFiles.windows(self.annotations, self.taxonomy, cutting)
            guard !windows.isEmpty else {
                throw CommandFailure(
                    .usage,
                    "\(self.annotations) holds no window of \(make.inputs) inputs and \(make.futures) futures, "
                        + "which the "
                        + "checkpoint was trained on")
            }
            let network = try ForecastNetwork(make, seed: 0, threads: self.features.threadCount)
            let store = try self.features.store(columns: make.featureWidth)
            let forecaster = ActionForecaster(network, features: store, checkpoint.state.preparation)
            try checkpoint.loadWeights(into: forecaster)
            try self.refuseGaps(in: windows, store)
            let file = try self.answer(windows, forecaster)
            try UserFile.reporting { () throws(FileFailure) in try OutputFile.write(file.bytes, to: self.output) }
            try Results.lines(
                ["\(self.output): \(file.keys.count) windows, \(self.k) candidates each"], beside: self.output)
        }
    }

    private func check(_ make: ForecastDescription) throws {
        let taxonomy = try AnticipationFiles.taxonomy(self.taxonomy).summary
        guard taxonomy.digest == make.taxonomy else {
            throw CommandFailure(
                .usage,
                "--taxonomy \(self.taxonomy) (\(taxonomy.verbs) verbs, \(taxonomy.nouns) nouns) is not that of the "
                    + "checkpoint "
                    + "(\(make.verbs) verbs, \(make.nouns) nouns); give the one of its training")
        }
    }

    /// Nothing is written where a key would be missing.
    private func refuseGaps(in windows: [ForecastWindow], _ features: SegmentFeatures) throws {
        var gaps: [(key: String, gap: SegmentFeatures.Gap)] = []
        for window in windows {
            if let gap = try features.gap(of: window) { gaps.append((window.key, gap)) }
        }
        guard let first = gaps.first else { return }
        throw CommandFailure(
            .failed,
            "\(gaps.count) of \(windows.count) windows cannot be answered, such as \(first.key): "
                + "\(first.gap.rawValue) in "
                + "\(features.folder). The challenge refuses a file without them, and nothing was written; bring "
                + "the features, "
                + "or check --layout, --stride and --window")
    }

    private func answer(_ windows: [ForecastWindow], _ forecaster: ActionForecaster) throws -> OutputsFile {
        let progress = ProgressReporter()
        let candidates = try forecaster.forecasts(windows, count: self.k, seed: self.seed) { done in
            progress.show { _ in "\(done) of \(windows.count) windows" }
        }
        progress.finish()
        var file = OutputsFile()
        for (window, candidates) in zip(windows, candidates) { try file.add(window.key, candidates) }
        if let problem = file.problem(for: windows.map(\.key)) {
            throw CommandFailure(.failed, "nothing was written: the file \(problem)")
        }
        return file
    }
}
