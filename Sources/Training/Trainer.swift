// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Threads

/// Trains a network on samples as they land, or on a set that is all there, and keeps checkpoints.
///
/// Each step follows from the options, the data, and the plan in the journal. Kill it anywhere: the run that
/// goes on from the last checkpoint ends with the same bits.
public final class Trainer<Network: TrainableNetwork> {
    /// The course of a run. None of this changes the bits.
    public struct Schedule {
        /// Steps between checkpoints.
        public var checkpointSteps = 500
        /// Steps between validations.
        public var validationSteps = 1000
        /// The set to validate on; none: no validation.
        public var validation: Network.Validation?
        /// Tells whether the next batch is made while a step is computed, where the network works on several threads.
        public var makesBatchesAhead = true

        /// The defaults.
        public init() {}
    }

    /// The parts that a run is made of, whatever it trains on.
    public struct Parts {
        /// The network, with the weights to start from.
        public var network: Network
        /// The options that decide the bits.
        public var options: TrainingOptions
        /// The folder of its checkpoints.
        public var folder: CheckpointFolder
        /// The course of the run.
        public var schedule: Schedule

        /// Puts them together.
        public init(network: Network, options: TrainingOptions, folder: CheckpointFolder, schedule: Schedule) {
            self.network = network
            self.options = options
            self.folder = folder
            self.schedule = schedule
        }
    }

    /// The network.
    public let network: Network
    /// The options.
    public let options: TrainingOptions
    /// The steps taken.
    public private(set) var step = 0

    private let optimizer: Network.Rule
    private let source: any SampleSource<Network.Sample>
    private let folder: CheckpointFolder
    private let schedule: Schedule
    private var machine = MachineKind.current
    private var bestScore: Double?
    private var bestStep: Int?
    private var savedStep: Int?
    /// The digests of frozen weights that checkpoints name. They are computed once: nothing moves those.
    private lazy var frozen: [String: String]? = {
        let parameters = self.network.parameters
        let named = parameters.layout.parameters.filter { !$0.isStored }
        return named.isEmpty ? nil : Dictionary(uniqueKeysWithValues: named.map { ($0.name, parameters.digest($0)) })
    }()

    /// Prepares a run; nothing is read yet.
    /// - Throws: `TrainingError.Code.usage` where the options are out of range, or the source does not give samples in
    ///   the order that the network wants.
    public init(_ parts: Parts, source: any SampleSource<Network.Sample>) throws(TrainingError) {
        let network = parts.network
        if let problem = parts.options.problem() ?? network.preparation.problem() ?? network.description.problem() {
            throw TrainingError(.usage, problem)
        }
        guard source.order == network.order else {
            throw TrainingError(
                .usage,
                "the network wants its samples as \(network.order), and they come as \(source.order); give it a source of "
                    + "that order")
        }
        self.network = network
        self.options = parts.options
        self.optimizer = network.makeOptimizer()
        self.source = source
        self.folder = parts.folder
        self.schedule = parts.schedule
    }

    // MARK: Running

    /// Trains until all steps are taken, or `isStopping` says so; a checkpoint is written either way.
    /// - Throws: `TrainingError`, and what the network and its source throw; nothing that was there is harmed.
    public func run(
        isStopping: () -> Bool, onEvent: (TrainingEvent<Network.Scores>) -> Void
    ) throws -> TrainingOutcome {
        try self.resume(onEvent)
        guard self.step < self.options.steps else { return .finished }
        if let validation = self.schedule.validation {
            let gaps = try self.network.gaps(in: validation)
            if !gaps.isEmpty { onEvent(.unanswerable(gaps)) }
        }
        let team = try self.network.startThreads()
        let batches = BatchQueue(
            self.network.loader, self.source, on: team, isAhead: self.schedule.makesBatchesAhead && team.count > 1)
        do {
            while self.step < self.options.steps {
                if isStopping() { return try self.stop(onEvent) }
                if let segment = try self.source.enter(step: self.step) {
                    onEvent(.segment(segment, usable: self.source.usable))
                }
                onEvent(.step(try self.takeStep(batches)))
                try self.finishStep(onEvent)
            }
        } catch is WaitStopped {
            return try self.stop(onEvent)
        }
        return .finished
    }

