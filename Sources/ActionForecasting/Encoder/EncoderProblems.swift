// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

extension EncoderConfiguration {
    /// The largest number of tokens of a clip.
    static let tokensMax = 1 << 20

    /// Says what is out of range, or nothing. What it lets pass can be computed with.
    public func problem() -> String? {
        if let problem = self.sizeProblem() { return problem }
        let blocks = self.blocks(side: self.side)
        for (block, stored) in zip(blocks, self.blocks(side: self.tableSide ?? self.side)) {
            if let problem = self.problem(of: block) ?? self.problem(of: stored) {
                return "block \(block.index) of the encoder: \(problem)"
            }
        }
        return nil
    }

    private func sizeProblem() -> String? {
        func outside(_ name: String, _ value: Int, _ range: ClosedRange<Int>) -> String? {
            range.contains(value)
                ? nil : "the encoder's \(name) is \(range.lowerBound) to \(range.upperBound), not \(value)"
        }
        func outside(_ name: String, _ size: GridSize, _ range: ClosedRange<Int>) -> String? {
            size.axes.lazy.compactMap { outside(name, $0, range) }.first
        }
        let numbers: [(String, Int, ClosedRange<Int>)] = [
            ("frames", self.frames, 1...1024), ("side", self.side, 1...2048),
            ("tableSide", self.tableSide ?? self.side, 1...2048), ("width", self.width, 1...4096),
            ("heads", self.heads, 1...64), ("depth", self.depth, 1...64), ("innerRatio", self.innerRatio, 1...16),
            ("features", self.features, 1...65536), ("growth's length", self.growth.count, 0...6),
        ]
        for (name, value, range) in numbers {
            if let problem = outside(name, value, range) { return problem }
        }
        let sizes: [(String, GridSize, ClosedRange<Int>)] = [
            ("patchKernel", self.patchKernel, 1...64), ("patchStride", self.patchStride, 1...64),
            ("patchPadding", self.patchPadding, 0...64), ("poolKernel", self.poolKernel, 1...9),
        ]
        for (name, size, range) in sizes {
            if let problem = outside(name, size, range) { return problem }
        }
        for stride in self.queryStrides + self.keyStrides {
            if let problem = outside("strides' block", stride.block, 0...self.depth - 1)
                ?? outside("strides", stride.stride, 1...64)
            {
                return problem
            }
        }
        if let stride = self.adaptiveKeyStride, let problem = outside("adaptiveKeyStride", stride, 1...64) {
            return problem
        }
        guard self.dropPath >= 0, self.dropPath < 1 else {
            return "the encoder's dropPath is 0 to below 1, not \(self.dropPath)"
        }
        guard self.poolEpsilon > 0, self.poolEpsilon < 1 else {
            return "the encoder's poolEpsilon is above 0 and below 1, not \(self.poolEpsilon)"
        }
        let strides = (self.queryStrides + self.keyStrides).map(\.stride) + [self.adaptiveKeyStride ?? GridSize(all: 1)]
        if self.isCausal, strides.contains(where: { $0.time != 1 }) {
            return "a causal encoder does not pool over time: its strides of time are 1"
        }
        for side in [self.side, self.tableSide ?? self.side] {
            let tokens = self.patchWindow(side: side).to
            if tokens.count < 1 || tokens.count > Self.tokensMax {
                return "frames of \(side) pixels give \(tokens.count) patches; 1 to \(Self.tokensMax) are possible"
            }
        }
        return self.memory?.problem(self)
    }

    private func problem(of block: BlockShape) -> String? {
        guard block.inputs % block.heads == 0, block.width % block.heads == 0 else {
            return "\(block.inputs) and \(block.width) columns do not divide into \(block.heads) heads"
        }
        if self.poolsFirst, block.query == nil || block.key == nil {
            return "where tokens are pooled before they are projected, all blocks name strides, if only of 1"
        }
        guard block.queryGrid.count > 0, block.keyGrid.count > 0 else {
            return "its pooling leaves nothing of \(block.grid.axes)"
        }
        if let skip = block.skip, skip.to != block.queryGrid || skip.kernel.count > 256 {
            return "a stride of \(skip.step.axes) does not pool \(block.grid.axes) patches alike within attention and "
                + "around it"
        }
        if self.positions == .relative, block.keyGrid.axes.contains(where: { $0 > 256 }) {
            return "\(block.keyGrid.axes) keys are too many for relative positions; 256 along an axis are possible"
        }
        guard let memory = self.memory, let compression = block.compression else { return nil }
        guard compression.to.count > 0 else { return "compression leaves nothing of \(block.keyGrid.axes)" }
        let reach = block.queryGrid.time - 1 + (memory.entries * compression.to.time - 1) * memory.stride.time
        guard self.positions != .relative || reach < memory.length * block.queryGrid.time - 1 else {
            return "\(block.keyGrid.time) frames of keys do not divide into the compression's stride of "
                + "\(memory.stride.time)"
        }
        return nil
    }
}
