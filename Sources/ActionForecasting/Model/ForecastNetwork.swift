// SPDX-License-Identifier: Apache-2.0

import CKernels
public import NeuralNetworks
import Synchronization
public import Threads

/// The network of feature mode: features of each clip are projected (`backbone.head`), put together and read by a layer
/// a step.
///
/// A batch is cut into micro-batches whose gradients are summed in a fixed tree: one thread and two give the same bits.
/// Not for use from several threads at once: it has its own.
public final class ForecastNetwork {
    /// The make.
    public let description: ForecastDescription
    /// The weights, under their official names.
    public let parameters: Parameters
    /// The gradients that `differentiate` left, in the order of `parameters.trained`.
    public var gradients: FloatBuffer { self.tree.sum }
    /// The windows that one thread works on at a time. Part of what decides the bits of a sum.
    public static let microBatchSize = 16
    /// The number of threads that a network may work on.
    public static let threadsRange = 1...1024

    private let make: Make
    private let threads: Int
    private let tree: GradientTree
    private var team: ThreadTeam?
    private var plan: Plan?
    private var workspaces: [Workspace] = []

    /// The layers.
    struct Make: Sendable {
        let projection: Linear
        let head: ForecastHead
        let layout: ParameterLayout
        let site: DropoutSite
        let description: ForecastDescription

        init(_ description: ForecastDescription) {
            var layout = ParameterLayout(decays: { !$0.contains("bn") })
            var sites = DropoutSites()
            self.description = description
            self.site = sites.add("backbone.head.dropout")
            self.projection = Linear(
                ["backbone.head.projection"], inputs: description.featureWidth, outputs: description.width,
                in: &layout)
            self.head = ForecastHead(description, &sites, in: &layout)
            self.layout = layout
        }
    }

    /// The places of a micro-batch's activations.
    struct Plan: Sendable {
        let samples: Int
        let workspace: WorkspacePlan
        let input: FloatSlot, clips: FloatSlot, dclips: FloatSlot
        let mask: ByteSlot
        let head: ForecastHead.Cache

        init(_ make: Make, samples: Int) {
            let rows = samples * make.description.inputs
            var plan = WorkspacePlan()
            self.samples = samples
            self.input = plan.floats(rows * make.description.featureWidth)
            self.mask = plan.bytes(rows * make.description.featureWidth)
            self.clips = plan.floats(rows * make.description.width)
            self.dclips = plan.floats(rows * make.description.width)
            self.head = make.head.plan(&plan, samples: samples)
            self.workspace = plan
        }
    }

    /// Creates a network.
    /// - Parameters:
    ///   - seed: the same seed gives the same initial values.
    ///   - threads: how many threads a step uses. They change the speed, not the result.
    /// - Throws: `ForecastError` where the description has a `problem()`, or there is no memory for the weights, their
    ///   gradients and the optimizer's moments.
    public init(_ description: ForecastDescription, seed: UInt64, threads: Int = 1) throws(ForecastError) {
        if let problem = description.problem() { throw ForecastError(problem) }
        guard Self.threadsRange.contains(threads) else {
            throw ForecastError(
                "--threads must be at least 1, and \(Self.threadsRange.upperBound) at most, not \(threads)")
        }
        self.make = Make(description)
        self.description = description
        self.threads = threads
        let count = 4 * self.make.layout.trainedCount + self.make.layout.frozenCount
        guard FloatBuffer.allocate(count: count) != nil else {
            throw ForecastError(
                "there is no memory for the network, which takes \(count * 4 >> 20) MiB; lower --width, or give the "
                    + "program more (`ulimit -v`)")
        }
        self.parameters = Parameters(self.make.layout, seed: seed)
        self.make.head.prepare(self.parameters)
        self.tree = GradientTree(count: self.make.layout.trainedCount)
    }

    /// The tensors of a network of a description.
    static func layout(_ description: ForecastDescription) -> ParameterLayout { Make(description).layout }

    /// Starts the threads that steps and forecasts use, unless they are there.
    /// - Throws: `ForecastError` where the system has fewer.
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

    // MARK: Passes

    /// Computes the losses of a batch, each the sum over the steps of the mean over the windows, and leaves the
    /// gradients.
    /// - Parameter drops: the key and step that masks follow from; `nil` drops nothing.
    /// - Throws: `ForecastError` where the batch does not fit the network.
    public func differentiate(
        _ batch: ForecastBatch, drops: (key: UInt64, step: UInt32)?
    ) throws(ForecastError) -> (verb: Double, noun: Double) {
        let (plan, team, parts) = try self.prepare(batch, training: true)
        guard self.tree.begin(parts: parts.count, threads: team.count) else {
            throw self.shortage("the gradients of a micro-batch", self.make.layout.trainedCount * 4)
        }
        let losses = Board((verb: 0.0, noun: 0.0), count: parts.count)
        team.run(parts.count) { [make, parameters, tree, workspaces] thread in
            while let part = tree.take() {
                let passes = Self.passes(
                    make.description, parameters, part.buffer, workspaces[thread], drops, parts[part.index])
                losses.set(part.index, Self.differentiate(batch, make, plan, passes))
                tree.finish(part)
            }
        }
        return losses.all.reduce(into: (0, 0)) { sum, loss in
            sum.verb += loss.verb
            sum.noun += loss.noun
        }
    }

