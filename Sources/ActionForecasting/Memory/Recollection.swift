// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// The memory of one block: it compresses the clip before, puts the remembered clips behind the keys and values at
/// hand, and these into the memory.
struct Recollection: Sendable {
    private let keys: TokenPool, values: TokenPool
    private let plan: MemoryPlan.Block?
    /// Scores by distance for remembered keys.
    let positions: RelativePositions?
    private let shape: BlockShape
    private let entries: Int

    struct Cache: Sendable {
        fileprivate let keys: TokenPool.Cache, values: TokenPool.Cache
        fileprivate let before: [FloatSlot], compressed: [FloatSlot]
        let positions: RelativePositions.Cache?
    }

    /// - Parameter plan: the block's place in a stream's memory; none for a block that does not remember.
    init(
        _ name: String, _ shape: BlockShape, stored: BlockShape, _ configuration: EncoderConfiguration,
        _ memory: MemoryConfiguration, plan: MemoryPlan.Block?, in layout: inout ParameterLayout
    ) {
        guard let window = shape.compression else { preconditionFailure("a block with memory compresses") }
        func pool(_ letter: String) -> TokenPool {
            TokenPool(
                "\(name).compress_\(letter)", norm: "\(name).norm_compress_\(letter)", channels: shape.inputs, heads: 1,
                window: window, epsilon: 1e-6, in: &layout)
        }
        self.keys = pool("k")
        self.values = pool("v")
        self.plan = plan
        self.shape = shape
        self.entries = memory.entries
        self.positions =
            configuration.positions == .relative
            ? Self.positions(name, shape, stored, memory, in: &layout) : nil
    }

    /// The newest remembered frame is the nearest; the clips' distance in time does not count, nor does a gap.
    private static func positions(
        _ name: String, _ shape: BlockShape, _ stored: BlockShape, _ memory: MemoryConfiguration,
        in layout: inout ParameterLayout
    ) -> RelativePositions? {
        guard let grid = shape.compression?.to, let table = stored.compression?.to else { return nil }
        let width = shape.width / shape.heads, queries = shape.queryGrid
        func axis(_ letter: String, _ size: KeyPath<GridSize, Int>) -> RelativePositions.Axis {
            RelativePositions.Axis(
                "\(name).rel_pos_mem_\(letter)", queries: queries[keyPath: size], keys: grid[keyPath: size],
                width: width, stored: 2 * max(stored.queryGrid[keyPath: size], table[keyPath: size]) - 1, in: &layout)
        }
        let height = axis("h", \.height), across = axis("w", \.width)
        // Clips by age, the newest first; within a clip, in time order.
        let places = (0..<queries.time).flatMap { query in
            (0..<memory.entries * grid.time).map { frame in
                let age = frame / grid.time, offset = grid.time - 1 - frame % grid.time
                return Int32(query + (age * grid.time + offset) * memory.stride.time)
            }
        }
        let time = RelativePositions.Axis(
            "\(name).rel_pos_mem_t", rows: memory.length * queries.time - 1, places: places, width: width, in: &layout)
        return RelativePositions(
            time: time, height: height, width: across, queries: queries, frames: memory.entries * grid.time,
            width: width, heads: shape.heads)
    }

    /// The rows that remembered clips take behind the keys at hand, at most.
    var rowsMax: Int { self.plan == nil ? 0 : self.entries * self.shape.remembered }

    func plan(_ plan: inout WorkspacePlan, training: Bool) -> Cache {
        let whole = self.shape.keys * self.shape.inputs, compressed = self.shape.remembered * self.shape.inputs
        return Cache(
            keys: self.keys.plan(&plan), values: self.values.plan(&plan),
            before: (0..<2).map { _ in plan.floats(whole) }, compressed: (0..<2).map { _ in plan.floats(compressed) },
            positions: self.positions?.plan(&plan, training: training))
    }

    /// The clips that this block attends to: none where it does not remember.
    func entries(_ recall: Recall?) -> [Recall.Entry] { self.plan == nil ? [] : recall?.entries ?? [] }

    /// Writes the remembered clips behind the keys and values at hand, and puts these into the memory.
    /// - Parameters:
    ///   - keys: (keys at hand + remembered, inputs); the first rows are filled.
    ///   - values: likewise.
    func recollect(
        keys: Matrix, values: Matrix, _ recall: Recall, from memory: ClipMemory, cache: Cache, _ pass: Pass
    ) {
        guard let block = self.plan else { return }
        let inputs = self.shape.inputs, rows = self.shape.remembered
        for (index, (pool, pooled)) in [(self.keys, cache.keys), (self.values, cache.values)].enumerated() {
            let isKeys = index == 0, target = isKeys ? keys : values
            let compressed = pass.matrix(cache.compressed[index], rows: rows, columns: inputs)
            if recall.hasBefore {
                let before = pass.matrix(cache.before[index], rows: self.shape.keys, columns: inputs)
                before.start.update(from: memory.start(block, keys: isKeys, nil), count: before.count)
                pool.forward(before, into: compressed, cache: pooled, pass)
            }
            for (number, entry) in recall.entries.enumerated() {
                let from = entry.place.map { memory.start(block, keys: isKeys, $0) } ?? compressed.start
                target.row(self.shape.keys + number * rows).update(from: from, count: rows * inputs)
            }
            if let place = recall.place {
                memory.start(block, keys: isKeys, place).update(from: compressed.start, count: compressed.count)
            }
            memory.start(block, keys: isKeys, nil).update(from: target.start, count: self.shape.keys * inputs)
        }
    }

    /// The gradients of the compression, from those of its result. Nothing flows into the clip before.
    func backward(
        dkeys: Matrix, dvalues: Matrix, _ recall: Recall, scratch: UnsafeMutablePointer<Float>, cache: Cache,
        _ pass: Pass
    ) {
        guard self.plan != nil, let newest = recall.newest else { return }
        let rows = self.shape.remembered, first = self.shape.keys + newest * rows
        for (index, (pool, pooled)) in [(self.keys, cache.keys), (self.values, cache.values)].enumerated() {
            let before = pass.matrix(cache.before[index], rows: self.shape.keys, columns: self.shape.inputs)
            pool.backward(
                x: before, dy: (index == 0 ? dkeys : dvalues).rows(first..<first + rows), dx: nil, scratch: scratch,
                cache: pooled, pass)
        }
    }

    var gradientCount: Int { self.keys.gradientCount }

    /// The keys of each remembered clip, for scores by distance.
    func places(_ recall: Recall?) -> [RelativePositions.Keys] {
        let count = self.entries(recall).count
        guard let grid = self.shape.compression?.to else { return [] }
        return (0..<count).map { number in
            RelativePositions.Keys(
                grid: grid, firstFrame: (count - 1 - number) * grid.time,
                column: self.shape.keys + number * self.shape.remembered + 1)
        }
    }
}
