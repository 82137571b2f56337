// SPDX-License-Identifier: Apache-2.0

import ActionAnticipation
import ActionForecasting
import ArgumentParser
import TaskRooms
import Training

/// `millrace predict`, of one task or another.
struct PredictCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Have a trained network predict, in a challenge's form.",
        subcommands: [PredictAnticipationCommand.self, PredictPixelsCommand.self])
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

    @OptionGroup var prediction: PredictionArguments
    @OptionGroup(title: "Features") var features: SegmentFeatureArguments
    @OptionGroup(title: "Options of every command") var logs: LogOptions

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            try MatrixKernels.prepare()
            let checkpoint = try Checkpoint<ActionForecaster>(path: self.prediction.checkpoint)
            let make = checkpoint.state.description
            let windows = try self.prediction.windows(make)
            let network = try ForecastNetwork(make, seed: 0, threads: self.features.threadCount)
            let store = try self.features.store(columns: make.featureWidth)
            let forecaster = ActionForecaster(network, features: store, checkpoint.state.preparation)
            try checkpoint.loadWeights(into: forecaster)
            try self.refuseGaps(in: windows, store)
            try self.prediction.write(windows) { progress in
                try forecaster.forecasts(
                    windows, count: self.prediction.k, seed: self.prediction.seed, progress: progress)
            }
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
}
