// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
public import Threads
public import Training

/// The network of feature mode with what reads its windows, as the trainer takes it: Adam with the decay inside the
/// gradient, a rate that rises from zero and falls along a cosine, windows by themselves, nothing carried.
public final class ActionForecaster: TrainableNetwork {
    /// The network.
    public let network: ForecastNetwork
    /// Its make.
    public var description: ForecastDescription { self.network.description }
    /// The preparation of its windows.
    public let preparation: ForecastPreparation
    /// The maker of its batches.
    public let loader: ForecastLoader

    /// The candidates that a validation draws, K of the challenge.
    public static let candidates = 5
    /// The windows that are answered at once.
    private static let batchSize = 64

    /// Puts a network together with its features.
    public init(_ network: ForecastNetwork, features: SegmentFeatures, _ preparation: ForecastPreparation) {
        self.network = network
        self.preparation = preparation
        self.loader = ForecastLoader(features: features)
    }

    /// The tensors that a network has.
    public static func layout(_ description: ForecastDescription) -> ParameterLayout {
        ForecastNetwork.layout(description)
    }

    /// The weights, under their official names.
    public var parameters: Parameters { self.network.parameters }
    /// The gradients that `differentiate` left.
    public var gradients: FloatBuffer { self.network.gradients }

    /// A fresh Adam.
    public func makeOptimizer() -> Adam {
        var configuration = Adam.Configuration()
        configuration.weightDecay = Float(self.preparation.weightDecay)
        return Adam(self.parameters.layout, configuration)
    }

    /// The rate of a step: from zero up over the warm-up, then down along a cosine.
    public func learningRate(_ step: Int, _ options: TrainingOptions) -> Double {
        WarmupSchedule(.cosine, peak: options.learningRate, warmupSteps: options.warmupSteps, steps: options.steps)
            .rate(step)
    }

    /// Starts the threads that steps and forecasts use.
    public func startThreads() throws(ForecastError) -> ThreadTeam { try self.network.startThreads() }

    /// Computes the losses of verbs and nouns, with dropout, and leaves the gradients.
    public func differentiate(_ batch: ForecastBatch, _ key: StepKey) throws(ForecastError) -> StepLosses {
        let losses = try self.network.differentiate(
            batch, drops: (key: key.seed, step: UInt32(truncatingIfNeeded: key.step)))
        return StepLosses(total: losses.verb + losses.noun, parts: ["verb": losses.verb, "noun": losses.noun])
    }

    /// The logits of each window.
    public func predict(_ batch: ForecastBatch) throws(ForecastError) -> [ForecastLogits] {
        try self.network.logits(batch)
    }

    /// Draws candidates for windows, in their order.
    /// - Parameter progress: called with the number of windows that are done.
    /// - Throws: `TensorFileError` where features are damaged, `TrainingError` where they are missing, `ForecastError`.
    public func forecasts(
        _ windows: [ForecastWindow], count: Int, seed: UInt64, progress: (Int) -> Void = { _ in }
    ) throws -> [[[Action]]] {
        let team = try self.startThreads()
        var all: [[[Action]]] = []
        for start in stride(from: 0, to: windows.count, by: Self.batchSize) {
            let part = Array(windows[start..<min(start + Self.batchSize, windows.count)])
            var batch = try self.loader.batch(part, on: team)
            batch.truth = nil
            for (window, logits) in zip(part, try self.network.logits(batch)) {
                all.append(ForecastDraw.candidates(count, of: logits, key: window.key, seed: seed))
            }
            progress(all.count)
        }
        return all
    }

    /// Tells which validation windows have no features.
    public func gaps(in windows: [ForecastWindow]) throws -> [String] {
        var counts: [SegmentFeatures.Gap: Int] = [:]
        for window in windows {
            if let gap = try self.loader.features.gap(of: window) { counts[gap, default: 0] += 1 }
        }
        let lines = SegmentFeatures.Gap.allCases.compactMap { gap in counts[gap].map { "\($0) \(gap.rawValue)" } }
        guard counts.values.reduce(0, +) < windows.count else {
            throw TrainingError(
                .noSamples,
                "no validation window can be answered, so that no checkpoint could be told to be the best: "
                    + (lines.isEmpty ? "there is none" : lines.joined(separator: ", "))
                    + "; bring their features to \(self.loader.features.folder), validate on other annotations, or "
                    + "do not "
                    + "validate")
        }
        return lines.map { "of \(windows.count) validation windows, \($0)" }
    }

    /// Forecasts the validation windows, each of which counts the same; one without features misses everything. The
    /// best checkpoint is chosen by the mean of what verbs and nouns have in common with the truth: one less ED@Z.
    public func evaluate(_ windows: [ForecastWindow]) throws -> Verdict<ForecastScores> {
        let answerable = try windows.filter { try self.loader.features.gap(of: $0) == nil }
        let forecasts = try self.forecasts(answerable, count: Self.candidates, seed: 0)
        let known = Dictionary(zip(answerable.map(\.key), forecasts)) { first, _ in first }
        var scores = ForecastScores(steps: self.description.futures)
        for window in windows {
            if let truth = window.future { scores.add(known[window.key] ?? [], truth: truth) }
        }
        guard let verb = scores.verb.distance, let noun = scores.noun.distance else {
            return Verdict(scores, score: nil)
        }
        return Verdict(scores, score: answerable.isEmpty ? nil : 1 - (verb + noun) / 2)
    }
}
