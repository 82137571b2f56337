// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
import Synchronization
public import Threads
public import Training

/// A network that forecasts, or recognises, actions from pixels, as the trainer takes it. With memory it learns from
/// whole clips: each segment is encoded once, in time order, and memory ends with its clip.
///
/// Each slot of a batch is a stream of its own; gradients are summed in a fixed tree, so that one thread and two give
/// the same bits.
public final class VideoForecaster: TrainableNetwork {
    /// The make.
    public let description: VideoDescription
    /// The preparation of its windows.
    public let preparation: VideoPreparation
    /// The weights, under their official names.
    public let parameters: Parameters
    /// The gradients that `differentiate` left.
    public var gradients: FloatBuffer { self.tree.sum }
    /// The memory of each slot.
    public let carried: [CarriedTensor]
    /// Whole clips where they are remembered.
    public let order: SampleOrder
    /// The maker of its batches.
    public let loader: VideoLoader

    private let network: VideoNetwork
    private let streams: [VideoStream]
    private let tree: GradientTree
    private let threads: Int
    private var team: ThreadTeam?
    private var plans: (training: VideoNetwork.Plan, inference: VideoNetwork.Plan)?
    private var workspaces: [Bool: [Workspace]] = [:]
    /// The candidates that a validation draws, K of the challenge.
    public static let candidates = 5

    /// Creates a network.
    /// - Parameter seed: the same seed gives the same initial values.
    /// - Throws: `ForecastError` where the description has a `problem()`, or there is no memory for the weights.
    public init(
        _ description: VideoDescription, frames: ClipFrames, _ preparation: VideoPreparation = .init(), seed: UInt64,
        threads: Int = 1
    ) throws(ForecastError) {
        if let problem = description.problem() { throw ForecastError(problem) }
        guard ForecastNetwork.threadsRange.contains(threads) else {
            throw ForecastError(
                "--threads must be at least 1, and \(ForecastNetwork.threadsRange.upperBound) at most, not \(threads)")
        }
        let network = VideoNetwork(description)
        guard FloatBuffer.allocate(count: 4 * network.layout.trainedCount) != nil else {
            throw ForecastError(
                "there is no memory for the network, which takes \(network.layout.trainedCount >> 16) MiB; make the "
                    + "encoder smaller, or give the program more (`ulimit -v`)")
        }
        self.description = description
        self.preparation = preparation
        self.network = network
        self.parameters = Parameters(network.layout, seed: seed)
        network.head.prepare(self.parameters)
        self.tree = GradientTree(count: network.layout.trainedCount)
        let streams = (0..<description.streams).map { _ in VideoStream(network) }
        self.streams = streams
        self.order = description.memory.followsClips ? .sequences : .singles
        var carried: [CarriedTensor] = []
        // The seed's memory, too: what it has zeroed is still attended to, so that answers depend on how much there is.
        for (slot, stream) in streams.enumerated() {
            guard let buffer = stream.memory?.buffer else { continue }
            carried.append(CarriedTensor("recent.\(slot)", shape: [stream.recent.count], .memory, stream.recent))
            carried.append(CarriedTensor("memory.\(slot)", shape: [buffer.count], .memory, buffer))
        }
        self.carried = carried
        self.threads = threads
        self.loader = VideoLoader(frames: frames, description: description)
    }

    /// The tensors that a network has.
    public static func layout(_ description: VideoDescription) -> ParameterLayout { VideoNetwork(description).layout }

    /// A fresh Adam, its decay inside the gradient.
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

    /// Starts the threads that steps and forecasts use, unless they are there.
    @discardableResult public func startThreads() throws(ForecastError) -> ThreadTeam {
        if let team = self.team { return team }
        do throws(ThreadError) {
            let team = try ThreadTeam(count: self.threads)
            self.team = team
            return team
        } catch {
            throw ForecastError("cannot work on \(self.threads) threads: \(error.message)")
        }
    }

    /// Forgets every clip.
    func forget() { for stream in self.streams { stream.clear() } }

    // MARK: Passes

