// SPDX-License-Identifier: Apache-2.0

import Codecs
public import NeuralNetworks
import Records

/// BERT's encoder, frozen: token ids to hidden states (huggingface/transformers,
/// `src/transformers/models/bert/modeling_bert.py`). Layer norm comes after each residual sum, GELU is the exact one,
/// positions are absolute; width, depth and the rest are taken from the weights. There is no dropout.
///
/// Texts are encoded one at a time, and each in the same way, whatever else is encoded: a text's states have the same
/// bits whenever they are computed again on the same kind of processor. Used from any thread.
public final class BERTEncoder: Sendable {
    /// The columns of the hidden states.
    public let width: Int
    /// The most positions.
    public let positionsMax: Int
    private let heads: Int
    private let epsilon: Float
    private let words: FloatBuffer
    private let positions: FloatBuffer
    private let tokenType: FloatBuffer
    private let embeddingNorm: Norm
    private let layers: [Layer]
    private let wordCount: Int

    private typealias Norm = Inference.Norm
    private typealias Dense = Inference.Dense

    private struct Layer: Sendable {
        var query: Dense
        var key: Dense
        var value: Dense
        var attention: Dense
        var attentionNorm: Norm
        var intermediate: Dense
        var output: Dense
        var outputNorm: Norm
    }

    /// Loads `model.safetensors` and `config.json` of a folder.
    /// - Throws: `TensorFileError` where a file or a tensor is missing, or the model is of another kind.
    public init(folder: String) throws(TensorFileError) {
        let configuration = try BERTConfiguration(path: folder + "/config.json")
        let file = try SafetensorsFile(path: folder + "/model.safetensors")
        let isNested = file.entry("bert.embeddings.word_embeddings.weight") != nil
        let weights = FrozenWeights(file, prefix: isNested ? "bert." : "")
        self.heads = configuration.heads
        self.epsilon = configuration.epsilon
        let (words, wordShape) = try weights.matrix("embeddings.word_embeddings.weight")
        self.words = words
        self.wordCount = wordShape.rows
        self.width = wordShape.columns
        guard self.heads > 0, self.width % self.heads == 0 else {
            throw TensorFileError(
                .mismatch,
                "\(folder)/config.json: num_attention_heads is \(self.heads), into which \(self.width) columns do not divide"
            )
        }
        let (positions, positionShape) = try weights.matrix(
            "embeddings.position_embeddings.weight", columns: self.width)
        self.positions = positions
        self.positionsMax = positionShape.rows
        guard self.positionsMax > 2 else {
            throw TensorFileError(.mismatch, "\(file.path) has \(self.positionsMax) positions, too few for a word")
        }
        self.tokenType = try weights.matrix("embeddings.token_type_embeddings.weight", columns: self.width).0
        self.embeddingNorm = try weights.norm("embeddings.LayerNorm", self.width)
        var layers: [Layer] = []
        while weights.has("encoder.layer.\(layers.count).output.dense.weight") {
            layers.append(try Self.layer(layers.count, of: weights, width: self.width))
        }
        guard !layers.isEmpty else { throw TensorFileError(.mismatch, "\(file.path) has no encoder.layer.0") }
        self.layers = layers
    }

    private static func layer(
        _ index: Int, of weights: FrozenWeights, width: Int
    ) throws(TensorFileError) -> Layer {
        let name = "encoder.layer.\(index)."
        let intermediate = try weights.dense(name + "intermediate.dense", inputs: width)
        return Layer(
            query: try weights.dense(name + "attention.self.query", inputs: width, outputs: width),
            key: try weights.dense(name + "attention.self.key", inputs: width, outputs: width),
            value: try weights.dense(name + "attention.self.value", inputs: width, outputs: width),
            attention: try weights.dense(name + "attention.output.dense", inputs: width, outputs: width),
            attentionNorm: try weights.norm(name + "attention.output.LayerNorm", width),
            intermediate: intermediate,
            output: try weights.dense(name + "output.dense", inputs: intermediate.outputs, outputs: width),
            outputNorm: try weights.norm(name + "output.LayerNorm", width))
    }

