// SPDX-License-Identifier: Apache-2.0

import Foundation
import MomentLocalization
import NeuralNetworks
import Testing
import VideoFeatures

/// One case of the official implementation's numbers: a safetensors file, and the JSON beside it.
struct GoldenCase: CustomTestStringConvertible, Sendable {
    let name: String
    let file: SafetensorsFile
    let description: Description

    /// The content of the JSON.
    struct Description: Decodable, Sendable {
        struct Config: Decodable, Sendable {
            let video_feature_dim: Int, dim: Int, num_heads: Int, max_pos_len: Int
            let drop_rate: Double
            let predictor: String
            let init_lr: Double, num_train_steps: Int, warmup_proportion: Double
        }
        struct Optimizer: Decodable, Sendable {
            let betas: [Float], eps: Float, weight_decay: Float, clip_norm: Float
        }
        let model: String?
        let config: Config
        let losses: [[Double]]
        let grad_norms: [Float]
        let learning_rates: [Double]
        let steps: Int
        let optimizer: Optimizer
        let highlight_lambda: Float
    }

    var testDescription: String { self.name }

    /// The folder that `MILLRACE_GOLDEN` names, or the copy beside this file.
    static let folder =
        ProcessInfo.processInfo.environment["MILLRACE_GOLDEN"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    /// Every pair of files there is.
    static func all() throws -> [GoldenCase] {
        try FileManager.default.contentsOfDirectory(at: Self.folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "safetensors" }
            .sorted { $0.path < $1.path }
            .map { url in
                let json = try Data(contentsOf: url.deletingPathExtension().appendingPathExtension("json"))
                return GoldenCase(
                    name: url.deletingPathExtension().lastPathComponent, file: try SafetensorsFile(path: url.path),
                    description: try JSONDecoder().decode(Description.self, from: json))
            }
    }

    func shape(_ name: String) throws -> [Int] { try #require(self.file.entry(name)?.shape, "\(name) is missing") }

    var usesTokens: Bool { self.file.entry("input.word_ids") != nil }

    /// The configuration, its vocabulary sizes taken from the tensors.
    func configuration() throws -> VSLNetConfiguration {
        let config = self.description.config
        var configuration = VSLNetConfiguration(videoFeatureWidth: config.video_feature_dim)
        configuration.architecture = self.description.model == "VSLBase" ? .vslBase : .vslNet
        configuration.predictor = config.predictor == "rnn" ? .recurrent : .transformer
        configuration.width = config.dim
        configuration.heads = config.num_heads
        configuration.positionsMax = config.max_pos_len
        configuration.dropRate = config.drop_rate
        configuration.highlightWeight = self.description.highlight_lambda
        if self.usesTokens {
            let words = try self.shape("weights.embedding_net.word_emb.glove_vec")
            let characters = try self.shape("weights.embedding_net.char_emb.char_emb.weight")
            configuration.text = .tokens(
                words: words[0], wordWidth: words[1], characters: characters[0], characterWidth: characters[1])
        } else {
            configuration.text = .encoded(width: try self.shape("input.query_features")[2])
        }
        return configuration
    }

    /// A model with the case's weights: every tensor of the file must be one of ours, and the other way round.
    func model(threads: Int = 2) throws -> VSLNet {
        let model = VSLNet(try self.configuration(), seed: 1, threads: threads)
        let names = Set(self.file.names.filter { $0.hasPrefix("weights.") }.map { String($0.dropFirst(8)) })
        #expect(names == Set(model.layout.parameters.map(\.name)))
        for parameter in model.layout.parameters {
            model.parameters[parameter] = try self.file.floats("weights.\(parameter.name)", shape: parameter.shape)
        }
        return model
    }

    /// The inputs as a batch.
    func batch() throws -> Batch {
        let shape = try self.shape("input.video_features")
        let features = try self.file.floats("input.video_features")
        let videoMask = try self.file.floats("input.video_mask")
        let queryMask = try self.file.floats("input.query_mask"), tokens = queryMask.count / shape[0]
        let starts = try self.file.integers("input.start"), ends = try self.file.integers("input.end")
        let labels = try self.file.floats("input.highlight")
        let samples = try (0..<shape[0]).map { sample in
            let bins = Self.count(videoMask, sample, shape[1]), length = Self.count(queryMask, sample, tokens)
            let first = sample * shape[1]
            return ModelSample(
                video: FeatureMatrix(
                    rows: bins, columns: shape[2],
                    values: Array(features[first * shape[2]..<(first + bins) * shape[2]])),
                text: try self.text(sample, tokens: tokens, length: length),
                target: ModelSample.Target(
                    start: starts[sample], end: ends[sample], highlight: Array(labels[first..<first + bins])))
        }
        return Batch(samples, videoLength: shape[1], textLength: tokens)
    }

    private func text(_ sample: Int, tokens: Int, length: Int) throws -> ModelSample.Text {
        guard self.usesTokens else {
            let width = try self.shape("input.query_features")[2]
            let rows = try self.file.floats("input.query_features")
            return .encoded(
                FeatureMatrix(
                    rows: tokens, columns: width,
                    values: Array(rows[sample * tokens * width..<(sample + 1) * tokens * width])),
                length: length)
        }
        let words = try self.file.integers("input.word_ids").map { Int32($0) }
        let characters = try self.file.integers("input.char_ids").map { Int32($0) }
        let letters = try self.shape("input.char_ids")[2]
        return .tokens(
            words: Array(words[sample * tokens..<sample * tokens + length]),
            characters: (0..<length).map { word in
                let first = (sample * tokens + word) * letters
                return Array(characters[first..<first + letters])
            })
    }

    /// The valid places of one row of a mask, which are its first.
    private static func count(_ mask: [Float], _ row: Int, _ width: Int) -> Int {
        mask[row * width..<(row + 1) * width].count { $0 != 0 }
    }

    /// The given masks of a step, brought into our layout; `nil` where the case has none.
    func dropout(step: Int) throws -> Dropout? {
        let prefix = "mask.\(step).", rate = self.description.config.drop_rate
        guard rate > 0 else { return nil }
        var masks: [String: [UInt8]] = [:]
        for name in self.file.names where name.hasPrefix(prefix) {
            let bytes = try self.file.bytes(name), site = String(name.dropFirst(prefix.count))
            masks[site] = Self.arrange(bytes, try self.shape(name), site)
        }
        return Dropout(rate: rate, source: .given(masks))
    }

    private static func arrange(_ bytes: [UInt8], _ shape: [Int], _ site: String) -> [UInt8] {
        var arranged: [UInt8] = []
        if site.contains(".conv_block.") {
            // (samples, channels, length) to (samples, length, channels).
            for sample in 0..<shape[0] {
                for place in 0..<shape[2] {
                    for channel in 0..<shape[1] {
                        arranged.append(bytes[(sample * shape[1] + channel) * shape[2] + place])
                    }
                }
            }
        } else if shape.count == 4, site.contains("attention_block") {
            // Rows of probabilities are padded to whole vectors of 16.
            let rest = [UInt8](repeating: 0, count: (16 - shape[3] % 16) % 16)
            for row in 0..<bytes.count / shape[3] {
                arranged += bytes[row * shape[3]..<(row + 1) * shape[3]]
                arranged += rest
            }
        } else {
            arranged = bytes
        }
        return arranged
    }
}
