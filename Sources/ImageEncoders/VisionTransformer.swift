// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// A frozen image encoder: SigLIP's vision transformer, or CLIP's (huggingface/transformers,
/// `src/transformers/models/siglip/modeling_siglip.py` and `clip/modeling_clip.py`).
///
/// Pictures are encoded one at a time, and each in the same way: a picture's features have the same bits beside
/// whatever others, on the same kind of processor. Used from any thread, each with a `VisionScratch` of its own.
public final class VisionTransformer: Sendable {
    /// The settings.
    public let form: VisionForm
    /// The columns of a token.
    public let width: Int
    /// The pixels along each side of a patch.
    public let patch: Int
    /// The patches along each side of the picture.
    public let gridSide: Int
    /// The columns of the features that texts are compared with, where the weights have such a projection.
    public var projectedWidth: Int? { self.projection?.outputs }
    /// The number of blocks.
    public var depth: Int { self.blocks.count }
    /// The number of patches.
    public var patches: Int { self.gridSide * self.gridSide }
    /// The number of tokens: the patches, and CLIP's class token before them.
    public var tokens: Int { self.patches + (self.classToken == nil ? 0 : 1) }

    let patchWeight: FloatBuffer
    let patchBias: FloatBuffer
    let classToken: FloatBuffer?
    let positions: FloatBuffer
    let firstNorm: Inference.Norm?
    let blocks: [Block]
    let lastNorm: Inference.Norm
    let head: PoolingHead?
    let projection: Inference.Dense?

    /// One block: attention and a feed-forward part, each behind a norm and beside a way around it.
    struct Block: Sendable {
        var attentionNorm: Inference.Norm
        var query, key, value, output: Inference.Dense
        var innerNorm: Inference.Norm
        var inner, outer: Inference.Dense
    }

    /// SigLIP's pooling: one learnt query attends to all patches.
    struct PoolingHead: Sendable {
        var probe: FloatBuffer
        var query, key, value, output: Inference.Dense
        var norm: Inference.Norm
        var inner, outer: Inference.Dense
    }

    /// Loads `model.safetensors` and `config.json` of a folder.
    public convenience init(folder: String) throws(TensorFileError) {
        let form = try VisionForm(path: folder + "/config.json")
        try self.init(try SafetensorsFile(path: folder + "/model.safetensors"), form)
    }

    /// Loads the weights of an open file; other tensors in it, such as a text encoder's, are left alone.
    /// - Throws: `TensorFileError` where a tensor is missing, or the model is of another kind.
    public init(_ file: SafetensorsFile, _ form: VisionForm) throws(TensorFileError) {
        let weights = FrozenWeights(file, prefix: try Self.prefix(file))
        self.form = form
        let name = Self.patchName
        guard let shape = weights.shape(name), shape.count == 4, shape[0] > 0, shape[1] == 3, shape[2] > 0,
            shape[2] == shape[3]
        else {
            throw TensorFileError(
                .mismatch,
                "\(file.path): \(weights.prefix + name) has the shape \(weights.shape(name) ?? []), not (width, 3, side, side)"
            )
        }
        let width = shape[0], patch = shape[2]
        guard form.heads > 0, width % form.heads == 0, form.side >= patch, form.side / patch <= 256 else {
            throw TensorFileError(
                .mismatch,
                "\(file.path): \(form.heads) heads and pictures of \(form.side) pixels do not fit \(width) columns and "
                    + "patches of \(patch); is config.json of another model?")
        }
        self.width = width
        self.patch = patch
        self.gridSide = form.side / patch
        self.patchWeight = try weights.tensor(name, shape)
        let isSiglip = form.family == .siglip
        self.patchBias =
            isSiglip
            ? try weights.tensor("embeddings.patch_embedding.bias", [width]) : FloatBuffer(count: width)
        self.classToken = isSiglip ? nil : try weights.tensor("embeddings.class_embedding", [width])
        let tokens = self.gridSide * self.gridSide + (isSiglip ? 0 : 1)
        self.positions = try weights.tensor("embeddings.position_embedding.weight", [tokens, width])
        self.firstNorm = isSiglip ? nil : try weights.norm("pre_layrnorm", width)
        var blocks: [Block] = []
        while weights.has("encoder.layers.\(blocks.count).mlp.fc1.weight") {
            blocks.append(try Self.block(blocks.count, of: weights, width))
        }
        guard !blocks.isEmpty else {
            throw TensorFileError(.mismatch, "\(file.path) has no \(weights.prefix)encoder.layers.0")
        }
        self.blocks = blocks
        self.lastNorm = try weights.norm("post_layernorm", width)
        self.head = isSiglip ? try Self.head(weights, width) : nil
        let whole = FrozenWeights(file)
        self.projection =
            !isSiglip && whole.has("visual_projection.weight")
            ? try whole.dense("visual_projection", inputs: width, hasBias: false) : nil
    }

