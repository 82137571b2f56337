// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import ImageEncoders
import NeuralNetworks
import Testing

/// One file of values of the official encoder, in `MILLRACE_GOLDEN_VISION` or beside this file.
struct VisionGolden {
    let json: JSONValue
    let tensors: SafetensorsFile

    static let folder =
        ProcessInfo.processInfo.environment["MILLRACE_GOLDEN_VISION"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    /// The names of all files, without their ending.
    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.folder.path)
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    init(_ name: String) throws {
        let data = try Data(contentsOf: Self.folder.appending(path: name + ".json"))
        self.json = try JSONValue(parsing: Bytes(data))
        self.tensors = try SafetensorsFile(path: Self.folder.appending(path: name + ".safetensors").path)
    }

    /// The encoder that the file describes.
    func encoder() throws -> VisionTransformer {
        let model = try #require(self.json["model"]?.string)
        let family: VisionForm.Family =
            model.lowercased().contains("clip") && !model.lowercased().contains("siglip") ? .clip : .siglip
        let configuration = try #require(self.json["config"])
        let form = VisionForm(
            family, heads: try #require(configuration["num_attention_heads"]?.int),
            side: try #require(configuration["image_size"]?.int),
            epsilon: configuration["layer_norm_eps"]?.double.map { Float($0) },
            activation: configuration["hidden_act"]?.string.flatMap(VisionForm.Activation.init(rawValue:)))
        return try VisionTransformer(self.tensors, form)
    }

    /// The tolerance of a tensor: ten times the deviation of the official code's own 32-bit run.
    func tolerance(_ name: String) throws -> Float {
        let deviations = try #require(self.json["float32_deviation"])
        let key = name.hasPrefix("eval.pooled") ? "pooled" : "patches"
        return Float(10 * (try #require(deviations[key]?.double)))
    }
}
