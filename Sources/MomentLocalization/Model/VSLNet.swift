// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks
import Synchronization
public import Threads
import VideoFeatures

/// The losses of one batch.
public struct BatchLosses: Hashable, Sendable {
    /// Cross-entropy of start plus that of end, the mean over the batch.
    public var location: Double
    /// Weighted binary cross-entropy of the highlight scores, the mean over the bins; 0 for VSLBase.
    public var highlight: Double
    /// The loss that is minimised: location + `highlightWeight` · highlight.
    public var total: Double
}

/// The network's answer for one sample.
public struct SpanPrediction: Hashable, Sendable {
    /// The best spans of bins, best first.
    public var spans: [PredictedSpan]
    /// The logits of the first bin: one for each bin of the batch, about −1e30 on the sample's padding.
    public var startLogits: [Float]
    /// The logits of the last bin, likewise.
    public var endLogits: [Float]
    /// The highlight scores of the sample's own bins; empty for VSLBase.
    public var highlight: [Float]
}

/// VSLNet or VSLBase with its parameters, and what it takes to train and to ask it.
///
/// ```swift
/// let model = VSLNet(configuration, seed: 1, threads: 2)
/// let optimizer = Adam(model.layout, .adamW)
/// let losses = try model.differentiate(batch, dropout: Dropout(rate: 0.2, source: .random(key: 1, step: 0)))
/// let (norm, clip) = GradientClipping.measure(model.gradients, normMax: 1)
/// optimizer.update(model.parameters, gradients: model.gradients, clip: clip, learningRate: 1e-4, step: 1)
/// let predictions = try model.predict(batch)
/// ```
///
/// A batch is cut into micro-batches of `microBatchSize`, whose gradients are summed in a fixed
/// tree: one thread and two give the same bits. Memory is planned for the largest batch seen; steps allocate nothing.
///
/// Not for use from several threads at once: it has its own.
public final class VSLNet {
    /// The settings.
    public let configuration: VSLNetConfiguration
    /// The weights, under their official names.
    public let parameters: Parameters
    /// The gradients that `differentiate` left, in the order of `parameters.trained`.
    public var gradients: FloatBuffer { self.tree.sum }
    /// The place of each tensor.
    public var layout: ParameterLayout { self.parameters.layout }
    /// The samples that one thread works on at a time. Part of what decides the bits of a sum.
    public static let microBatchSize = 4

    /// The number of threads that a network may work on.
    public static let threadsRange = 1...1024

    private let network: Network
    private let threads: Int
    private var team: ThreadTeam?
    private var plan: Network.Plan
    private var workspaces: [Workspace]
    private let tree: GradientTree

    /// Creates a network with the official initial values.
    /// - Parameters:
    ///   - seed: the same seed gives the same values.
    ///   - threads: how many threads a step uses. They change the speed, not the result.
    /// - Precondition: the configuration has no `problem()`.
    public init(_ configuration: VSLNetConfiguration, seed: UInt64, threads: Int = 1) {
        precondition(configuration.problem() == nil, configuration.problem() ?? "")
        self.configuration = configuration
        self.network = Network(configuration)
        self.parameters = Parameters(self.network.layout, seed: seed)
        self.threads = max(1, threads)
        self.plan = self.network.plan(PassShape(samples: 1, video: 3, text: 1, word: 0))
        self.workspaces = []
        self.tree = GradientTree(count: self.network.layout.trainedCount)
    }

    /// Creates a network of settings that come from outside.
    /// - Throws: `ModelError` where the configuration has a `problem()`, or there is no memory for its weights, their
    ///   gradients and the optimizer's moments.
    public static func checked(
        _ configuration: VSLNetConfiguration, seed: UInt64, threads: Int
    ) throws(ModelError) -> VSLNet {
        if let problem = configuration.problem() { throw ModelError(problem) }
        if !self.threadsRange.contains(threads) {
            throw ModelError(
                "--threads must be at least 1, and \(self.threadsRange.upperBound) at most, not \(threads)")
        }
        let layout = Network(configuration).layout
        let size = (4 * layout.trainedCount + layout.frozenCount) * MemoryLayout<Float>.size
        guard FloatBuffer.allocate(count: size / MemoryLayout<Float>.size) != nil else {
            throw ModelError(
                "there is no memory for the network, which takes \(size >> 20) MiB; make it smaller (--dim, and the "
                    + "vocabulary), or give the program more (`ulimit -v`)")
        }
        return VSLNet(configuration, seed: seed, threads: threads)
    }

    /// The tensors of a network of a configuration.
    static func layout(_ configuration: VSLNetConfiguration) -> ParameterLayout { Network(configuration).layout }

    /// Starts the threads that steps and predictions use, unless they are there.
    /// - Throws: `ModelError` where the system has fewer.
    @discardableResult public func startThreads() throws(ModelError) -> ThreadTeam {
        if let team = self.team { return team }
        do throws(ThreadError) {
            let team = try ThreadTeam(count: self.threads)
            self.team = team
            return team
        } catch {
            throw ModelError("cannot work on \(self.threads) threads: \(error.message)")
        }
    }

