// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Codecs
import RecordLog
import Records
import Testing

@testable import KafkaLog

/// Errors of brokers in each step of a transaction.
///
/// The transactions hold state only: the writer asks the brokers for the settings of topics, and the mock cluster knows
/// no such request. `MockOffsets` has the steps that this leaves out.
@Suite struct MockWriter {
    /// An error that a broker answers in one step, so many times.
    struct Fault: CustomTestStringConvertible, Sendable {
        var request: MockCluster.Request
        var error: rd_kafka_resp_err_t
        var times: Int

        init(_ request: MockCluster.Request, _ error: rd_kafka_resp_err_t, times: Int = 1) {
            self.request = request
            self.error = error
            self.times = times
        }

        var testDescription: String {
            "\(self.request) \(String(cString: rd_kafka_err2name(self.error))) ×\(self.times)"
        }

        func inject(into cluster: MockCluster) {
            cluster.fail(self.request, with: [rd_kafka_resp_err_t](repeating: self.error, count: self.times))
        }
    }

    /// A writer that has committed once.
    final class World {
        let cluster: MockCluster
        let log: KafkaLog
        let writer: any TransactionalWriter

        init(_ properties: [String: String] = [:]) throws {
            self.cluster = try MockCluster()
            try self.cluster.createTopic("millrace-state.w", partitions: 1)
            self.log = try KafkaLog(brokers: self.cluster.address, properties: properties)
            self.writer = try self.log.makeWriter(id: "w")
            try self.commit(1)
        }

        deinit { self.log.close() }

        func commit(_ number: UInt8, by writer: (any TransactionalWriter)? = nil) throws {
            var transaction = Transaction()
            transaction.state = [StateChange(key: [7], value: [number])]
            try (writer ?? self.writer).commit(transaction)
        }

        /// The numbers that were written, those of aborted transactions too.
        func numbers() throws -> [UInt8] {
            let partition = TopicPartition("millrace-state.w", 0)
            let reader = try self.log.makeReader(of: partition, from: 0)
            let end = try self.log.offsets(of: partition).upperBound
            var numbers: [UInt8] = []
            while true {
                let batch = try reader.read(recordsMax: 1000, bytesMax: 1 << 20)
                for index in 0..<batch.count where batch.records[index].key == [1, 7] {
                    numbers += batch.records[index].value ?? []
                }
                if batch.nextOffset >= end { return numbers }
            }
        }

        func state() throws -> [Bytes] { try self.writer.state().map(\.value) }
    }

    static let passing: [Fault] =
        [
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__TRANSPORT,
        ].map { Fault(.addPartitionsToTxn, $0) }
        + [
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR__TRANSPORT,
        ].map { Fault(.produce, $0, times: 2) }
        + [
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, RD_KAFKA_RESP_ERR__TRANSPORT,
        ].map { Fault(.endTxn, $0) }

    @Test(arguments: Self.passing) func whatPassesIsRiddenOut(_ fault: Fault) throws {
        let world = try World()
        fault.inject(into: world.cluster)
        try world.commit(2)
        try world.commit(3)
        #expect(try world.numbers() == [1, 2, 3], "each once and in order")
        #expect(try world.state() == [[3]])
    }

    static let aborting: [Fault] =
        [
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
            RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
        ].map { Fault(.addPartitionsToTxn, $0) }
        + [
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
            RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_RECORD,
            RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        ].map { Fault(.produce, $0) }
        + [
            RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
        ].map { Fault(.endTxn, $0) }

    /// librdkafka 2.0.2 does not begin its sequence numbers anew after an abort for a record that a broker refused: the
    /// writer has to take another producer.
    @Test(arguments: Self.aborting) func whatIsRefusedIsAbortedAndTheWriterGoesOn(_ fault: Fault) throws {
        let world = try World()
        fault.inject(into: world.cluster)
        let error = #expect(throws: LogError.self) { try world.commit(2) }
        #expect(error?.code != .fenced)
        let reason = String(cString: rd_kafka_err2str(fault.error)).split(separator: ": ").last.map(String.init) ?? ""
        #expect(error?.message.lowercased().contains(reason.lowercased()) == true, "\(error?.message ?? "")")
        try world.commit(3)
        try world.commit(4)
        #expect(try world.state() == [[4]])
        #expect(try world.numbers().suffix(2) == [3, 4])
    }

