// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import Testing

@testable import Shards

/// Shards of lines whose schema nobody here knows.
@Suite("Foreign lines") struct ForeignLinesTests {
    private let storage = SimulatedShardStorage()
    private let log = TestLog()

    /// A line of a made-up schema.
    private static func caption(_ number: Int, topology: String = "t") -> Bytes {
        Bytes(#"{"clip":"c\#(number / 4)","caption":"Caption \#(number)","lineage":{"topology":"\#(topology)"}}"#.utf8)
    }

    /// Writes lines through a sink into a set, and commits its shards.
    private func publish(
        _ lines: [Bytes], as name: String = "captions",
        limits: RotationLimits = RotationLimits(samples: 4, seconds: nil),
        guide: ReplayGuide? = nil, onParting: @escaping (ReplayGuide.Parting) -> Void = { _ in }
    ) throws -> [ManifestEntry] {
        try self.log.createTopic(Manifest.topicSpecification(name))
        let sink = try ShardSink(
            storage: self.storage,
            options: ShardSinkOptions(
                name: name, partition: 0, epoch: 1, nextSequence: 0, limits: limits, topologyHash: "t", frameBytes: 100),
            guide: guide)
        sink.onParting = onParting
        for (number, line) in lines.enumerated() {
            try sink.append(TestSamples.batch([line]), origin: Offset(number))
            let isLast = number == lines.count - 1
            guard let reason = sink.rotationDue(now: 0) ?? (isLast ? .idle : nil) else { continue }
            self.log.commit(try sink.prepare(reason))
            sink.committed()
        }
        return try Manifest(reading: name, from: self.log).commits.map(\.entry)
    }

    @Test func `they are listed, verified, read and tailed like any others`() throws {
        let lines = (0..<10).map { Self.caption($0) }
        let entries = try self.publish(lines)
        #expect(entries.map(\.samples) == [4, 4, 2])
        #expect(Manifest(name: "captions").problems().isEmpty)
        for entry in entries { #expect(ShardVerification(of: entry, in: self.storage).problems == []) }
        #expect(try entries.flatMap { try TestSamples.lines(of: $0.file, in: self.storage) } == lines)
        let reader = try TailingReader(name: "captions", log: self.log, storage: self.storage)
        var tailed: [Bytes] = []
        while let line = try reader.next() { tailed.append(line) }
        #expect(tailed == lines)
    }

    @Test func `their manifest knows the last line by its content, and nothing of narrations`() throws {
        let entry = try #require(try self.publish([Self.caption(0), Self.caption(1)]).first)
        let json = try JSONValue(parsing: entry.json)
        let members = "\"clip\":\"c0\"\n\"caption\":\"Caption 1\"\n"
        #expect(json["last_line_sha256"]?.string == ContentHash.sha256(members))
        for field in ["last_video_uid", "last_pass", "last_index"] { #expect(json[field] == nil) }
        #expect(try ManifestEntry(record: entry.record) == entry)
    }

    @Test func `a replay under another topology follows, a changed line is a divergence`() throws {
        let original = try self.publish((0..<10).map { Self.caption($0) })
        let same = try self.publish(
            (0..<10).map { Self.caption($0, topology: "u") }, as: "captions.r1", limits: RotationLimits(),
            guide: ReplayGuide(original: original)
        ) { Issue.record("parted: \($0)") }
        #expect(same.map(\.samples) == [4, 4, 2])
        #expect(same.map(\.reason) == [.replay, .replay, .replay])

        var told: [ReplayGuide.Parting] = []
        let changed = try self.publish(
            (0..<10).map { Self.caption($0 < 7 ? $0 : $0 + 1) }, as: "captions.r2", limits: RotationLimits(),
            guide: ReplayGuide(original: original)
        ) { told.append($0) }
        #expect(changed.map(\.samples) == [4, 6])
        #expect(told.count == 1)
        #expect(told.first?.description.contains("\(original[1].file) ends in a sample with line sha256") == true)
    }

    @Test func `lines need not be objects`() throws {
        let lines = ["[1,2]", "\"text\"", "7", "null", "{}"].map { Bytes($0.utf8) }
        let entries = try self.publish(lines, limits: RotationLimits(samples: 1, seconds: nil))
        #expect(entries.count == 5)
        for (entry, line) in zip(entries, lines) {
            #expect(ShardVerification(of: entry, in: self.storage).problems == [])
            #expect(try TestSamples.lines(of: entry.file, in: self.storage) == [line])
            let content = line == Bytes("{}".utf8) ? [] : line
            #expect(entry.last == LineIdentity(["last_line_sha256": .text(ContentHash.sha256(content))]))
        }
    }

    @Test func `lines that are no JSON are published, read as they are, and found by verification`() throws {
        let entry = try #require(try self.publish([Bytes("no JSON".utf8)]).first)
        #expect(entry.last == LineIdentity(["last_line_sha256": .text(ContentHash.sha256("no JSON"))]))
        #expect(try TestSamples.lines(of: entry.file, in: self.storage) == [Bytes("no JSON".utf8)])
        #expect(ShardVerification(of: entry, in: self.storage).problems.first?.message.contains("no JSON") == true)
    }
}
