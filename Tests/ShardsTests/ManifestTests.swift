// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import Shards
import Testing

@Suite("Manifest") struct ManifestTests {
    private func entry(partition: Int = 0, sequence: Int = 0, epoch: Int64 = 1, samples: Int = 10) -> ManifestEntry {
        let name = ShardName(name: "nlq", partition: partition, sequence: sequence, epoch: epoch)
        return ManifestEntry(
            file: name.file, partition: partition, sequence: sequence, epoch: epoch, bytes: 100, uncompressedBytes: 400,
            samples: samples, frames: 2, sha256: ContentHash.sha256("x"),
            last: .narration("v\"1", pass: 2, index: 7), reason: .seconds, topologyHash: "abc",
            zstdVersion: "1.5.4", level: 3, firstOffset: 5, lastOffset: 1 << 40)
    }

    private func output(_ records: [Record]) -> Transaction.Output {
        Transaction.Output(topic: "shards.nlq", partition: 0, records: RecordBatch(records))
    }

    @Test func `an entry reads back from its record`() throws {
        var entry = self.entry(partition: 12)
        for last: LineIdentity in [
            entry.last, LineIdentity(), .narration(nil, pass: 1, index: nil), .narration(nil, pass: nil, index: nil),
            LineIdentity(["last_line_sha256": .text("ab")]),
        ] {
            entry.last = last
            #expect(try ManifestEntry(record: entry.record) == entry)
        }
        #expect(entry.record.key == Bytes("12".utf8))
        #expect(entry.record.headers == [Header("schema", "1")])
    }

