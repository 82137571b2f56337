// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Foundation
import RecordLog
import RecordLogTesting
import Records
import Testing

@testable import KafkaLog

/// The part of the conformance suite that librdkafka 2.0.2's mock cluster can show, and why it cannot show the rest.
@Suite struct MockConformance {
    private static let noAdministration = "asks for topics' settings, or deletes or describes"
    private static let noTransactions = "shows aborted records, drops committed offsets, fences nobody"
    private static let noTopicless = "creates every topic it is asked about"
    private static let planned = "where a record goes is decided with the topics' settings at hand"
    private static let noTimes = "finds no offset by time"
    private static let otherLogs = "is for logs that enforce retention themselves"

    static let left: [String: String] = [
        "records without a key go to the partitions in turn": planned,
        "a key decides the partition": planned,
        "an empty key is a key": planned,
        "a topic keeps its specification, and its name means one thing": noAdministration,
        "invalid names are refused": noTopicless,
        "unknown topics and partitions are errors": noTopicless,
        "a deleted topic is gone, and its name free": noAdministration,
        "records are deleted up to an offset and no further": noAdministration,
        "outside the retained range a read says what is retained": noAdministration,
        "offsets that no record has are skipped": "writes no markers between transactions, so offsets are dense",
        "large records fit, larger ones are refused whole": noAdministration,
        "a transaction covers topics, offsets and state": noTransactions,
        "a commit that fails shows nothing, and its writer goes on": noTransactions,
        "what a transaction needs is checked": noTopicless,
        "epochs grow, and a former owner is fenced": noTransactions,
        "a closed writer fences nobody and commits nothing": noTransactions,
        "state is set, replaced and removed, and goes to the next owner": "see MockWriter: its batches are too small",
        "an offset is found by time": noTimes,
        "retention by time": otherLogs,
        "retention by size": otherLogs,
        "a topic without retention keeps all": otherLogs,
        "one member owns all partitions of its topics": noAdministration,
        "members share, and take over what one leaves": "forgets who is slow to join again; see MockGroup",
        "a silent member's partitions move, and it learns that it lost them": noTransactions,
        "committed offsets keep their metadata, and groups are apart": noTransactions,
        "an offset can be reset and forgotten": noAdministration,
        "a removal takes topics, offsets and state, and leaves the rest": noAdministration,
        "a removal fences the writers whose state it takes, and their epochs go on": noTransactions,
        "a removal is refused while a member lives": noAdministration,
        "a removal in the name of a fenced writer removes nothing": noTransactions,
        "the ids of writers are known": noTransactions,
        "everything is there after all handles were closed": noTransactions,
        "a closed log says so": noAdministration,
    ]

    static let shown = ConformanceCase.all.filter { Self.left[$0.name] == nil }

    @Test(arguments: Self.shown) func ofKafkaLog(_ conformanceCase: ConformanceCase) throws {
        #expect(try conformanceCase.run(on: MockHarness()) == .kept)
    }

    @Test func nothingIsLeftOutThatIsNotThere() {
        #expect(Set(Self.left.keys).subtracting(ConformanceCase.all.map(\.name)) == [])
    }
}

/// A cluster of its own for each case.
private final class MockHarness: RecordLogHarness {
    let features: Set<ConformanceFeature> = [.durability]
    let sessionTimeoutMilliseconds = 6000
    let patienceMilliseconds = 40_000
    let pollMilliseconds = 50
    private let cluster: MockCluster

    init() throws { self.cluster = try MockCluster() }

    func open() throws -> any RecordLog { try MockLog(on: self.cluster) }

    func now() -> Timestamp { Timestamp(Date().timeIntervalSince1970 * 1000) }

    func elapse(milliseconds: Int) { Thread.sleep(forTimeInterval: Double(milliseconds) / 1000) }
}

/// The log in Kafka, but for what the mock cluster has no requests for: creating topics, and asking for their settings
/// before a commit. Readers and members are the log's own, and writers run its transactions.
///
/// `@unchecked Sendable`: the mock cluster takes its calls from any thread.
private final class MockLog: RecordLog, @unchecked Sendable {
    private let cluster: MockCluster
    private let log: KafkaLog