    private func stop(_ onEvent: (TrainingEvent<Network.Scores>) -> Void) throws -> TrainingOutcome {
        if self.savedStep != self.step, self.step > 0 { try self.save(isBest: false, onEvent) }
        return .stopped
    }

    private func takeStep(_ batches: BatchQueue<Network.Loader>) throws -> TrainingStep {
        let key = StepKey(seed: self.options.seed, step: self.step)
        let (draws, batch) = try batches.take(key)
        if self.step + 1 < self.options.steps { batches.begin(StepKey(seed: key.seed, step: self.step + 1)) }
        let losses = try self.network.differentiate(batch, key)
        let (norm, clip) = GradientClipping.measure(self.network.gradients, normMax: self.options.clipNorm)
        guard losses.total.isFinite, norm.isFinite else {
            throw TrainingError(
                .notFinite,
                "step \(self.step + 1): the loss is \(losses.total) and the gradients' norm \(norm); the weights were left "
                    + "as they were. Lower --learning-rate or --clip-norm, raise --warmup, or look at the samples: "
                    + draws.map(\.sample.id).joined(separator: " "))
        }
        let rate = self.network.learningRate(self.step, self.options)
        self.optimizer.update(
            self.network.parameters, gradients: self.network.gradients, clip: clip, learningRate: rate,
            step: self.step + 1)
        self.step += 1
        self.network.follow(step: self.step)
        return TrainingStep(step: self.step, losses: losses, gradientNorm: norm, learningRate: rate)
    }

    private func finishStep(_ onEvent: (TrainingEvent<Network.Scores>) -> Void) throws {
        let isLast = self.step == self.options.steps
        var isBest = false
        if let validation = self.schedule.validation,
            isLast || self.step % max(self.schedule.validationSteps, 1) == 0
        {
            let verdict = try self.evaluate(validation)
            onEvent(.validated(step: self.step, verdict.scores))
            if let score = verdict.score, score >= self.bestScore ?? 0 {
                isBest = true
                self.bestScore = score
                self.bestStep = self.step
            }
        }
        if isLast || isBest || self.step % max(self.schedule.checkpointSteps, 1) == 0 {
            try self.save(isBest: isBest, onEvent)
        }
    }

    /// Evaluates the network and puts back what it remembered before: when it is validated does not change the bits.
    private func evaluate(_ validation: Network.Validation) throws -> Verdict<Network.Scores> {
        let memory = self.network.carried.filter { $0.kind == .memory }.map { ($0.buffer, $0.buffer.values()) }
        defer { for (buffer, values) in memory { buffer.assign(values) } }
        return try self.network.evaluate(validation)
    }

    // MARK: Checkpoints

    private var state: Checkpoint<Network>.State {
        Checkpoint<Network>.State(
            description: self.network.description, options: self.options, preparation: self.network.preparation,
            step: self.step, plan: self.source.plan, shards: self.source.shards, usable: self.source.usable,
            machine: self.machine, bestScore: self.bestScore, bestStep: self.bestStep, frozen: self.frozen)
    }

    private func save(
        isBest: Bool, _ onEvent: (TrainingEvent<Network.Scores>) -> Void
    ) throws(TrainingError) {
        try self.folder.write(
            CheckpointFile.tensors(self.network, self.optimizer), state: self.state, step: self.step, isBest: isBest)
        self.savedStep = self.step
        onEvent(.saved(step: self.step, isBest: isBest))
    }

    /// Goes on from the folder's last checkpoint, if there is one.
    private func resume(_ onEvent: (TrainingEvent<Network.Scores>) -> Void) throws {
        guard let checkpoint = try self.folder.latest(of: Network.self) else { return }
        let state = checkpoint.state
        if let difference = self.state.difference(from: state) {
            throw TrainingError(
                .usage,
                "\(self.folder.path) holds a run of other settings: \(difference). Name another --output, or the "
                    + "settings that it was started with; nothing was changed")
        }
        try checkpoint.load(into: self.network, self.optimizer)
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
    private func checkData(_ state: Checkpoint<Network>.State) throws {
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
}
