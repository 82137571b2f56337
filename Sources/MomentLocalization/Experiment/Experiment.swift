// SPDX-License-Identifier: Apache-2.0

internal import NeuralNetworks
public import Training

/// Runs the arms of a plan and scores each on queries that nothing was chosen by.
public struct Experiment {
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
        public var validation: AnnotationFile
        /// The queries whose scores are reported.
        public var test: AnnotationFile

        /// Puts them together.
        public init(
            features: String, layout: FeatureLayout, text: TextEncoder, textHash: String,
            makeModel: @escaping (UInt64) throws -> VSLNet, samples: SharedSamples, train: [MomentQuery],
            validation: AnnotationFile, test: AnnotationFile
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

    /// The scores of an arm with a seed on the test queries.
    public struct Result: Sendable {
        /// The arm.
        public var arm: String
        /// The seed.
        public var seed: UInt64
        /// The scores of the last checkpoint.
        public var last: Scores
        /// The scores of the checkpoint that did best on the validation queries.
        public var best: Scores
    }

    private let plan: ExperimentPlan
    private let materials: Materials
    private let folder: String

    /// Prepares an experiment; runs that are in the folder are continued.
    public init(_ plan: ExperimentPlan, _ materials: Materials, folder: String) {
        self.plan = plan
        self.materials = materials
        self.folder = folder
    }

    /// The omissions of the runs, whatever the arm, a line each: training queries of no use, validation and test
    /// queries without features.
    /// - Throws: `TrainingError.Code.noSamples` where no test query can be answered.
    public func omissions(_ configuration: VSLNetConfiguration) throws -> [String] {
        let features = FeatureStore(
            folder: self.materials.features, layout: self.materials.layout, bins: configuration.positionsMax,
            columns: configuration.videoFeatureWidth)
        let selection = SampleSelection(features: features, rule: .fixed)
        var counts = MomentCounts()
        for query in self.materials.train { _ = try selection.take(query, counting: &counts) }
        var lines =
            counts.skipped.isEmpty
            ? [] : ["training queries passed over: \(counts.omissions)"]
        for (name, file) in [("validation", self.materials.validation), ("test", self.materials.test)] {
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

    /// Runs one arm with one seed: pre-training, fine-tuning, testing.
    /// - Returns: `nil` where it was asked to stop; the next call continues from what is done.
    public func run(
        _ arm: ExperimentPlan.Arm, seed: UInt64, isStopping: () -> Bool,
        onEvent: (String, TrainingEvent<Scores>) -> Void
    ) throws -> Result? {
        let model = try self.materials.makeModel(seed)
        var steps = self.plan.finetuneSteps
        if let set = arm.shards {
            let samples = self.spoilt(self.materials.samples.queries[set] ?? [], arm, isPretraining: true, seed: seed)
            let done = try self.train(
                model, samples, arm, seed, stage: "pretrain", steps: self.plan.pretrainSteps,
                learningRate: self.plan.pretrainLearningRate, jitter: arm.jitter ?? 1, isStopping, onEvent)
            if done == nil { return nil }
        } else {
            steps += self.plan.pretrainSteps
        }
        let queries = self.spoilt(self.materials.train, arm, isPretraining: false, seed: seed)
        let done = try self.train(
            model, queries, arm, seed, stage: "finetune", steps: steps,
            learningRate: self.plan.finetuneLearningRate, jitter: 1, isStopping, onEvent)
        guard let network = done else { return nil }
        let last = try self.test(network, arm)
        let best = try MomentCheckpoint(path: self.path(arm, seed, "finetune") + "/" + CheckpointFolder.bestName)
        try best.loadWeights(into: network)
        return Result(arm: arm.name, seed: seed, last: last, best: try self.test(network, arm))
    }

    private func path(_ arm: ExperimentPlan.Arm, _ seed: UInt64, _ stage: String) -> String {
        "\(self.folder)/\(arm.name)-\(seed)/\(stage)"
    }

    private func spoilt(
        _ queries: [MomentQuery], _ arm: ExperimentPlan.Arm, isPretraining: Bool, seed: UInt64
    ) -> [MomentQuery] {
        arm.control?.spoil(queries, isPretraining: isPretraining, seed: seed) ?? queries
    }

    private func features(_ arm: ExperimentPlan.Arm, _ configuration: VSLNetConfiguration) -> FeatureStore {
        var standIns: [String: String] = [:]
        if arm.control == .swappedFeatures {
            standIns = ExperimentPlan.Control.standIns(self.videoEnds())
        }
        return FeatureStore(
            folder: self.materials.features, layout: self.materials.layout, bins: configuration.positionsMax,
            columns: configuration.videoFeatureWidth, standIns: standIns)
    }

    /// The end of the last clip of each video.
    private func videoEnds() -> [String: Double] {
        var ends: [String: Double] = [:]
        for query in self.materials.train + self.materials.samples.queries.values.flatMap({ $0 }) {
            ends[query.videoUID] = max(ends[query.videoUID] ?? 0, query.clipEnd)
        }
        for video in self.materials.validation.videos + self.materials.test.videos {
            for clip in video.clips { ends[video.uid] = max(ends[video.uid] ?? 0, clip.end) }
        }
        return ends
    }

    /// Trains a stage to its end, or continues it; leaves the last weights in the model.
    /// - Returns: the network; `nil` where it was asked to stop.
    private func train(
        _ model: VSLNet, _ queries: [MomentQuery], _ arm: ExperimentPlan.Arm, _ seed: UInt64, stage: String, steps: Int,
        learningRate: Double, jitter: Double, _ isStopping: () -> Bool,
        _ onEvent: (String, TrainingEvent<Scores>) -> Void
    ) throws -> MomentLocalizer? {
        var options = TrainingOptions(
            source: "\(arm.name) \(stage): \(queries.count) queries", steps: steps)
        options.batchSize = self.plan.batchSize
        options.learningRate = learningRate
        options.warmup = self.plan.warmup
        options.seed = seed
        var preparation = MomentPreparation(text: self.materials.textHash)
        preparation.jitterScale = jitter
        preparation.layout = self.materials.layout
        var schedule = MomentTrainer.Schedule()
        schedule.checkpointSteps = max(self.plan.validationSteps, 1)
        schedule.validationSteps = self.plan.validationSteps
        if stage == "finetune" {
            let truth = try GroundTruth(self.spoilt(self.materials.validation, arm), path: "the validation file")
            schedule.validation = truth
        }
        let network = MomentLocalizer(
            model, features: self.features(arm, model.configuration), text: self.materials.text, preparation)
        let trainer = try Trainer.fixed(
            queries,
            MomentTrainer.Parts(
                network: network, options: options,
                folder: CheckpointFolder(path: self.path(arm, seed, stage), keep: 1), schedule: schedule)
        ).trainer
        let name = "\(arm.name), seed \(seed), \(stage)"
        return try trainer.run(isStopping: isStopping) { onEvent(name, $0) } == .finished ? network : nil
    }

    private func test(_ network: MomentLocalizer, _ arm: ExperimentPlan.Arm) throws -> Scores {
        let truth = try GroundTruth(self.spoilt(self.materials.test, arm), path: "the test file")
        let answers = try ModelPredictions(truth.queries, network)
        return try Evaluation(answers.predictions, truth: truth, resampling: false).overall
    }

    /// Annotations with blank queries, where the arm wants that.
    private func spoilt(_ file: AnnotationFile, _ arm: ExperimentPlan.Arm) -> AnnotationFile {
        guard arm.control == .blankQueries else { return file }
        var blank = file
        for video in blank.videos.indices {
            for clip in blank.videos[video].clips.indices {
                for annotation in blank.videos[video].clips[clip].annotations.indices {
                    let queries = blank.videos[video].clips[clip].annotations[annotation].queries.indices
                    for query in queries {
                        let text = blank.videos[video].clips[clip].annotations[annotation].queries[query].text
                        if text?.isEmpty == false {
                            blank.videos[video].clips[clip].annotations[annotation].queries[query].text = "?"
                        }
                    }
                }
            }
        }
        return blank
    }
}