    static let fatal = [
        Fault(.addPartitionsToTxn, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE),
        Fault(.addPartitionsToTxn, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
        Fault(.produce, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER),
    ]

    /// A producer with a fatal error can do nothing more, so a commit that succeeds was another producer's.
    @Test(arguments: Self.fatal) func aFatalErrorRecreatesTheProducer(_ fault: Fault) throws {
        let world = try World()
        fault.inject(into: world.cluster)
        try world.commit(2)
        try world.commit(3)
        #expect(try world.state() == [[3]])
    }

    /// No endless circle of new producers: the caller hears of it, and decides.
    @Test(arguments: Self.fatal) func fatalErrorsInARowAreReported(_ fault: Fault) throws {
        let world = try World()
        Fault(fault.request, fault.error, times: 6).inject(into: world.cluster)
        let error = #expect(throws: LogError.self) { try world.commit(2) }
        #expect(error?.code == .unavailable && error?.message.contains("nothing committed") == true)
        world.cluster.clear(fault.request)
        try world.commit(3)
        #expect(try world.state() == [[3]])
    }

    static let fencing: [Fault] = [MockCluster.Request.addPartitionsToTxn, .produce, .endTxn].flatMap {
        [Fault($0, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH), Fault($0, RD_KAFKA_RESP_ERR_PRODUCER_FENCED)]
    }

    @Test(arguments: Self.fencing) func aFencedWriterStopsForGood(_ fault: Fault) throws {
        let world = try World()
        fault.inject(into: world.cluster)
        for number in [2, 3] as [UInt8] {
            let error = #expect(throws: LogError.self) { try world.commit(number) }
            #expect(error?.code == .fenced && error?.isRetriable == false)
            #expect(error?.message.contains("writer w of epoch \(world.writer.epoch) has been replaced") == true)
        }
        let next = try world.log.makeWriter(id: "w")
        #expect(next.epoch > world.writer.epoch)
        try world.commit(4, by: next)
        #expect(try next.state().map(\.value) == [[4]])
    }

    @Test(arguments: [
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, RD_KAFKA_RESP_ERR__TRANSPORT,
    ]) func aNewWriterWaitsForItsCoordinator(_ error: rd_kafka_resp_err_t) throws {
        let world = try World()
        world.cluster.fail(.initProducerId, with: [error, error])
        let next = try world.log.makeWriter(id: "w")
        try world.commit(2, by: next)
        #expect(try next.state().map(\.value) == [[2]])
    }

    @Test(arguments: [
        RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
    ]) func aWriterThatIsRefusedSaysWhy(_ refusal: rd_kafka_resp_err_t) throws {
        let world = try World()
        world.cluster.fail(.initProducerId, with: [refusal])
        let error = #expect(throws: LogError.self) { _ = try world.log.makeWriter(id: "w") }
        #expect(error?.code == .failed)
        #expect(error?.message.contains(String(cString: rd_kafka_err2name(refusal))) == true)
        #expect(error?.message.contains("initialising writer w") == true)
        try world.commit(2, by: try world.log.makeWriter(id: "w"))
    }

    /// The request to end the transaction was refused for good, so only the state topic can tell what became of it. The
    /// mock cluster shows every record, so there the commit has taken place; `MockLostAnswer` has the other case.
    @Test(arguments: [
        RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ]) func anOutcomeThatIsNotKnownIsDecidedByTheMarker(_ error: rd_kafka_resp_err_t) throws {
        let world = try World()
        world.cluster.fail(.endTxn, with: [error])
        try world.commit(2)
        #expect(try world.numbers() == [1, 2], "committed, so not written again")
        try world.commit(3)
        #expect(try world.numbers() == [1, 2, 3])
    }

    /// The writer ends rather than write twice if the outcome cannot be found out.
    @Test func anOutcomeThatCannotBeFoundOutEndsTheWriter() throws {
        let world = try World()
        world.cluster.fail(.endTxn, with: [RD_KAFKA_RESP_ERR_INVALID_TXN_STATE])
        world.cluster.fail(.initProducerId, with: [RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED])
        for number in [2, 3] as [UInt8] {
            let error = #expect(throws: LogError.self) { try world.commit(number) }
            #expect(error?.code == .failed && error?.message.contains("whether it was committed is not known") == true)
        }
        let next = try world.log.makeWriter(id: "w")
        #expect(try next.state().map(\.value) == [[2]], "what the next owner finds is what counts")
    }
}
