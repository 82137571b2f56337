// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import CRdKafkaMock
import RecordLog
import Testing

@testable import KafkaLog

/// librdkafka's mock cluster: brokers in this process that fail on demand.
///
/// The one in 2.0.2 creates every topic it is asked about, shows the records of aborted transactions, drops the offsets
/// that a transaction commits, fences nobody and knows no administrative request.
final class MockCluster {
    /// The kinds of requests, by the protocol's numbers.
    enum Request: Int16, CaseIterable, CustomStringConvertible {
        case produce = 0, fetch = 1, listOffsets = 2, metadata = 3, offsetCommit = 8, offsetFetch = 9
        case findCoordinator = 10, joinGroup = 11, heartbeat = 12, leaveGroup = 13, syncGroup = 14
        case initProducerId = 22, addPartitionsToTxn = 24, addOffsetsToTxn = 25, endTxn = 26, txnOffsetCommit = 28

        var description: String {
            switch self {
            case .produce: "Produce"
            case .fetch: "Fetch"
            case .listOffsets: "ListOffsets"
            case .metadata: "Metadata"
            case .offsetCommit: "OffsetCommit"
            case .offsetFetch: "OffsetFetch"
            case .findCoordinator: "FindCoordinator"
            case .joinGroup: "JoinGroup"
            case .heartbeat: "Heartbeat"
            case .leaveGroup: "LeaveGroup"
            case .syncGroup: "SyncGroup"
            case .initProducerId: "InitProducerId"
            case .addPartitionsToTxn: "AddPartitionsToTxn"
            case .addOffsetsToTxn: "AddOffsetsToTxn"
            case .endTxn: "EndTxn"
            case .txnOffsetCommit: "TxnOffsetCommit"
            }
        }
    }

    /// The brokers, `host:port` each.
    let address: String
    private let owner: OpaquePointer
    private let cluster: OpaquePointer

    init(brokers: Int = 3) throws {
        let configuration = try ClientConfiguration(brokers: "127.0.0.1:1", properties: [:])
        let owner = try configuration.makeClient(RD_KAFKA_PRODUCER, required: ["log_level": "0"])
        guard let cluster = rd_kafka_mock_cluster_new(owner, Int32(brokers)) else {
            rd_kafka_destroy(owner)
            throw LogError(.failed, "no mock cluster")
        }
        self.owner = owner
        self.cluster = cluster
        self.address = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
    }

    deinit {
        rd_kafka_mock_cluster_destroy(self.cluster)
        rd_kafka_destroy(self.owner)
    }

    /// Creates a topic, which no client can.
    func createTopic(_ name: String, partitions: Int) throws {
        try rd_kafka_mock_topic_create(self.cluster, name, Int32(partitions), 1).check("creating \(name)")
    }

    /// Makes the next answers to a kind of request these errors, whichever broker is asked.
    ///
    /// `__TRANSPORT` cuts the connection instead of answering.
    func fail(_ request: Request, with errors: [rd_kafka_resp_err_t]) {
        rd_kafka_mock_push_request_errors_array(self.cluster, request.rawValue, errors.count, errors)
    }

    /// Takes back what `fail` has left.
    func clear(_ request: Request) { rd_kafka_mock_clear_request_errors(self.cluster, request.rawValue) }

    /// Makes a broker's next answer to a kind of request an error, or none, and late.
    func delay(_ request: Request, of broker: Int, milliseconds: Int, error: rd_kafka_resp_err_t) throws {
        try crdkafka_mock_push(self.cluster, Int32(broker), request.rawValue, error, Int32(milliseconds))
            .check("delaying \(request)")
    }

    /// Makes all brokers answer late.
    func slow(milliseconds: Int) throws {
        try rd_kafka_mock_broker_set_rtt(self.cluster, -1, Int32(milliseconds)).check("slowing")
    }

    /// Cuts the connections of a broker, or of all, and lets none in.
    func down(_ broker: Int = -1) throws {
        try rd_kafka_mock_broker_set_down(self.cluster, Int32(broker)).check("taking down")
    }

    /// Lets connections in again.
    func up(_ broker: Int = -1) throws { try rd_kafka_mock_broker_set_up(self.cluster, Int32(broker)).check("raising") }

    /// Makes a broker the coordinator of a group or a transactional id.
    func coordinate(_ kind: String, _ key: String, by broker: Int) throws {
        try rd_kafka_mock_coordinator_set(self.cluster, kind, key, Int32(broker)).check("moving a coordinator")
    }

    /// Makes a broker a partition's leader.
    func lead(_ topic: String, _ partition: Int = 0, by broker: Int) throws {
        try rd_kafka_mock_partition_set_leader(self.cluster, topic, Int32(partition), Int32(broker)).check("moving")
    }
}
