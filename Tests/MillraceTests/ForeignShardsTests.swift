// SPDX-License-Identifier: Apache-2.0

import Codecs
import EmbeddedLog
import Foundation
import FoundationEssentials
import KafkaBroker
import KafkaLog
import RecordLog
import Records
import Shards
import Testing

/// Sets whose lines are of a schema that no task here has.
@Suite("Shards of any schema") struct ForeignShardsTests {
    /// Writes captions, and one line that is no object, into a set of a log, in shards of three.
    private static func publish(_ name: String, in bench: Workbench, log: any RecordLog) throws -> [String] {
        var lines = (0..<10).map { number in
            #"{"caption_id":"c\#(number)","caption":"Somebody \u001b[31m takes cup \#(number)","frames":[\#(number),2],"#
                + #""lineage":{"clip":"k\#(number / 4)","topology":"t"}}"#
        }
        lines.append("[1,2]")
        let storage = FileShardStorage(folder: bench.shardFolder(name).path)
        try storage.createFolder()
        try log.createTopic(Manifest.topicSpecification(name))
        let sink = try ShardSink(
            storage: storage,
            options: ShardSinkOptions(
                name: name, partition: 0, epoch: 1, nextSequence: 0, limits: RotationLimits(samples: 3, seconds: nil),
                topologyHash: "t"))
        let writer = try log.makeWriter(id: "captions.land.0")
        for (number, line) in lines.enumerated() {
            try sink.append(RecordBatch([Record(key: nil, value: Bytes(line.utf8))]), origin: Offset(number))
            let end: RotationReason? = number == lines.count - 1 ? .idle : nil
            guard let reason = sink.rotationDue(now: 0) ?? end else { continue }
            var transaction = Transaction()
            transaction.outputs = try sink.prepare(reason)
            try writer.commit(transaction)
            sink.committed()
        }
        writer.close()
        return lines
    }

    /// Runs every command that looks at shards.
    private static func expectAll(of name: String, _ lines: [String], in bench: Workbench, _ log: [String] = []) throws
    {
        func run(_ code: Int32, _ arguments: String...) throws -> ProcessResult {
            try bench.expect(code, arguments + log)
        }
        let list = try run(0, "shards", "list", "--json").outputLines.map(JSONTree.init)
        #expect(list.first { $0["name"].string == name }?["samples"].int == lines.count)
        let shards = try run(0, "shards", "list", name, "--json").outputLines.map(JSONTree.init)
        #expect(shards.map { $0["samples"].int } == [3, 3, 3, 2])
        for shard in shards {
            #expect(shard["last_line_sha256"].string?.count == 64)
            #expect(shard.keys.isDisjoint(with: ["last_video_uid", "last_pass", "last_index"]))
        }
        try run(0, "shards", "verify", name).prints("\(name): 4 shards, \(lines.count) samples, sound")
        #expect(try run(0, "shards", "cat", name).outputLines == lines)
        #expect(try run(0, "shards", "cat", name, "--from", "9").outputLines == Array(lines[9...]))

        let page = try run(0, "explain", "c7", "--shards", name)
        page.prints("Sample of the shard set \(name)", "  caption_id        c7", "  frames            [7,2]")
        page.prints("  lineage clip      k1", #"  caption           Somebody \u{1b}[31m takes cup 7"#)
        let records = try run(0, "explain", "c7", "--shards", name, "--json").outputLines.map(JSONTree.init)
        #expect(records.count == 1)
        #expect(records.first?["sample"]["frames"].array.first?.int == 7)
        try run(2, "explain", "k1", "--shards", name).says("no sample has the id `k1`")

        let export = try run(0, "export", "nlq", "--shards", name, "--output", "\(name).json")
        export.prints("0 queries", "left out, incomplete: 11")
    }

    @Test("They are listed, verified, printed and explained")
    func embedded() throws {
        let bench = try Workbench()
        let log = try EmbeddedLog(path: bench.home + "/log.db")
        let lines = try Self.publish("captions", in: bench, log: log)
        log.close()
        try Self.expectAll(of: "captions", lines, in: bench)
    }

    @Test("So they are on Kafka", .enabled(if: Broker.program != nil, "\(Broker.missing)"))
    func kafka() throws {
        let bench = try Workbench()
        let broker = try #require(Broker.shared, "the broker did not start")
        let log = try KafkaLog(brokers: broker.address, properties: [KafkaLog.quirksProperty: "true"])
        let name = "captions-\(ContentHash.uuid5(bench.home).prefix(8))"
        let lines = try Self.publish(name, in: bench, log: log)
        log.close()
        try Self.expectAll(of: name, lines, in: bench, ["--log", "kafka://\(broker.address)"])
    }
}