    private static func differentiate(
        _ batch: ForecastBatch, _ make: Make, _ plan: Plan, _ passes: ForecastHead.Passes
    ) -> (verb: Double, noun: Double) {
        let pass = passes.head, futures = make.description.futures
        let input = Self.forward(batch, make, plan, passes)
        let truth = batch.truth ?? []
        let loss = make.head.loss(
            truth[pass.firstSample * futures..<(pass.firstSample + pass.samples) * futures], batch: batch.windows,
            cache: plan.head, pass)
        let dclips = pass.matrix(plan.dclips, rows: input.rows, columns: make.description.width)
        make.head.backward(dclips: dclips, cache: plan.head, passes)
        make.projection.addBiasGradient(dy: dclips, pass)
        make.projection.backward(x: input, dy: dclips, dx: nil, pass)
        return loss
    }

    /// Leaves logits in the plan's cache.
    /// - Returns: the projection's input.
    private static func forward(
        _ batch: ForecastBatch, _ make: Make, _ plan: Plan, _ passes: ForecastHead.Passes
    ) -> Matrix {
        let pass = passes.head, width = make.description.featureWidth, count = make.description.inputs * width
        let input = pass.matrix(plan.input, rows: pass.samples * make.description.inputs, columns: width)
        batch.features.withUnsafeBufferPointer { features in
            guard let start = features.baseAddress else { return }
            input.start.update(from: start + pass.firstSample * count, count: input.count)
        }
        if let mask = pass.drawMask(make.site, plan.mask, count: count) {
            ck_apply_mask(input.start, mask, pass.scale, input.start, input.count)
        }
        let clips = pass.matrix(plan.clips, rows: input.rows, columns: make.description.width)
        make.projection.forward(input, into: clips, pass)
        make.head.forward(clips, cache: plan.head, passes)
        return input
    }

    /// The logits of each window, without dropout.
    /// - Throws: `ForecastError` where the batch does not fit the network.
    public func logits(_ batch: ForecastBatch) throws(ForecastError) -> [ForecastLogits] {
        let (plan, team, parts) = try self.prepare(batch, training: false)
        let results = Board(ForecastLogits(verbs: [], nouns: []), count: batch.windows)
        let next = Atomic<Int>(0)
        team.run(parts.count) { [make, parameters, workspaces] thread in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < parts.count else { return }
                let passes = Self.passes(make.description, parameters, nil, workspaces[thread], nil, parts[index])
                _ = Self.forward(batch, make, plan, passes)
                let logits = make.head.logits(plan.head, passes.head)
                for sample in 0..<logits.rows {
                    results.set(parts[index].lowerBound + sample, Self.read(logits.row(sample), make.description))
                }
            }
        }
        return results.all
    }

    static func read(_ row: UnsafeMutablePointer<Float>, _ make: ForecastDescription) -> ForecastLogits {
        func list(_ step: Int, _ first: Int, _ count: Int) -> [Float] {
            Array(UnsafeBufferPointer(start: row + step * make.classes + first, count: count))
        }
        return ForecastLogits(
            verbs: (0..<make.futures).map { list($0, 0, make.verbs) },
            nouns: (0..<make.futures).map { list($0, make.verbs, make.nouns) })
    }

    // MARK: Preparation

    static func passes(
        _ make: ForecastDescription, _ parameters: Parameters, _ gradients: FloatBuffer?, _ workspace: Workspace,
        _ drops: (key: UInt64, step: UInt32)?, _ windows: Range<Int>
    ) -> ForecastHead.Passes {
        func pass(_ rate: Double) -> Pass {
            Pass(
                parameters: parameters, gradients: gradients, workspace: workspace,
                dropout: drops.map { Dropout(rate: rate, source: .random(key: $0.key, step: $0.step)) },
                firstSample: windows.lowerBound, samples: windows.count)
        }
        return ForecastHead.Passes(
            head: pass(make.headDropout),
            transformer: ClipTransformer.Passes(
                positions: pass(2 * make.transformerDropout), layers: pass(make.transformerDropout)))
    }

    /// Checks the batch, and plans memory anew where it is larger than any before.
    private func prepare(
        _ batch: ForecastBatch, training: Bool
    ) throws(ForecastError) -> (Plan, ThreadTeam, [Range<Int>]) {
        if let problem = batch.problem(for: self.description, training: training) { throw ForecastError(problem) }
        let team = try self.startThreads()
        let size = Self.microBatchSize
        let parts = stride(from: 0, to: batch.windows, by: size).map { $0..<min($0 + size, batch.windows) }
        let samples = min(size, batch.windows)
        var plan = self.plan ?? Plan(self.make, samples: samples)
        if plan.samples < samples {
            plan = Plan(self.make, samples: samples)
            self.workspaces = []
        }
        self.plan = plan
        while self.workspaces.count < min(team.count, parts.count) {
            guard let workspace = Workspace.allocate(plan.workspace) else {
                throw self.shortage("the activations of a thread", plan.workspace.byteCount)
            }
            self.workspaces.append(workspace)
        }
        return (plan, team, parts)
    }

    private func shortage(_ what: String, _ size: Int) -> ForecastError {
        ForecastError(
            "there is no memory for \(what), \(size >> 20) MiB each; lower --batch-size, --width or --threads, or "
                + "give the "
                + "program more memory (`ulimit -v`)")
    }
}

/// A place for each result of work that is done side by side; the lock is taken once a result.
final class Board<Value: Sendable>: Sendable {
    private let values: Mutex<[Value]>

    init(_ value: Value, count: Int) { self.values = Mutex(Array(repeating: value, count: count)) }

    var all: [Value] { self.values.withLock { $0 } }

    func set(_ index: Int, _ value: Value) { self.values.withLock { $0[index] = value } }
}
