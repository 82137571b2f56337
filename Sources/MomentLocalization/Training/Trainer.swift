// SPDX-License-Identifier: Apache-2.0

internal import NeuralNetworks
internal import TextEncoders
public import Training

/// Trains a network on shards as they land, or on an annotation file, and keeps checkpoints.
///
/// What each step does follows from the options, the data, and the plan in the journal. Kill it anywhere: the run that
/// goes on from the last checkpoint ends with the same bits.
public final class Trainer {
    /// Something worth telling.
    public enum Event: Sendable {
        /// The run goes on from a checkpoint, written on the machine that is named if it is another kind. On the same kind
        /// of processor it goes on with the checkpoint's core.
        case resumed(step: Int, otherMachine: MachineKind?)
        /// A segment starts.
        case segment(Segment, usable: Int)
        /// A step was taken.
        case step(Step)
        /// Some of so many validation queries cannot be answered, and count as missed.
        case unanswerable(QueryGaps, of: Int)
        /// The validation queries were answered.
        case validated(step: Int, Scores)
        /// A checkpoint is on the disk.
        case saved(step: Int, isBest: Bool)
    }

    /// What a step came to.
    public struct Step: Hashable, Sendable {
        /// The number of steps taken, this one included.
        public var step: Int
        /// The losses.
        public var losses: BatchLosses
        /// The norm of the gradients before clipping.
        public var gradientNorm: Float
        /// The learning rate.
        public var learningRate: Double
    }

    /// When to do what beside training. None of it changes the bits.
    public struct Schedule: Sendable {
        /// Steps between checkpoints.
        public var checkpointSteps = 500
        /// Steps between validations.
        public var validationSteps = 1000
        /// The queries to validate on; none: no validation.
        public var validation: GroundTruth?

        /// The defaults.
        public init() {}
    }

    /// How a run ended.
    public enum Outcome: Hashable, Sendable {
        /// All steps were taken.
        case finished
        /// It was asked to stop, and its last checkpoint is on the disk.
        case stopped
    }

    /// The network.
    public let model: VSLNet
    /// The options.
    public let options: TrainingOptions
    /// The steps taken.
    public private(set) var step = 0

    private let optimizer: AdamW
    private let loader: BatchLoader
    private let source: any SampleSource
    private let folder: CheckpointFolder
    private let schedule: Schedule
    private let vocabulary: WordVocabulary?
    private var machine = MachineKind.current
    private var bestScore: Double?
    private var bestStep: Int?
    private var savedStep: Int?

    init(
        model: VSLNet, options: TrainingOptions, loader: BatchLoader, source: any SampleSource,
        vocabulary: WordVocabulary?, folder: CheckpointFolder, schedule: Schedule
    ) throws(TrainingError) {
        if let problem = options.problem() { throw TrainingError(.usage, problem) }
        self.model = model
        self.options = options
        self.optimizer = AdamW(model.layout)
        self.loader = loader
        self.source = source
        self.vocabulary = vocabulary
        self.folder = folder
        self.schedule = schedule
    }

    // MARK: Running

    /// Trains until all steps are taken, or `isStopping` says so; a checkpoint is written either way.
    /// - Throws: `TrainingError`, `ShardError`, `TensorFileError` or `ModelError`; nothing that was there is harmed.
    public func run(isStopping: () -> Bool, onEvent: (Event) -> Void) throws -> Outcome {
        try self.resume(onEvent)
        if self.step < self.options.steps {
            try self.checkValidation(onEvent)
            try self.model.startThreads()
        }
        do {
            while self.step < self.options.steps {
                if isStopping() { return try self.stop(onEvent) }
                if let segment = try self.source.enter(step: self.step) {
                    onEvent(.segment(segment, usable: self.source.usable))
                }
                onEvent(.step(try self.takeStep()))
                try self.finishStep(onEvent)
            }
        } catch is ShardSource.Stopped {
            return try self.stop(onEvent)
        }
        return .finished
    }

    private func stop(_ onEvent: (Event) -> Void) throws -> Outcome {
        if self.savedStep != self.step, self.step > 0 { try self.save(isBest: false, onEvent) }
        return .stopped
    }

