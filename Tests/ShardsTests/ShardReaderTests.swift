// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Shards
import Testing

@Suite("ShardReader") struct ShardReaderTests {
    private let storage = SimulatedShardStorage()

    @Test func `any sample is found, in any order`() throws {
        let samples = TestSamples.samples(57)
        let entry = try TestSamples.write(samples, in: self.storage)
        let reader = try ShardReader(entry.file, in: self.storage)
        #expect(reader.frames.count > 5)
        for number in [56, 0, 30, 31, 29, 55, 1, 56, 17] { #expect(try reader.sample(number) == samples[number]) }
        #expect(try reader.sample(57) == nil)
        #expect(try reader.sample(-1) == nil)
        #expect(try reader.sampleCount() == 57)
        for number in 0..<57 {
            #expect(try ShardReader(entry.file, in: self.storage).sample(number) == samples[number])
        }
    }

    @Test func `samples are walked over from any one on`() throws {
        let samples = TestSamples.samples(40)
        let entry = try TestSamples.write(samples, in: self.storage)
        for start in [0, 1, 13, 39, 40, 100] {
            var cursor = try ShardReader(entry.file, in: self.storage).samples(from: start)
            var read: [Bytes] = []
            while let sample = try cursor.next() { read.append(sample) }
            #expect(read == Array(samples.dropFirst(start)))
        }
    }

    @Test func `without its seek table a shard is read all the same`() throws {
        let samples = TestSamples.samples(40)
        let entry = try TestSamples.write(samples, in: self.storage)
        let whole = try #require(self.storage.bytes(of: entry.file))
        let frames = try ShardReader(entry.file, in: self.storage).frames
        let end = frames.reduce(0) { $0 + $1.compressedSize }

        self.storage.place(Bytes(whole[..<end]), as: "bare")
        let bare = try ShardReader("bare", in: self.storage)
        #expect(bare.seekTableProblem?.contains("missing") == true)
        #expect(bare.frames == frames)
        #expect(try TestSamples.lines(of: "bare", in: self.storage) == samples)

        // A table of another length than its footer says, and a skippable frame in the middle.
        var odd = whole
        odd[end + 4] ^= 1
        self.storage.place(odd, as: "odd")
        #expect(throws: ShardError.self) { try ShardReader("odd", in: self.storage) }
        let middle = frames[1].offset
        self.storage.place(
            Bytes(whole[..<middle]) + [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3] + Bytes(whole[middle..<end]),
            as: "skippable")
        #expect(try TestSamples.lines(of: "skippable", in: self.storage) == samples)
    }

    @Test func `what is no shard is said to be none`() throws {
        for (name, bytes) in [
            ("text", Bytes("{\"a\":1}\n".utf8)), ("zeros", Bytes(repeating: 0, count: 100)), ("short", [0x28, 0xb5]),
        ] {
            self.storage.place(bytes, as: name)
            let error = #expect(throws: ShardError.self) { try ShardReader(name, in: self.storage) }
            #expect(error?.code == .corrupt)
            #expect(error?.message.contains(name) == true)
        }
        self.storage.place([], as: "empty")
        #expect(try TestSamples.lines(of: "empty", in: self.storage) == [])
        #expect(throws: ShardError.self) { try ShardReader("absent", in: self.storage) }
    }

    @Test func `a damaged frame is named and the others are read`() throws {
        let samples = TestSamples.samples(40)
        let entry = try TestSamples.write(samples, in: self.storage)
        let frames = try ShardReader(entry.file, in: self.storage).frames
        var bytes = try #require(self.storage.bytes(of: entry.file))
        bytes[frames[2].offset + 20] ^= 0x10
        self.storage.place(bytes, as: "damaged")
        let reader = try ShardReader("damaged", in: self.storage)
        for ordinal in frames.indices where ordinal != 2 { #expect(try reader.frame(ordinal).count > 0) }
        let error = #expect(throws: ShardError.self) { try reader.frame(2) }
        #expect(error?.message.contains("damaged, frame 2 at byte \(frames[2].offset)") == true)
    }
}
