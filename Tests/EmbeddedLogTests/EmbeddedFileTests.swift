// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecordLog
import Records
import Testing

@testable import EmbeddedLog

/// The log's file, and the errors if it is missing or is none of ours.
@Suite struct EmbeddedFiles {
    private let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    /// Changes the file behind the log's back.
    private func edit(_ sql: String) throws {
        let queue = try DatabaseQueue(path: self.folder.log)
        try queue.writeWithoutTransaction { db in try db.execute(sql: sql) }
        try queue.close()
    }

    private func filled(_ count: Int = 100) throws -> EmbeddedLog {
        let log = try EmbeddedLog(path: self.folder.log)
        try log.createTopic(TopicSpecification(name: "t", partitions: 2))
        let writer = try log.makeWriter(id: "w")
        for half in 0..<2 {
            try writer.commit(write((half * count..<half * count + count).map { "value \($0)" }, to: "t"))
        }
        return log
    }

    private func error(_ body: () throws -> Void) throws -> LogError {
        do { try body() } catch let error as LogError { return error }
        throw LogError(.failed, "nothing was thrown")
    }

    @Test func commitsAreDurable() throws {
        let log = try self.filled()
        let synchronous = try log.storage.write { db in try Int.fetchOne(db, sql: "PRAGMA synchronous") }
        #expect(synchronous == 2)
        let mode = try log.storage.write { db in try String.fetchOne(db, sql: "PRAGMA journal_mode") }
        #expect(mode == "wal")
        let again = try EmbeddedLog(path: self.folder.log)
        #expect(try again.storage.write { db in try Int.fetchOne(db, sql: "PRAGMA synchronous") } == 2)
    }

    @Test func aNewerFormatIsRefused() throws {
        try self.filled().close()
        try self.edit("PRAGMA user_version = 99")
        for readOnly in [false, true] {
            var options = EmbeddedLog.Options()
            options.readOnly = readOnly
            let error = try self.error { _ = try EmbeddedLog(path: self.folder.log, options: options) }
            #expect(error.code == .versionTooNew)
            #expect(error.message.contains("99") && error.message.contains(self.folder.log))
        }
    }

    @Test func anotherProgramsDatabaseIsRefusedUntouched() throws {
        try self.edit("CREATE TABLE precious (a); INSERT INTO precious VALUES (1)")
        let before = try Data(contentsOf: URL(fileURLWithPath: self.folder.log))
        let error = try self.error { _ = try EmbeddedLog(path: self.folder.log) }
        #expect(error.code == .corrupt)
        #expect(error.message.contains("another program"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.folder.log)) == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder.path) == ["log.sqlite"])
    }

    @Test(arguments: ["hello", String(repeating: "not a database, not at all. ", count: 1000)])
    func whatIsNoDatabaseIsRefused(_ content: String) throws {
        try Data(content.utf8).write(to: URL(fileURLWithPath: self.folder.log))
        let error = try self.error { _ = try EmbeddedLog(path: self.folder.log) }
        #expect(error.code == .corrupt)
        #expect(try Data(contentsOf: URL(fileURLWithPath: self.folder.log)) == Data(content.utf8))
    }

