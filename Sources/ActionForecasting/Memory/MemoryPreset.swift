// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// A way to use memory, by name.
public enum MemoryPreset: String, Hashable, Sendable, Codable, CaseIterable {
    /// None: each clip by itself.
    case none
    /// As MeMViT's authors run it: clips of a stream one after another, every second one remembered, another video's
    /// zeroed and still attended to.
    case official
    /// As the seed's system runs it, of whose memory nothing reaches the next input: each window is encoded by itself,
    /// and of its clips the one before is never among the remembered.
    case seed
    /// All clips remembered, in time order, for as long as their video lasts, others closed to attention.
    case fixed

    /// Tells whether a clip's windows follow each other in one memory.
    public var followsClips: Bool { self == .official || self == .fixed }

    /// Gives an encoder the preset's memory, and what MeMViT's layers differ in from MViT's.
    public func apply(to encoder: inout EncoderConfiguration) {
        guard self != .none else {
            encoder.memory = nil
            return
        }
        var memory = encoder.memory ?? MemoryConfiguration()
        encoder.poolsFirst = true
        encoder.addsQueries = true
        encoder.positions = .relative
        encoder.poolEpsilon = 1e-6
        encoder.isCausal = self == .seed
        encoder.growsInAttention = self != .seed
        memory.sampler = self == .fixed ? .all : .gap(2)
        memory.change = self == .fixed ? .mask : .zero
        memory.excluded = self == .seed ? (0..<encoder.depth).filter { $0 % 2 == 1 } : []
        // All blocks pool.
        let named = Set(encoder.queryStrides.map(\.block))
        encoder.queryStrides += (0..<max(encoder.depth, 0)).filter { !named.contains($0) }.map {
            EncoderConfiguration.BlockStride($0, GridSize(all: 1))
        }
        encoder.adaptiveKeyStride = encoder.adaptiveKeyStride ?? encoder.keyStrides.first?.stride
        encoder.memory = memory
    }
}

extension EncoderConfiguration {
    /// A small encoder for clips of 16 frames of 32 pixels.
    public static var tiny: EncoderConfiguration {
        var encoder = EncoderConfiguration()
        encoder.side = 32
        encoder.patchStride = GridSize(2, 4, 4)
        encoder.width = 32
        encoder.depth = 4
        encoder.growth = [1, 3]
        encoder.queryStrides = [1, 3].map { BlockStride($0, GridSize(1, 2, 2)) }
        encoder.keyStrides = [
            BlockStride(0, GridSize(1, 4, 4)), BlockStride(1, GridSize(1, 2, 2)), BlockStride(2, GridSize(1, 2, 2)),
        ]
        encoder.dropPath = 0
        encoder.features = 64
        return encoder
    }

    /// The same with a memory of two clips, two patches each along time.
    public static func tiny(_ preset: MemoryPreset) -> EncoderConfiguration {
        var encoder = EncoderConfiguration.tiny
        if preset != .none {
            encoder.adaptiveKeyStride = GridSize(1, 4, 4)
            encoder.memory = MemoryConfiguration()
            encoder.memory?.kernel = GridSize(5, 3, 3)
            encoder.memory?.stride = GridSize(4, 2, 2)
        }
        preset.apply(to: &encoder)
        return encoder
    }
}