    /// Computes the losses of verbs and nouns, with dropout and dropped paths, and leaves the gradients; memory moves
    /// on.
    public func differentiate(_ batch: VideoBatch, _ key: StepKey) throws(ForecastError) -> StepLosses {
        let team = try self.startThreads(), plan = self.plan(training: true),
            step = UInt32(truncatingIfNeeded: key.step)
        let spaces = try self.spaces(training: true, plan, team)
        try self.check(batch)
        guard self.tree.begin(parts: batch.windows.count, threads: team.count) else { throw Self.shortage }
        let losses = Board((verb: 0.0, noun: 0.0), count: batch.windows.count)
        let paths = DropPath(key: key.seed, step: step), futures = self.description.forecast.futures
        team.run(batch.windows.count) { [network, parameters, tree, streams] thread in
            while let part = tree.take() {
                let window = batch.windows[part.index], stream = streams[window.slot]
                let passes = Self.passes(
                    network.description.forecast, parameters, part.buffer, spaces[thread], (key.seed, step), part.index)
                let clips = network.forward(
                    window.window(part.index, network.description.encoder, paths), stream, plan, passes)
                let loss = network.head.loss(
                    window.truth.prefix(futures), batch: batch.windows.count, cache: plan.head, passes.head.head)
                losses.set(part.index, loss)
                network.backward(clips, plan, passes)
                tree.finish(part)
            }
        }
        let sum = losses.all.reduce(into: (verb: 0.0, noun: 0.0)) { sum, loss in
            sum.verb += loss.verb
            sum.noun += loss.noun
        }
        return StepLosses(total: sum.verb + sum.noun, parts: ["verb": sum.verb, "noun": sum.noun])
    }

    /// The logits of each window; memory moves on.
    /// - Throws: `ForecastError` where two windows share a slot, or one names none of the network's.
    public func predict(_ batch: VideoBatch) throws(ForecastError) -> [ForecastLogits] {
        let team = try self.startThreads(), plan = self.plan(training: false)
        try self.checkSlots(batch)
        let spaces = try self.spaces(training: false, plan, team)
        let results = Board(ForecastLogits(verbs: [], nouns: []), count: batch.windows.count)
        let next = Atomic<Int>(0)
        team.run(batch.windows.count) { [network, parameters, streams] thread in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < batch.windows.count else { return }
                let window = batch.windows[index], make = network.description.forecast
                let passes = Self.passes(make, parameters, nil, spaces[thread], nil, index)
                _ = network.forward(
                    window.window(index, network.description.encoder, nil), streams[window.slot], plan, passes)
                let logits = network.head.logits(plan.head, passes.head.head)
                results.set(index, ForecastNetwork.read(logits.row(0), make))
            }
        }
        return results.all
    }

    /// One thread works on a stream at a time.
    private func checkSlots(_ batch: VideoBatch) throws(ForecastError) {
        var taken: Set<Int> = []
        for window in batch.windows {
            if self.streams.indices.contains(window.slot), taken.insert(window.slot).inserted { continue }
            throw ForecastError(
                "window \(window.key) is in slot \(window.slot), which is another's, or none of the network's "
                    + "\(self.streams.count)")
        }
    }

    private func check(_ batch: VideoBatch) throws(ForecastError) {
        try self.checkSlots(batch)
        let make = self.description.forecast
        for window in batch.windows {
            guard window.truth.count == make.futures else {
                throw ForecastError(
                    "window \(window.key) tells \(window.truth.count) actions, and the network learns \(make.futures)")
            }
            for action in window.truth
            where !(0..<make.verbs).contains(action.verb) || !(0..<make.nouns).contains(action.noun) {
                throw ForecastError(
                    "window \(window.key) has verb \(action.verb) and noun \(action.noun), and the network knows "
                        + "\(make.verbs) verbs and \(make.nouns) nouns")
            }
        }
        if let problem = self.streams.lazy.compactMap({ $0.problem() }).first { throw ForecastError(problem) }
    }

    private static func passes(
        _ make: ForecastDescription, _ parameters: Parameters, _ gradients: FloatBuffer?, _ workspace: Workspace,
        _ drops: (key: UInt64, step: UInt32)?, _ sample: Int
    ) -> VideoNetwork.Passes {
        func passes(_ number: Int) -> ForecastHead.Passes {
            ForecastNetwork.passes(make, parameters, gradients, workspace, drops, number..<number + 1)
        }
        return VideoNetwork.Passes(
            head: passes(sample), clips: (0..<make.inputs).map { passes(sample * make.inputs + $0).head })
    }

    private func plan(training: Bool) -> VideoNetwork.Plan {
        let plans = self.plans ?? (self.network.plan(training: true), self.network.plan(training: false))
        self.plans = plans
        return training ? plans.training : plans.inference
    }

    private func spaces(
        training: Bool, _ plan: VideoNetwork.Plan, _ team: ThreadTeam
    ) throws(ForecastError) -> [Workspace] {
        var spaces = self.workspaces[training] ?? []
        while spaces.count < team.count {
            guard let workspace = Workspace.allocate(plan.workspace) else { throw Self.shortage }
            spaces.append(workspace)
        }
        self.workspaces[training] = spaces
        return spaces
    }

    private static var shortage: ForecastError {
        ForecastError(
            "there is no memory for the activations of a thread; make the encoder smaller, lower --threads, or give "
                + "the program more memory (`ulimit -v`)")
    }
}
