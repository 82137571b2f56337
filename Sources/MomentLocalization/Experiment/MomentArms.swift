// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
public import Training

/// A comparison of ways to train a network that localizes moments.
public typealias MomentExperiment = Experiment<MomentArms>
/// The plan of such a comparison.
public typealias MomentPlan = ExperimentPlan<MomentArm>

/// Networks that localize moments, as the subject of an experiment: pre-trained on shards, fine-tuned and tested on
/// splits.
public struct MomentArms: ExperimentSubject {
    /// The materials that all arms share.
    public struct Materials {
        /// The folder of features.
        public var features: String
        /// The owners of the features in the files, videos or clips.
        public var layout: FeatureLayout
        /// The encoder of the queries.
        public var text: TextEncoder
        /// Its hash.
        public var textHash: String
        /// Makes a network with the initial values of a seed.
        public var makeModel: (UInt64) throws -> VSLNet
        /// The samples to pre-train on.
        public var samples: SharedSamples
        /// The queries to fine-tune on.
        public var train: [MomentQuery]
        /// The queries that the best checkpoint is chosen by.
        public var validation: QuerySplit
        /// The queries whose scores are reported.
        public var test: QuerySplit

        /// Puts them together.
        public init(
            features: String, layout: FeatureLayout, text: TextEncoder, textHash: String,
            makeModel: @escaping (UInt64) throws -> VSLNet, samples: SharedSamples, train: [MomentQuery],
            validation: QuerySplit, test: QuerySplit
        ) {
            self.features = features
            self.layout = layout
            self.text = text
            self.textHash = textHash
            self.makeModel = makeModel
            self.samples = samples
            self.train = train
            self.validation = validation
            self.test = test
        }
    }

    private let shared: Materials

    /// Makes a subject of materials.
    public init(_ materials: Materials) { self.shared = materials }

    /// The omissions of the runs, whatever the arm, a line each: training queries of no use, validation and test
    /// queries without features.
    /// - Throws: `TrainingError.Code.noSamples` where no test query can be answered.
    public func omissions(_ configuration: VSLNetConfiguration) throws -> [String] {
        let features = FeatureStore(
            folder: self.shared.features, layout: self.shared.layout, bins: configuration.positionsMax,
            columns: configuration.videoFeatureWidth)
        let selection = SampleSelection(features: features, rule: .fixed)
        var counts = MomentCounts()
        for query in self.shared.train { _ = try selection.take(query, counting: &counts) }
        var lines =
            counts.skipped.isEmpty
            ? [] : ["training queries passed over: \(counts.omissions)"]
        for (name, file) in [("validation", self.shared.validation), ("test", self.shared.test)] {
            let queries = file.queries.filter { $0.answer != nil }
            let gaps = try QueryGaps(queries, features: features)
            guard gaps.total < queries.count || name != "test" else {
                throw TrainingError(
                    .noSamples,
                    "no test query can be answered: "
                        + (gaps.lines + ["there are \(queries.count) with an answer"])
                        .joined(separator: ", ") + "; check --test and --features")
            }
            lines += gaps.lines.map { "of \(queries.count) \(name) queries, \($0): each counts as missed" }
        }
        return lines
    }

    /// The network and the queries of a stage.
    public func materials(
        _ stage: ExperimentStage<MomentArm>, after former: MomentLocalizer?
    ) throws -> StageMaterials<MomentLocalizer> {
        let arm = stage.arm
        let isPretraining = stage.kind == .pretrain
        let all = isPretraining ? arm.shards.flatMap { self.shared.samples.queries[$0] } ?? [] : self.shared.train
        let queries = arm.control?.spoil(all, isPretraining: isPretraining, seed: stage.seed) ?? all
        var preparation = MomentPreparation(text: self.shared.textHash)
        preparation.jitterScale = isPretraining ? arm.jitter ?? 1 : 1
        preparation.layout = self.shared.layout
        let model = try former?.model ?? self.shared.makeModel(stage.seed)
        let network = MomentLocalizer(
            model, features: self.features(arm, model.configuration), text: self.shared.text, preparation)
        let validation =
            isPretraining ? nil : try GroundTruth(self.spoilt(self.shared.validation, arm), path: "the validation file")
        return StageMaterials(
            network: network, source: "\(arm.name) \(stage.kind.rawValue): \(queries.count) queries",
            validation: validation
        ) { parts in try Trainer.fixed(queries, parts).trainer }
    }

    /// The scores on the test queries.
    public func test(_ network: MomentLocalizer, _ arm: MomentArm) throws -> Scores {
        let truth = try GroundTruth(self.spoilt(self.shared.test, arm), path: "the test file")
        let answers = try ModelPredictions(truth.queries, network)
        return try Evaluation(answers.predictions, truth: truth, resampling: false).overall
    }

    private func features(_ arm: MomentArm, _ configuration: VSLNetConfiguration) -> FeatureStore {
        var standIns: [String: String] = [:]
        if arm.control == .swappedFeatures {
            standIns = MomentArm.Control.standIns(self.videoEnds())
        }
        return FeatureStore(
            folder: self.shared.features, layout: self.shared.layout, bins: configuration.positionsMax,
            columns: configuration.videoFeatureWidth, standIns: standIns)
    }

    /// The end of the last clip of each video.
    private func videoEnds() -> [String: Double] {
        var ends: [String: Double] = [:]
        for query in self.shared.train + self.shared.samples.queries.values.flatMap({ $0 }) {
            ends[query.videoUID] = max(ends[query.videoUID] ?? 0, query.clipEnd)
        }
        for split in [self.shared.validation, self.shared.test] { ends.merge(split.videoEnds) { max($0, $1) } }
        return ends
    }

    /// A split with blank queries, where the arm wants that.
    private func spoilt(_ split: QuerySplit, _ arm: MomentArm) -> QuerySplit {
        guard arm.control == .blankQueries else { return split }
        var blank = split
        for index in blank.all.indices where blank.all[index].hasText {
            blank.all[index].sentence = "?"
            blank.all[index].isBlank = false
        }
        return blank
    }
}
