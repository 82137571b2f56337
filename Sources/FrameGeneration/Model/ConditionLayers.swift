// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// The projections of a vision-language model's features, and the layers that mix its words: to the context. It holds
/// no numbers.
public struct ConditionLayers: Sendable {
    /// The settings.
    public let configuration: ConditionConfiguration
    private let image: Dense, text: Dense
    private let mix: [Mixer]

    /// A layer of `torch.nn.TransformerEncoder` with its norms before, ReLU and no mask. Its dropout is off.
    private struct Mixer: Sendable {
        let query: Dense, key: Dense, value: Dense, out: Dense
        let norms: [LayerNorm]
        let widen: Dense, narrow: Dense
        let heads: Int

        init(_ name: String, _ c: ConditionConfiguration, in layout: inout ParameterLayout) {
            let weight = layout.add("\(name).self_attn.in_proj_weight", [3 * c.width, c.width], .xavierUniform)
            let bias = layout.add("\(name).self_attn.in_proj_bias", [3 * c.width], .constant(0))
            func part(_ number: Int) -> Dense {
                Dense(
                    weight: weight, bias: bias, inputs: c.width, outputs: c.width, firstRow: number * c.width,
                    biasLearns: number != 1)
            }
            self.query = part(0)
            self.key = part(1)
            self.value = part(2)
            self.out = Dense("\(name).self_attn.out_proj", inputs: c.width, outputs: c.width, in: &layout)
            self.widen = Dense("\(name).linear1", inputs: c.width, outputs: c.inner, in: &layout)
            self.narrow = Dense("\(name).linear2", inputs: c.inner, outputs: c.width, in: &layout)
            let first = LayerNorm("\(name).norm1", width: c.width, epsilon: 1e-5, in: &layout)
            self.norms = [first, LayerNorm("\(name).norm2", width: c.width, epsilon: 1e-5, in: &layout)]
            self.heads = c.heads
        }

        func write(_ x: TapeValue, on tape: inout Tape) -> TapeValue {
            let normed = tape.normalize(self.norms[0], x)
            let query = tape.dense(self.query, normed), key = tape.dense(self.key, normed)
            let value = tape.dense(self.value, normed)
            let seen = tape.attend(query: query, key: key, value: value, heads: self.heads)
            let first = tape.add(x, tape.dense(self.out, seen))
            let wide = tape.activate(.relu, tape.dense(self.widen, tape.normalize(self.norms[1], first)))
            return tape.add(first, tape.dense(self.narrow, wide))
        }
    }

    /// The values of a tape that are filled and read.
    public struct Ports: Sendable {
        /// The text's hidden states, or those of the empty text.
        public let text: TapeValue
        /// The features of the frame, and of the words, padded; none where there are no features.
        public let image: TapeValue?, words: TapeValue?
        /// 1, or 0 where the features are dropped.
        public let kept: TapeValue?
        /// The context.
        public let context: TapeValue
        /// The projected features, and what each mixing layer gives, for tests.
        public var projected: [TapeValue] = [], mixed: [TapeValue] = []
    }

    /// Adds the parameters under their official names, behind `prefix`, unless there are no features.
    /// - Precondition: the configuration has no `problem()`, and has features.
    public init(_ configuration: ConditionConfiguration, prefix: String = "", in layout: inout ParameterLayout) {
        precondition(configuration.problem() == nil && configuration.features > 0, configuration.problem() ?? "")
        let c = configuration
        self.configuration = c
        self.image = Dense("\(prefix)projection_img", inputs: c.features, outputs: c.width, in: &layout)
        self.text = Dense("\(prefix)projection_txt", inputs: c.features, outputs: c.width, in: &layout)
        var mix: [Mixer] = []
        for number in 0..<c.layers {
            mix.append(Mixer("\(prefix)self_attn_mix.layers.\(number)", c, in: &layout))
        }
        self.mix = mix
    }

    /// Writes the context down for one sample.
    public func write(keepsParts: Bool = false, on tape: inout Tape) -> Ports {
        let c = self.configuration
        let text = tape.input(rows: c.textTokens, columns: c.width)
        let image = tape.input(rows: c.imageTokens, columns: c.features)
        let words = tape.input(rows: c.textTokens, columns: c.features)
        let kept = tape.input(rows: 1, columns: 1)
        let projected = [tape.dense(self.image, image), tape.dense(self.text, words)]
        var mixed: [TapeValue] = [], x = projected[1]
        for layer in self.mix {
            x = layer.write(x, on: &tape)
            mixed.append(x)
        }
        if keepsParts { for value in projected + mixed { tape.keep(value) } }
        let context = tape.join([text, tape.scale(projected[0], by: kept), tape.scale(x, by: kept)])
        return Ports(
            text: text, image: image, words: words, kept: kept, context: context, projected: projected, mixed: mixed)
    }
}
