// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// Attention over a picture's cells: among themselves, then to the context.
struct SpatialTransformer: Sendable {
    private let norm: GroupNorm
    private let enter: Dense, leave: Dense
    private let blocks: [Block]

    /// One head's worth of names: queries, keys and values without a bias, and the way out with one.
    private struct Attention: Sendable {
        let query: Dense, key: Dense, value: Dense, out: Dense
        let heads: Int

        init(_ name: String, width: Int, context: Int, heads: Int, in layout: inout ParameterLayout) {
            self.query = Dense("\(name).to_q", inputs: width, outputs: width, hasBias: false, in: &layout)
            self.key = Dense("\(name).to_k", inputs: context, outputs: width, hasBias: false, in: &layout)
            self.value = Dense("\(name).to_v", inputs: context, outputs: width, hasBias: false, in: &layout)
            self.out = Dense("\(name).to_out.0", inputs: width, outputs: width, in: &layout)
            self.heads = heads
        }

        func write(_ x: TapeValue, context: TapeValue, on tape: inout Tape) -> TapeValue {
            let query = tape.dense(self.query, x), key = tape.dense(self.key, context)
            let value = tape.dense(self.value, context)
            return tape.dense(self.out, tape.attend(query: query, key: key, value: value, heads: self.heads))
        }
    }

    private struct Block: Sendable {
        let own: Attention, cross: Attention
        let norms: [LayerNorm]
        let widen: Dense, narrow: Dense

        init(_ name: String, width: Int, context: Int, heads: Int, in layout: inout ParameterLayout) {
            self.own = Attention("\(name).attn1", width: width, context: width, heads: heads, in: &layout)
            self.widen = Dense("\(name).ff.net.0.proj", inputs: width, outputs: 8 * width, in: &layout)
            self.narrow = Dense("\(name).ff.net.2", inputs: 4 * width, outputs: width, in: &layout)
            self.cross = Attention("\(name).attn2", width: width, context: context, heads: heads, in: &layout)
            var norms: [LayerNorm] = []
            for number in 1...3 {
                norms.append(LayerNorm("\(name).norm\(number)", width: width, epsilon: 1e-5, in: &layout))
            }
            self.norms = norms
        }

        func write(
            _ x: TapeValue, context: TapeValue, taps: (String, TapeValue) -> Void, on tape: inout Tape
        ) -> TapeValue {
            let normed = tape.normalize(self.norms[0], x)
            let own = self.own.write(normed, context: normed, on: &tape)
            taps("attn1", own)
            let first = tape.add(own, x)
            let cross = self.cross.write(tape.normalize(self.norms[1], first), context: context, on: &tape)
            taps("attn2", cross)
            let second = tape.add(cross, first)
            let wide = tape.dense(self.widen, tape.normalize(self.norms[2], second))
            let inner = tape.dense(self.narrow, tape.geglu(wide))
            taps("ff", inner)
            return tape.add(inner, second)
        }
    }

    init(
        _ name: String, channels: Int, _ configuration: NoisePredictorConfiguration, in layout: inout ParameterLayout
    ) {
        let shape = [channels, channels, 1, 1]
        self.norm = GroupNorm(
            "\(name).norm", channels: channels, groups: configuration.groups, epsilon: 1e-6, in: &layout)
        self.enter = Dense("\(name).proj_in", inputs: channels, outputs: channels, shape: shape, in: &layout)
        var blocks: [Block] = []
        for number in 0..<configuration.depth {
            blocks.append(
                Block(
                    "\(name).transformer_blocks.\(number)", width: channels, context: configuration.context,
                    heads: configuration.heads, in: &layout))
        }
        self.blocks = blocks
        self.leave = Dense(
            "\(name).proj_out", inputs: channels, outputs: channels, shape: shape, startsAtZero: true, in: &layout)
    }

    /// - Parameter taps: is told the parts of each block, by number and name.
    func write(
        _ x: TapeImage, context: TapeValue, taps: (String, TapeValue) -> Void = { _, _ in }, on tape: inout Tape
    ) -> TapeImage {
        // A row a cell: a convolution of one cell is a layer on rows.
        var tokens = tape.dense(self.enter, tape.transpose(tape.normalize(self.norm, x).value))
        for (number, block) in self.blocks.enumerated() {
            tokens = block.write(
                tokens, context: context, taps: { taps("transformer_blocks.\(number).\($0)", $1) }, on: &tape)
        }
        let out = TapeImage(tape.transpose(tape.dense(self.leave, tokens)), height: x.height, width: x.width)
        return tape.add(out, x)
    }
}
