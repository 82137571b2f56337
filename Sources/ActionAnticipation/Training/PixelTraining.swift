// SPDX-License-Identifier: Apache-2.0

public import ActionForecasting
public import ArgumentParser
import Foundation
import Shards
public import TaskRooms
public import Training

extension MemoryPreset: ExpressibleByArgument {}
extension VideoDescription.Subject: ExpressibleByArgument {}

/// `millrace train-anticipation-pixels`: the encoder learns too, from the clips' pixels. The one place where windows of
/// shards and the encoder meet.
public struct PixelTraining: SampleTraining {
    /// The network's name.
    public static let name = "anticipation-pixels"
    /// A line about it.
    public static let abstract = "Train an encoder that forecasts or recognises actions from pixels."
    /// Examples of its use.
    public static let discussion = """
        A small MViT, or with --memory a small MeMViT, reads each clip; the official heads read the windows. With memory \
        clips are drawn, not windows: each segment is encoded once, in time order, and memory ends with its clip. Pixels \
        are one safetensors file a clip, UID.safetensors, with a tensor video, uint8 (segments, 3, frames, height, width).

        EXAMPLES
          millrace train-anticipation-pixels --shards anticipation \\
              --frames world/lta_frames --memory fixed \\
              --taxonomy world/fho_lta_taxonomy.json \\
              --validate world/fho_lta_val.json \\
              --steps 500 --output runs/pixels
          millrace train-anticipation-pixels --subject observed …
        """

    /// A run's defaults: nothing is clipped.
    public static let defaults: TrainingOptions = {
        var options = TrainingOptions(source: "anticipation", steps: 1)
        options.batchSize = 8
        options.learningRate = 1e-3
        options.warmup = 0.1
        options.clipNorm = 1e30
        return options
    }()

    @Option(help: ArgumentHelp("The folder of the clips' pixels.", valueName: "dir"))
    var frames: String

    @Option(
        help: ArgumentHelp("fho_lta_taxonomy.json, whose places the windows' labels are.", valueName: "file"))
    var taxonomy: String

    @Option(
        name: .customLong("validate"),
        help: ArgumentHelp("Annotations to validate on, such as fho_lta_val.json.", valueName: "file"))
    var validation: String?

    @Option(help: "The use of memory: none, fixed (all clips, in time order), or as others use it: official, seed.")
    var memory = MemoryPreset.fixed

    @Option(help: "The actions that are learned: future, or observed, those of the last segment that is seen.")
    var subject = VideoDescription.Subject.future

    @Option(help: ArgumentHelp("The segments that windows show, N, 1 to 256.", valueName: "n"))
    var inputs = 2

    @Option(help: ArgumentHelp("The segments that follow, Z, 1 to 256.", valueName: "n"))
    var futures = 20

    @Option(help: ArgumentHelp("The height and width of the pixels that are seen, up to 2048.", valueName: "n"))
    var side = 32

    @Option(help: ArgumentHelp("The columns of the encoder's first block, up to 4096.", valueName: "n"))
    var encoderWidth = 32

    @Option(help: "The share that is dropped before the first and the last layers, 0 to below 1.")
    var dropout = 0.0

    @Option(help: "The share of a weight that is added to its gradient, 0 to 1.")
    var weightDecay = 1e-4

    @Option(
        help: ArgumentHelp(
            "Threads, up to 1024; by default as many as cores. They change the speed, not the result.", valueName: "n"))
    var threads: Int?

    /// Creates arguments that are to be parsed.
    public init() {}

    private func description(_ taxonomy: TaxonomySummary, streams: Int) -> VideoDescription {
        var encoder = EncoderConfiguration.tiny(self.memory)
        (encoder.side, encoder.width) = (self.side, self.encoderWidth)
        var forecast = ForecastDescription(featureWidth: 1, verbs: taxonomy.verbs, nouns: taxonomy.nouns)
        forecast.taxonomy = taxonomy.digest
        forecast.inputs = self.inputs
        forecast.futures = self.subject == .observed ? 1 : self.futures
        forecast.headDropout = self.dropout
        return VideoDescription(encoder, forecast, memory: self.memory, streams: streams, subject: self.subject)
    }

    private var preparation: VideoPreparation {
        var preparation = VideoPreparation()
        preparation.weightDecay = self.weightDecay
        return preparation
    }

    /// Refuses what is out of range.
    public func validate() throws {
        let make = self.description(TaxonomySummary(digest: "", verbs: 1, nouns: 1), streams: 1)
        if let problem = make.problem() ?? self.preparation.problem() { throw ValidationError(problem) }
        if let threads { try OptionRange.check("--threads", threads, ForecastNetwork.threadsRange) }
        try OptionRange.check("--futures", self.futures, ForecastDescription.windowRange)
    }

    /// Makes a new network, and the reader of its windows.
    public func subject(
        _ options: TrainingOptions, set: (String) throws -> ShardSet
    ) throws -> TrainingSubject<VideoForecaster, PixelReader> {
        let make = self.description(try AnticipationFiles.taxonomy(self.taxonomy).summary, streams: options.batchSize)
        let frames = ClipFrames(folder: self.frames), network: VideoForecaster
        do throws(ForecastError) {
            network = try VideoForecaster(
                make, frames: frames, self.preparation, seed: options.seed,
                threads: max(1, self.threads ?? ProcessInfo.processInfo.activeProcessorCount))
        } catch {
            throw TaskFailure(.usage, error.description)
        }
        let validation = try self.validation.map { path in
            try AnticipationFiles.windows(
                path, self.taxonomy, WindowCutting(inputs: self.inputs, futures: self.futures)
            ).filter { $0.future != nil }
        }
        if let validation, validation.isEmpty {
            throw TaskFailure(
                .usage,
                "--validate \(self.validation ?? "") holds no window of \(self.inputs) inputs and \(self.futures) futures "
                    + "whose actions are told; name fho_lta_val.json, or other --inputs and --futures")
        }
        return TrainingSubject(
            network, reader: PixelReader(make, frames: frames), validation: validation)
    }
}