    /// Tells which validation queries have no features.
    /// - Throws: `TrainingError.Code.noSamples` where none has: a best checkpoint would be chosen from nothing.
    private func checkValidation(_ onEvent: (Event) -> Void) throws {
        guard let truth = self.schedule.validation else { return }
        let gaps = try QueryGaps(truth.queries, features: self.loader.features)
        guard gaps.total < truth.queries.count else {
            throw TrainingError(
                .noSamples,
                "no validation query can be answered, so that no checkpoint could be told to be the best: "
                    + gaps.lines.joined(separator: ", ") + "; bring their features to \(self.loader.features.folder), "
                    + "validate on other annotations, or do not validate")
        }
        if gaps.total > 0 { onEvent(.unanswerable(gaps, of: truth.queries.count)) }
    }

    private func takeStep() throws -> Step {
        let step = self.step
        let options = self.options
        let queries = self.source.queries(step: step)
        let team = try self.model.startThreads()
        let samples = try self.loader.samples(queries, training: true, on: team) { slot, target in
            guard queries[slot].jitters else { return target }
            return TemporalJitter.apply(
                target, scale: options.jitterScale, seed: options.seed, step: step, slot: slot)
        }
        let losses = try self.model.differentiate(
            Batch(samples),
            dropout: Dropout(
                rate: self.model.configuration.dropRate,
                source: .random(key: options.seed, step: UInt32(truncatingIfNeeded: step))))
        let (norm, clip) = GradientClipping.measure(self.model.gradients, normMax: options.clipNorm)
        guard losses.total.isFinite, norm.isFinite else {
            throw TrainingError(
                .notFinite,
                "step \(step + 1): the loss is \(losses.total) and the gradients' norm \(norm); the weights were left as "
                    + "they were. Lower --learning-rate, or look at the samples: "
                    + queries.map(\.id).joined(separator: " "))
        }
        let rate = LinearSchedule(
            peak: options.learningRate, warmupSteps: options.warmupSteps, steps: options.steps
        ).rate(step)
        self.optimizer.update(
            self.model.parameters, gradients: self.model.gradients, clip: clip, learningRate: rate, step: step + 1)
        self.step += 1
        return Step(step: self.step, losses: losses, gradientNorm: norm, learningRate: rate)
    }

    private func finishStep(_ onEvent: (Event) -> Void) throws {
        let isLast = self.step == self.options.steps
        var isBest = false
        if let truth = self.schedule.validation, isLast || self.step % max(self.schedule.validationSteps, 1) == 0 {
            let answers = try ModelPredictions(
                truth.queries, model: self.model, features: self.loader.features, text: self.loader.text)
            let scores = try Evaluation(answers.predictions, truth: truth, resampling: false).overall
            onEvent(.validated(step: self.step, scores))
            let score = scores.recall(topK: 1, threshold: 0.3) ?? 0
            isBest = !answers.predictions.isEmpty && score >= self.bestScore ?? 0
            if isBest {
                self.bestScore = score
                self.bestStep = self.step
            }
        }
        if isLast || isBest || self.step % max(self.schedule.checkpointSteps, 1) == 0 {
            try self.save(isBest: isBest, onEvent)
        }
    }

    // MARK: Checkpoints

    private func save(isBest: Bool, _ onEvent: (Event) -> Void) throws(TrainingError) {
        let state = Checkpoint.State(
            configuration: self.model.configuration, options: self.options, words: self.vocabulary?.words,
            characters: self.vocabulary?.characters, step: self.step, plan: self.source.plan,
            shards: self.source.shards,
            usable: self.source.usable, machine: self.machine, bestScore: self.bestScore, bestStep: self.bestStep)
        let checkpoint = Checkpoint(state: state, model: self.model, optimizer: self.optimizer)
        try self.folder.write(checkpoint, isBest: isBest)
        self.savedStep = self.step
        onEvent(.saved(step: self.step, isBest: isBest))
    }

