// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import ArgumentParser
import Foundation
import TaskRooms
import Training

/// `millrace predict anticipation-pixels`
struct PredictPixelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anticipation-pixels", abstract: "Forecast the actions of windows from their clips' pixels.",
        discussion: """
            As `predict anticipation`, with a network of `train-anticipation-pixels`. One with memory sees each clip from \
            its start, in time order, and forgets it at its end.

            EXAMPLES
              millrace predict anticipation-pixels \\
                  --checkpoint runs/pixels/best.safetensors \\
                  --annotations world/fho_lta_val.json \\
                  --taxonomy world/fho_lta_taxonomy.json \\
                  --frames world/lta_frames --output outputs.json
            """)

    @OptionGroup var prediction: PredictionArguments

    @Option(help: ArgumentHelp("The folder of the clips' pixels.", valueName: "dir"))
    var frames: String

    @Option(
        help: ArgumentHelp(
            "Threads, up to 1024; by default as many as cores. They change the speed, not the result.", valueName: "n"))
    var threads: Int?

    @OptionGroup(title: "Options of every command") var logs: LogOptions

    func validate() throws {
        if let threads { try OptionRange.check("--threads", threads, ForecastNetwork.threadsRange) }
    }

    func run() throws {
        try self.logs.apply()
        try CommandFailure.reporting {
            try MatrixKernels.prepare()
            let checkpoint = try Checkpoint<VideoForecaster>(path: self.prediction.checkpoint)
            let make = checkpoint.state.description
            guard make.subject == .future else {
                throw CommandFailure(
                    .usage,
                    "\(self.prediction.checkpoint) recognises the last action that is seen; the challenge wants what "
                        + "follows, which a network trained without `--subject observed` tells")
            }
            let windows = try self.prediction.windows(make.forecast)
            let forecaster = try VideoForecaster(
                make, frames: ClipFrames(folder: self.frames), checkpoint.state.preparation, seed: 0,
                threads: max(1, self.threads ?? ProcessInfo.processInfo.activeProcessorCount))
            try checkpoint.loadWeights(into: forecaster)
            try self.refuseGaps(in: windows, forecaster)
            try self.prediction.write(windows) { progress in
                try forecaster.forecasts(
                    windows, count: self.prediction.k, seed: self.prediction.seed, progress: progress)
            }
        }
    }

    /// Nothing is written where a key would be missing.
    private func refuseGaps(in windows: [ForecastWindow], _ forecaster: VideoForecaster) throws {
        let gaps = windows.filter { !forecaster.loader.has($0) }
        guard let first = gaps.first else { return }
        throw CommandFailure(
            .failed,
            "\(gaps.count) of \(windows.count) windows cannot be answered, such as \(first.key): its clip has no pixels in "
                + "\(self.frames). The challenge refuses a file without them, and nothing was written; bring the clips")
    }
}
