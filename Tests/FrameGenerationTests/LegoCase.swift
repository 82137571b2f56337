// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import NeuralNetworks
import Records
import Testing

@testable import FrameGeneration

/// Values of the official code for action frames, in `MILLRACE_GOLDEN_LEGO` or beside this file.
enum LegoGolden {
    static let folder =
        ProcessInfo.processInfo.environment["MILLRACE_GOLDEN_LEGO"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    /// The kinds of file that the suites here check.
    static let kinds = [
        "ops", "unet", "unet_step", "vae", "clip_text", "schedule", "sampler", "conditioning", "ldm_step", "generate",
    ]
    /// The kinds of data and metrics, which have suites of their own.
    static let others = ["metrics", "fid", "image", "chunks"]

    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.folder.path)
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// The kind with the longest name that a file's name begins with.
    static func kind(of name: String) -> String? {
        (self.kinds + self.others).filter { name.hasPrefix($0) }.max { $0.count < $1.count }
    }

    static func cases(_ kind: String) throws -> [String] { try self.names().filter { self.kind(of: $0) == kind } }
}

@Suite struct LegoKindsGoldenTests {
    /// None is passed over in silence.
    @Test func everyFileIsOfAKnownKind() throws {
        let names = try LegoGolden.names()
        #expect(!names.isEmpty)
        #expect(names.filter { LegoGolden.kind(of: $0) == nil } == [])
    }
}

/// One file of values, with the files that its weights are in.
struct LegoCase {
    let name: String
    let json: JSONValue
    let file: SafetensorsFile
    private let sources: [SafetensorsFile]

    init(_ name: String) throws {
        self.name = name
        self.json = try JSONValue(
            parsing: Bytes(try Data(contentsOf: LegoGolden.folder.appending(path: name + ".json"))))
        let path = { LegoGolden.folder.appending(path: $0 + ".safetensors").path }
        let file = try SafetensorsFile(path: path(name))
        self.file = file
        let others = try (self.json["weights_from"]?.array ?? []).compactMap(\.string)
            .map { try SafetensorsFile(path: path($0)) }
        self.sources = [file] + others
    }

