// SPDX-License-Identifier: Apache-2.0

internal import NeuralNetworks
public import Training

/// The plan of a comparison: arms that differ in one thing, each run with several seeds.
public struct ExperimentPlan: Hashable, Sendable, Codable {
    /// One way of training.
    public struct Arm: Hashable, Sendable, Codable {
        /// The arm's name.
        public var name: String
        /// The shard set to pre-train on; `nil`: from scratch, in as many steps as pre-training and fine-tuning have
        /// together.
        public var shards: String?
        /// The most that targets are widened in pre-training.
        public var jitter: Double?
        /// The way in which data is spoilt on purpose.
        public var control: Control?
    }

    /// A way to spoil the data on purpose. A score that survives it was not won by what it claims.
    public enum Control: String, Hashable, Sendable, Codable, CaseIterable {
        /// Each video has another video's features, in training and in testing.
        case swappedFeatures = "swapped-features"
        /// All queries are the same, in training and in testing.
        case blankQueries = "blank-queries"
        /// In pre-training the windows of a clip are dealt anew among its queries.
        case permutedWindows = "permuted-windows"

        /// Reads a control's name.
        public init(from decoder: any Decoder) throws {
            let name = try decoder.singleValueContainer().decode(String.self)
            guard let control = Self(rawValue: name) else {
                throw PlainDecoder.Problem(
                    "\"\(name)\" is no control; there are " + Self.allCases.map(\.rawValue).joined(separator: ", "))
            }
            self = control
        }
    }

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
            self = try PlainDecoder.decode(ExperimentPlan.self, from: json.withoutByteOrderMark)
        } catch {
            throw TrainingError(
                .usage, "\(path): \(error.message); `millrace experiment --help` shows a plan")
        }
        if let problem = self.problem() { throw TrainingError(.usage, "\(path): \(problem)") }
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
        for arm in self.arms {
            if let jitter = arm.jitter, !(1...100).contains(jitter) {
                return "the jitter of arm \"\(arm.name)\" is from 1 (off) to 100, not \(jitter)"
            }
        }
        return nil
    }

    /// The sets of shards that arms pre-train on.
    public var shardSets: [String] { Array(Set(self.arms.compactMap(\.shards))).sorted() }
}

/// The samples that all arms pre-train on: those windows that every set of shards has a query for, in one order, so that
/// arms differ in the text alone.
public struct SharedSamples: Sendable {
    /// The queries by set, each list in the same order.
    public var queries: [String: [MomentQuery]] = [:]
    /// The windows that not all sets have.
    public private(set) var dropped = 0

    private struct Window: Hashable {
        var video: String
        var clip: String
        var start: Double
        var end: Double

        init(_ query: MomentQuery) {
            self.video = query.videoUID
            self.clip = query.clipUID
            self.start = ((query.answer?.start ?? 0) * 1000).rounded()
            self.end = ((query.answer?.end ?? 0) * 1000).rounded()
        }
    }

    /// Finds what sets have in common.
    public init(_ sets: [String: [MomentQuery]]) {
        var byWindow: [String: [Window: MomentQuery]] = [:]
        for (name, queries) in sets {
            byWindow[name] = Dictionary(queries.map { (Window($0), $0) }, uniquingKeysWith: { first, _ in first })
        }
        let all = byWindow.values.map { Set($0.keys) }
        let shared = all.dropFirst().reduce(all.first ?? []) { $0.intersection($1) }
        self.dropped = all.reduce(Set()) { $0.union($1) }.count - shared.count
        let ordered = shared.sorted {
            ($0.video, $0.clip, $0.start, $0.end) < ($1.video, $1.clip, $1.start, $1.end)
        }
        for (name, queries) in byWindow { self.queries[name] = ordered.compactMap { queries[$0] } }
    }
}

extension ExperimentPlan.Control {
    /// Spoils queries, the same way for the same seed.
    /// - Parameter isPretraining: windows are dealt anew in pre-training alone.
    func spoil(_ queries: [MomentQuery], isPretraining: Bool, seed: UInt64) -> [MomentQuery] {
        switch self {
        case .swappedFeatures: return queries
        case .blankQueries:
            return queries.map { query in
                var blank = query
                blank.sentence = "?"
                return blank
            }
        case .permutedWindows:
            guard isPretraining else { return queries }
            var spoilt = queries
            let clips = Dictionary(grouping: queries.indices, by: { queries[$0].clipUID })
            for (number, places) in clips.sorted(by: { $0.key < $1.key }).map(\.value).enumerated() {
                let deal = Permutation(count: places.count, key: seed, stream: UInt32(truncatingIfNeeded: number))
                for (turn, place) in places.enumerated() { spoilt[place].answer = queries[places[deal[turn]]].answer }
            }
            return spoilt
        }
    }

    /// The stand-ins for features: each video has those of the one that is next in length, so that the features reach
    /// as far as its clips do, and a low score does not come from clips without any. The longest has the shortest's.
    /// - Parameter ends: how far each video is asked about, in seconds.
    static func standIns(_ ends: [String: Double]) -> [String: String] {
        let sorted = ends.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
        guard sorted.count > 1 else { return [:] }
        return Dictionary(uniqueKeysWithValues: zip(sorted, sorted.dropFirst() + sorted.prefix(1)))
    }
}
