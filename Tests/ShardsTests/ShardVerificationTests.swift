// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Shards
import Testing

/// Every way in which a file can differ from what was committed.
@Suite("ShardVerification") struct ShardVerificationTests {
    private let storage = SimulatedShardStorage()
    private let entry: ManifestEntry
    private let whole: Bytes
    private let frames: [SeekTable.Frame]

    init() throws {
        // Twelve frames, as in the measured matrix.
        self.entry = try TestSamples.write(TestSamples.samples(12), frameBytes: 1, in: self.storage)
        self.whole = self.storage.bytes(of: self.entry.file) ?? []
        self.frames = try ShardReader(self.entry.file, in: self.storage).frames
    }

    private func problems(of bytes: Bytes) -> [ShardVerification.Problem] {
        self.storage.place(bytes, as: self.entry.file)
        return ShardVerification(of: self.entry, in: self.storage).problems
    }

    private func bytes(ofFrame index: Int) -> Bytes {
        Bytes(self.whole[self.frames[index].offset..<self.frames[index].offset + self.frames[index].compressedSize])
    }

    /// The file with its frames in another order, or some of them twice or not at all, and its seek table as it was.
    private func file(ofFrames order: [Int]) -> Bytes {
        let end = self.frames.reduce(0) { $0 + $1.compressedSize }
        return order.flatMap { self.bytes(ofFrame: $0) } + Bytes(self.whole[end...])
    }

    @Test func `a sound file has no problem`() {
        #expect(self.frames.count == 12)
        #expect(self.problems(of: self.whole) == [])
        #expect(ShardVerification(of: self.entry, in: self.storage).samples == 12)
    }

    @Test func `a cut at any byte is found`() {
        for count in 0..<self.whole.count {
            #expect(!self.problems(of: Bytes(self.whole.prefix(count))).isEmpty)
        }
    }

    @Test func `a cut at a frame's boundary is found, with its place`() {
        let problems = self.problems(of: Bytes(self.whole.prefix(self.frames[7].offset)))
        #expect(problems.contains { $0.byteOffset == self.frames[7].offset })
        #expect(problems.contains { $0.message.contains("7 frames") })
    }

    @Test func `garbage after the end is found, with its place`() {
        let problems = self.problems(of: self.whole + [1, 2, 3])
        #expect(problems.contains { $0.byteOffset == self.whole.count })
    }

    @Test func `swapped frames are found, and named`() throws {
        var order = Array(0..<12)
        order.swapAt(3, 8)
        let problems = self.problems(of: self.file(ofFrames: order))
        #expect(problems.contains { $0.frame == 3 && $0.byteOffset == self.frames[3].offset })
    }

    @Test func `swapped frames of one size are found by their checksums`() throws {
        // Two samples that differ in one letter compress to frames of one size.
        let samples = ["a", "b", "c"].map { Bytes("{\"query\":\"Where is my \($0)?\"}".utf8) }
        let entry = try TestSamples.write(samples, sequence: 9, frameBytes: 1, in: self.storage)
        let frames = try ShardReader(entry.file, in: self.storage).frames
        #expect(Set(frames.map(\.compressedSize)).count == 1)
        let whole = try #require(self.storage.bytes(of: entry.file))
        let size = frames[0].compressedSize
        self.storage.place(
            Bytes(whole[size..<2 * size]) + Bytes(whole[..<size]) + Bytes(whole[(2 * size)...]), as: entry.file)
        let problems = ShardVerification(of: entry, in: self.storage).problems
        #expect(problems.compactMap(\.frame) == [0, 1])
        #expect(problems.compactMap(\.byteOffset) == [0, size])
    }

    @Test func `a frame twice and a frame missing are found`() {
        #expect(!self.problems(of: self.file(ofFrames: [0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])).isEmpty)
        #expect(!self.problems(of: self.file(ofFrames: [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11])).isEmpty)
        let replaced = self.problems(of: self.file(ofFrames: [0, 1, 2, 2, 4, 5, 6, 7, 8, 9, 10, 11]))
        #expect(replaced.contains { $0.frame == 3 })
    }

    @Test func `an inserted skippable frame and a changed seek table are found`() {
        let skippable: Bytes = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7]
        let offset = self.frames[5].offset
        #expect(!self.problems(of: Bytes(self.whole[..<offset]) + skippable + Bytes(self.whole[offset...])).isEmpty)
        #expect(!self.problems(of: self.whole + skippable).isEmpty)
    }

    @Test func `every single flipped bit is found, and nearly all are given a place`() throws {
        let entry = try TestSamples.write(TestSamples.samples(3), sequence: 1, frameBytes: 1, in: self.storage)
        let whole = try #require(self.storage.bytes(of: entry.file))
        var placed = 0
        for bit in 0..<whole.count * 8 {
            var bytes = whole
            bytes[bit / 8] ^= 1 << (bit % 8)
            self.storage.place(bytes, as: entry.file)
            let problems = ShardVerification(of: entry, in: self.storage).problems
            #expect(!problems.isEmpty, "bit \(bit % 8) of byte \(bit / 8)")
            if problems.contains(where: { $0.byteOffset != nil }) { placed += 1 }
        }
        #expect(Double(placed) > 0.99 * Double(whole.count * 8))
    }

    @Test func `a file in another's place is found`() throws {
        let other = try TestSamples.write(
            TestSamples.samples(13).reversed().dropLast(), sequence: 5, frameBytes: 1, in: self.storage)
        let problems = self.problems(of: try #require(self.storage.bytes(of: other.file)))
        #expect(problems.contains { $0.message.contains("SHA-256") })
    }

    @Test func `a missing file is found`() throws {
        try self.storage.remove(self.entry.file)
        let verification = ShardVerification(of: self.entry, in: self.storage)
        #expect(!verification.isSound)
        #expect(verification.problems.first?.message.contains(self.entry.file) == true)
    }

    @Test func `a line that is no JSON is found, though the file is as it was written`() throws {
        let lines = [Bytes("{\"a\":1}".utf8), Bytes("{\"a\":".utf8), Bytes("{\"a\":\"".utf8) + [0xff, 0x22, 0x7d]]
        let entry = try TestSamples.write(lines, sequence: 7, in: self.storage)
        let problems = ShardVerification(of: entry, in: self.storage).problems
        #expect(problems.count == 2)
        #expect(problems.allSatisfy { $0.frame == 0 && $0.message.contains("no JSON") })
    }

    @Test func `a manifest that counts otherwise is contradicted`() {
        for change: (inout ManifestEntry) -> Void in [
            { $0.samples += 1 }, { $0.frames -= 1 }, { $0.uncompressedBytes += 1 }, { $0.bytes -= 1 },
            { $0.sha256 = String(repeating: "0", count: 64) },
        ] {
            var entry = self.entry
            change(&entry)
            #expect(!ShardVerification(of: entry, in: self.storage).isSound)
        }
    }
}