    /// Goes on from the folder's last checkpoint, if there is one.
    private func resume(_ onEvent: (Event) -> Void) throws {
        guard let checkpoint = try self.folder.latest() else { return }
        let state = checkpoint.state
        if let difference = self.difference(from: state) {
            throw TrainingError(
                .usage,
                "\(self.folder.path) holds a run of other settings: \(difference). Name another --output, or the "
                    + "settings that it was started with; nothing was changed")
        }
        try checkpoint.load(into: self.model)
        checkpoint.load(into: self.optimizer)
        self.step = state.step
        self.savedStep = state.step
        self.bestScore = state.bestScore
        self.bestStep = state.bestStep
        if self.step < self.options.steps { try self.checkData(state) }
        // Another core gives other bits. On another kind of processor they may differ in any case.
        if state.machine.processor == self.machine.processor, BLAS.take(state.machine.coreType) {
            self.machine = .current
        }
        onEvent(.resumed(step: state.step, otherMachine: state.machine == self.machine ? nil : state.machine))
    }

    /// The data must be what the checkpoint was trained on: the same plan, shards and samples with features.
    private func checkData(_ state: Checkpoint.State) throws {
        guard self.source.plan.prefix(state.plan.count) == state.plan[...] else {
            throw TrainingError(
                .checkpoint,
                "the journal in \(self.folder.path) is not that of its checkpoint; restore the one that was there")
        }
        guard state.step > 0 else { return }
        _ = try self.source.enter(step: state.step - 1)
        guard self.source.shards == state.shards, self.source.usable == state.usable else {
            throw TrainingError(
                .checkpoint,
                "the checkpoint was trained on \(state.shards.count) shards with \(state.usable) usable samples, and there "
                    + "are \(self.source.shards.count) with \(self.source.usable) now; restore the shards and the features, "
                    + "or start another folder")
        }
    }

    private func difference(from state: Checkpoint.State) -> String? {
        let now = self.options.settings + self.model.configuration.settings
        let then = state.options.settings + state.configuration.settings
        let differences = zip(now, then).compactMap { now, then in
            now.value == then.value ? nil : "\(now.name) was \(then.value) and is \(now.value)"
        }
        if !differences.isEmpty { return differences.joined(separator: ", ") }
        return state.words == self.vocabulary?.words && state.characters == self.vocabulary?.characters
            ? nil : "the vocabulary is another"
    }
}

extension Trainer {
    /// What a run needs, whatever it trains on.
    public struct Parts {
        /// The network, with the weights to start from.
        public var model: VSLNet
        /// What decides the bits.
        public var options: TrainingOptions
        /// The features.
        public var features: FeatureStore
        /// What reads the queries.
        public var text: TextEncoder
        /// Where checkpoints go.
        public var folder: CheckpointFolder
        /// When to do what beside training.
        public var schedule: Schedule

        /// Puts them together.
        public init(
            model: VSLNet, options: TrainingOptions, features: FeatureStore, text: TextEncoder,
            folder: CheckpointFolder,
            schedule: Schedule
        ) {
            self.model = model
            self.options = options
            self.features = features
            self.text = text
            self.folder = folder
            self.schedule = schedule
        }

        var vocabulary: WordVocabulary? {
            guard case .words(let vocabulary) = self.text.source else { return nil }
            return vocabulary
        }

        func trainer(_ source: any SampleSource) throws(TrainingError) -> Trainer {
            try Trainer(
                model: self.model, options: self.options,
                loader: BatchLoader(features: self.features, text: self.text, rule: self.options.targets),
                source: source, vocabulary: self.vocabulary, folder: self.folder, schedule: self.schedule)
        }
    }

    /// Trains on an annotation file's queries, in epochs.
    /// - Parameter textless: how many queries the file has beside them, without text.
    /// - Returns: the trainer, the samples passed over, and what the targets look like.
    public static func fixed(
        _ queries: [MomentQuery], textless: Int = 0, _ parts: Parts
    ) throws -> (trainer: Trainer, skipped: [SampleIndex.Skip: Int], statistics: TargetStatistics) {
        if queries.isEmpty, textless == 0 {
            throw TrainingError(.noSamples, "there is no query to train on")
        }
        var selection = SampleSelection(features: parts.features, rule: parts.options.targets)
        let usable = try queries.filter { try selection.take($0) }
        selection.skip(.blankQuery, count: textless)
        guard !usable.isEmpty else {
            throw TrainingError(
                .noSamples,
                "none of \(queries.count + textless) queries can be trained on ("
                    + SampleIndex.Skip.words(selection.skipped) + "); check the annotations, and --features "
                    + parts.features.folder)
        }
        let trainer = try parts.trainer(FixedSource(usable, options: parts.options))
        return (trainer, selection.skipped, selection.statistics)
    }
}
