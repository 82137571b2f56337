// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// The make of a video encoder: a tower of blocks with pooling attention over the patches of a clip (MViT), which may
/// remember the clips before (MeMViT).
public struct EncoderConfiguration: Hashable, Sendable, Codable {
    /// The way in which an encoder knows where a patch is.
    public enum Positions: String, Hashable, Sendable, Codable {
        /// A vector for each place and one for each time, added once.
        case separable
        /// Scores by distance, added in every block.
        case relative
    }

    /// A block and the stride of its pooling.
    public struct BlockStride: Hashable, Sendable, Codable {
        /// The block, 0 for the first.
        public var block: Int
        /// The stride.
        public var stride: GridSize

        /// Describes a stride.
        public init(_ block: Int, _ stride: GridSize) {
            self.block = block
            self.stride = stride
        }
    }

    /// The frames of a clip.
    public var frames = 16
    /// The height and width of a frame in pixels.
    public var side = 224
    /// The height and width that tables of relative positions are stored for; they are interpolated. None: `side`.
    public var tableSide: Int?
    /// The window that cuts patches.
    public var patchKernel = GridSize(3, 7, 7)
    /// Its steps.
    public var patchStride = GridSize(2, 4, 4)
    /// Its padding.
    public var patchPadding = GridSize(1, 3, 3)
    /// The columns of the first block.
    public var width = 96
    /// The heads of the first block.
    public var heads = 1
    /// The number of blocks.
    public var depth = 16
    /// The blocks at which width and heads double.
    public var growth = [1, 3, 14]
    /// The window of pooling.
    public var poolKernel = GridSize(all: 3)
    /// The blocks that pool queries.
    public var queryStrides = [1, 3, 14].map { BlockStride($0, GridSize(1, 2, 2)) }
    /// The blocks that pool keys and values.
    public var keyStrides = [8, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2].enumerated().map {
        BlockStride($0.offset, GridSize(1, $0.element, $0.element))
    }
    /// The stride of keys and values in the first block, which each stride of queries divides; all blocks pool then.
    public var adaptiveKeyStride: GridSize?
    /// The columns of a block's inner layer, in multiples of its width.
    public var innerRatio = 4
    /// The positions.
    public var positions = Positions.separable
    /// Tells whether tokens are pooled before they are projected.
    public var poolsFirst = false
    /// Tells whether pooled queries are added to the result of attention.
    public var addsQueries = false
    /// Tells whether the width grows in the attention of the listed blocks, not in the inner layer of those before.
    public var growsInAttention = false
    /// Tells whether a frame sees the frames before it alone.
    public var isCausal = false
    /// The added constant of the norms inside attention; that of all others is 1e-6.
    public var poolEpsilon: Float = 1e-5
    /// The share of samples that skip the last block; the others' shares rise to it from 0.
    public var dropPath = 0.2
    /// The columns of the features that the encoder gives.
    public var features = 768
    /// The memory; none: each clip by itself.
    public var memory: MemoryConfiguration?

    /// MViT-B 16x4.
    public init() {}

    /// The stride of queries of a block; `nil` where they are not pooled.
    func queryStride(_ block: Int) -> GridSize? { self.queryStrides.first { $0.block == block }?.stride }

    /// The stride of keys and values, likewise.
    func keyStride(_ block: Int) -> GridSize? {
        guard var stride = self.adaptiveKeyStride else { return self.keyStrides.first { $0.block == block }?.stride }
        for index in 0...block {
            if let query = self.queryStride(index) { stride = stride.map(query) { max($0 / $1, 1) } }
        }
        return stride
    }

    /// The window that cuts patches, over frames of a side.
    func patchWindow(side: Int) -> GridWindow {
        GridWindow(
            over: GridSize(self.frames, side, side), kernel: self.patchKernel, step: self.patchStride,
            padding: self.patchPadding)
    }

    /// The shape of each block over frames of a side.
    func blocks(side: Int) -> [BlockShape] {
        var grid = self.patchWindow(side: side).to
        return (0..<self.depth).map { index in
            let shape = BlockShape(index, grid, self)
            grid = shape.queryGrid
            return shape
        }
    }
}

/// The sizes of one block.
struct BlockShape: Hashable, Sendable {
    let index: Int
    /// The patches that come in.
    let grid: GridSize
    let heads: Int
    /// The columns that come in, those of attention, and those that go out.
    let inputs: Int, width: Int, outputs: Int
    /// The pooling of queries, and of keys and values.
    let query: GridWindow?, key: GridWindow?
    /// The largest value of what goes around attention.
    let skip: GridWindow?
    /// The compression of a clip's keys and values.
    let compression: GridWindow?

    init(_ index: Int, _ grid: GridSize, _ configuration: EncoderConfiguration) {
        let doublings = configuration.growth.count { $0 <= index }
        let now = configuration.width << doublings
        self.index = index
        self.grid = grid
        self.heads = configuration.heads << doublings
        if configuration.growsInAttention {
            self.inputs = configuration.growth.contains(index) ? now / 2 : now
            self.outputs = now
        } else {
            self.inputs = now
            self.outputs = configuration.growth.contains(index + 1) ? 2 * now : now
        }
        self.width = now
        let window = { (stride: GridSize) in
            GridWindow(over: grid, kernel: configuration.poolKernel, step: stride, causal: configuration.isCausal)
        }
        let stride = configuration.queryStride(index)
        self.query = stride.map(window)
        self.key = configuration.keyStride(index).map(window)
        self.skip = stride.flatMap { stride in
            stride.count == 1
                ? nil
                : GridWindow(
                    over: grid, kernel: stride.map(stride) { size, _ in size > 1 ? size + 1 : 1 }, step: stride)
        }
        let keys = self.key?.to ?? grid
        self.compression = configuration.memory.map { memory in
            GridWindow(over: keys, kernel: memory.kernel, step: memory.stride)
        }
    }

    var queryGrid: GridSize { self.query?.to ?? self.grid }
    var keyGrid: GridSize { self.key?.to ?? self.grid }
    /// Patches and the token of the class.
    var tokens: Int { self.grid.count + 1 }
    var queries: Int { self.queryGrid.count + 1 }
    var keys: Int { self.keyGrid.count + 1 }
    /// The tokens that are left of a clip in memory.
    var remembered: Int { (self.compression?.to.count ?? 0) + 1 }
}
