// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Codecs
import KafkaBroker
import RecordLog
import Records
import Testing

@testable import KafkaLog

/// A transactional producer beside those of the log, for what another program leaves in a topic, or a killed process.
final class OtherProducer {
    private let pointer: OpaquePointer
    private let transaction: ProducerTransaction

    /// Makes a producer that is ready to begin, and has fenced those of the same id.
    init(_ id: String, on broker: Broker) throws {
        let configuration = try ClientConfiguration(brokers: broker.address, properties: [:])
        self.pointer = try configuration.makeClient(RD_KAFKA_PRODUCER, required: ["transactional.id": id])
        self.transaction = ProducerTransaction(
            writer: id, client: Client(owning: self.pointer) { _, _ in }, stateTopic: "none")
        try OpaquePointer.check(rd_kafka_init_transactions(self.pointer, 30_000), "init")
    }

    deinit { rd_kafka_destroy(self.pointer) }

    /// Begins a transaction.
    func begin() throws { try OpaquePointer.check(rd_kafka_begin_transaction(self.pointer), "begin") }

    /// Sends records to a topic's only partition, and waits until the broker has them.
    func send(_ records: [Record], to topic: String) throws {
        let partitions = [Int32](repeating: 0, count: records.count)
        try self.transaction.produce(
            .init(topic: topic, partitions: partitions, records: RecordBatch(records)), on: self.pointer)
        #expect(rd_kafka_flush(self.pointer, 30_000) == RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    /// Sends records with the key `k`.
    func send(_ values: [String], to topic: String) throws {
        try self.send(values.map { Record(key: "k", value: $0) }, to: topic)
    }

    /// Ends the transaction.
    func commit() throws { try OpaquePointer.check(rd_kafka_commit_transaction(self.pointer, 30_000), "commit") }

    /// Ends the transaction, whose records nobody is to see.
    func abort() throws { try OpaquePointer.check(rd_kafka_abort_transaction(self.pointer, 30_000), "abort") }
}
