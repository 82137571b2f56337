// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Codecs
import RecordLog
import Records
import Testing

@testable import KafkaLog

/// Headers through librdkafka without a server in between: its own mock broker keeps record batches as they are.
@Suite struct KafkaHeaders {
    @Test func repeatedEmptyAndHugeHeadersComeBack() throws {
        let configuration = try ClientConfiguration(brokers: "mock", properties: ["test.mock.num.brokers": "1"])
        let pointer = try configuration.makeClient(RD_KAFKA_PRODUCER, required: [:])
        defer { rd_kafka_destroy(pointer) }
        let huge = Bytes(repeating: 200, count: 300_000)
        let headers = [
            Header("twice", "a"), Header("twice", "b"), Header("empty", Bytes()), Header("twice", "a"),
            Header("ünïcode ✓", "✓"), Header("", "no name"), Header("huge", huge),
        ]
        let records = [
            Record(key: "k", value: "v", headers: headers), Record(key: "k", value: nil, headers: headers),
            Record(key: Bytes(), value: Bytes()), Record(key: Bytes?.none, value: nil),
        ]
        let client = Client(owning: pointer) { _, _ in }
        let transaction = ProducerTransaction(writer: "w", client: client, stateTopic: "state")
        let output = CommitPlanner.Output(
            topic: "headers", partitions: [Int32](repeating: 0, count: records.count), records: RecordBatch(records))
        try transaction.produce(output, on: pointer)
        #expect(rd_kafka_flush(pointer, 30_000) == RD_KAFKA_RESP_ERR_NO_ERROR)
        #expect(try self.consume(records.count, from: self.brokers(of: pointer)) == records)
    }

    /// The mock broker's address, from its metadata.
    private func brokers(of client: OpaquePointer) throws -> String {
        var answer: UnsafePointer<rd_kafka_metadata>?
        try rd_kafka_metadata(client, 1, nil, &answer, 10_000).check("metadata")
        let metadata = try #require(answer)
        defer { rd_kafka_metadata_destroy(metadata) }
        let broker = try #require(metadata.pointee.brokers).pointee
        return "\(String(cString: broker.host)):\(broker.port)"
    }

    private func consume(_ count: Int, from brokers: String) throws -> [Record] {
        let configuration = try ClientConfiguration(brokers: brokers, properties: [:])
        let consumer = try configuration.makeClient(RD_KAFKA_CONSUMER, required: ["group.id": "headers"])
        defer { rd_kafka_destroy(consumer) }
        let list = try PartitionList([(TopicPartition("headers", 0), 0)])
        try rd_kafka_assign(consumer, list.pointer).check("assigning")
        var decoder = MessageDecoder()
        let deadline = ContinuousClock.now + .seconds(30)
        while decoder.offsets.count < count, ContinuousClock.now < deadline {
            guard let message = rd_kafka_consumer_poll(consumer, 500) else { continue }
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR { decoder.append(message) }
            rd_kafka_message_destroy(message)
        }
        let batch = decoder.batch(of: TopicPartition("headers", 0), nextOffset: 0)
        return (0..<batch.count).map { batch.records[$0] }
    }
}
