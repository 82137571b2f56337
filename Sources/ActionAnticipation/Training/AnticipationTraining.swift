// SPDX-License-Identifier: Apache-2.0

public import ActionForecasting
import ArgumentParser
import Shards
public import TaskRooms
public import Training

/// `millrace train-anticipation`: a network learns to tell the actions that follow. The one place where windows of
/// shards and the network meet.
public struct AnticipationTraining: SampleTraining {
    /// The network's name.
    public static let name = "anticipation"
    /// A line about it.
    public static let abstract = "Train a network that forecasts actions, on windows of shards while they land."
    /// Examples of its use.
    public static let discussion = """
        The official baseline on features: each clip's features are projected, put together, and read by one layer for \
        each step ahead. Adam with the decay inside the gradient; the rate rises from zero over --warmup and falls along \
        a cosine. The loss is the sum over all steps of verb and noun. Ctrl-C writes a checkpoint; the same command goes \
        on from there.

        EXAMPLES
          millrace train-anticipation --shards anticipation \\
              --features world/lta_features --window 16 \\
              --taxonomy world/fho_lta_taxonomy.json \\
              --validate world/fho_lta_val.json --width 128 \\
              --steps 500 --output runs/lta
          millrace train-anticipation --aggregator transformer --wait …
        """

    /// A run's defaults: nothing is clipped.
    public static let defaults: TrainingOptions = {
        var options = TrainingOptions(source: "anticipation", steps: 1)
        options.batchSize = 64
        options.learningRate = 1e-4
        options.warmup = 0.1
        options.clipNorm = 1e30
        return options
    }()

    @Option(
        help: ArgumentHelp("fho_lta_taxonomy.json, whose places the windows' labels are.", valueName: "file"))
    var taxonomy: String

    @Option(
        name: .customLong("validate"),
        help: ArgumentHelp("Annotations to validate on, such as fho_lta_val.json.", valueName: "file"))
    var validation: String?

    @Option(help: "The share of a weight that is added to its gradient, 0 to 1.")
    var weightDecay = 1e-4

    @OptionGroup(title: "Features") var features: SegmentFeatureArguments
    @OptionGroup(title: "Network") var network: AnticipationNetworkArguments

    /// Creates arguments that are to be parsed.
    public init() {}

    private var preparation: ForecastPreparation {
        var preparation = ForecastPreparation()
        preparation.owner = self.features.layout
        preparation.alignment = self.features.alignment
        preparation.weightDecay = self.weightDecay
        return preparation
    }

    /// Refuses what is out of range.
    public func validate() throws {
        if let problem = self.preparation.problem() { throw ValidationError(problem) }
    }

    /// Makes a new network, and the reader of its windows.
    public func subject(
        _ options: TrainingOptions, set: (String) throws -> ShardSet
    ) throws -> TrainingSubject<ActionForecaster, WindowReader> {
        let taxonomy = try AnticipationFiles.taxonomy(self.taxonomy)
        let features = try self.features.store()
        let make = self.network.description(features.columns, taxonomy.summary)
        let network: ForecastNetwork
        do throws(ForecastError) {
            network = try ForecastNetwork(make, seed: options.seed, threads: self.features.threadCount)
        } catch {
            throw TaskFailure(.usage, error.description)
        }
        let validation = try self.validation.map { path in
            let cutting = WindowCutting(inputs: make.inputs, futures: make.futures)
            return try AnticipationFiles.windows(path, self.taxonomy, cutting).filter { $0.future != nil }
        }
        if let validation, validation.isEmpty {
            throw TaskFailure(
                .usage,
                "--validate \(self.validation ?? "") holds no window of \(make.inputs) inputs and \(make.futures) "
                    + "futures whose "
                    + "actions are told; name fho_lta_val.json, or other --inputs and --futures")
        }
        return TrainingSubject(
            ActionForecaster(network, features: features, self.preparation),
            reader: WindowReader(make, features: features), validation: validation)
    }
}

/// Annotation files by path, with the command line's words for what is wrong with them.
public enum AnticipationFiles {
    /// A taxonomy.
    public static func taxonomy(_ path: String) throws -> Taxonomy {
        do throws(SourceError) {
            return try Taxonomy(path: path)
        } catch {
            throw TaskFailure(.usage, "--taxonomy: \(error)")
        }
    }

    /// The windows of an annotation file, in its order; clips are those that an ingest would take.
    public static func windows(
        _ path: String, _ taxonomy: String, _ cutting: WindowCutting
    ) throws -> [ForecastWindow] {
        try self.actionWindows(path, taxonomy, cutting).map(\.forecastWindow)
    }

    /// The same, as an ingest and its topology would make them.
    public static func actionWindows(
        _ path: String, _ taxonomy: String, _ cutting: WindowCutting
    ) throws -> [ActionWindow] {
        var windows: [ActionWindow] = []
        do {
            let adapter = try LTAAdapter(annotations: path, taxonomy: taxonomy)
            try adapter.read { item in
                switch item {
                case .group(let group): windows += cutting.windows(of: group.clip, group.segments, topology: "")
                case .problem(let problem): throw TaskFailure(.failed, problem.message)
                case .count: break
                }
            }
        } catch let error as SourceError {
            throw TaskFailure(error.isMissing ? .usage : .failed, "\(error)")
        }
        return windows
    }
}