    private static let patchName = "embeddings.patch_embedding.weight"

    /// The beginning of the encoder's names: there is one encoder in the file.
    private static func prefix(_ file: SafetensorsFile) throws(TensorFileError) -> String {
        let found = file.names.filter { $0.hasSuffix(self.patchName) }
        guard found.count == 1, let name = found.first else {
            throw TensorFileError(
                .mismatch, "\(file.path) has \(found.count) tensors named …\(self.patchName); an image encoder has one")
        }
        return String(name.dropLast(self.patchName.count))
    }

    private static func block(
        _ index: Int, of weights: FrozenWeights, _ width: Int
    ) throws(TensorFileError) -> Block {
        let name = "encoder.layers.\(index)."
        func square(_ part: String) throws(TensorFileError) -> Inference.Dense {
            try weights.dense(name + "self_attn." + part, inputs: width, outputs: width)
        }
        let inner = try weights.dense(name + "mlp.fc1", inputs: width)
        return Block(
            attentionNorm: try weights.norm(name + "layer_norm1", width), query: try square("q_proj"),
            key: try square("k_proj"), value: try square("v_proj"), output: try square("out_proj"),
            innerNorm: try weights.norm(name + "layer_norm2", width), inner: inner,
            outer: try weights.dense(name + "mlp.fc2", inputs: inner.outputs, outputs: width))
    }

    private static func head(_ weights: FrozenWeights, _ width: Int) throws(TensorFileError) -> PoolingHead {
        // Query, key and value lie above each other in one matrix.
        let stacked = try weights.tensor("head.attention.in_proj_weight", [3 * width, width])
        let biases = try weights.tensor("head.attention.in_proj_bias", [3 * width])
        func part(_ index: Int) -> Inference.Dense {
            let size = width * width
            return Inference.Dense(
                weight: FloatBuffer(stacked.values(index * size..<(index + 1) * size)),
                bias: FloatBuffer(biases.values(index * width..<(index + 1) * width)), inputs: width, outputs: width)
        }
        let inner = try weights.dense("head.mlp.fc1", inputs: width)
        return PoolingHead(
            probe: try weights.tensor("head.probe", [1, 1, width]), query: part(0), key: part(1), value: part(2),
            output: try weights.dense("head.attention.out_proj", inputs: width, outputs: width),
            norm: try weights.norm("head.layernorm", width), inner: inner,
            outer: try weights.dense("head.mlp.fc2", inputs: inner.outputs, outputs: width))
    }

    /// The widest inner part.
    var innerWidth: Int { (self.blocks.map(\.inner) + (self.head.map { [$0.inner] } ?? [])).map(\.outputs).max() ?? 0 }

    /// The floating-point operations that a picture takes in products of matrices, two a multiplication.
    public var operations: Double {
        let tokens = Double(self.tokens), width = Double(self.width)
        var sum = 2 * Double(self.patches) * width * Double(3 * self.patch * self.patch)
        for block in self.blocks {
            sum += tokens * width * (8 * width + 4 * tokens + 4 * Double(block.inner.outputs))
        }
        if let head = self.head {
            sum += width * (tokens * (4 * width + 4) + 4 * width + 4 * Double(head.inner.outputs))
        }
        return sum
    }
}
