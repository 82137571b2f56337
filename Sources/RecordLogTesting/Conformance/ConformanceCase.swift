// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records

/// One promise of the contract, as something to run against a log.
public struct ConformanceCase: Sendable, CustomStringConvertible {
    /// The promise, in a few words.
    public let name: String
    /// The features that the log needs for the case to mean anything.
    public let needs: Set<ConformanceFeature>
    private let body: @Sendable (ConformanceWorld) throws -> Void

    init(
        _ name: String, needs: Set<ConformanceFeature> = [],
        _ body: @escaping @Sendable (ConformanceWorld) throws -> Void
    ) {
        self.name = name
        self.needs = needs
        self.body = body
    }

    /// The promise, in a few words.
    public var description: String { self.name }

    /// The end of a case that broke no promise.
    public enum Outcome: Hashable, Sendable {
        /// The promise was tried, and is kept.
        case kept
        /// The promise was not tried: the log lacks these features.
        case skipped(lacking: Set<ConformanceFeature>)

        /// The reason for a skipped case, for a test to report: `Test.cancel` of Swift Testing, `XCTSkip` of XCTest.
        public var skipReason: String? {
            guard case .skipped(let lacking) = self else { return nil }
            return "the log lacks " + lacking.map { "\($0)" }.sorted().joined(separator: ", ")
        }
    }

    /// Runs the case on a fresh storage.
    /// - Throws: `ConformanceFailure` where the promise is broken, or whatever error the log threw unexpectedly.
    public func run(on harness: any RecordLogHarness) throws -> Outcome {
        let lacking = self.needs.subtracting(harness.features)
        guard lacking.isEmpty else { return .skipped(lacking: lacking) }
        let world = ConformanceWorld(harness)
        defer { world.close() }
        try self.body(world)
        return .kept
    }

    /// The whole suite.
    public static var all: [ConformanceCase] {
        self.partitioning + self.topics + self.reading + self.content + self.transactions + self.writers + self.time
            + self.groups + self.offsets + self.removal + self.durability
    }
}

/// The world that a case works in: the harness, and short ways to do what most cases do.
final class ConformanceWorld {
    let harness: any RecordLogHarness
    private var opened: [any RecordLog] = []

    init(_ harness: any RecordLogHarness) { self.harness = harness }

    /// Opens a handle that is closed after the case.
    func open() throws -> any RecordLog {
        let log = try self.harness.open()
        self.opened.append(log)
        return log
    }

    /// Opens a handle and creates a topic named for the case.
    func open(
        topic: String, partitions: Int = 1, retention: TopicSpecification.Retention = .init(),
        recordBytesMax: Int = 8 << 20
    ) throws -> (any RecordLog, String) {
        let log = try self.open()
        let name = self.harness.name(topic)
        try log.createTopic(
            TopicSpecification(
                name: name, partitions: partitions, retention: retention, recordBytesMax: recordBytesMax))
        return (log, name)
    }

    func close() {
        for log in self.opened { log.close() }
        self.opened = []
    }

    /// Commits records to one topic.
    func write(
        _ records: [Record], to topic: String, partition: Int? = 0, by writer: any TransactionalWriter
    ) throws {
        var transaction = Transaction()
        transaction.outputs = [.init(topic: topic, partition: partition, records: RecordBatch(records))]
        try writer.commit(transaction)
    }

    /// Commits records, each in a transaction of its own.
    func writeEach(
        _ records: [Record], to topic: String, partition: Int? = 0, by writer: any TransactionalWriter
    ) throws {
        for record in records { try self.write([record], to: topic, partition: partition, by: writer) }
    }

    /// All records that a partition retains, with their offsets and times.
    /// - Parameter count: how many there must be, so that each may be looked at.
    func readAll(
        _ log: any RecordLog, _ topic: String, _ partition: Int = 0, recordsMax: Int = 1000, bytesMax: Int = 1 << 20,
        count: Int? = nil
    ) throws -> [Fetched] {
        let name = TopicPartition(topic, partition)
        let range = try log.offsets(of: name)
        let reader = try log.makeReader(of: name, from: range.lowerBound)
        let all = try self.read(reader, until: range.upperBound, recordsMax: recordsMax, bytesMax: bytesMax)
        if let count { try expectEqual(all.count, count, "the number of records in \(name)") }
        return all
    }

