// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import ImageEncoders
import NeuralNetworks
import Testing

/// CLIP's encoder, as far as it differs from SigLIP's, and configurations that do not fit.
@Suite final class ClipTests {
    private static let width = 12
    private let folder = FileManager.default.temporaryDirectory.appending(path: "millrace-clip-\(UUID())")

    init() throws { try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: self.folder) }

    private func write(_ configuration: String, without missing: String? = nil, nan: String? = nil) throws {
        let width = Self.width
        var state: UInt64 = 5
        var tensors: [SafetensorsWriter.Tensor] = []
        func add(_ name: String, _ shape: Int...) {
            guard name != missing else { return }
            var values = [Float](repeating: 0, count: shape.reduce(1, *))
            for index in values.indices {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                values[index] = Float(Int(state >> 40) - 1 << 23) / Float(1 << 25)
            }
            if name == nan { values[0] = .nan }
            tensors.append(SafetensorsWriter.Tensor(name, shape: shape, .float32(values)))
        }
        func pair(_ name: String, _ shape: Int...) {
            if shape.count == 2 { add(name + ".weight", shape[0], shape[1]) } else { add(name + ".weight", shape[0]) }
            add(name + ".bias", shape[0])
        }
        add("vision_model.embeddings.class_embedding", width)
        add("vision_model.embeddings.patch_embedding.weight", width, 3, 4, 4)
        add("vision_model.embeddings.position_embedding.weight", 10, width)
        pair("vision_model.pre_layrnorm", width)
        for layer in 0..<2 {
            let name = "vision_model.encoder.layers.\(layer)."
            for part in ["q_proj", "k_proj", "v_proj", "out_proj"] { pair(name + "self_attn." + part, width, width) }
            pair(name + "layer_norm1", width)
            pair(name + "layer_norm2", width)
            pair(name + "mlp.fc1", 20, width)
            pair(name + "mlp.fc2", width, 20)
        }
        pair("vision_model.post_layernorm", width)
        add("visual_projection.weight", 8, width)
        add("text_model.embeddings.token_embedding.weight", 3, width)
        try OutputFile.write(
            SafetensorsWriter.bytes(tensors), to: self.folder.appending(path: "model.safetensors").path)
        try OutputFile.write(
            Array(configuration.utf8), to: self.folder.appending(path: "config.json").path)
    }

    private static let configuration =
        #"{"model_type": "clip", "vision_config": {"num_attention_heads": 3, "image_size": 12}}"#

    @Test func theClassTokenIsPooledAndProjected() throws {
        try self.write(Self.configuration)
        let encoder = try VisionTransformer(folder: self.folder.path), scratch = VisionScratch(encoder)
        #expect(encoder.form.activation == .quick && encoder.form.epsilon == 1e-5 && encoder.tokens == 10)
        let pixels: [Float] = (0..<432).map { (index: Int) -> Float in Float(index % 17) / 8 - 1 }
        var last: [Float] = [], first: [Float] = []
        let features = encoder.encode(pixels, grids: [3], in: scratch) { index, hidden in
            if index == 0 { first = Array(UnsafeBufferPointer(start: hidden.start, count: hidden.count)) }
            if index == 2 { last = Array(UnsafeBufferPointer(start: hidden.start, count: Self.width)) }
        }
        let file = try SafetensorsFile(path: self.folder.appending(path: "model.safetensors").path)
        func normed(_ values: [Float], _ name: String) throws -> [Float] {
            let weight = try file.floats(name + ".weight"), bias = try file.floats(name + ".bias")
            let mean = values.reduce(0, +) / Float(values.count)
            var squares: Float = 0
            for value in values { squares += (value - mean) * (value - mean) }
            let deviation: Float = (squares / Float(values.count) + 1e-5).squareRoot()
            var normed: [Float] = []
            for index in values.indices {
                let scaled: Float = (values[index] - mean) / deviation
                normed.append(scaled * weight[index] + bias[index])
            }
            return normed
        }
        func expect(_ ours: [Float], _ theirs: [Float]) {
            #expect(ours.count == theirs.count)
            for (one, other) in zip(ours, theirs) { #expect(abs(one - other) < 1e-5) }
        }
        expect(features.pooled, try normed(last, "vision_model.post_layernorm"))
        let weight = try file.floats("visual_projection.weight")
        var projected = [Float](repeating: 0, count: 8)
        for row in 0..<8 {
            for column in 0..<Self.width {
                projected[row] += weight[row * Self.width + column] * features.pooled[column]
            }
        }
        expect(try #require(features.projected), projected)
        // The class token and its place, normed, come first.
        let token = try file.floats("vision_model.embeddings.class_embedding")
        let places = try file.floats("vision_model.embeddings.position_embedding.weight")
        expect(
            Array(first[..<Self.width]),
            try normed(zip(token, places).map { $0 + $1 }, "vision_model.pre_layrnorm"))
        #expect(features.grids[0].count == 9 * Self.width)
    }

    @Test(arguments: [
        #"{"model_type": "bert"}"#, #"{"model_type": "siglip2"}"#, "[]", "{",
        #"{"model_type": "clip", "vision_config": {"num_attention_heads": 5, "image_size": 12}}"#,
        #"{"model_type": "clip", "vision_config": {"num_attention_heads": 0, "image_size": 12}}"#,
        #"{"model_type": "clip", "vision_config": {"num_attention_heads": 3, "image_size": 16}}"#,
        #"{"model_type": "clip", "vision_config": {"num_attention_heads": 3, "image_size": 1000000}}"#,
        #"{"model_type": "clip", "vision_config": {"num_attention_heads": 3, "image_size": 12, "hidden_act": "relu"}}"#,
        #"{"model_type": "clip", "vision_config": {"num_attention_heads": 3, "image_size": 12, "layer_norm_eps": 7}}"#,
        #"{"model_type": "siglip", "vision_config": {"num_attention_heads": 3, "image_size": 12}}"#,
    ])
    func whatDoesNotFitIsRefused(_ configuration: String) throws {
        try self.write(configuration)
        #expect(throws: TensorFileError.self) { try VisionTransformer(folder: self.folder.path) }
    }

    @Test func missingAndDamagedWeightsAreRefused() throws {
        for name in [
            "vision_model.pre_layrnorm.bias", "vision_model.encoder.layers.1.mlp.fc2.bias",
            "vision_model.embeddings.patch_embedding.weight", "vision_model.embeddings.class_embedding",
        ] {
            try self.write(Self.configuration, without: name)
            #expect(throws: TensorFileError.self, "\(name)") { try VisionTransformer(folder: self.folder.path) }
        }
        try self.write(Self.configuration, nan: "vision_model.encoder.layers.0.self_attn.q_proj.weight")
        let fault = #expect(throws: TensorFileError.self) { try VisionTransformer(folder: self.folder.path) }
        #expect(fault?.code == .corrupt)
        try self.write(Self.configuration, without: "visual_projection.weight")
        #expect(try VisionTransformer(folder: self.folder.path).projectedWidth == nil)
    }
}