    var config: JSONValue { get throws { try #require(self.json["config"]) } }

    func floats(_ name: String) throws -> [Float] { try self.file.floats(name) }

    func shape(_ name: String) throws -> [Int] { try #require(self.file.entry(name)?.shape) }

    /// One sample of a tensor whose first dimension is the batch.
    func sample(_ name: String, _ index: Int) throws -> [Float] {
        let count = try self.shape(name).dropFirst().reduce(1, *)
        return Array(try self.floats(name)[index * count..<(index + 1) * count])
    }

    /// The tolerance that the file gives, whatever its key says it is for.
    var tolerance: Float {
        get throws { Float(try self.tolerance(of: "", "relative_to_largest_in_tensor")) }
    }

    /// The tolerance whose key names two things.
    func tolerance(of kind: String, _ measure: String) throws -> Double {
        let tolerance = self.json["tolerance"]
        guard case .object(let members)? = tolerance else { return 0 }
        let member = members.first { (kind.isEmpty || $0.key.contains(kind)) && $0.key.contains(measure) }
        let value = member?.value.double
        return try #require(value, "\(self.name) gives no tolerance of \(kind) \(measure)")
    }

    /// Gives a network the weights: those of the names behind `prefix`, all of which must be there.
    func load(_ parameters: Parameters, prefix: String = "") throws {
        for parameter in parameters.layout.parameters {
            let name = "weights." + parameter.name.dropFirst(parameter.name.hasPrefix(prefix) ? prefix.count : 0)
            let file = try #require(self.sources.first { $0.entry(name) != nil }, "\(self.name): \(name)")
            parameters[parameter] = try file.floats(name, shape: parameter.shape)
        }
    }

    /// Tells that every weight of the file is one of ours.
    func expectAllTaken(_ parameters: Parameters, prefix: String = "") {
        let ours = Set(parameters.layout.parameters.map { "weights." + $0.name.dropFirst(prefix.count) })
        #expect(self.file.names.filter { $0.hasPrefix("weights.") && !ours.contains($0) } == [], "\(self.name)")
    }

    /// Holds numbers against those of a tensor, relative to its largest.
    func expect(_ ours: [Float], _ name: String, tolerance: Float? = nil) throws {
        try self.expect(ours, try self.floats(name), name, tolerance: tolerance)
    }

    func expect(_ ours: [Float], _ theirs: [Float], _ name: String, tolerance: Float? = nil) throws {
        let allowed = try tolerance ?? self.tolerance
        let largest = theirs.map { abs($0) }.max() ?? 0
        let worst = zip(ours, theirs).map { abs($0 - $1) }.max() ?? 0
        #expect(ours.count == theirs.count, "\(self.name): \(name)")
        #expect(worst <= allowed * largest, "\(self.name): \(name) is off by \(worst) of \(largest)")
        #expect(ours.allSatisfy { $0.isFinite }, "\(self.name): \(name)")
    }

    private func number(_ value: JSONValue?, _ key: String) throws -> Int { try #require(value?[key]?.int, "\(key)") }

    private func numbers(_ value: JSONValue?, _ key: String) throws -> [Int] {
        try #require(value?[key]?.array, "\(key)").compactMap(\.int)
    }

    /// Our configuration of the official UNet.
    func predictor() throws -> NoisePredictorConfiguration {
        let unet = try self.config["unet"]
        var c = NoisePredictorConfiguration()
        c.inputs = try self.number(unet, "in_channels")
        c.outputs = try self.number(unet, "out_channels")
        c.width = try self.number(unet, "model_channels")
        c.factors = try self.numbers(unet, "channel_mult")
        c.blocks = try self.number(unet, "num_res_blocks")
        c.attention = try self.numbers(unet, "attention_resolutions")
        c.heads = try self.number(unet, "num_heads")
        c.depth = try self.number(unet, "transformer_depth")
        c.context = try self.number(unet, "context_dim")
        c.groups = try self.number(self.config, "group_norm_groups")
        #expect(c.problem() == nil, "\(self.name)")
        return c
    }

    /// Our configuration of the official autoencoder.
    func firstStage() throws -> FirstStageConfiguration {
        let vae = try self.config["vae"]
        var c = FirstStageConfiguration()
        c.channels = try self.number(vae, "in_channels")
        c.width = try self.number(vae, "ch")
        c.factors = try self.numbers(vae, "ch_mult")
        c.blocks = try self.number(vae, "num_res_blocks")
        c.moments = try self.number(vae, "z_channels")
        c.latent = try self.number(self.config, "vae_embed_dim")
        c.side = try self.number(vae, "resolution")
        c.attention = try self.numbers(vae, "attn_resolutions")
        c.groups = try self.number(self.config, "group_norm_groups")
        c.scale = Float(try #require(self.config["scale_factor"]?.double))
        #expect(c.problem() == nil, "\(self.name)")
        return c
    }

    /// Our configuration of CLIP's text encoder.
    func textEncoder() throws -> TextEncoderConfiguration {
        let clip = try self.config["clip_text"]
        var c = TextEncoderConfiguration()
        c.vocabulary = try self.number(clip, "vocabulary")
        c.width = try self.number(clip, "width")
        c.inner = try self.number(clip, "mlp")
        c.layers = try self.number(clip, "layers")
        c.heads = try self.number(clip, "heads")
        c.positions = try self.number(clip, "positions")
        c.start = try self.number(clip, "start")
        c.end = try self.number(clip, "end")
        #expect(c.problem() == nil, "\(self.name)")
        return c
    }

    /// Our configuration of the official conditions.
    func conditions() throws -> ConditionConfiguration {
        let official = try self.config["conditioning"]
        var c = ConditionConfiguration()
        c.width = try self.number(official, "width")
        c.features = try self.number(official, "feature_width")
        c.imageTokens = try self.number(official, "image_tokens")
        c.textTokens = try self.number(official, "text_tokens")
        c.heads = try self.number(official, "mix_heads")
        c.inner = try self.number(official, "mix_mlp")
        c.layers = try self.number(official, "mix_layers")
        c.dropped = try #require(official?["uncond_probability"]?.double)
        #expect(c.problem() == nil, "\(self.name)")
        return c
    }

    func schedule() throws -> NoiseSchedule {
        let schedule = try self.config["schedule"]
        return NoiseSchedule(
            start: try #require(schedule?["linear_start"]?.double), end: try #require(schedule?["linear_end"]?.double),
            count: try self.number(schedule, "timesteps"))
    }
}

/// A tape with all that it takes to run it by hand.
final class TapeRunner {
    let plan: TapePlan
    let parameters: Parameters
    let gradients: FloatBuffer
    private let workspace: Workspace

    init(_ layout: ParameterLayout, _ tape: Tape) {
        var size = WorkspacePlan()
        self.plan = tape.plan(&size)
        self.workspace = Workspace(size)
        self.parameters = Parameters(layout, seed: 1)
        self.gradients = FloatBuffer(count: layout.trainedCount)
    }

    var pass: Pass {
        Pass(
            parameters: self.parameters, gradients: self.gradients, workspace: self.workspace, dropout: nil,
            firstSample: 0, samples: 1)
    }

    func fill(_ value: TapeValue, _ numbers: [Float]) { self.plan.value(value, self.pass).fill(numbers) }
    func fillGradient(_ value: TapeValue, _ numbers: [Float]) { self.plan.gradient(value, self.pass).fill(numbers) }
    func values(_ value: TapeValue) -> [Float] { self.plan.value(value, self.pass).values }
    func gradient(_ value: TapeValue) -> [Float] { self.plan.gradient(value, self.pass).values }
    func gradient(_ parameter: Parameter) -> [Float] {
        self.gradients.values(parameter.offset..<parameter.offset + parameter.count)
    }
}