    /// Computes the losses of a batch and leaves the gradients of all trained parameters in `gradients`.
    /// - Parameter dropout: `nil`, or a rate of 0, keeps everything.
    /// - Throws: `ModelError` where the batch does not fit the network.
    public func differentiate(_ batch: Batch, dropout: Dropout?) throws(ModelError) -> BatchLosses {
        let team = try self.prepare(batch, training: true)
        let parts = self.parts(batch)
        guard self.tree.begin(parts: parts.count, threads: team.count) else {
            throw self.shortage("the gradients of a micro-batch", self.layout.trainedCount * 4)
        }
        let board = Board((location: 0.0, highlight: 0.0), count: parts.count)
        team.run(parts.count) { [network, parameters, plan, tree, workspaces] thread in
            while let part = tree.take() {
                let samples = parts[part.index]
                let pass = Pass(
                    parameters: parameters, gradients: part.buffer, workspace: workspaces[thread], dropout: dropout,
                    firstSample: samples.lowerBound, samples: samples.count)
                let masks = network.forward(batch, plan, pass)
                board.set(part.index, network.loss(batch, plan, masks, pass))
                network.backward(batch, plan, masks, pass)
                tree.finish(part)
            }
        }
        let losses = board.all
        let location = losses.reduce(0) { $0 + $1.location }, highlight = losses.reduce(0) { $0 + $1.highlight }
        return BatchLosses(
            location: location, highlight: highlight,
            total: location + Double(self.configuration.highlightWeight) * highlight)
    }

    /// Finds the best spans of each sample of a batch, without dropout.
    /// - Throws: `ModelError` where the batch does not fit the network.
    public func predict(_ batch: Batch, count: Int = 5) throws(ModelError) -> [SpanPrediction] {
        let team = try self.prepare(batch, training: false)
        let parts = self.parts(batch)
        let results = Board(
            SpanPrediction(spans: [], startLogits: [], endLogits: [], highlight: []), count: batch.samples.count)
        self.run(parts.count, team) { [network, parameters, plan, workspaces] index, thread in
            let pass = Pass(
                parameters: parameters, gradients: nil, workspace: workspaces[thread], dropout: nil,
                firstSample: parts[index].lowerBound, samples: parts[index].count)
            _ = network.forward(batch, plan, pass)
            for sample in 0..<pass.samples {
                results.set(pass.firstSample + sample, Self.read(sample, count, batch, plan, pass))
            }
        }
        return results.all
    }

    private static func read(
        _ sample: Int, _ count: Int, _ batch: Batch, _ plan: Network.Plan, _ pass: Pass
    ) -> SpanPrediction {
        let bins = batch.samples[pass.firstSample + sample].video.rows, length = batch.videoLength
        func row(_ slot: FloatSlot, _ count: Int) -> [Float] {
            Array(UnsafeBufferPointer(start: pass[slot] + sample * length, count: count))
        }
        let startLogits = row(plan.start, length), endLogits = row(plan.end, length)
        return SpanPrediction(
            spans: SpanExtraction.best(count, startLogits: startLogits, endLogits: endLogits),
            startLogits: startLogits, endLogits: endLogits,
            highlight: plan.highlightScores.map { row($0, bins) } ?? [])
    }

    private func parts(_ batch: Batch) -> [Range<Int>] {
        stride(from: 0, to: batch.samples.count, by: Self.microBatchSize).map {
            $0..<min($0 + Self.microBatchSize, batch.samples.count)
        }
    }

    /// Checks the batch, and plans memory anew where it is larger than any before.
    private func prepare(_ batch: Batch, training: Bool) throws(ModelError) -> ThreadTeam {
        if let problem = batch.problem(for: self.configuration, training: training) { throw ModelError(problem) }
        let team = try self.startThreads()
        let shape = PassShape(
            samples: min(Self.microBatchSize, batch.samples.count), video: batch.videoLength, text: batch.textLength,
            word: batch.wordLength)
        if self.workspaces.isEmpty || self.plan.shape.union(shape) != self.plan.shape {
            self.workspaces = []
            self.plan = self.network.plan(self.plan.shape.union(shape))
        }
        while self.workspaces.count < min(self.threads, self.parts(batch).count) {
            guard let workspace = Workspace.allocate(self.plan.workspace) else {
                throw self.shortage("the activations of a thread", self.plan.workspace.byteCount)
            }
            self.workspaces.append(workspace)
        }
        return team
    }

    private func shortage(_ what: String, _ size: Int) -> ModelError {
        ModelError(
            "there is no memory for \(what), \(size >> 20) MiB each; give a lower --batch-size, --dim, --max-pos-len or "
                + "--threads, or the program more memory (`ulimit -v`)")
    }

    /// Runs `body` for 0 ..< count on the threads, with the number of the one that it runs on; who takes which does not
    /// matter.
    private func run(_ count: Int, _ team: ThreadTeam, _ body: @Sendable (Int, Int) -> Void) {
        let next = NextIndex()
        team.run(count) { thread in
            while let index = next.take(below: count) { body(index, thread) }
        }
    }
}

/// A batch that does not fit the network.
public struct ModelError: Error, CustomStringConvertible, Sendable {
    /// The fault, with the place of the sample in the batch.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Hands out indices to threads.
final class NextIndex: Sendable {
    private let value = Atomic<Int>(0)

    func take(below count: Int) -> Int? {
        let index = self.value.add(1, ordering: .relaxed).oldValue
        return index < count ? index : nil
    }
}

/// A place for each result of work that is done side by side; the lock is taken once a result.
private final class Board<Value: Sendable>: Sendable {
    private let values: Mutex<[Value]>

    init(_ value: Value, count: Int) { self.values = Mutex(Array(repeating: value, count: count)) }

    var all: [Value] { self.values.withLock { $0 } }

    func set(_ index: Int, _ value: Value) { self.values.withLock { $0[index] = value } }
}
