// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// Attention whose queries, keys and values are pooled over the patches, before their projections or behind them, and
/// which may attend to remembered clips too.
struct PoolingAttention: Sendable {
    let shape: BlockShape
    let poolsFirst: Bool
    let addsQueries: Bool
    let projections: [Projection]
    let pools: [TokenPool?]
    let output: Linear
    let positions: RelativePositions?
    let recollection: Recollection?
    let columns: AttentionColumns
    /// Tells whether the biases of the keys move all keys alike.
    let keysShareBias: Bool

    /// The queries whose scores are there at once where no gradient is asked for.
    static let queriesAtOnce = 256

    /// Values that a forward pass keeps.
    struct Cache: Sendable {
        let pools: [TokenPool.Cache?]
        /// Queries, keys and values on their way: projected and not pooled yet, or pooled and not projected yet.
        let between: [FloatSlot]
        /// Queries, keys and values as attention takes them.
        let taken: [FloatSlot]
        let scores: FloatSlot, context: FloatSlot, bias: FloatSlot
        let positions: RelativePositions.Cache?
        let recollection: Recollection.Cache?
    }

    /// Room for the gradients of one block.
    struct Gradients: Sendable {
        let taken: [FloatSlot], between: [FloatSlot]
        let scores: FloatSlot, context: FloatSlot, pool: FloatSlot
    }

    init(
        _ name: String, _ shape: BlockShape, stored: BlockShape, _ configuration: EncoderConfiguration,
        memory: MemoryPlan.Block?, in layout: inout ParameterLayout
    ) {
        self.shape = shape
        self.poolsFirst = configuration.poolsFirst
        self.addsQueries = configuration.addsQueries
        let letters = ["q", "k", "v"], windows = [shape.query, shape.key, shape.key]
        if configuration.poolsFirst {
            self.projections = letters.map { letter in
                let layer = Linear(["\(name).\(letter)"], inputs: shape.inputs, outputs: shape.width, in: &layout)
                return Projection(of: layer, first: 0, outputs: shape.width)
            }
        } else {
            let layer = Linear(["\(name).qkv"], inputs: shape.inputs, outputs: 3 * shape.width, in: &layout)
            self.projections = (0..<3).map {
                Projection(of: layer, first: $0 * shape.width, outputs: shape.width)
            }
        }
        self.keysShareBias = configuration.poolsFirst || shape.key == nil
        let channels = configuration.poolsFirst ? shape.inputs : shape.width
        self.pools = zip(letters, windows).map { letter, window in
            window.map { window in
                TokenPool(
                    "\(name).pool_\(letter)", norm: "\(name).norm_\(letter)", channels: channels, heads: shape.heads,
                    window: window, epsilon: configuration.poolEpsilon, in: &layout)
            }
        }
        self.output = Linear(["\(name).proj"], inputs: shape.width, outputs: shape.width, in: &layout)
        self.positions =
            configuration.positions == .relative ? Self.positions(name, shape, stored, in: &layout) : nil
        self.recollection = configuration.memory.map {
            Recollection(name, shape, stored: stored, configuration, $0, plan: memory, in: &layout)
        }
        self.columns = AttentionColumns(shape, isCausal: configuration.isCausal)
    }

    private static func positions(
        _ name: String, _ shape: BlockShape, _ stored: BlockShape, in layout: inout ParameterLayout
    ) -> RelativePositions {
        let width = shape.width / shape.heads
        func axis(_ letter: String, _ size: KeyPath<GridSize, Int>) -> RelativePositions.Axis {
            RelativePositions.Axis(
                "\(name).rel_pos_\(letter)", queries: shape.queryGrid[keyPath: size],
                keys: shape.keyGrid[keyPath: size], width: width,
                stored: 2 * max(stored.queryGrid[keyPath: size], stored.keyGrid[keyPath: size]) - 1, in: &layout)
        }
        let height = axis("h", \.height), across = axis("w", \.width), time = axis("t", \.time)
        return RelativePositions(
            time: time, height: height, width: across, queries: shape.queryGrid, frames: shape.keyGrid.time,
            width: width, heads: shape.heads)
    }

    /// The keys at hand and remembered, at most.
    private var keysMax: Int { self.shape.keys + (self.recollection?.rowsMax ?? 0) }

    private func rows(_ index: Int) -> Int { index == 0 ? self.shape.queries : self.keysMax }

    func plan(_ plan: inout WorkspacePlan, training: Bool) -> Cache {
        let queries = training ? self.shape.heads * self.shape.queries : min(Self.queriesAtOnce, self.shape.queries)
        return Cache(
            pools: self.pools.map { $0?.plan(&plan) },
            between: (0..<3).map { index in
                let count =
                    self.poolsFirst ? self.rows(index) * self.shape.inputs : self.shape.tokens * self.shape.width
                return plan.floats(count)
            },
            taken: (0..<3).map { plan.floats(self.rows($0) * self.shape.width) },
            scores: plan.floats(queries * self.keysMax), context: plan.floats(self.shape.queries * self.shape.width),
            bias: plan.floats(self.columns.count(columns: self.keysMax)),
            positions: self.positions?.plan(&plan, training: training),
            recollection: self.recollection?.plan(&plan, training: training))
    }

    func planGradients(_ plan: inout WorkspacePlan) -> Gradients {
        let pool = self.pools.compactMap { $0?.gradientCount }.max() ?? 0
        return Gradients(
            taken: (0..<3).map { plan.floats(self.rows($0) * self.shape.width) },
            between: (0..<3).map { index in
                let count =
                    self.poolsFirst ? self.rows(index) * self.shape.inputs : self.shape.tokens * self.shape.width
                return plan.floats(count)
            },
            scores: plan.floats(self.shape.queries * self.keysMax),
            context: plan.floats(self.shape.queries * self.shape.width),
            pool: plan.floats(max(pool, self.recollection?.gradientCount ?? 0)))
    }

    func entries(_ recall: Recall?) -> [Recall.Entry] { self.recollection?.entries(recall) ?? [] }

    /// The keys of a pass.
    func keys(_ recall: Recall?) -> Int {
        self.shape.keys + self.entries(recall).count * self.shape.remembered
    }

    var scale: Float { 1 / Float(self.shape.width / self.shape.heads).squareRoot() }

    func headColumns(_ head: Int) -> Range<Int> {
        let width = self.shape.width / self.shape.heads
        return head * width..<(head + 1) * width
    }

    func matrix(_ slots: [FloatSlot], _ index: Int, columns: Int, keys: Int, _ pass: Pass) -> Matrix {
        pass.matrix(slots[index], rows: index == 0 ? self.shape.queries : keys, columns: columns)
    }
}
