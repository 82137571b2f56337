// SPDX-License-Identifier: Apache-2.0

import DurableFiles
public import Foundation
import NeuralNetworks

/// An image encoder of a size for tests, with weights drawn from a seed, in a folder as one is published.
public enum TinyEncoder {
    /// The columns of its features.
    public static let width = 16
    /// The pixels along each side of its pictures.
    public static let side = 28

    /// Writes it.
    public static func write(to folder: URL, seed: UInt64 = 1) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let width = Self.width, inner = 24
        var state = seed
        func tensor(_ name: String, _ shape: Int...) -> SafetensorsWriter.Tensor {
            let values = (0..<shape.reduce(1, *)).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(Int(state >> 40) - 1 << 23) / Float(1 << 25)
            }
            return SafetensorsWriter.Tensor(name, shape: shape, .float32(values))
        }
        func linear(_ name: String, _ outputs: Int, _ inputs: Int) -> [SafetensorsWriter.Tensor] {
            [tensor(name + ".weight", outputs, inputs), tensor(name + ".bias", outputs)]
        }
        func norm(_ name: String) -> [SafetensorsWriter.Tensor] {
            [tensor(name + ".weight", width), tensor(name + ".bias", width)]
        }
        var tensors = [
            tensor("vision_model.embeddings.patch_embedding.weight", width, 3, 14, 14),
            tensor("vision_model.embeddings.patch_embedding.bias", width),
            tensor("vision_model.embeddings.position_embedding.weight", 4, width),
            tensor("vision_model.head.probe", 1, 1, width),
            tensor("vision_model.head.attention.in_proj_weight", 3 * width, width),
            tensor("vision_model.head.attention.in_proj_bias", 3 * width),
        ]
        for layer in 0..<2 {
            let name = "vision_model.encoder.layers.\(layer)."
            for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                tensors += linear(name + "self_attn." + part, width, width)
            }
            tensors += norm(name + "layer_norm1") + norm(name + "layer_norm2")
            tensors += linear(name + "mlp.fc1", inner, width) + linear(name + "mlp.fc2", width, inner)
        }
        tensors += norm("vision_model.post_layernorm") + norm("vision_model.head.layernorm")
        tensors += linear("vision_model.head.attention.out_proj", width, width)
        tensors += linear("vision_model.head.mlp.fc1", inner, width) + linear("vision_model.head.mlp.fc2", width, inner)
        try OutputFile.write(
            SafetensorsWriter.bytes(tensors), to: folder.appending(path: "model.safetensors").path)
        let configuration =
            #"{"model_type": "siglip", "vision_config": {"num_attention_heads": 2, "image_size": \#(Self.side)}}"#
        try OutputFile.write(Array(configuration.utf8), to: folder.appending(path: "config.json").path)
    }
}