    init(on cluster: MockCluster) throws {
        self.cluster = cluster
        self.log = try KafkaLog(brokers: cluster.address)
    }

    func createTopic(_ specification: TopicSpecification) throws(LogError) {
        do { try self.cluster.createTopic(specification.name, partitions: specification.partitions) } catch {
            throw LogError(.failed, "\(error)")
        }
    }

    func makeWriter(id: String) throws(LogError) -> any TransactionalWriter { try Writer(id: id, self.log) }
    func state(ofWriter id: String) throws(LogError) -> [StateEntry] { [] }
    func topics() throws(LogError) -> [TopicSpecification] { try self.log.topics() }
    func deleteTopic(_ name: String) throws(LogError) { try self.log.deleteTopic(name) }
    func deleteRecords(of partition: TopicPartition, before offset: Offset) throws(LogError) {
        try self.log.deleteRecords(of: partition, before: offset)
    }
    func enforceRetention() throws(LogError) { try self.log.enforceRetention() }
    func offsets(of partition: TopicPartition) throws(LogError) -> Range<Offset> { try self.log.offsets(of: partition) }
    func offset(of partition: TopicPartition, notBefore time: Timestamp) throws(LogError) -> Offset {
        try self.log.offset(of: partition, notBefore: time)
    }
    func makeReader(of partition: TopicPartition, from offset: Offset) throws(LogError) -> any PartitionReader {
        try self.log.makeReader(of: partition, from: offset)
    }
    func writerIDs() throws(LogError) -> [String] { [] }
    func join(_ configuration: GroupConfiguration) throws(LogError) -> any GroupMember {
        try self.log.join(configuration)
    }
    func committedOffset(group: String, partition: TopicPartition) throws(LogError) -> CommittedOffset? {
        try self.log.committedOffset(group: group, partition: partition)
    }
    func resetOffset(group: String, partition: TopicPartition, to committed: CommittedOffset?) throws(LogError) {
        try self.log.resetOffset(group: group, partition: partition, to: committed)
    }
    func groups() throws(LogError) -> [GroupDescription] { try self.log.groups() }
    func awaitAppend(timeoutMilliseconds: Int) { self.log.awaitAppend(timeoutMilliseconds: timeoutMilliseconds) }
    func close() { self.log.close() }

    /// `@unchecked Sendable`: used by one case's thread.
    private final class Writer: TransactionalWriter, @unchecked Sendable {
        let id: String
        let epoch: Int64 = 1
        private let log: KafkaLog
        private let client: Client
        private var sequence: Int64 = 0

        init(id: String, _ log: KafkaLog) throws(LogError) {
            self.id = id
            self.log = log
            let pointer = try log.configuration.makeClient(
                RD_KAFKA_PRODUCER, defaults: ["message.max.bytes": "100000000"], required: ["transactional.id": id])
            self.client = Client(owning: pointer)
            try log.register(self.client)
            try OpaquePointer.check(rd_kafka_init_transactions(pointer, 10_000), "init")
        }

        func state() throws(LogError) -> [StateEntry] { [] }

        func close() { self.log.close(self.client) }

        func commit(_ transaction: Transaction) throws(LogError) {
            self.sequence += 1
            let transactions = ProducerTransaction(writer: self.id, client: self.client, stateTopic: "state.\(self.id)")
            let outputs = try transaction.outputs.map { output throws(LogError) in
                let count = try self.log.partitionCount(of: output.topic) ?? 1
                let partitions = output.records.entries.map { entry in
                    let key = output.records.storage[entry.keyStart..<entry.keyStart + max(0, entry.keyCount)]
                    return Int32(output.partition ?? Partitioner.partition(forKey: key, count: count))
                }
                return CommitPlanner.Output(topic: output.topic, partitions: partitions, records: output.records)
            }
            do throws(TransactionFailure) {
                try transactions.run(transaction, outputs, WriterState.Marker(epoch: 1, sequence: self.sequence))
            } catch {
                throw error.error
            }
        }
    }
}
