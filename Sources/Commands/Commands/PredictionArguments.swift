// SPDX-License-Identifier: Apache-2.0

import ActionAnticipation
import ActionForecasting
import ArgumentParser
import DurableFiles
import TaskRooms

/// Options of what predicts an annotation file's windows, and the steps that all of it shares.
struct PredictionArguments: ParsableArguments {
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

    func validate() throws { try OptionRange.check("--k", self.k, OutputsFile.candidatesRange) }

    /// The windows that a checkpoint's network takes.
    /// - Throws: `CommandFailure` where there is none, or the taxonomy is not the checkpoint's.
    func windows(_ make: ForecastDescription) throws -> [ForecastWindow] {
        try self.check(make)
        let cutting = WindowCutting(inputs: make.inputs, futures: make.futures, isInclusive: self.inclusive)
        let windows = try AnticipationFiles.windows(self.annotations, self.taxonomy, cutting)
        guard !windows.isEmpty else {
            throw CommandFailure(
                .usage,
                "\(self.annotations) holds no window of \(make.inputs) inputs and \(make.futures) futures, which the "
                    + "checkpoint was trained on")
        }
        return windows
    }

    private func check(_ make: ForecastDescription) throws {
        let taxonomy = try AnticipationFiles.taxonomy(self.taxonomy).summary
        guard taxonomy.digest == make.taxonomy else {
            throw CommandFailure(
                .usage,
                "--taxonomy \(self.taxonomy) (\(taxonomy.verbs) verbs, \(taxonomy.nouns) nouns) is not that of the "
                    + "checkpoint (\(make.verbs) verbs, \(make.nouns) nouns); give the one of its training")
        }
    }

    /// Writes the forecasts, which show their progress, unless a key would be missing.
    func write(_ windows: [ForecastWindow], forecasts: ((Int) -> Void) throws -> [[[Action]]]) throws {
        let progress = ProgressReporter()
        let candidates = try forecasts { done in progress.show { _ in "\(done) of \(windows.count) windows" } }
        progress.finish()
        var file = OutputsFile()
        for (window, candidates) in zip(windows, candidates) { try file.add(window.key, candidates) }
        if let problem = file.problem(for: windows.map(\.key)) {
            throw CommandFailure(.failed, "nothing was written: the file \(problem)")
        }
        try UserFile.reporting { () throws(FileFailure) in try OutputFile.write(file.bytes, to: self.output) }
        try Results.lines(
            ["\(self.output): \(file.keys.count) windows, \(self.k) candidates each"], beside: self.output)
    }
}
