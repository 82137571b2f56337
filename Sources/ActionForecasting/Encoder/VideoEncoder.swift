// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// A clip's pixels to features: MViT, or MeMViT where the configuration has memory. It holds no numbers: any thread can
/// run it on a workspace of its own, one clip at a time.
public struct VideoEncoder: Sendable {
    /// The settings.
    public let configuration: EncoderConfiguration
    let blocks: [EncoderBlock]
    let memoryPlan: MemoryPlan?
    private let patches: PatchConvolution
    private let classToken: Parameter
    private let positions: (class: Parameter, spatial: Parameter, temporal: Parameter)?
    private let norm: LayerNorm
    private let head: Linear
    private let headSite: DropoutSite

    /// The place of a clip's values in a workspace.
    public struct Cache: Sendable {
        /// The input of each block, and the output of the last.
        let tokens: [FloatSlot]
        let blocks: [EncoderBlock.Cache]
        let gradients: [EncoderBlock.Gradients]
        let dtokens: [FloatSlot]
        let scratch: FloatSlot, normed: FloatSlot, statistics: FloatSlot, dnormed: FloatSlot
        let mask: ByteSlot
        let isTraining: Bool
    }

    /// A clip on its way through the encoder.
    public struct Clip {
        /// Its pixels (3, frames, side, side), normalized.
        public var pixels: UnsafePointer<Float>
        /// The video that it is of, a number below `ClipMemory.videosMax`; clips of the same video remember each other.
        public var video: Int
        /// The memory of its stream; none: by itself.
        public var memory: ClipMemory?
        /// The choice of blocks that are left out, in training.
        public var paths: DropPath?
        /// The number of its sample in the batch, which that choice depends on.
        public var sample: Int
        var recall: Recall?

        /// Describes a clip.
        public init(
            pixels: UnsafePointer<Float>, video: Int = 0, memory: ClipMemory? = nil, paths: DropPath? = nil,
            sample: Int = 0
        ) {
            self.pixels = pixels
            self.video = video
            self.memory = memory
            self.paths = paths
            self.sample = sample
        }
    }

    /// Adds the parameters under their official names, behind `prefix`.
    /// - Precondition: the configuration has no `problem()`.
    public init(
        _ configuration: EncoderConfiguration, prefix: String = "backbone.", in layout: inout ParameterLayout,
        sites: inout DropoutSites
    ) {
        precondition(configuration.problem() == nil, configuration.problem() ?? "")
        let window = configuration.patchWindow(side: configuration.side),
            shapes = configuration.blocks(side: configuration.side)
        let stored = configuration.blocks(side: configuration.tableSide ?? configuration.side)
        let plan = configuration.memory.map { MemoryPlan($0, shapes) }
        self.configuration = configuration
        self.memoryPlan = plan
        self.patches = PatchConvolution(
            "\(prefix)patch_embed.proj", channels: 3, outputs: configuration.width, window: window, in: &layout)
        self.classToken = layout.add("\(prefix)cls_token", [1, 1, configuration.width], .uniform(0.02))
        self.positions =
            configuration.positions == .separable
            ? (
                layout.add("\(prefix)pos_embed_class", [1, 1, configuration.width], .uniform(0.02)),
                layout.add(
                    "\(prefix)pos_embed_spatial", [1, window.to.height * window.to.width, configuration.width],
                    .uniform(0.02)),
                layout.add("\(prefix)pos_embed_temporal", [1, window.to.time, configuration.width], .uniform(0.02))
            ) : nil
        var blocks: [EncoderBlock] = []
        for (shape, stored) in zip(shapes, stored) {
            blocks.append(
                EncoderBlock(
                    "\(prefix)blocks.\(shape.index)", shape, stored: stored, configuration,
                    memory: plan?.blocks[shape.index], in: &layout))
        }
        self.blocks = blocks
        let width = shapes.last?.outputs ?? configuration.width
        self.norm = LayerNorm("\(prefix)norm", width: width, in: &layout)
        self.head = Linear(["\(prefix)head.projection"], inputs: width, outputs: configuration.features, in: &layout)
        self.headSite = sites.add("\(prefix)head.dropout")
    }

