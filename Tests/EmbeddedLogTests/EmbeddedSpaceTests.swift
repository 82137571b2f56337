// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import GRDB
import RecordLog
import Records
import Testing

@testable import EmbeddedLog

/// The disk, the WAL, and removals.
@Suite struct EmbeddedSpace {
    private let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    private func noise(_ count: Int, _ generator: inout SeededGenerator) -> Bytes {
        var bytes: Bytes = []
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) } }
        return bytes
    }

    private func size(_ suffix: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: self.folder.log + suffix)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }

    @Test func aFullFileRefusesACommitWholeAndGoesOnOnceThereIsRoom() throws {
        var options = EmbeddedLog.Options()
        options.fileBytesMax = 2 << 20
        let log = try EmbeddedLog(path: self.folder.log, options: options)
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        try log.createTopic(TopicSpecification(name: "u", partitions: 1))
        let writer = try log.makeWriter(id: "w")
        var generator = SeededGenerator(state: 1)
        var committed = 0
        var refusal: LogError?
        while refusal == nil {
            var transaction = write(["\(committed)"], to: "u")
            transaction.outputs.append(
                .init(
                    topic: "t", partition: 0,
                    records: RecordBatch([Record(key: nil, value: self.noise(100_000, &generator))])))
            transaction.group = "g"
            transaction.offsets = [TopicPartition("t", 0): CommittedOffset(Int64(committed))]
            transaction.state = [StateChange(key: [1], value: Bytes("\(committed)".utf8))]
            do throws(LogError) {
                try writer.commit(transaction)
                committed += 1
            } catch {
                refusal = error
            }
            try #require(committed < 100)
        }
        #expect(refusal?.code == .storageFull)
        #expect(refusal?.message.contains(self.folder.log) == true)
        #expect(committed > 5)
        func check(_ count: Int) throws {
            #expect(try values(log, "u", 0).count == count)
            #expect(try log.offsets(of: TopicPartition("t", 0)).upperBound == Int64(count))
            #expect(
                try log.committedOffset(group: "g", partition: TopicPartition("t", 0))?.offset == Int64(count - 1))
            #expect(try writer.state() == [StateEntry(key: [1], value: Bytes("\(count - 1)".utf8))])
        }
        try check(committed)
        // Reading goes on, and so does writing once something is removed.
        try log.deleteRecords(of: TopicPartition("t", 0), before: Int64(committed - 2))
        var transaction = write(["after"], to: "u")
        transaction.outputs.append(
            .init(
                topic: "t", partition: 0,
                records: RecordBatch([Record(key: nil, value: self.noise(100_000, &generator))])))
        transaction.group = "g"
        transaction.offsets = [TopicPartition("t", 0): CommittedOffset(Int64(committed))]
        transaction.state = [StateChange(key: [1], value: Bytes("\(committed)".utf8))]
        try writer.commit(transaction)
        try check(committed + 1)
    }

    @Test func theWALStaysBoundedBesideABusyReader() throws {
        var options = EmbeddedLog.Options()
        options.checkpointBytes = 256 << 10
        options.walBytesMax = 512 << 10
        let log = try EmbeddedLog(path: self.folder.log, options: options)
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        let writer = try log.makeWriter(id: "w")
        var generator = SeededGenerator(state: 2)
        let reader = try log.makeReader(of: TopicPartition("t", 0), from: 0)
        for _ in 0..<60 {
            var transaction = Transaction()
            transaction.outputs = [
                .init(
                    topic: "t", partition: 0,
                    records: RecordBatch([Record(key: nil, value: self.noise(100_000, &generator))]))
            ]
            try writer.commit(transaction)
            _ = try reader.read(recordsMax: 10, bytesMax: 1 << 20)
            #expect(self.size("-wal") < 2 << 20)
        }
        #expect(self.size("") > 5_000_000)
    }

    @Test func whatRetentionFreesIsUsedAgain() throws {
        let log = try EmbeddedLog(path: self.folder.log)
        try log.createTopic(TopicSpecification(name: "t", partitions: 1, retention: .init(bytes: 500_000)))
        let writer = try log.makeWriter(id: "w")
        var generator = SeededGenerator(state: 3)
        for _ in 0..<100 {
            var transaction = Transaction()
            transaction.outputs = [
                .init(
                    topic: "t", partition: 0,
                    records: RecordBatch([Record(key: nil, value: self.noise(50_000, &generator))]))
            ]
            try writer.commit(transaction)
            try log.enforceRetention()
        }
        log.close()
        #expect(self.size("") < 1_000_000)
        let again = try EmbeddedLog(path: self.folder.log)
        #expect(try again.offsets(of: TopicPartition("t", 0)) == 91..<100)
    }

    @Test func aDeletedTopicLeavesNoRows() throws {
        let log = try EmbeddedLog(path: self.folder.log)
        try log.createTopic(TopicSpecification(name: "t", partitions: 3))
        let writer = try log.makeWriter(id: "w")
        for index in 0..<200 { try writer.commit(write(["\(index)"], to: "t")) }
        try log.resetOffset(group: "g", partition: TopicPartition("t", 1), to: CommittedOffset(1))
        let handler = Silent()
        let member = try log.join(GroupConfiguration(group: "g", topics: ["t"]))
        try member.poll(timeoutMilliseconds: 0, handler)
        #expect(handler.owned.count == 3)
        try log.deleteTopic("t")
        for table in ["batch", "doomed", "group_offset", "lease", "topic", "topic_partition"] {
            let count = try log.storage.write { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") }
            #expect(count == 0, "\(table)")
        }
        try member.poll(timeoutMilliseconds: 0, handler)
        #expect(handler.owned.isEmpty)
    }

    @Test func timesNeverGoBackWithinAPartition() throws {
        let clock = TestClock()
        var options = EmbeddedLog.Options()
        options.now = { clock.now }
        let log = try EmbeddedLog(path: self.folder.log, options: options)
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        let writer = try log.makeWriter(id: "w")
        let start = clock.now
        for step in [0, 1000, -5000, 2000, 10_000] {
            clock.advance(step)
            try writer.commit(write(["v"], to: "t"))
        }
        let batch = try log.makeReader(of: TopicPartition("t", 0), from: 0).read(recordsMax: 10, bytesMax: 1000)
        #expect(batch.timestamps.map { $0 - start } == [0, 1000, 1000, 1000, 8000])
    }

    @Test func wholeRowsAreHandedOutAndSmallOnesJoined() throws {
        let log = try EmbeddedLog(path: self.folder.log)
        try log.createTopic(TopicSpecification(name: "t", partitions: 1))
        let writer = try log.makeWriter(id: "w")
        for index in 0..<50 { try writer.commit(write(["\(index * 2)", "\(index * 2 + 1)"], to: "t")) }
        let reader = try log.makeReader(of: TopicPartition("t", 0), from: 0)
        let first = try reader.read(recordsMax: 75, bytesMax: 1 << 20)
        #expect(first.offsets == Array(0..<75))
        let second = try reader.read(recordsMax: 75, bytesMax: 1 << 20)
        let third = try reader.read(recordsMax: 75, bytesMax: 1 << 20)
        #expect(second.offsets + third.offsets == Array(75..<100))
        #expect((0..<75).map { first.records[$0].value } == (0..<75).map { Bytes("\($0)".utf8) })
    }
}