    /// Reads on until an end offset, checking what every batch promises.
    func read(
        _ reader: any PartitionReader, until end: Offset, recordsMax: Int = 1000, bytesMax: Int = 1 << 20
    ) throws -> [Fetched] {
        var result: [Fetched] = []
        let patience = self.patience()
        while true {
            let batch = try reader.read(recordsMax: recordsMax, bytesMax: bytesMax)
            try expect(batch.count <= recordsMax, "a read of \(recordsMax) records answered \(batch.count)")
            for index in 0..<batch.count {
                let last = result.last?.offset ?? -1
                try expect(batch.offsets[index] > last, "offset \(batch.offsets[index]) came after \(last)")
                result.append(
                    Fetched(
                        record: batch.records[index], offset: batch.offsets[index], time: batch.timestamps[index]))
            }
            if let last = batch.offsets.last {
                try expect(batch.nextOffset > last, "nextOffset \(batch.nextOffset) is not past offset \(last)")
            }
            if batch.nextOffset >= end { return result }
            if batch.isEmpty {
                try expect(patience.isLeft, "a read answered nothing at \(batch.nextOffset), before the end \(end)")
            }
        }
    }

    /// The values of all records of a partition, as text.
    func values(_ log: any RecordLog, _ topic: String, _ partition: Int = 0) throws -> [String] {
        try self.readAll(log, topic, partition).map { String(decoding: $0.record.value ?? [], as: UTF8.self) }
    }

    func patience() -> Patience { Patience(milliseconds: self.harness.patienceMilliseconds) }
}

/// A record as it was read.
struct Fetched {
    var record: Record
    var offset: Offset
    var time: Timestamp
}

/// A limit, in real time, on waiting for something to happen.
struct Patience {
    private let end: ContinuousClock.Instant

    init(milliseconds: Int) { self.end = ContinuousClock.now + .milliseconds(milliseconds) }

    var isLeft: Bool { ContinuousClock.now < self.end }
}

func expect(_ condition: Bool, _ message: @autoclosure () -> String, file: String = #fileID, line: Int = #line) throws {
    if !condition { throw ConformanceFailure(message(), file: file, line: line) }
}

func expectEqual<Value: Equatable>(
    _ found: Value, _ expected: Value, _ what: @autoclosure () -> String, file: String = #fileID, line: Int = #line
) throws {
    if found != expected {
        let text = "\(what()): expected \(expected), found \(found)"
        throw ConformanceFailure(String(text.prefix(2000)), file: file, line: line)
    }
}

/// Runs something that has to throw, and answers the error.
@discardableResult
func expectError(
    _ what: String, where matches: (LogError.Code) -> Bool, file: String = #fileID, line: Int = #line,
    _ body: () throws -> Void
) throws -> LogError {
    do {
        try body()
    } catch let error as LogError {
        try expect(
            matches(error.code), "\(what) threw \(error.code): \(error.message)", file: file, line: line)
        return error
    }
    throw ConformanceFailure("\(what) did not throw", file: file, line: line)
}

@discardableResult
func expectError(
    _ what: String, _ code: LogError.Code, file: String = #fileID, line: Int = #line, _ body: () throws -> Void
) throws -> LogError {
    try expectError(what, where: { $0 == code }, file: file, line: line, body)
}

/// Some records with numbered values.
func numbered(_ range: Range<Int>, key: String? = nil) -> [Record] {
    range.map { Record(key: key, value: "value \($0)") }
}

/// Bytes that no compressor makes smaller, the same for the same seed.
func noise(_ count: Int, seed: UInt64) -> Bytes {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return Bytes(unsafeUninitializedCapacity: count) { bytes, initialized in
        for index in 0..<count {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            bytes.initializeElement(at: index, to: UInt8(truncatingIfNeeded: state >> 24))
        }
        initialized = count
    }
}
