// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// CLIP's text encoder: tokens to the last hidden state behind the final norm. It holds no numbers.
///
/// Each token sees those before it; the ones that fill a text up are tokens like any other.
public struct TextEncoderLayers: Sendable {
    /// The settings.
    public let configuration: TextEncoderConfiguration
    private let tokens: Parameter, positions: Parameter
    private let layers: [Layer]
    private let norm: LayerNorm

    private struct Layer: Sendable {
        let norms: [LayerNorm]
        let query: Dense, key: Dense, value: Dense, out: Dense
        let widen: Dense, narrow: Dense
        let heads: Int

        init(_ name: String, _ c: TextEncoderConfiguration, in layout: inout ParameterLayout) {
            func square(_ part: String, _ layout: inout ParameterLayout) -> Dense {
                Dense("\(name).self_attn.\(part)_proj", inputs: c.width, outputs: c.width, in: &layout)
            }
            let first = LayerNorm("\(name).layer_norm1", width: c.width, epsilon: 1e-5, in: &layout)
            self.query = square("q", &layout)
            self.key = square("k", &layout)
            self.value = square("v", &layout)
            self.out = square("out", &layout)
            self.norms = [first, LayerNorm("\(name).layer_norm2", width: c.width, epsilon: 1e-5, in: &layout)]
            self.widen = Dense("\(name).mlp.fc1", inputs: c.width, outputs: c.inner, in: &layout)
            self.narrow = Dense("\(name).mlp.fc2", inputs: c.inner, outputs: c.width, in: &layout)
            self.heads = c.heads
        }

        func write(_ x: TapeValue, on tape: inout Tape) -> TapeValue {
            let normed = tape.normalize(self.norms[0], x)
            let query = tape.dense(self.query, normed), key = tape.dense(self.key, normed)
            let value = tape.dense(self.value, normed)
            let seen = tape.attend(query: query, key: key, value: value, heads: self.heads, isCausal: true)
            let first = tape.add(x, tape.dense(self.out, seen))
            let wide = tape.activate(.quickGELU, tape.dense(self.widen, tape.normalize(self.norms[1], first)))
            return tape.add(first, tape.dense(self.narrow, wide))
        }
    }

    /// The values of a tape that are filled and read.
    public struct Ports: Sendable {
        /// The tokens' vectors and positions, from `embed`.
        public let embedded: TapeValue
        /// The hidden states: what goes into each layer, and what the last gives.
        public let hidden: [TapeValue]
        /// The last, normed.
        public let text: TapeValue
    }

    /// Adds the parameters under their official names, behind `prefix`.
    /// - Precondition: the configuration has no `problem()`.
    public init(
        _ configuration: TextEncoderConfiguration, prefix: String = "cond_stage_model.transformer.",
        in layout: inout ParameterLayout
    ) {
        precondition(configuration.problem() == nil, configuration.problem() ?? "")
        let c = configuration, name = "\(prefix)text_model"
        self.configuration = c
        self.tokens = layout.add(
            "\(name).embeddings.token_embedding.weight", [c.vocabulary, c.width], .normal(zeroRows: 0))
        self.positions = layout.add(
            "\(name).embeddings.position_embedding.weight", [c.positions, c.width], .uniform(0.02))
        var layers: [Layer] = []
        for number in 0..<c.layers {
            layers.append(Layer("\(name).encoder.layers.\(number)", c, in: &layout))
        }
        self.layers = layers
        self.norm = LayerNorm("\(name).final_layer_norm", width: c.width, epsilon: 1e-5, in: &layout)
    }

    /// Writes the encoder down for one text.
    public func write(keepsHidden: Bool = false, on tape: inout Tape) -> Ports {
        let embedded = tape.input(rows: self.configuration.positions, columns: self.configuration.width)
        var hidden = [embedded], x = embedded
        for layer in self.layers {
            x = layer.write(x, on: &tape)
            hidden.append(x)
        }
        if keepsHidden { for value in hidden { tape.keep(value) } }
        let text = tape.normalize(self.norm, x)
        tape.keep(text)
        return Ports(embedded: embedded, hidden: hidden, text: text)
    }

    /// Fills the vectors of a text's tokens.
    /// - Precondition: as many as there are positions, each below the vocabulary.
    public func embed(_ tokens: [Int], into x: Matrix, _ pass: Pass) {
        precondition(tokens.count == x.rows, "\(tokens.count) tokens for \(x.rows) positions")
        for (row, token) in tokens.enumerated() {
            precondition(0..<self.configuration.vocabulary ~= token, "the token \(token)")
            let vector = pass.value(self.tokens) + token * x.columns
            let position = pass.value(self.positions) + row * x.columns
            for column in 0..<x.columns { x.row(row)[column] = vector[column] + position[column] }
        }
    }
}