    @Test func `its fields are named as documented, and null where absent`() throws {
        var entry = self.entry()
        entry.last = .narration(nil, pass: nil, index: nil)
        let json = try JSONValue(parsing: entry.json)
        #expect(json["uncompressed_bytes"]?.int == 400)
        #expect(json["reason"]?.string == "seconds")
        #expect(json["last_offset"]?.int == 1 << 40)
        for field in ["last_video_uid", "last_pass", "last_index"] { #expect(json[field] == .null) }
    }

    @Test func `what an older program wrote is read, and written again byte by byte`() throws {
        let narration = #"""
            {"file":"naq-0002-00000000-000001.jsonl.zst","partition":2,"sequence":0,"epoch":1,"bytes":73012,\
            "uncompressed_bytes":604411,"samples":1108,"frames":5,"sha256":"9f2c","last_video_uid":"5e2ce5bd",\
            "last_pass":1,"last_index":311,"reason":"idle","topology_hash":"77aa","zstd_version":"1.5.4","level":3,\
            "first_offset":0,"last_offset":1220}
            """#.replacing("\\\n", with: "")
        let entry = try ManifestEntry(json: Bytes(narration.utf8))
        #expect(entry.last == .narration("5e2ce5bd", pass: 1, index: 311))
        #expect(String(decoding: entry.json, as: UTF8.self) == narration)
        // It knew no more of samples that were not its own.
        let foreign = narration.replacing("\"5e2ce5bd\"", with: "null").replacing(":311", with: ":null")
            .replacing("\"last_pass\":1", with: "\"last_pass\":null")
        let other = try ManifestEntry(json: Bytes(foreign.utf8))
        #expect(other.last.isUnknown)
        #expect(String(decoding: other.json, as: UTF8.self) == foreign)
    }

    @Test func `unknown fields are passed over, a newer version is refused, damage is named`() throws {
        let entry = self.entry()
        let text = String(decoding: entry.json, as: UTF8.self)
        let extended = Bytes(("{\"later\":{\"a\":[1]}," + text.dropFirst()).utf8)
        #expect(try ManifestEntry(json: extended) == entry)

        let newer = Record(key: nil, value: entry.json, headers: [Header("schema", "2")])
        #expect(#expect(throws: ShardError.self) { try ManifestEntry(record: newer) }?.code == .versionTooNew)
        for bad in [
            "", "{}", "[]", String(text.dropLast()), text.replacing("\"samples\":10", with: "\"samples\":-1"),
            text.replacing("\"samples\":10", with: "\"samples\":\"10\""), text.replacing("seconds", with: "boredom"),
            text.replacing("nlq-0000", with: "../nlq-0000"),
            text.replacing("\"last_pass\":2", with: "\"last_pass\":[2]"),
            text.replacing("\"last_pass\":2", with: "\"last_pass\":2.5"),
            text.replacing("\"last_pass\":2", with: (0..<16).map { "\"last_\($0)\":0" }.joined(separator: ",")),
            text.replacing("\"frames\":2,", with: ""),
        ] {
            let error = #expect(throws: ShardError.self) { try ManifestEntry(json: Bytes(bad.utf8)) }
            #expect(error?.code == .corrupt, "\(bad)")
        }
        #expect(throws: ShardError.self) { try ManifestEntry(record: Record(key: nil, value: nil as Bytes?)) }
    }

    @Test func `it is read from a log and answers questions`() throws {
        let log = TestLog()
        try log.createTopic(Manifest.topicSpecification("nlq"))
        #expect(try Manifest(reading: "nlq", from: log).commits.isEmpty)
        let entries = [
            self.entry(), self.entry(partition: 1), self.entry(sequence: 1, samples: 5),
            self.entry(sequence: 2, epoch: 4),
        ]
        log.commit([self.output(entries.map(\.record))])
        let manifest = try Manifest(reading: "nlq", from: log)
        #expect(manifest.commits.map(\.entry) == entries)
        #expect(manifest.commits.map(\.offset) == [0, 1, 2, 3])
        #expect(manifest.problems() == [])
        #expect(manifest.samples == 35)
        #expect(manifest.nextSequence(ofPartition: 0) == 3)
        #expect(manifest.nextSequence(ofPartition: 1) == 1)
        #expect(manifest.nextSequence(ofPartition: 2) == 0)
        #expect(manifest.entries(ofPartition: 1) == [entries[1]])
        #expect(manifest.files.count == 4)
        #expect(manifest.position(ofSample: 0) == TailingReader.Position(offset: 0, sample: 0))
        #expect(manifest.position(ofSample: 22) == TailingReader.Position(offset: 2, sample: 2))
        #expect(manifest.position(ofSample: 35) == TailingReader.Position(offset: 4, sample: 0))
    }

    @Test func `a set that is not there, and a record that is none, are named`() throws {
        let log = TestLog()
        let missing = #expect(throws: ShardError.self) { try Manifest(reading: "nlq", from: log) }
        #expect(missing?.code == .missing)
        log.commit([self.output([self.entry().record, Record(key: "0", value: "nonsense")])])
        let corrupt = #expect(throws: ShardError.self) { try Manifest(reading: "nlq", from: log) }
        #expect(corrupt?.message.contains("shards.nlq[0] offset 1") == true)
    }

    @Test func `gaps, repeats, strange names and epochs that go back are reported`() {
        func problems(_ entries: ManifestEntry...) -> [String] {
            Manifest(
                name: "nlq",
                commits: entries.enumerated().map { Manifest.Commit(entry: $1, offset: Offset($0), time: 0) }
            ).problems()
        }
        #expect(problems(self.entry(), self.entry(partition: 3), self.entry(sequence: 1)).isEmpty)
        #expect(problems(self.entry(sequence: 1)).first?.contains("missing") == true)
        #expect(problems(self.entry(), self.entry(sequence: 3)).first?.contains("2 shard(s)") == true)
        #expect(problems(self.entry(), self.entry(epoch: 2)).first?.contains("repeats sequence 0") == true)
        #expect(problems(self.entry(), self.entry()).contains { $0.contains("announced twice") })
        #expect(problems(self.entry(epoch: 3), self.entry(sequence: 1, epoch: 2)).first?.contains("back") == true)
        var renamed = self.entry()
        renamed.file = self.entry(sequence: 8).file
        #expect(problems(renamed).first?.contains("belongs") == true)
    }
}
