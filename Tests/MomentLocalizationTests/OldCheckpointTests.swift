// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import NeuralNetworks
import Records
import Testing

@testable import MomentLocalization
@testable import Training

/// A checkpoint that was written when VSLNet was the only network: two steps of a network of width 2 that reads BERT.
@Suite struct OldCheckpointTests {
    private static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "Checkpoints/of-before.safetensors").path

    @Test func itIsReadAndWrittenAsItWas() throws {
        let checkpoint = try MomentCheckpoint(path: Self.path)
        let state = checkpoint.state
        #expect(state.step == 2 && state.usable == 1 && state.frozen == nil && state.description.words == nil)
        #expect(state.options.batchSize == 2 && state.options.seed == 12345 && state.options.segmentSteps == 200)
        #expect(state.preparation.targets == .fixed && state.preparation.text.hasPrefix("bert:"))
        #expect(state.description.configuration.width == 2 && state.description.configuration.positionsMax == 8)
        let tensors = try checkpoint.file.names.map { name in
            SafetensorsWriter.Tensor(
                name, shape: try #require(checkpoint.file.entry(name)?.shape),
                .float32(try checkpoint.file.floats(name)))
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "old-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try CheckpointFile.write(tensors, state: state, "again.safetensors", in: folder.path)
        #expect(
            try Data(contentsOf: folder.appending(path: "again.safetensors"))
                == Data(contentsOf: URL(fileURLWithPath: Self.path)))
    }

    @Test func whatItsWriterDidNotKnowHasItsDefault() throws {
        let file = try SafetensorsFile(path: Self.path)
        let text = try #require(file.metadata["millrace_state"])
        let state = try MomentCheckpoint(path: Self.path).state
        let absent = [
            #""newShare":0.5,"#, #""clipNorm":1,"#, #""jitterScale":1,"#, #""targets":"fixed","#, #""dropRate":0.2,"#,
            #""predictor":"transformer","#, #""highlightWeight":5,"#,
        ]
        let shorter = absent.reduce(text) { $0.replacing($1, with: "") }
        #expect(shorter.utf8.count == text.utf8.count - absent.reduce(0) { $0 + $1.utf8.count })
        #expect(try PlainDecoder.decode(MomentCheckpoint.State.self, from: shorter.utf8) == state)
    }
}
