// SPDX-License-Identifier: Apache-2.0

import Codecs

/// One of the ways of training that an experiment compares.
public protocol ExperimentArm: Hashable, Sendable, Codable {
    /// Its name.
    var name: String { get }
    /// The shard set to pre-train on; `nil`: from scratch, in as many steps as pre-training and fine-tuning have
    /// together.
    var shards: String? { get }
    /// Says what is out of range, or nothing.
    func problem() -> String?
}

/// The plan of a comparison: arms that differ in one thing, each run with several seeds.
public struct ExperimentPlan<Arm: ExperimentArm>: Hashable, Sendable, Codable {
    /// The arms.
    public var arms: [Arm]
    /// The seeds; each arm is run with each.
    public var seeds: [UInt64]
    /// The arm that the others are compared with.
    public var baseline: String
    /// The steps of pre-training.
    public var pretrainSteps: Int
    /// The steps of fine-tuning.
    public var finetuneSteps: Int
    /// The learning rate of pre-training.
    public var pretrainLearningRate: Double
    /// The learning rate of fine-tuning, and of training from scratch.
    public var finetuneLearningRate: Double
    /// Samples of a step.
    public var batchSize: Int
    /// The share of the steps in which the rate rises.
    public var warmup: Double
    /// Steps between validations.
    public var validationSteps: Int

    private enum CodingKeys: String, CodingKey {
        case arms, seeds, baseline, warmup
        case pretrainSteps = "pretrain_steps", finetuneSteps = "finetune_steps"
        case pretrainLearningRate = "pretrain_learning_rate", finetuneLearningRate = "finetune_learning_rate"
        case batchSize = "batch_size", validationSteps = "validation_steps"
    }

    /// Reads a plan of a JSON file.
    /// - Throws: `TrainingError.Code.usage`, naming what is missing or wrong.
    public init(json: [UInt8], path: String) throws(TrainingError) {
        do throws(PlainDecoder.Problem) {
            self = try PlainDecoder.decode(Self.self, from: json.withoutByteOrderMark)
        } catch {
            throw TrainingError(
                .usage, "\(path): \(error.message); `millrace experiment --help` shows a plan")
        }
        if let problem = self.problem() {
            throw TrainingError(.usage, "\(path): \(problem); `millrace experiment --help` shows a plan")
        }
    }

    private func problem() -> String? {
        let names = self.arms.map(\.name)
        if names.isEmpty || self.seeds.isEmpty { return "it needs at least one arm and one seed" }
        if Set(names).count != names.count { return "two arms have one name" }
        if let odd = names.first(where: { $0.isEmpty || $0.contains("/") || $0.hasPrefix(".") }) {
            return "\"\(odd)\" cannot be an arm's name: it becomes a folder's"
        }
        if !names.contains(self.baseline) { return "the baseline \"\(self.baseline)\" is none of the arms" }
        let numbers = [
            ("pretrain_steps", self.pretrainSteps, TrainingOptions.stepsRange),
            ("finetune_steps", self.finetuneSteps, TrainingOptions.stepsRange),
            ("validation_steps", self.validationSteps, TrainingOptions.stepsRange),
            ("batch_size", self.batchSize, TrainingOptions.batchRange),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            return "\(name) must be at least \(range.lowerBound), and \(range.upperBound) at most, not \(value)"
        }
        if self.pretrainSteps + self.finetuneSteps > TrainingOptions.stepsRange.upperBound {
            return
                "pretrain_steps and finetune_steps are more than \(TrainingOptions.stepsRange.upperBound) together, which an "
                + "arm from scratch would take"
        }
        if let seed = self.seeds.first(where: { $0 > UInt64(Int.max) }) {
            return "a seed is from 0 to \(Int.max), not \(seed)"
        }
        for (name, rate) in [
            ("pretrain_learning_rate", self.pretrainLearningRate),
            ("finetune_learning_rate", self.finetuneLearningRate),
        ] where !(rate > 0 && rate <= TrainingOptions.learningRateMax) {
            return "\(name) is above 0, and \(TrainingOptions.learningRateMax) at most, not \(rate)"
        }
        if !(0...1).contains(self.warmup) { return "warmup is a share from 0 to 1, not \(self.warmup)" }
        return self.arms.lazy.compactMap { $0.problem() }.first
    }

    /// The sets of shards that arms pre-train on.
    public var shardSets: [String] { Array(Set(self.arms.compactMap(\.shards))).sorted() }
}
