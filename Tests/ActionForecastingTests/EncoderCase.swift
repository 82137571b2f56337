// SPDX-License-Identifier: Apache-2.0

import Codecs
import ForecastGolden
import Foundation
import NeuralNetworks
import Records
import Testing

@testable import ActionForecasting

/// One file of values of the official encoders: its configuration, and how it is held against ours.
struct EncoderCase {
    let name: String
    let json: JSONValue
    let file: SafetensorsFile

    init(_ name: String) throws {
        self.name = name
        self.json = try JSONValue(parsing: Bytes(try ForecastGolden.json(name)))
        self.file = try SafetensorsFile(path: ForecastGolden.tensors(name))
    }

    func floats(_ name: String) throws -> [Float] { try self.file.floats(name) }

    private func setting(_ name: String) -> JSONValue? { self.json["config"]?[name] }

    private func size(_ name: String) throws -> GridSize { try Self.size(try #require(self.setting(name)?.array)) }

    private static func size(_ values: [JSONValue]) throws -> GridSize {
        let axes = values.suffix(3).compactMap(\.int)
        try #require(axes.count == 3)
        return GridSize(axes[0], axes[1], axes[2])
    }

    private func strides(_ name: String) throws -> [EncoderConfiguration.BlockStride] {
        try (self.setting(name)?.array ?? []).compactMap(\.array).map {
            EncoderConfiguration.BlockStride(try #require($0.first?.int), try Self.size($0))
        }
    }

    private func flag(_ name: String) -> Bool { self.setting(name) == .bool(true) }

    /// Our configuration of the official one.
    func configuration(streams: Int) throws -> EncoderConfiguration {
        var configuration = EncoderConfiguration()
        configuration.side = try #require(self.setting("DATA.TRAIN_CROP_SIZE")?.int)
        configuration.patchKernel = try self.size("MVIT.PATCH_KERNEL")
        configuration.patchStride = try self.size("MVIT.PATCH_STRIDE")
        configuration.patchPadding = try self.size("MVIT.PATCH_PADDING")
        configuration.width = try #require(self.setting("MVIT.EMBED_DIM")?.int)
        configuration.heads = try #require(self.setting("MVIT.NUM_HEADS")?.int)
        configuration.depth = try #require(self.setting("MVIT.DEPTH")?.int)
        configuration.growth = (self.setting("MVIT.DIM_MUL")?.array ?? []).compactMap { $0.array?.first?.int }
        configuration.poolKernel = try self.size("MVIT.POOL_KVQ_KERNEL")
        configuration.queryStrides = try self.strides("MVIT.POOL_Q_STRIDE")
        configuration.keyStrides = try self.strides("MVIT.POOL_KV_STRIDE")
        if let adaptive = self.setting("MVIT.POOL_KV_STRIDE_ADAPTIVE")?.array {
            configuration.adaptiveKeyStride = try Self.size(adaptive)
        }
        configuration.positions = self.flag("MVIT.REL_POS_SPATIAL") ? .relative : .separable
        configuration.poolsFirst = self.flag("MVIT.POOL_FIRST")
        configuration.addsQueries = self.setting("MVIT.CONV_Q")?.int == 1
        configuration.growsInAttention = self.flag("MVIT.DIM_MUL_IN_ATT")
        configuration.isCausal = self.flag("MVIT.CAUSAL")
        configuration.poolEpsilon = configuration.poolsFirst ? 1e-6 : 1e-5
        configuration.dropPath = 0
        configuration.features =
            try self.setting("MODEL.MULTI_INPUT_FEATURES")?.int
            ?? (#require(self.setting("MODEL.NUM_CLASSES")?.array?.first?.int))
        if self.flag("MEMVIT.ENABLE") { configuration.memory = try self.memory(streams: streams) }
        return configuration
    }

    private func memory(streams: Int) throws -> MemoryConfiguration {
        var memory = MemoryConfiguration()
        memory.length = try #require(self.setting("MEMVIT.ATTN_MAX_LEN")?.int)
        let sampler = try #require(self.setting("MEMVIT.SAMPLER")?.string)
        memory.sampler = sampler == "all" ? .all : .gap(try #require(Int(sampler.dropFirst(3))))
        memory.excluded = (self.setting("MEMVIT.EXCLUDE_LAYERS")?.array ?? []).compactMap(\.int)
        memory.kernel = try self.size("MEMVIT.COMPRESS.POOL_KERNEL")
        memory.stride = try self.size("MEMVIT.COMPRESS.POOL_STRIDE")
        memory.change = streams > 1 ? .zero : .drop
        return memory
    }

    /// Gives a network the case's weights: every tensor of the file must be one of ours, and the other way round.
    func load(_ parameters: Parameters, prefix: String = "") throws {
        let names = Set(self.file.names.filter { $0.hasPrefix("weights.") }.map { prefix + $0.dropFirst(8) })
        let ours = Set(parameters.layout.parameters.map(\.name))
        #expect(names == ours, "\(self.name): \(names.symmetricDifference(ours).sorted())")
        for parameter in parameters.layout.parameters where names.contains(parameter.name) {
            parameters[parameter] = try self.file.floats(
                "weights.\(parameter.name.dropFirst(prefix.count))", shape: parameter.shape)
        }
    }

    /// The largest entry of all gradients in the file.
    func largestGradient() throws -> Float {
        try self.file.names.filter { $0.hasPrefix("grad.") }.flatMap { try self.file.floats($0) }.map(abs).max() ?? 0
    }

    /// Holds our gradients against those of the names that begin with `prefix`.
    func compareGradients(
        _ gradients: FloatBuffer, _ layout: ParameterLayout, prefix: String, largest: Float, strip: String = ""
    ) throws {
        for parameter in layout.parameters {
            let name = prefix + parameter.name.dropFirst(strip.count)
            guard self.file.entry(name) != nil else { continue }
            let ours = gradients.values(parameter.offset..<parameter.offset + parameter.count)
            Self.expect(ours, try self.floats(name), within: 1e-4 * largest, "\(self.name): \(name)")
        }
    }

    static func expect(_ ours: [Float], _ theirs: [Float], within tolerance: Float, _ name: String) {
        #expect(ours.count == theirs.count, "\(name)")
        let worst = zip(ours, theirs).map { abs($0 - $1) }.max() ?? 0
        #expect(worst <= tolerance, "\(name): off by \(worst), \(tolerance) is allowed")
        #expect(ours.allSatisfy { $0.isFinite }, "\(name)")
    }
}

/// An encoder with what it takes to run clips of one or several streams through it by hand.
final class EncoderRunner {
    let encoder: VideoEncoder
    let parameters: Parameters
    let gradients: FloatBuffer
    private let workspace: Workspace
    let cache: VideoEncoder.Cache
    let features: FloatSlot, dfeatures: FloatSlot, dpixels: FloatSlot
    var layout: ParameterLayout { self.parameters.layout }

    init(_ configuration: EncoderConfiguration, prefix: String = "", training: Bool = true) {
        var layout = ParameterLayout(), sites = DropoutSites(), plan = WorkspacePlan()
        self.encoder = VideoEncoder(configuration, prefix: prefix, in: &layout, sites: &sites)
        self.cache = self.encoder.plan(&plan, training: training)
        self.features = plan.floats(configuration.features)
        self.dfeatures = plan.floats(configuration.features)
        self.dpixels = plan.floats(self.encoder.pixelCount)
        self.parameters = Parameters(layout, seed: 1)
        self.gradients = FloatBuffer(count: layout.trainedCount)
        self.workspace = Workspace(plan)
    }

    var pass: Pass {
        Pass(
            parameters: self.parameters, gradients: self.gradients, workspace: self.workspace, dropout: nil,
            firstSample: 0, samples: 1)
    }

    /// The features of a clip, and, where the features' weights in a loss are given, all gradients added up.
    func run(
        _ pixels: [Float], video: Int = 0, memory: ClipMemory? = nil, lossWeights: [Float]? = nil
    ) -> [Float] {
        pixels.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return [] }
            var clip = VideoEncoder.Clip(pixels: start, video: video, memory: memory)
            let pass = self.pass, count = self.encoder.configuration.features
            self.encoder.forward(
                &clip, into: pass.matrix(self.features, rows: 1, columns: count), cache: self.cache, pass)
            if let lossWeights {
                for (index, weight) in lossWeights.enumerated() { pass[self.dfeatures][index] = weight }
                pass[self.dpixels].update(repeating: 0, count: pixels.count)
                self.encoder.backward(
                    clip, dfeatures: pass.matrix(self.dfeatures, rows: 1, columns: count), dpixels: pass[self.dpixels],
                    cache: self.cache, pass)
            }
            return Array(UnsafeBufferPointer(start: pass[self.features], count: count))
        }
    }

    func values(_ slot: FloatSlot, _ count: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: self.pass[slot], count: count))
    }
}