    /// The floats of a clip's pixels.
    public var pixelCount: Int { 3 * self.patches.window.from.count }

    /// An empty memory for one stream of clips; `nil` for an encoder that has none.
    public func makeMemory() -> ClipMemory? {
        guard let configuration = self.configuration.memory, let plan = self.memoryPlan else { return nil }
        return ClipMemory(configuration, plan)
    }

    private func tokens(_ index: Int) -> (rows: Int, columns: Int) {
        guard index < self.blocks.count else {
            let last = self.blocks[index - 1].shape
            return (last.queries, last.outputs)
        }
        return (self.blocks[index].shape.tokens, self.blocks[index].shape.inputs)
    }

    private func matrix(_ slots: [FloatSlot], _ index: Int, _ pass: Pass) -> Matrix {
        let (rows, columns) = self.tokens(index)
        return pass.matrix(slots[index], rows: rows, columns: columns)
    }

    /// Reserves what one clip takes. Without training, blocks share their room.
    public func plan(_ plan: inout WorkspacePlan, training: Bool) -> Cache {
        let sizes = (0...self.blocks.count).map { self.tokens($0) }.map { $0.rows * $0.columns }
        let largest = sizes.max() ?? 0, width = self.tokens(self.blocks.count).columns
        let pair = training ? [] : [plan.floats(largest), plan.floats(largest)]
        let tokens = sizes.enumerated().map { training ? plan.floats($0.element) : pair[$0.offset % 2] }
        let dpair = training ? [plan.floats(largest), plan.floats(largest)] : []
        let dtokens = training ? sizes.indices.map { dpair[$0 % 2] } : []
        let scratch = plan.floats(self.patches.scratchCount), normed = plan.floats(width), statistics = plan.floats(2)
        let dnormed = plan.floats(width), mask = plan.bytes(width)
        var blocks: [EncoderBlock.Cache] = [], gradients: [EncoderBlock.Gradients] = []
        if training {
            blocks = self.blocks.map { $0.plan(&plan, training: true) }
            plan.share(self.blocks) { gradients.append($0.planGradients(&$1)) }
        } else {
            plan.share(self.blocks) { blocks.append($0.plan(&$1, training: false)) }
        }
        return Cache(
            tokens: tokens, blocks: blocks, gradients: gradients, dtokens: dtokens, scratch: scratch, normed: normed,
            statistics: statistics, dnormed: dnormed, mask: mask, isTraining: training)
    }

    private func step(_ block: Int, _ clip: Clip, _ cache: Cache) -> EncoderBlock.Step {
        var step = EncoderBlock.Step(recall: clip.recall, memory: clip.memory, isTraining: cache.isTraining)
        if let paths = clip.paths {
            let rate = DropPath.rate(self.configuration.dropPath, of: block, in: self.blocks.count)
            let factor = { paths.factor(rate: rate, site: UInt32(2 * block + $0), sample: UInt32(clip.sample)) }
            step.factors = (factor(0), factor(1))
        }
        return step
    }

    /// The features (1, features) of a clip. Memory moves on; the clip keeps what `backward` needs to know of it.
    /// - Parameter pass: of one sample.
    public func forward(_ clip: inout Clip, into features: Matrix, cache: Cache, _ pass: Pass) {
        clip.recall = clip.memory.map { $0.enter(video: clip.video) }
        self.embed(clip.pixels, into: self.matrix(cache.tokens, 0, pass), cache: cache, pass)
        for (index, block) in self.blocks.enumerated() {
            block.forward(
                self.matrix(cache.tokens, index, pass), into: self.matrix(cache.tokens, index + 1, pass),
                self.step(index, clip, cache), cache: cache.blocks[index], pass)
        }
        if let recall = clip.recall { clip.memory?.leave(recall, video: clip.video) }
        let token = self.matrix(cache.tokens, self.blocks.count, pass).rows(0..<1)
        let normed = pass.matrix(cache.normed, rows: 1, columns: token.columns)
        let mask = pass.drawMask(self.headSite, cache.mask, count: token.columns)
        self.norm.forward(token, into: normed, statistics: pass[cache.statistics], mask: mask, pass)
        self.head.forward(normed, into: features, pass)
    }

