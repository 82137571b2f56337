// SPDX-License-Identifier: Apache-2.0

/// The subject of an experiment: networks, the data of their stages, and a test that nothing was chosen by.
public protocol ExperimentSubject {
    /// The network that is trained.
    associatedtype Network: TrainableNetwork
    /// A way of training it.
    associatedtype Arm: ExperimentArm

    /// Makes what a stage needs.
    /// - Parameter former: the network of the stage before, with the weights to go on from; `nil` in the first.
    func materials(_ stage: ExperimentStage<Arm>, after former: Network?) throws -> StageMaterials<Network>
    /// Scores a network on the data that nothing was chosen by.
    func test(_ network: Network, _ arm: Arm) throws -> Network.Scores
}

/// A stage of one run of an arm.
public struct ExperimentStage<Arm: ExperimentArm>: Sendable {
    /// The stages there are. The raw value is the name of the stage's folder.
    public enum Kind: String, Sendable {
        /// On the samples of a shard set.
        case pretrain
        /// On the official split, with validation.
        case finetune
    }

    /// The arm.
    public var arm: Arm
    /// The seed of the run.
    public var seed: UInt64
    /// The stage.
    public var kind: Kind
}

/// The materials of a stage.
public struct StageMaterials<Network: TrainableNetwork> {
    /// The network, with the weights to begin with.
    public var network: Network
    /// The data in words, which a run is resumed with.
    public var source: String
    /// The set that the best checkpoint is chosen by; `nil`: no validation.
    public var validation: Network.Validation?
    /// Makes the trainer on the stage's data.
    public var makeTrainer: (Trainer<Network>.Parts) throws -> Trainer<Network>

    /// Puts them together.
    public init(
        network: Network, source: String, validation: Network.Validation?,
        makeTrainer: @escaping (Trainer<Network>.Parts) throws -> Trainer<Network>
    ) {
        self.network = network
        self.source = source
        self.validation = validation
        self.makeTrainer = makeTrainer
    }
}

/// Runs the arms of a plan and scores each on data that nothing was chosen by.
public struct Experiment<Subject: ExperimentSubject> {
    /// A network of the subject's.
    public typealias Network = Subject.Network
    /// A way of training.
    public typealias Arm = Subject.Arm

    /// The scores of an arm with a seed on the test data.
    public struct Result: Sendable {
        /// The arm's name.
        public var arm: String
        /// The seed.
        public var seed: UInt64
        /// The scores of the last checkpoint.
        public var last: Network.Scores
        /// The scores of the checkpoint that did best on the validation data.
        public var best: Network.Scores
    }

    private let plan: ExperimentPlan<Arm>
    private let subject: Subject
    private let folder: String

    /// Prepares an experiment; runs that are in the folder are continued.
    public init(_ plan: ExperimentPlan<Arm>, _ subject: Subject, folder: String) {
        self.plan = plan
        self.subject = subject
        self.folder = folder
    }

    /// Runs one arm with one seed: pre-training, fine-tuning, testing.
    /// - Returns: `nil` where it was asked to stop; the next call continues from what is done.
    public func run(
        _ arm: Arm, seed: UInt64, isStopping: () -> Bool, onEvent: (String, TrainingEvent<Network.Scores>) -> Void
    ) throws -> Result? {
        var trained: Network?
        for kind in arm.shards == nil ? [ExperimentStage<Arm>.Kind.finetune] : [.pretrain, .finetune] {
            let stage = ExperimentStage(arm: arm, seed: seed, kind: kind)
            guard let network = try self.train(stage, after: trained, isStopping, onEvent) else { return nil }
            trained = network
        }
        guard let trained else { return nil }
        let last = try self.subject.test(trained, arm)
        let stage = ExperimentStage(arm: arm, seed: seed, kind: .finetune)
        try Checkpoint<Network>(path: self.path(stage) + "/" + CheckpointFolder.bestName).loadWeights(into: trained)
        return Result(arm: arm.name, seed: seed, last: last, best: try self.subject.test(trained, arm))
    }

    /// Trains a stage to its end, or continues it.
    /// - Returns: the network with its last weights; `nil` where it was asked to stop.
    private func train(
        _ stage: ExperimentStage<Arm>, after former: Network?, _ isStopping: () -> Bool,
        _ onEvent: (String, TrainingEvent<Network.Scores>) -> Void
    ) throws -> Network? {
        let materials = try self.subject.materials(stage, after: former)
        var options = TrainingOptions(source: materials.source, steps: self.steps(stage))
        options.batchSize = self.plan.batchSize
        options.learningRate =
            stage.kind == .pretrain ? self.plan.pretrainLearningRate : self.plan.finetuneLearningRate
        options.warmup = self.plan.warmup
        options.seed = stage.seed
        var schedule = Trainer<Network>.Schedule()
        schedule.checkpointSteps = max(self.plan.validationSteps, 1)
        schedule.validationSteps = self.plan.validationSteps
        schedule.validation = materials.validation
        let trainer = try materials.makeTrainer(
            Trainer<Network>.Parts(
                network: materials.network, options: options,
                folder: CheckpointFolder(path: self.path(stage), keep: 1), schedule: schedule))
        let name = "\(stage.arm.name), seed \(stage.seed), \(stage.kind.rawValue)"
        return try trainer.run(isStopping: isStopping) { onEvent(name, $0) } == .finished ? materials.network : nil
    }

    /// An arm from scratch gets the steps of both stages.
    private func steps(_ stage: ExperimentStage<Arm>) -> Int {
        if stage.kind == .pretrain { return self.plan.pretrainSteps }
        return self.plan.finetuneSteps + (stage.arm.shards == nil ? self.plan.pretrainSteps : 0)
    }

    private func path(_ stage: ExperimentStage<Arm>) -> String {
        "\(self.folder)/\(stage.arm.name)-\(stage.seed)/\(stage.kind.rawValue)"
    }
}