    @Test func aPathThatCannotBeOpenedSaysSo() throws {
        let error = try self.error { _ = try EmbeddedLog(path: self.folder.path) }
        #expect(error.code == .failed || error.code == .corrupt)
        #expect(error.message.contains(self.folder.path))
        try Data().write(to: URL(fileURLWithPath: self.folder.path + "/file"))
        let below = try self.error { _ = try EmbeddedLog(path: self.folder.path + "/file/log.sqlite") }
        #expect(below.message.contains("/file/log.sqlite"))
        var options = EmbeddedLog.Options()
        options.readOnly = true
        let missing = try self.error { _ = try EmbeddedLog(path: self.folder.log, options: options) }
        #expect(missing.code == .failed)
        #expect(!FileManager.default.fileExists(atPath: self.folder.log))
        options.pageBytes = 1000
        #expect(
            try self.error { _ = try EmbeddedLog(path: self.folder.log, options: options) }.code == .invalidArgument)
    }

    @Test func foldersAreCreated() throws {
        let log = try EmbeddedLog(path: self.folder.path + "/a/b/log.sqlite")
        #expect(try log.topics().isEmpty)
    }

    @Test func aWriterKeepsTheFileOpen() throws {
        let writer = try self.filled().makeWriter(id: "w")
        try writer.commit(write(["late"], to: "t", partition: 0))
        let log = try EmbeddedLog(path: self.folder.log)
        #expect(try values(log, "t", 0).last == "late")
    }

    @Test func aClosedLogLeavesOneFile() throws {
        let log = try self.filled()
        #expect(try values(log, "t", 0).count + values(log, "t", 1).count == 200)
        log.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.folder.path) == ["log.sqlite"])
    }

    @Test(arguments: [0, 1, 20, 200])
    func aFlippedByteIsFound(at index: Int) throws {
        try self.filled().close()
        try self.edit(
            """
            UPDATE batch SET payload = CAST(
                substr(payload, 1, \(index)) || CASE substr(payload, \(index + 1), 1) WHEN x'00' THEN x'01' ELSE x'00' END
                || substr(payload, \(index + 2)) AS BLOB)
            WHERE id = (SELECT id FROM batch ORDER BY base_offset DESC LIMIT 1)
            """)
        try self.expectDamage(in: try self.damagedPlace())
    }

    @Test(arguments: [
        "time = time + 1", "count = count - 1", "count = count + 1", "codec = 1 - codec", "codec = 7",
        "raw_bytes = raw_bytes + 1", "raw_bytes = 1 << 40", "checksum = 0", "count = 1 << 62", "count = 'many'",
        "time = 'late'", "payload = x''", "base_offset = base_offset + 1",
    ])
    func aChangedColumnIsFound(_ change: String) throws {
        try self.filled().close()
        let place = try self.damagedPlace()
        try self.edit("UPDATE batch SET \(change) WHERE id = (SELECT id FROM batch ORDER BY base_offset DESC LIMIT 1)")
        try self.expectDamage(in: place)
    }

    /// The partition and offset of the row that the tests above damage.
    private func damagedPlace() throws -> (partition: Int, offset: Int64) {
        let queue = try DatabaseQueue(path: self.folder.log)
        let row = try queue.read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT number, base_offset FROM batch JOIN topic_partition p ON p.id = partition_id
                    ORDER BY base_offset DESC LIMIT 1
                    """)
        }
        try queue.close()
        return try #require(row.map { (partition: $0[0], offset: $0[1]) })
    }

    private func expectDamage(in place: (partition: Int, offset: Int64)) throws {
        let log = try EmbeddedLog(path: self.folder.log)
        let reader = try log.makeReader(of: TopicPartition("t", place.partition), from: 0)
        let first = try? reader.read(recordsMax: Int(place.offset), bytesMax: 1 << 20)
        #expect(first == nil || first?.count == Int(place.offset))
        let error = try self.error { _ = try reader.read(recordsMax: 1000, bytesMax: 1 << 20) }
        #expect(error.code == .corrupt)
        #expect(error.message.contains(self.folder.log), "\(error)")
        // The other partition is unharmed.
        #expect(try values(log, "t", 1 - place.partition).isEmpty == false)
    }

    @Test func aDamagedRowIsNamed() throws {
        try self.filled().close()
        let place = try self.damagedPlace()
        try self.edit("UPDATE batch SET checksum = checksum + 1 WHERE base_offset = \(place.offset)")
        let log = try EmbeddedLog(path: self.folder.log)
        let reader = try log.makeReader(of: TopicPartition("t", place.partition), from: place.offset)
        let error = try self.error { _ = try reader.read(recordsMax: 1000, bytesMax: 1 << 20) }
        #expect(error.message.contains("t[\(place.partition)] at offset \(place.offset)"), "\(error)")
    }

    @Test func aMissingRowIsFound() throws {
        try self.filled().close()
        try self.edit("DELETE FROM batch")
        let log = try EmbeddedLog(path: self.folder.log)
        let reader = try log.makeReader(of: TopicPartition("t", 0), from: 0)
        #expect(try self.error { _ = try reader.read(recordsMax: 10, bytesMax: 1000) }.code == .corrupt)
    }

    @Test func aFileTornByAnotherHandIsCorrupt() throws {
        try self.filled(20_000).close()
        let handle = try #require(FileHandle(forUpdatingAtPath: self.folder.log))
        let size = try handle.seekToEnd()
        try handle.seek(toOffset: 8192)
        try handle.write(contentsOf: Data(repeating: 0xa5, count: Int(size) - 8192))
        try handle.close()
        let error = try self.error {
            let log = try EmbeddedLog(path: self.folder.log)
            _ = try values(log, "t", 0)
        }
        #expect(error.code == .corrupt)
    }

    @Test func aLogOpenedForReadingReadsAndRefusesToWrite() throws {
        let live = try self.filled()
        var options = EmbeddedLog.Options()
        options.readOnly = true
        let log = try EmbeddedLog(path: self.folder.log, options: options)
        #expect(try values(log, "t", 0).count + values(log, "t", 1).count == 200)
        #expect(try log.topics().map(\.name) == ["t"])
        #expect(try log.groups().isEmpty)
        #expect(try self.error { _ = try log.makeWriter(id: "w") }.code == .readOnly)
        #expect(try self.error { try log.deleteTopic("t") }.code == .readOnly)
        #expect(try self.error { _ = try log.join(GroupConfiguration(group: "g", topics: ["t"])) }.code == .readOnly)
        try live.makeWriter(id: "x").commit(write(["new"], to: "t"))
        #expect(try values(log, "t", 0).count + values(log, "t", 1).count == 201)
        log.close()
        live.close()
        let alone = try EmbeddedLog(path: self.folder.log, options: options)
        #expect(try values(alone, "t", 0).count + values(alone, "t", 1).count == 201)
    }
}

/// A transaction of text records with keys of their own.
func write(_ values: [String], to topic: String, partition: Int? = nil) -> Transaction {
    var transaction = Transaction()
    transaction.outputs = [
        .init(
            topic: topic, partition: partition,
            records: RecordBatch(values.map { Record(key: "key of \($0)", value: $0) }))
    ]
    return transaction
}

/// The values that a partition retains, as text.
func values(_ log: EmbeddedLog, _ topic: String, _ partition: Int) throws -> [String] {
    let name = TopicPartition(topic, partition)
    let range = try log.offsets(of: name)
    let reader = try log.makeReader(of: name, from: range.lowerBound)
    var result: [String] = []
    while true {
        let batch = try reader.read(recordsMax: 1000, bytesMax: 1 << 20)
        if batch.isEmpty { return result }
        for index in 0..<batch.count {
            result.append(String(decoding: batch.records.value(at: index) ?? [], as: UTF8.self))
        }
    }
}