    /// The hidden states of a text, and of [PAD] tokens after it, which attend to the text but not to each other.
    /// - Parameters:
    ///   - ids: the token ids.
    ///   - padding: how many [PAD] rows to append, as far as there are positions.
    /// - Returns: (ids.count + padding) × width, row-major.
    public func encode(_ ids: [Int], padding: Int = 0) -> [Float] {
        precondition(!ids.isEmpty && ids.count <= self.positionsMax, "1 to \(self.positionsMax) tokens")
        let rows = min(ids.count + padding, self.positionsMax)
        let state = State(rows: rows, tokens: ids.count, width: self.width, layers: self.layers)
        self.embed(ids, into: state.hidden)
        for layer in self.layers { self.apply(layer, state) }
        return state.hiddenBuffer.values()
    }

    /// The activations of one text.
    private struct State {
        let tokens: Int
        let buffers: [FloatBuffer]
        let hiddenBuffer: FloatBuffer
        let hidden, query, key, value, context, sum, intermediate, scores: Matrix

        init(rows: Int, tokens: Int, width: Int, layers: [Layer]) {
            self.tokens = tokens
            let inner = layers.map(\.intermediate.outputs).max() ?? width
            let buffers = [width, width, width, width, width, width, inner, tokens].map {
                FloatBuffer(count: rows * $0)
            }
            self.buffers = buffers
            self.hiddenBuffer = buffers[0]
            func matrix(_ index: Int, _ columns: Int) -> Matrix {
                Matrix(buffers[index].start, rows: rows, columns: columns)
            }
            self.hidden = matrix(0, width)
            self.query = matrix(1, width)
            self.key = matrix(2, width)
            self.value = matrix(3, width)
            self.context = matrix(4, width)
            self.sum = matrix(5, width)
            self.intermediate = matrix(6, inner)
            self.scores = matrix(7, tokens)
        }
    }

    private func embed(_ ids: [Int], into hidden: Matrix) {
        for row in 0..<hidden.rows {
            let id = row < ids.count && ids[row] < self.wordCount ? ids[row] : 0
            let word = self.words.start + id * self.width
            let position = self.positions.start + row * self.width
            let to = hidden.row(row)
            for column in 0..<self.width { to[column] = word[column] + self.tokenType.start[column] + position[column] }
        }
        self.embeddingNorm.apply(hidden, epsilon: self.epsilon)
    }

    private func apply(_ layer: Layer, _ state: State) {
        layer.query.apply(state.hidden, into: state.query)
        layer.key.apply(state.hidden, into: state.key)
        layer.value.apply(state.hidden, into: state.value)
        // Only the text's own rows are attended to.
        Inference.attend(
            query: state.query, key: state.key.rows(0..<state.tokens), value: state.value.rows(0..<state.tokens),
            heads: self.heads, scores: state.scores, into: state.context)
        layer.attention.apply(state.context, into: state.sum)
        Inference.add(state.hidden, to: state.sum)
        layer.attentionNorm.apply(state.sum, epsilon: self.epsilon)
        let inner = state.intermediate.columns(0..<layer.intermediate.outputs)
        layer.intermediate.apply(state.sum, into: inner)
        Inference.gelu(inner)
        layer.output.apply(inner, into: state.hidden)
        Inference.add(state.sum, to: state.hidden)
        layer.outputNorm.apply(state.hidden, epsilon: self.epsilon)
    }
}

/// The settings in `config.json` that the weights do not tell.
private struct BERTConfiguration {
    var heads: Int
    var epsilon: Float

    init(path: String) throws(TensorFileError) {
        let value: JSONValue
        let bytes = try TensorFile.text(path: path)
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw TensorFileError(.corrupt, "\(path): \(error)")
        }
        guard let heads = value["num_attention_heads"]?.int else {
            throw TensorFileError(.corrupt, "\(path) has no num_attention_heads")
        }
        let wanted = [("model_type", "bert"), ("hidden_act", "gelu"), ("position_embedding_type", "absolute")]
        for (key, expected) in wanted {
            if let found = value[key]?.string, found != expected {
                throw TensorFileError(.unsupported, "\(path): \(key) is \(found); read is \(expected)")
            }
        }
        self.heads = heads
        self.epsilon = Float(value["layer_norm_eps"]?.double ?? 1e-12)
        guard self.epsilon >= 0, self.epsilon < 1 else {
            throw TensorFileError(.corrupt, "\(path): layer_norm_eps is \(self.epsilon), no small number above zero")
        }
    }
}
