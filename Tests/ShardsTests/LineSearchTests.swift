// SPDX-License-Identifier: Apache-2.0

import Codecs
import Fuzzing
import RecordLog
import Records
import Shards
import Testing

@Suite("LineSearch") struct LineSearchTests {
    private let storage = SimulatedShardStorage()

    /// A set of shards of 40 samples each, with many frames.
    private func manifest(shards: Int = 3, frameBytes: Int = 300) throws -> Manifest {
        let commits = try (0..<shards).map { sequence in
            let samples = (0..<40).map { TestSamples.sample(sequence * 40 + $0) }
            let entry = try TestSamples.write(
                samples, sequence: sequence, frameBytes: frameBytes, in: self.storage)
            return Manifest.Commit(entry: entry, offset: Offset(sequence), time: 0)
        }
        return Manifest(name: "nlq", commits: commits)
    }

    private func search(threads: Int = 2) -> LineSearch { LineSearch(in: self.storage, threads: threads) }

    private func id(_ number: Int) -> String { ContentHash.uuid5("q\(number)") }

    @Test(arguments: [1, 2, 5], [1, 300, 1 << 20]) func `it finds every line`(threads: Int, frameBytes: Int) throws {
        let manifest = try self.manifest(frameBytes: frameBytes)
        for number in stride(from: 0, to: 120, by: 7) {
            let hit = try #require(try self.search(threads: threads).first(id: self.id(number), in: manifest))
            #expect(hit.line == TestSamples.sample(number))
            #expect(hit.file == manifest.commits[number / 40].entry.file)
        }
        for id in [self.id(120), "", "v1", "narrations", String(self.id(5).dropLast())] {
            #expect(try self.search(threads: threads).first(id: id, in: manifest) == nil)
        }
        #expect(try self.search(threads: threads).first(id: self.id(0), in: Manifest(name: "nlq")) == nil)
    }

    @Test func `an id is the value of a member named so, whatever else has it, and the first counts`() throws {
        let lines = [
            #"{"video":"x","list":["x"],"inner":{"id":"x"},"text":"\"id\":\"x\""}"#, #"["id","x"]"#, #""x""#,
            #"{"id":7}"#,
            #"{"note":"x","clip_id":"x","n":1}"#, #"{"id":"x","n":2}"#, #"{"id":"a\"b\\é"}"#,
        ].map { Bytes($0.utf8) }
        let entry = try TestSamples.write(lines, frameBytes: 1 << 20, schema: .any, in: self.storage)
        let manifest = Manifest(name: "nlq", commits: [Manifest.Commit(entry: entry, offset: 0, time: 0)])
        #expect(try self.search().first(id: "x", in: manifest)?.line == lines[4])
        #expect(try self.search().first(id: "a\"b\\é", in: manifest)?.line == lines[6])
        #expect(try self.search().first(id: "7", in: manifest) == nil)
    }

    @Test func `of several lines the first in the order of commits is found, however many threads look`() throws {
        let copies = try (0..<30).map { sequence in
            let filler = (0..<20).map { TestSamples.sample(sequence * 100 + $0) }
            let entry = try TestSamples.write(
                filler + [Bytes(#"{"id":"x","n":\#(sequence)}"#.utf8)], sequence: sequence, frameBytes: 200,
                in: self.storage)
            return Manifest.Commit(entry: entry, offset: Offset(sequence), time: 0)
        }
        for _ in 0..<50 {
            let hit = try self.search(threads: 4).first(id: "x", in: Manifest(name: "nlq", commits: copies))
            #expect(hit?.file == copies[0].entry.file)
        }
    }

    @Test func `what cannot be read hides no line elsewhere, and is an error where none is found`() throws {
        let manifest = try self.manifest()
        let damaged = manifest.commits[1].entry.file
        var bytes = try #require(self.storage.bytes(of: damaged))
        bytes[bytes.count / 2] ^= 1
        self.storage.place(bytes, as: damaged)
        try self.storage.remove(manifest.commits[0].entry.file)
        #expect(try self.search().first(id: self.id(119), in: manifest)?.line == TestSamples.sample(119))
        #expect(try self.search().first(id: self.id(40), in: manifest)?.line == TestSamples.sample(40))
        let missing = #expect(throws: ShardError.self) { try self.search().first(id: self.id(0), in: manifest) }
        #expect(missing?.code == .missing)
        let rest = Manifest(name: "nlq", commits: Array(manifest.commits[1...]))
        let corrupt = #expect(throws: ShardError.self) { try self.search().first(id: "nothing", in: rest) }
        #expect(corrupt?.code == .corrupt && corrupt?.message.contains(damaged) == true)
    }

    @Test func `broken shards`() throws {
        let entry = try TestSamples.write(TestSamples.samples(12), frameBytes: 700, in: self.storage)
        let manifest = Manifest(name: "nlq", commits: [Manifest.Commit(entry: entry, offset: 0, time: 0)])
        let whole = try #require(self.storage.bytes(of: entry.file))
        for input in Fuzz("line-search", seeds: [whole], tokens: .text) {
            self.storage.place(input.bytes, as: entry.file)
            let hit = try? self.search(threads: 1).first(id: self.id(7), in: manifest)
            try #require(hit == nil || hit?.line == TestSamples.sample(7), "\(input)")
            if input.number == 0 { try #require(hit != nil) }
        }
    }
}
