// SPDX-License-Identifier: Apache-2.0

import Codecs
import Fuzzing
import Operations
import RecordLog
import Records
import Shards
import Testing

@Suite("SampleSearch") struct SampleSearchTests {
    private let storage = SimulatedShardStorage()

    private func line(_ number: Int) -> Bytes {
        let template = number % 3 == 0 ? "Objects" : "People"
        return Bytes(
            #"{"query_id":"q-\#(number)","video_uid":"v\#(number % 5)","template":"\#(template)","query":"Where is Cup \#(number)?"}"#
                .utf8)
    }

    /// Writes lines into a shard of many frames.
    private func commit(_ lines: [Bytes], sequence: Int, set: String = "nlq", time: Timestamp) throws -> Manifest.Commit
    {
        let name = ShardName(name: set, partition: 0, sequence: sequence, epoch: 1)
        let file = try self.storage.create(name.file)
        let writer = try ShardWriter(level: 3, frameBytes: 500)
        writer.begin(file)
        for line in lines { try line.withUnsafeBufferPointer { try writer.append($0) } }
        let summary = try writer.finish()
        try file.synchronize()
        try file.close()
        let entry = ManifestEntry(
            file: name.file, partition: 0, sequence: sequence, epoch: 1, bytes: summary.bytes,
            uncompressedBytes: summary.uncompressedBytes, samples: summary.samples, frames: 1, sha256: "",
            last: LineIdentity([:]), reason: .samples, topologyHash: "", zstdVersion: "", level: 3, firstOffset: 0,
            lastOffset: 0)
        return Manifest.Commit(entry: entry, offset: Offset(sequence), time: time)
    }

    /// Three shards of forty samples, of which the last is the newest.
    private func source() throws -> SampleSearch.Source {
        let commits = try (0..<3).map { shard in
            try self.commit(
                (0..<40).map { self.line(shard * 40 + $0) }, sequence: shard, time: Timestamp(shard + 1) * 1_000)
        }
        return SampleSearch.Source(Manifest(name: "nlq", commits: commits), in: self.storage)
    }

    /// All that fits, however often the search stops.
    private func all(
        _ filter: SampleFilter, _ limits: SampleSearch.Limits, in source: SampleSearch.Source
    ) throws -> (lines: [Bytes], searches: Int) {
        let search = SampleSearch([source])
        var lines: [Bytes] = []
        var place: SearchPlace?
        var searches = 0
        repeat {
            let outcome = try #require(search.run(filter, before: place, limits: limits))
            lines += outcome.hits.map(\.bytes)
            // A place survives its way through an address.
            place = try outcome.next.map { try #require(SearchPlace($0.description)) }
            #expect((place == nil) == (outcome.stop == nil))
            searches += 1
        } while place != nil && searches < 500
        return (lines, searches)
    }

    @Test(arguments: [1, 7, 40, 1_000]) func `the newest come first, and each once, wherever a search stops`(
        hits: Int
    ) throws {
        let (lines, searches) = try self.all(SampleFilter(), .init(hits: hits), in: try self.source())
        #expect(lines == (0..<120).reversed().map(self.line))
        #expect(searches == (120 + hits - 1) / hits)
    }

    @Test func `bytes end a search, and it goes on behind them`() throws {
        let (lines, searches) = try self.all(
            SampleFilter(), .init(hits: 1_000, bytes: 1_200), in: try self.source())
        #expect(lines == (0..<120).reversed().map(self.line))
        #expect(searches > 5)
    }

    @Test func `time ends a search, and each gets on by a frame at least`() throws {
        let (lines, searches) = try self.all(
            SampleFilter(), .init(hits: 1_000, seconds: 0), in: try self.source())
        #expect(lines == (0..<120).reversed().map(self.line))
        #expect(searches > 10)
    }

    @Test func `a text is found in values, whatever its capitals, and not in names of members`() throws {
        let source = try self.source()
        #expect(try self.all(SampleFilter(text: "CUP 77?"), .init(), in: source).lines == [self.line(77)])
        #expect(try self.all(SampleFilter(text: "query_id"), .init(), in: source).lines.isEmpty)
        #expect(try self.all(SampleFilter(text: "cup 7"), .init(), in: source).lines.count == 11)
    }

    @Test func `members are compared whole`() throws {
        let filter = SampleFilter(members: ["template": "Objects"], video: "v1")
        #expect(filter.takes(Bytes(#"{"video_id":"v1","template":"Objects"}"#.utf8)))
        #expect(!filter.takes(Bytes(#"{"video_id":"v2","template":"Objects"}"#.utf8)))
        let source = try self.source()
        let expected = (0..<120).filter { $0 % 3 == 0 && $0 % 5 == 1 }.reversed().map(self.line)
        #expect(try self.all(filter, .init(), in: source).lines == expected)
        #expect(try self.all(SampleFilter(members: ["template": "Object"]), .init(), in: source).lines.isEmpty)
    }

    @Test func `a text is found as it reads, however JSON writes it`() {
        let filter = SampleFilter(text: "naïve \"x\"/")
        #expect(filter.takes(Bytes(#"{"a":{"b":["na\u00cfve \"x\"\/"]}}"#.utf8)) == false)
        #expect(filter.takes(Bytes(#"{"a":{"b":["NA\u00efve \"X\"\/"]}}"#.utf8)))
        #expect(!filter.takes(Bytes("{".utf8)))
        #expect(SampleFilter(members: ["n": "7"]).takes(Bytes(#"{"n":7}"#.utf8)))
    }

    @Test func `a damaged shard is passed over and named`() throws {
        let source = try self.source()
        self.storage.place(Bytes("rubbish".utf8), as: source.manifest.commits[1].entry.file)
        let outcome = try #require(SampleSearch([source]).run(SampleFilter(), limits: .init(hits: 1_000)))
        #expect(outcome.hits.count == 80)
        #expect(outcome.unreadable.count == 1)
    }

    @Test func `a place of a shard that is gone is none`() throws {
        let search = SampleSearch([try self.source()])
        #expect(search.run(SampleFilter(), before: SearchPlace("9.0.0.nlq")) == nil)
        #expect(search.run(SampleFilter(), before: SearchPlace("1.0.0.other")) == nil)
        for text in ["", "1", "1.2.3", "1.2.3.", "-1.2.3.x", "1.x.3.y", "1..3.y"] { #expect(SearchPlace(text) == nil) }
        #expect(SearchPlace("1.2.3.a.b")?.set == "a.b")
    }

    @Test func `the sample of a place is that line`() throws {
        let source = try self.source()
        let hit = try #require(
            SampleSearch([source]).run(SampleFilter(text: "Cup 50?"), limits: .init())?.hits.first)
        #expect(try SampleSearch.sample(hit.line, of: hit.file, in: source)?.bytes == self.line(50))
        let beyond = SampleLine(frame: 10_000, index: 0)
        #expect(try SampleSearch.sample(beyond, of: hit.file, in: source) == nil)
        #expect(try SampleSearch.sample(hit.line, of: "../../etc/passwd", in: source) == nil)
    }
}
