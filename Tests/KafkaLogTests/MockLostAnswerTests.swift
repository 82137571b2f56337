// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import KafkaBroker
import RecordLog
import Records
import Testing

@testable import KafkaLog

/// Tests that need a real broker behind a proxy, because the mock cluster cannot show it: a connection cut at any step
/// of a transaction, before the broker has the request or before the client has the answer, loses and doubles nothing.
@Suite(
    .serialized, .enabled(if: Broker.program != nil, "\(Broker.missing)"),
    .enabled(if: CuttingProxy.isPossible, "needs python3"))
struct MockLostAnswer {
    @Test(
        arguments: [
            MockCluster.Request.initProducerId, .addPartitionsToTxn, .produce, .addOffsetsToTxn, .txnOffsetCommit,
            .endTxn,
        ], ["request", "answer"])
    func aCutConnectionNeitherLosesNorDoubles(_ request: MockCluster.Request, _ half: String) throws {
        let broker = try #require(Broker.shared, "the broker did not start")
        let harness = KafkaHarness(broker)
        let topic = harness.name("cut")
        let (group, id) = (harness.name("cut"), harness.name("cut"))
        let source = TopicPartition(topic, 0)
        let direct = try KafkaLog(on: broker)
        defer { direct.close() }
        try direct.createTopic(TopicSpecification(name: topic, partitions: 1))
        // The first ends the making of the writer; the producer's is its only one.
        let proxy = try CuttingProxy(of: broker.address, request, half, number: request == .initProducerId ? 1 : 3)
        let log = try KafkaLog(brokers: proxy.address, properties: [KafkaLog.quirksProperty: "true"])
        defer { log.close() }
        // As a task does: from the committed offset on, and after an error anew from there.
        var failures: [String] = []
        while failures.count < 5 {
            do {
                let writer = try log.makeWriter(id: id)
                defer { writer.close() }
                var next = try log.committedOffset(group: group, partition: source)?.offset ?? 0
                while next < 6 {
                    var transaction = Transaction()
                    let record = Record(key: "k", value: "\(next)")
                    transaction.outputs = [.init(topic: topic, partition: 0, records: RecordBatch([record]))]
                    transaction.state = [StateChange(key: [7], value: [UInt8(next)])]
                    transaction.group = group
                    transaction.offsets = [source: CommittedOffset(next + 1)]
                    try writer.commit(transaction)
                    next += 1
                }
                break
            } catch {
                failures.append("\(error)")
            }
        }
        #expect(proxy.hasCut, "nothing was cut")
        #expect(failures == [], "librdkafka asks again by itself")
        #expect(try direct.committedOffset(group: group, partition: source)?.offset == 6)
        let reader = try direct.makeReader(of: source, from: 0)
        let end = try direct.offsets(of: source).upperBound
        var values: [String] = []
        var position: Offset = 0
        while position < end {
            let batch = try reader.read(recordsMax: 100, bytesMax: 1 << 20)
            values += (0..<batch.count).map { String(decoding: batch.records[$0].value ?? [], as: UTF8.self) }
            position = batch.nextOffset
        }
        #expect(values == ["0", "1", "2", "3", "4", "5"], "\(failures)")
    }
}

/// `ops/tls-proxy` without TLS, which cuts one connection.
private final class CuttingProxy {
    static let isPossible = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/python3") }

    /// `localhost:port`.
    let address: String
    private let process = Process()
    private let output: URL

    init(of broker: String, _ request: MockCluster.Request, _ half: String, number: Int) throws {
        self.output = FileManager.default.temporaryDirectory.appending(path: "proxy-\(UUID().uuidString)")
        try Data().write(to: self.output)
        self.process.executableURL = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "ops/tls-proxy")
        self.process.arguments = ["--broker", broker, "--cut", "\(request.rawValue):\(half):\(number)"]
        self.process.standardOutput = try FileHandle(forWritingTo: self.output)
        try self.process.run()
        let deadline = ContinuousClock.now + .seconds(20)
        var port: UInt16?
        while port == nil, ContinuousClock.now < deadline {
            usleep(20_000)
            port = try Self.lines(of: self.output).first?.split(separator: " ").last.flatMap { UInt16($0) }
        }
        self.address = "localhost:\(port ?? 1)"
    }

    /// The runner of the tests blocks SIGTERM, and what it starts inherits that.
    deinit {
        kill(self.process.processIdentifier, SIGKILL)
        self.process.waitUntilExit()
        try? FileManager.default.removeItem(at: self.output)
    }

    var hasCut: Bool { (try? Self.lines(of: self.output).contains { $0.hasPrefix("cut") }) ?? false }

    private static func lines(of file: URL) throws -> [Substring] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    }
}
