// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import RecordLog
import Records
import Testing

@testable import KafkaLog

/// Errors of brokers where the consumed offsets join a transaction, and what each leaves of the transaction.
@Suite struct MockOffsets {
    private static let requests: [MockCluster.Request] = [.addOffsetsToTxn, .txnOffsetCommit]

    /// A producer, and the transactions that it runs as a writer does.
    private final class World {
        let cluster: MockCluster
        private let client: Client
        private var sequence: Int64 = 0

        init() throws {
            self.cluster = try MockCluster()
            for topic in ["in", "out", "state"] { try self.cluster.createTopic(topic, partitions: 1) }
            let configuration = try ClientConfiguration(brokers: self.cluster.address, properties: [:])
            let pointer = try configuration.makeClient(RD_KAFKA_PRODUCER, required: ["transactional.id": "w"])
            self.client = Client(owning: pointer)
            try OpaquePointer.check(rd_kafka_init_transactions(pointer, 10_000), "init")
            try self.run()
        }

        deinit { self.client.close() }

        func run() throws(TransactionFailure) {
            self.sequence += 1
            var transaction = Transaction()
            transaction.group = "g"
            transaction.offsets = [TopicPartition("in", 0): CommittedOffset(self.sequence, metadata: "m")]
            let output = CommitPlanner.Output(
                topic: "out", partitions: [0], records: RecordBatch([Record(key: "k", value: "\(self.sequence)")]))
            try ProducerTransaction(writer: "w", client: self.client, stateTopic: "state")
                .run(transaction, [output], WriterState.Marker(epoch: 1, sequence: self.sequence))
        }
    }

    @Test(
        arguments: Self.requests,
        [
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR__TRANSPORT,
        ])
    func whatPassesIsRiddenOut(_ request: MockCluster.Request, _ error: rd_kafka_resp_err_t) throws {
        let world = try World()
        world.cluster.fail(request, with: [error])
        try world.run()
        try world.run()
    }

    /// `UNKNOWN_MEMBER_ID` and `ILLEGAL_GENERATION` come where a group has moved on: the task has another owner.
    @Test(
        arguments: Self.requests,
        [
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        ])
    func whatIsRefusedIsAborted(_ request: MockCluster.Request, _ error: rd_kafka_resp_err_t) throws {
        let world = try World()
        world.cluster.fail(request, with: [error])
        let failure = #expect(throws: TransactionFailure.self) { try world.run() }
        #expect(failure?.outcome == .aborted)
        #expect(failure?.error.message.contains(String(cString: rd_kafka_err2name(error))) == true)
        try world.run()
    }

    /// librdkafka 2.0.2 would abort after `PRODUCER_FENCED` and go on, so the code counts before the outcome does.
    @Test(
        arguments: Self.requests, [RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, RD_KAFKA_RESP_ERR_PRODUCER_FENCED])
    func aFencedProducerIsToldSo(_ request: MockCluster.Request, _ error: rd_kafka_resp_err_t) throws {
        let world = try World()
        world.cluster.fail(request, with: [error])
        let failure = #expect(throws: TransactionFailure.self) { try world.run() }
        #expect(failure?.error.code == .fenced)
    }

    /// The transaction has failed before its offsets are sent, and the call that sends them knows only that.
    @Test func theErrorIsThatWhichFailedTheTransaction() throws {
        let world = try World()
        world.cluster.fail(
            .addPartitionsToTxn,
            with: [rd_kafka_resp_err_t](repeating: RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, count: 3))
        let failure = #expect(throws: TransactionFailure.self) { try world.run() }
        #expect(failure?.outcome == .aborted)
        #expect(
            failure?.error.message.contains("Topic authorization failed") == true, "\(failure?.error.message ?? "")")
    }

    @Test(arguments: [RD_KAFKA_RESP_ERR_INVALID_TXN_STATE]) func aFatalErrorBreaksTheProducer(
        _ error: rd_kafka_resp_err_t
    ) throws {
        let world = try World()
        world.cluster.fail(.addOffsetsToTxn, with: [error])
        let failure = #expect(throws: TransactionFailure.self) { try world.run() }
        #expect(failure?.outcome == .broken && failure?.error.code == .failed)
    }
}
