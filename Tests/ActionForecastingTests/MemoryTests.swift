// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Testing

@testable import ActionForecasting

/// Memory that carries something, and the seed's that does not.
@Suite struct MemoryTests {
    private static func configuration(_ change: (inout MemoryConfiguration) -> Void = { _ in }) -> EncoderConfiguration
    {
        var configuration = EncoderConfiguration(), memory = MemoryConfiguration()
        (configuration.side, configuration.patchStride, configuration.width) = (16, GridSize(4, 4, 4), 8)
        (configuration.depth, configuration.growth, configuration.features) = (2, [1], 6)
        configuration.queryStrides = [.init(0, GridSize(all: 1)), .init(1, GridSize(1, 2, 2))]
        (configuration.keyStrides, configuration.adaptiveKeyStride) = ([], GridSize(1, 2, 2))
        (configuration.positions, configuration.poolsFirst, configuration.addsQueries) = (.relative, true, true)
        (memory.kernel, memory.stride) = (GridSize(all: 3), GridSize(all: 2))
        change(&memory)
        configuration.memory = memory
        return configuration
    }

    private static func clips(_ count: Int, _ stream: String = "clips") -> [[Float]] {
        var random = PhiloxGenerator(seed: 3, stream: stream)
        return (0..<count).map { _ in (0..<3 * 16 * 16 * 16).map { _ in random.normal() } }
    }

    /// The features of the last of some clips of a video.
    private static func last(_ runner: EncoderRunner, _ clips: [[Float]], videos: [Int]? = nil) throws -> [Float] {
        let memory = try #require(runner.encoder.makeMemory())
        var features: [Float] = []
        for (index, clip) in clips.enumerated() {
            features = runner.run(clip, video: videos?[index] ?? 0, memory: memory)
        }
        return features
    }

    /// Changes the first of `count` clips and tells whether the features of the last change.
    private static func carries(_ runner: EncoderRunner, clips count: Int) throws -> Bool {
        var clips = self.clips(count)
        let before = try self.last(runner, clips)
        clips[0] = self.clips(1, "other")[0]
        return try self.last(runner, clips) != before
    }

    @Test func theDefaultCarriesTheClipBefore() throws {
        let runner = EncoderRunner(Self.configuration())
        #expect(try Self.carries(runner, clips: 2))
        #expect(try Self.carries(runner, clips: 3))
        // Two blocks look two clips back each: what the first clip showed is felt by the fifth, and not by the sixth.
        #expect(try Self.carries(runner, clips: 5))
        #expect(try !Self.carries(runner, clips: 6))
    }

    @Test func theSeedsCarriesNothingFromOneInputToTheNext() throws {
        let runner = EncoderRunner(Self.configuration { $0.sampler = .gap(2) })
        #expect(try !Self.carries(runner, clips: 2))
        #expect(try Self.carries(runner, clips: 3))
    }

    @Test func withEveryBlockExcludedNothingIsCarried() throws {
        let runner = EncoderRunner(Self.configuration { $0.excluded = [0, 1] })
        #expect(try !Self.carries(runner, clips: 3))
    }

    @Test(arguments: MemoryConfiguration.Change.allCases)
    func anotherVideoCarriesNothing(_ change: MemoryConfiguration.Change) throws {
        let runner = EncoderRunner(Self.configuration { $0.change = change })
        let clips = Self.clips(4), other = Self.clips(2, "other") + clips[2...]
        let videos = [0, 0, 1, 1]
        #expect(try Self.last(runner, clips, videos: videos) == Self.last(runner, other, videos: videos))
        // Zeros are attended to, so that features depend on whether there was another video; the others do not.
        let alone = try Self.last(runner, Array(clips[2...])), behind = try Self.last(runner, clips, videos: videos)
        let difference = zip(alone, behind).map { abs($0 - $1) }.max() ?? 0
        #expect(change == .zero ? difference > 1e-4 : difference < 1e-6, "off by \(difference)")
    }

    @Test func memoryIsWhatItsBufferHolds() throws {
        let runner = EncoderRunner(Self.configuration { $0.length = 4 }), clips = Self.clips(6)
        let memory = try #require(runner.encoder.makeMemory()), copy = try #require(runner.encoder.makeMemory())
        for clip in clips.prefix(5) { _ = runner.run(clip, memory: memory) }
        copy.buffer.assign(memory.buffer.values())
        #expect(copy.count == 3 && copy.problem() == nil)
        #expect(runner.run(clips[5], memory: memory) == runner.run(clips[5], memory: copy))
        #expect(memory.buffer.values() == copy.buffer.values())
        copy.clear()
        #expect(copy.count == 0)
    }

    @Test(arguments: [0, 1, 2, 3]) func aHeadThatDoesNotHoldIsRefused(_ place: Int) throws {
        let runner = EncoderRunner(Self.configuration()), clips = Self.clips(3)
        let memory = try #require(runner.encoder.makeMemory())
        for clip in clips { _ = runner.run(clip, memory: memory) }
        for value in [-1, 0.5, 1e9, Float.nan, .infinity] as [Float] {
            let before = memory.buffer.start[place]
            memory.buffer.start[place] = value
            #expect(memory.problem() != nil, "\(value)")
            memory.buffer.start[place] = before
        }
        #expect(memory.problem() == nil)
    }

    /// The compression learns where the clip before is attended to, and nowhere else.
    @Test func compressionLearnsFromTheClipBefore() throws {
        func learns(_ change: (inout MemoryConfiguration) -> Void) throws -> Bool {
            let runner = EncoderRunner(Self.configuration(change))
            let memory = try #require(runner.encoder.makeMemory())
            let weights = (0..<6).map { Float($0) - 2 }
            for clip in Self.clips(4) { _ = runner.run(clip, memory: memory, lossWeights: weights) }
            let parameter = try #require(runner.layout["blocks.0.attn.compress_v.weight"])
            return runner.gradients.values(parameter.offset..<parameter.offset + parameter.count).contains { $0 != 0 }
        }
        #expect(try learns { _ in })
        #expect(try !learns { $0.sampler = .gap(2) })
    }
}
