// SPDX-License-Identifier: Apache-2.0

import Codecs
import EmbeddedLog
import Foundation
import RecordLog
import RecordLogTesting
import Records
import Synchronization
import Testing

@testable import Telemetry

/// The exchange of figures: what is told is seen, and the dead vanish.
@Suite("Exchange")
struct ExchangeTests {
    private static func folder() throws -> String {
        let url = FileManager.default.temporaryDirectory.appending(path: "figures-\(UUID().uuidString)")
        return url.path(percentEncoded: false)
    }

    private static func instances(_ exchange: some FigureExchange) throws -> [String] {
        try exchange.read().figures.map(\.identity.instance).sorted()
    }

    @Test("A process is seen while it lives, its figures replaced whole, and gone at its end")
    func folderLife() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let reader = FolderExchange(folder: folder)
        #expect(try reader.read().figures.isEmpty)
        let one = FolderExchange(folder: folder)
        let two = FolderExchange(folder: folder)
        let first = FiguresTests.figures()
        var second = FiguresTests.figures()
        try one.publish(first)
        try two.publish(second)
        second.stages[0].recordsIn = 10
        try two.publish(second)
        #expect(Set(try reader.read().figures) == [first, second])
        one.withdraw()
        #expect(try reader.read().figures == [second])
        two.withdraw()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test("Files without a lock are a dead process's: not shown, and removed by the next that comes")
    func folderLeftOver() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let dead = FiguresTests.figures()
        for (ending, bytes) in [("json", dead.json), ("lock", [])] {
            _ = FileManager.default.createFile(
                atPath: "\(folder)/\(dead.identity.instance).\(ending)", contents: Data(bytes))
        }
        let exchange = FolderExchange(folder: folder)
        #expect(try exchange.read().figures.isEmpty)
        let own = FiguresTests.figures()
        try exchange.publish(own)
        #expect(try Self.instances(exchange) == [own.identity.instance])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
    }

    @Test("Figures of another host, whose locks are not seen, count until they are too old")
    func folderOfOthers() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let clock = Clock(100_000)
        var other = FiguresTests.figures(at: 100_000)
        other.identity.host = "elsewhere"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = FileManager.default.createFile(
            atPath: "\(folder)/\(other.identity.instance).json", contents: Data(other.json))
        let exchange = FolderExchange(folder: folder, clock: { clock.now })
        #expect(try Self.instances(exchange) == [other.identity.instance])
        clock.add(FolderExchange.millisecondsMax)
        #expect(try exchange.read().figures.isEmpty)
    }

    @Test("Hostile files are told of while their lock is held, never shown, never followed")
    func folderHostile() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let exchange = FolderExchange(folder: folder)
        let figures = FiguresTests.figures()
        try exchange.publish(figures)
        let path = "\(folder)/\(figures.identity.instance).json"
        for bytes in [Bytes("{".utf8), FiguresTests.figures().json, Bytes(repeating: 0x5b, count: 5 << 20)] {
            try Data(bytes).write(to: URL(filePath: path))
            let reading = try exchange.read()
            #expect(reading.figures.isEmpty)
            #expect(reading.refused.count == 1, "\(reading.refused)")
        }
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/zero")
        #expect(try exchange.read().refused.count == 1)
        mkfifo("\(folder)/00000000000000ff.json", 0o600)
        #expect(try exchange.read().figures.isEmpty)
        // It is replaced by what the process tells next.
        try exchange.publish(figures)
        #expect(try exchange.read().figures == [figures])
    }

    @Test("In a topic the last word of an instance counts, and the dead vanish by age")
    func topic() throws {
        let log = MemoryLog()
        let clock = Clock(SteadyClock.now)
        let reader = TopicExchange(log: log, clock: { clock.now })
        #expect(try reader.read().figures.isEmpty)
        let one = TopicExchange(log: log, clock: { clock.now })
        let two = TopicExchange(log: log, clock: { clock.now })
        let first = FiguresTests.figures()
        let second = FiguresTests.figures()
        try one.publish(first)
        try two.publish(second)
        #expect(try Self.instances(reader) == [first, second].map(\.identity.instance).sorted())
        one.withdraw()
        #expect(try Self.instances(reader) == [second.identity.instance])
        clock.add(TopicExchange.millisecondsMax + 60_000)
        #expect(try reader.read().figures.isEmpty)
    }

    @Test("Records that are no figures are told of and not shown")
    func topicHostile() throws {
        let log = MemoryLog()
        let exchange = TopicExchange(log: log)
        let figures = FiguresTests.figures()
        try exchange.publish(figures)
        let writer = try log.makeWriter(id: "hostile")
        var transaction = Transaction()
        transaction.outputs = [
            .init(
                topic: ReservedTopics.processes, partition: 0,
                records: RecordBatch([
                    Record(key: "00000000000000aa", value: "{"), Record(key: "x", value: "y"),
                    Record(key: nil as Bytes?, value: nil),
                ]))
        ]
        try writer.commit(transaction)
        let reading = try exchange.read()
        #expect(reading.figures == [figures])
        #expect(reading.refused.count == 1)
    }
}

/// A clock that a test sets.
final class Clock: Sendable {
    private let time: Mutex<Timestamp>
    init(_ now: Timestamp) { self.time = Mutex(now) }
    var now: Timestamp { self.time.withLock { $0 } }
    func add(_ milliseconds: Timestamp) { self.time.withLock { $0 += milliseconds } }
}