    /// Patches, the token of the class before them, and positions.
    private func embed(_ pixels: UnsafePointer<Float>, into tokens: Matrix, cache: Cache, _ pass: Pass) {
        let width = tokens.columns, grid = self.patches.window.to, frame = grid.height * grid.width
        self.patches.forward(pixels, into: tokens.rows(1..<tokens.rows), scratch: pass[cache.scratch], pass)
        tokens.start.update(from: pass.value(self.classToken), count: width)
        guard let positions else { return }
        Rows.add(bias: pass.value(positions.class), to: tokens.rows(0..<1))
        let spatial = Matrix(pass.value(positions.spatial), rows: frame, columns: width)
        for time in 0..<grid.time {
            let rows = tokens.rows(1 + time * frame..<1 + (time + 1) * frame)
            Rows.add(spatial, to: rows)
            Rows.add(bias: pass.value(positions.temporal) + time * width, to: rows)
        }
    }

    /// Adds up the gradients of all parameters, after `forward` with a cache for training.
    /// - Parameters:
    ///   - dfeatures: (1, features).
    ///   - dpixels: += the gradient at the pixels, where it is wanted.
    public func backward(
        _ clip: Clip, dfeatures: Matrix, dpixels: UnsafeMutablePointer<Float>? = nil, cache: Cache, _ pass: Pass
    ) {
        precondition(cache.isTraining, "a cache for training")
        let count = self.blocks.count, last = self.matrix(cache.tokens, count, pass)
        let dlast = self.matrix(cache.dtokens, count, pass)
        let normed = pass.matrix(cache.normed, rows: 1, columns: last.columns)
        let dnormed = pass.matrix(cache.dnormed, rows: 1, columns: last.columns)
        self.head.addBiasGradient(dy: dfeatures, pass)
        self.head.backward(x: normed, dy: dfeatures, dx: dnormed, pass)
        Rows.clear(dlast)
        self.norm.backward(
            x: last.rows(0..<1), statistics: pass[cache.statistics], dy: dnormed, mask: pass.mask(cache.mask),
            dx: dlast.rows(0..<1), pass)
        for index in (0..<count).reversed() {
            self.blocks[index].backward(
                x: self.matrix(cache.tokens, index, pass), dout: self.matrix(cache.dtokens, index + 1, pass),
                dx: self.matrix(cache.dtokens, index, pass), self.step(index, clip, cache), cache: cache.blocks[index],
                gradients: cache.gradients[index], pass)
        }
        self.embedBackward(clip.pixels, self.matrix(cache.dtokens, 0, pass), dpixels, cache: cache, pass)
    }

    private func embedBackward(
        _ pixels: UnsafePointer<Float>, _ dtokens: Matrix, _ dpixels: UnsafeMutablePointer<Float>?, cache: Cache,
        _ pass: Pass
    ) {
        let width = dtokens.columns, grid = self.patches.window.to, frame = grid.height * grid.width
        Rows.addSum(of: dtokens.rows(0..<1), to: pass.gradient(self.classToken))
        self.patches.backward(
            x: pixels, dy: dtokens.rows(1..<dtokens.rows), dx: dpixels, scratch: pass[cache.scratch], pass)
        guard let positions else { return }
        Rows.addSum(of: dtokens.rows(0..<1), to: pass.gradient(positions.class))
        let spatial = Matrix(pass.gradient(positions.spatial), rows: frame, columns: width)
        for time in 0..<grid.time {
            let rows = dtokens.rows(1 + time * frame..<1 + (time + 1) * frame)
            Rows.add(rows, to: spatial)
            Rows.addSum(of: rows, to: pass.gradient(positions.temporal) + time * width)
        }
    }
}
