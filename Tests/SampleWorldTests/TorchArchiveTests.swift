// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SampleWorld

@Suite struct TorchArchiveTests {
    @Test func tensorIsReadBackBitByBit() throws {
        let values: [Float] = [0, -0.0, 1, -2.5, .infinity, .leastNonzeroMagnitude, .pi, 3e38, -1e-20, 7, 8, 9]
        let file = try TorchFile(TorchArchive.bytes(of: values, rows: 3, columns: 4))
        #expect(file.rows == 3)
        #expect(file.columns == 4)
        #expect(file.values.map(\.bitPattern) == values.map(\.bitPattern))
        #expect(Set(file.entries.keys) == ["archive/data.pkl", "archive/data/0", "archive/version"])
        for (name, entry) in file.entries { #expect(entry.offset % 64 == 0, "\(name)") }
    }

    @Test func emptyTensorIsAFileToo() throws {
        let file = try TorchFile(TorchArchive.bytes(of: [], rows: 0, columns: 256))
        #expect(file.rows == 0)
        #expect(file.columns == 256)
        #expect(file.values.isEmpty)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 64, 1_000, 1_003])
    func checksumFollowsItsDefinition(length: Int) {
        var generator = SeededGenerator(seed: 9, stream: .video, index: length)
        let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        #expect(CRC32.checksum(bytes) == TorchFile.bitwiseChecksum(bytes))
    }

    /// The check value of the CRC catalogue.
    @Test func checksumOfTheCatalogueIsRight() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
    }

    @Test func everyVideoHasItsSlots() throws {
        let world = try WrittenWorld(SampleWorldOptions(videos: 3, seed: 6))
        for video in try #require(world.json("ego4d.json")["videos"] as? [WrittenWorld.Object]) {
            let uid = try #require(video["video_uid"] as? String)
            let duration = try #require(video["duration_sec"] as? Double)
            let file = try TorchFile(world.bytes("features/\(uid).pt"))
            #expect(file.rows == Int((duration * 30 / 16 - 1e-6).rounded(.up)))
            #expect(file.columns == 256)
            #expect(file.values.allSatisfy { $0.isFinite && abs($0) < 10 })
        }
    }
}
