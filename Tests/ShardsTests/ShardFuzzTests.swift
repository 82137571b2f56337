// SPDX-License-Identifier: Apache-2.0

import Codecs
import Fuzzing
import RecordLog
import Records
import Testing

@testable import Shards

/// Broken shards and manifests: an error, or the samples that were written, and memory for no more than there is.
@Suite("Broken shards") struct ShardFuzzTests {
    private let storage = SimulatedShardStorage()
    private let samples = TestSamples.samples(12)

    private func shards() throws -> [(entry: ManifestEntry, bytes: Bytes)] {
        try [1, 700, 100_000].enumerated().map { sequence, frameBytes in
            let entry = try TestSamples.write(
                self.samples, sequence: sequence, frameBytes: frameBytes, in: self.storage)
            return (entry, try #require(self.storage.bytes(of: entry.file)))
        }
    }

    @Test func `a reader hands out what was written, or an error`() throws {
        let shards = try self.shards()
        let written = Set(self.samples)
        for input in Fuzz("shard", seeds: shards.map(\.bytes), tokens: .text) {
            self.storage.place(input.bytes, as: "input")
            let lines = try? TestSamples.lines(of: "input", in: self.storage)
            if input.number < shards.count { try #require(lines == self.samples, "\(input)") }
            // A frame has a checksum: what is read was written, all of it or not.
            try #require(written.isSuperset(of: lines ?? []), "\(input)")
            _ = try? ShardReader("input", in: self.storage).sample(7)
        }
    }

    @Test func `verification finds every change`() throws {
        let shards = try self.shards()
        for input in Fuzz("shard-verification", seeds: shards.map(\.bytes), tokens: .text) {
            let (entry, bytes) = shards[input.number % shards.count]
            self.storage.place(input.bytes, as: entry.file)
            let verification = ShardVerification(of: entry, in: self.storage)
            try #require(verification.isSound == (input.bytes == bytes), "\(input)")
        }
    }

    @Test func `a frame that claims 2 GiB is an error, and takes no such memory`() throws {
        let entry = try TestSamples.write(self.samples, frameBytes: 100_000, in: self.storage)
        let whole = try #require(self.storage.bytes(of: entry.file))
        let end = try ShardReader(entry.file, in: self.storage).frames[0].compressedSize
        // The header of a frame of some kilobytes has its size in two bytes behind the descriptor; here, in eight.
        let claims: [UInt64] = [1 << 31, 1 << 32, 1 << 40, 1 << 62, .max - 1]
        for claim in claims {
            let descriptor = whole[4] & 0x3f | 0xc0
            let size = withUnsafeBytes(of: claim.littleEndian) { Bytes($0) }
            self.storage.place(Bytes(whole[..<4]) + [descriptor] + size + Bytes(whole[7..<end]), as: "claim")
            #expect(throws: ShardError.self) { try TestSamples.lines(of: "claim", in: self.storage) }
        }
    }

    @Test func `a frame that is all one letter is read`() throws {
        // Compressed several thousand times, which is read piece by piece.
        let sample = Bytes("{\"a\":\"".utf8) + Bytes(repeating: 0x61, count: 20 << 20) + Bytes("\"}".utf8)
        let entry = try TestSamples.write([sample], frameBytes: 1, in: self.storage)
        #expect(try TestSamples.lines(of: entry.file, in: self.storage) == [sample])
        #expect(ShardVerification(of: entry, in: self.storage).isSound)
    }

    @Test func `manifest entries are read back as they are written, or refused`() throws {
        let entry = try self.shards()[1].entry
        let other = try TestSamples.write([Bytes("7".utf8)], sequence: 9, schema: .any, in: self.storage)
        for input in Fuzz("manifest", seeds: [entry.json, other.json], tokens: .json) {
            guard let read = try? ManifestEntry(json: input.bytes) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            try #require(try ManifestEntry(json: read.json) == read, "\(input)")
            // The sums over a hostile manifest.
            let commits = (0..<2000).map { Manifest.Commit(entry: read, offset: Offset($0), time: 0) }
            let manifest = Manifest(name: "nlq", commits: Array(commits.prefix(2)))
            // The same shard stands there twice.
            try #require(!manifest.problems().isEmpty, "\(input)")
            try #require(manifest.position(ofSample: .max).offset == 2, "\(input)")
            try #require(manifest.nextSequence(ofPartition: read.partition) == read.sequence + 1, "\(input)")
            var guide = ReplayGuide(original: [read, entry])
            try #require(guide.decide(samples: max(1, read.samples), last: read.last) != .keep, "\(input)")
            _ = guide.parting?.description
            try #require(Manifest(name: "nlq", commits: commits).samples == 2000 * read.samples, "\(input)")
        }
    }

    @Test func `every line has an identity, which its lineage has no part in`() throws {
        let seeds = [#"{"caption":"a","lineage":{"clip":1},"x":[1]}"#, #"{"lineage":null}"#, "[1]", "7"]
        for input in Fuzz("line-identity", seeds: seeds, tokens: .json, seconds: 1) {
            let identity = input.bytes.withUnsafeBufferPointer { LineSchema.any.identity($0) }
            try #require(identity.fields.map(\.name) == ["last_line_sha256"] && !identity.isUnknown, "\(input)")
            _ = input.bytes.withUnsafeBufferPointer { LineSchema.narrations.identity($0) }
            guard case .object = try? JSONValue(parsing: input.bytes), input.bytes.last == UInt8(ascii: "}") else {
                continue
            }
            let traced = input.bytes.dropLast() + Bytes(#","lineage":{"topology":"\#(input.number)"}}"#.utf8)
            guard (try? JSONValue(parsing: traced)) != nil else { continue }
            let other = traced.withUnsafeBufferPointer { LineSchema.any.identity($0) }
            try #require(other == identity, "\(input)")
        }
    }

    @Test func `positions and shard names`() throws {
        let position = TailingReader.Position(offset: 12, sample: 3)
        let name = ShardName(name: "nlq", partition: 1, sequence: 2, epoch: 3)
        for input in Fuzz("position", seeds: [position.json, Bytes(name.file.utf8)], tokens: .json, seconds: 1) {
            if let read = try? TailingReader.Position(json: input.bytes) {
                try #require(try TailingReader.Position(json: read.json) == read, "\(input)")
            }
            let text = String(decoding: input.bytes, as: UTF8.self)
            if let name = ShardName(file: text) { try #require(name.file == text, "\(input)") }
        }
    }
}
