// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
import TextEncoders
public import Threads
public import Training

/// VSLNet with what reads its samples, as the trainer takes it: AdamW, a rate that rises and falls in straight lines,
/// samples by themselves, nothing carried.
public final class MomentLocalizer: TrainableNetwork {
    /// Scores of a validation.
    public typealias Scores = MomentLocalization.Scores

    /// The network.
    public let model: VSLNet
    /// Its make.
    public let description: MomentDescription
    /// The preparation of its samples.
    public let preparation: MomentPreparation
    /// The maker of its batches.
    public let loader: BatchLoader

    /// Puts a network together with its features and what reads its queries.
    public init(_ model: VSLNet, features: FeatureStore, text: TextEncoder, _ preparation: MomentPreparation) {
        self.model = model
        self.description = MomentDescription(model.configuration, vocabulary: text.vocabulary)
        self.preparation = preparation
        self.loader = BatchLoader(features: features, text: text, preparation: preparation)
    }

    /// The tensors that a network has.
    public static func layout(_ description: MomentDescription) -> ParameterLayout {
        VSLNet.layout(description.configuration)
    }

    /// The weights, under their official names.
    public var parameters: Parameters { self.model.parameters }
    /// The gradients that `differentiate` left.
    public var gradients: FloatBuffer { self.model.gradients }

    /// A fresh AdamW with PyTorch's settings.
    public func makeOptimizer() -> Adam { Adam(self.model.layout, .adamW) }

    /// The rate of a step: up over the warm-up, then down to zero with the last.
    public func learningRate(_ step: Int, _ options: TrainingOptions) -> Double {
        WarmupSchedule(.line, peak: options.learningRate, warmupSteps: options.warmupSteps, steps: options.steps).rate(
            step)
    }

    /// Starts the threads that steps and predictions use.
    public func startThreads() throws(ModelError) -> ThreadTeam { try self.model.startThreads() }

    /// Computes the losses of location and highlight, with dropout, and leaves the gradients.
    public func differentiate(_ batch: Batch, _ key: StepKey) throws(ModelError) -> StepLosses {
        let losses = try self.model.differentiate(
            batch,
            dropout: Dropout(
                rate: self.model.configuration.dropRate,
                source: .random(key: key.seed, step: UInt32(truncatingIfNeeded: key.step))))
        return StepLosses(total: losses.total, parts: ["location": losses.location, "highlight": losses.highlight])
    }

    /// Finds the best spans of each sample.
    public func predict(_ batch: Batch) throws(ModelError) -> [SpanPrediction] { try self.model.predict(batch) }

    /// Tells which validation queries have no features.
    public func gaps(in truth: GroundTruth) throws -> [String] {
        let features = self.loader.features, gaps = try QueryGaps(truth.queries, features: features)
        guard gaps.total < truth.queries.count else {
            throw TrainingError(
                .noSamples,
                "no validation query can be answered, so that no checkpoint could be told to be the best: "
                    + gaps.lines.joined(separator: ", ") + "; bring their features to \(features.folder), "
                    + "validate on other annotations, or do not validate")
        }
        return gaps.lines.map { "of \(truth.queries.count) validation queries, \($0)" }
    }

    /// Answers the validation queries; the best checkpoint is chosen by R@1 at IoU 0.3.
    public func evaluate(_ truth: GroundTruth) throws -> Verdict<Scores> {
        let answers = try ModelPredictions(truth.queries, self)
        let scores = try Evaluation(answers.predictions, truth: truth, resampling: false).overall
        return Verdict(
            scores, score: answers.predictions.isEmpty ? nil : scores.recall(topK: 1, threshold: 0.3) ?? 0)
    }
}

/// A trainer of networks for moments.
public typealias MomentTrainer = Trainer<MomentLocalizer>
/// A checkpoint of such a network.
public typealias MomentCheckpoint = Checkpoint<MomentLocalizer>

extension Trainer where Network == MomentLocalizer {
    /// Trains on an annotation file's queries, in epochs.
    /// - Parameter textless: how many queries the file has beside them, without text.
    /// - Returns: the trainer, and what was counted of the queries.
    public static func fixed(
        _ queries: [MomentQuery], textless: Int = 0, _ parts: Parts
    ) throws -> (trainer: MomentTrainer, counts: MomentCounts) {
        if queries.isEmpty, textless == 0 {
            throw TrainingError(.noSamples, "there is no query to train on; name annotations with queries by --train")
        }
        let features = parts.network.loader.features
        let selection = SampleSelection(features: features, rule: parts.network.preparation.targets)
        var counts = MomentCounts()
        let usable = try queries.filter { try selection.take($0, counting: &counts) }
        counts.skip(.blankQuery, count: textless)
        guard !usable.isEmpty else {
            throw TrainingError(
                .noSamples,
                "none of \(queries.count + textless) queries can be trained on ("
                    + counts.omissions + "); check the annotations, and --features "
                    + features.folder)
        }
        let trainer = try Trainer(parts, source: FixedSource(usable, options: parts.options))
        return (trainer, counts)
    }
}
