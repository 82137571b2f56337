// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Foundation
import RecordLog
import Records
import Synchronization

/// A consumer that takes part in a group and fetches nothing: partitions are read by readers of their own, so no batch
/// is ever consumed in parallel with a rebalance, which librdkafka 2.0.2 does not do safely.
final class KafkaGroupMember: GroupMember {
    private let group: GroupConfiguration
    private let log: KafkaLog
    private let client: Client
    private let rebalancing: Rebalancing
    private let name: Mutex<String>

    init(_ group: GroupConfiguration, log: KafkaLog) throws(LogError) {
        self.group = group
        self.log = log
        let rebalancing = Rebalancing(sharing: log.configuration.events, hasQuirks: log.configuration.hasQuirks)
        self.rebalancing = rebalancing
        let process = ProcessInfo.processInfo
        let name = "millrace-\(process.hostName)-\(process.processIdentifier)-\(UUID().uuidString.prefix(8))"
        self.name = Mutex(name)
        let timeout = "\(group.sessionTimeoutMilliseconds)"
        let pointer = try log.configuration.makeClient(
            RD_KAFKA_CONSUMER,
            defaults: ["client.id": name],
            required: [
                "group.id": group.group, "session.timeout.ms": timeout,
                // librdkafka sends heartbeats by itself: that the member is polled is what it has to watch.
                "max.poll.interval.ms": timeout,
                "heartbeat.interval.ms": "\(max(1, min(3000, group.sessionTimeoutMilliseconds / 3)))",
                "partition.assignment.strategy": "cooperative-sticky", "enable.auto.commit": "false",
                "enable.auto.offset.store": "false", "allow.auto.create.topics": "false",
            ]
        ) { configuration in
            rebalancing.attach(to: configuration)
            rd_kafka_conf_set_rebalance_cb(configuration) { client, kind, partitions, context in
                guard let client, let partitions, let context else { return }
                // The member's client keeps it alive.
                let rebalancing = Unmanaged<Rebalancing>.fromOpaque(context).takeUnretainedValue()
                rebalancing.run(client, kind, partitions)
            }
        }
        self.client = Client(owning: pointer) { _, pointer in rebalancing.leave(pointer) }
        _ = rd_kafka_poll_set_consumer(pointer)
        try log.register(self.client)
        try self.client.use { client throws(LogError) in
            let topics = try PartitionList(group.topics.map { (TopicPartition($0, -1), 0) })
            try rd_kafka_subscribe(client, topics.pointer).check("joining group \(group.group)")
        }
    }

    deinit { self.log.close(self.client) }

    /// The broker's name for the member; its client's before it has joined.
    var id: String {
        let known = try? self.client.use { client throws(LogError) -> String? in
            guard let name = rd_kafka_memberid(client) else { return nil }
            defer { rd_kafka_mem_free(client, name) }
            return String(cString: name)
        }
        return self.name.withLock { name in
            if let known, !known.isEmpty { name = known }
            return name
        }
    }

    func poll(timeoutMilliseconds: Int, _ handler: any AssignmentHandler) throws(LogError) {
        try self.client.use { client throws(LogError) in
            self.rebalancing.handler = handler
            defer { self.rebalancing.handler = nil }
            var timeout = Int32(clamping: timeoutMilliseconds)
            while let message = rd_kafka_consumer_poll(client, timeout) {
                let error = message.pointee.err
                rd_kafka_message_destroy(message)
                timeout = 0
                // A record fetched before the pause is dropped: readers fetch for themselves.
                if error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED { continue }
                if error == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT { throw self.invalidTimeout }
                let failure = LogError(error, "group \(self.group.group)")
                // Topics may be yet to come, and brokers may come back.
                if failure.isRetriable || failure.code == .unknownTopic { continue }
                throw failure
            }
        }
    }

    private var invalidTimeout: LogError {
        LogError(
            .invalidArgument,
            "group \(self.group.group): the brokers do not take a session timeout of"
                + " \(self.group.sessionTimeoutMilliseconds) ms: keep within their group.min.session.timeout.ms and"
                + " group.max.session.timeout.ms (6,000 to 1,800,000 unless changed)")
    }

    func leave(_ handler: any AssignmentHandler) {
        _ = self.id
        self.rebalancing.handler = handler
        defer { self.rebalancing.handler = nil }
        self.log.close(self.client)
    }
}

/// State that a member's rebalances change.
///
/// `@unchecked Sendable`: it changes in calls of the member's, which the contract has made from one thread at a time,
/// and in the destruction of its client, which `Client` runs when no such call is under way.
private final class Rebalancing: ClientEvents, @unchecked Sendable {
    /// Partitions that the handler was told it owns.
    private(set) var owned: Set<TopicPartition> = []
    /// The handler to tell; `nil` when the log is closed.
    var handler: (any AssignmentHandler)?
    private var isLeaving = false
    private let hasQuirks: Bool
    /// Tells whether the group has ever made an assignment to the member, even an empty one.
    private var hasBeenAssigned = false

    init(sharing events: ClientEvents, hasQuirks: Bool) {
        self.hasQuirks = hasQuirks
        super.init(sharing: events)
    }

    /// Runs inside a poll or the leaving.
    func run(
        _ client: OpaquePointer, _ kind: rd_kafka_resp_err_t,
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
    ) {
        let partitions = ListedPartition.all(of: UnsafePointer(list)).map(\.partition)
        if kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.hasBeenAssigned = true
            for element in UnsafeMutableBufferPointer(start: list.pointee.elems, count: Int(list.pointee.cnt)).indices {
                list.pointee.elems[element].offset = Offset(RD_KAFKA_OFFSET_END)
            }
            if let error = rd_kafka_incremental_assign(client, list) { rd_kafka_error_destroy(error) }
            _ = rd_kafka_pause_partitions(client, list)
            if self.isLeaving { return }
            let new = partitions.filter { self.owned.insert($0).inserted }.sorted()
            if !new.isEmpty { self.handler?.assigned(new) }
        } else {
            let gone = partitions.filter { self.owned.remove($0) != nil }.sorted()
            let isLost = rd_kafka_assignment_lost(client) != 0
            if !gone.isEmpty {
                if isLost { self.handler?.lost(gone) } else { self.handler?.revoked(gone) }
            }
            // The member rejoins at once when this is done. noida-db 0.2.3 was seen to part the group in two where that
            // overtook another member's request of the round before, so that gets a moment to arrive.
            if self.hasQuirks, !self.isLeaving, !isLost { Thread.sleep(forTimeInterval: 0.05) }
            if let error = rd_kafka_incremental_unassign(client, list) { rd_kafka_error_destroy(error) }
        }
    }

    /// Tells whether the group counts the client as a member: leaving takes its name away.
    private func isMember(_ client: OpaquePointer) -> Bool {
        guard let name = rd_kafka_memberid(client) else { return false }
        defer { rd_kafka_mem_free(client, name) }
        return name.pointee != 0
    }

    /// Leaves the group by unsubscribing and destroys the client, within a bounded time: `rd_kafka_consumer_close` of
    /// librdkafka 2.0.2 may never end if it meets an assignment.
    func leave(_ client: OpaquePointer) {
        self.isLeaving = true
        let hasJoined = self.isMember(client)
        _ = rd_kafka_unsubscribe(client)
        // A member still waiting for its first assignment, which may take the group long, has nothing to give back in
        // order.
        let deadline = ContinuousClock.now + .seconds(self.hasBeenAssigned ? 10 : 2)
        while self.isMember(client) || !self.owned.isEmpty, ContinuousClock.now < deadline {
            if let message = rd_kafka_consumer_poll(client, 50) { rd_kafka_message_destroy(message) }
        }
        // The request to leave is on its way: it is not waited for, and destroying the client may drop it.
        if let message = rd_kafka_consumer_poll(client, 100) { rd_kafka_message_destroy(message) }
        if !self.owned.isEmpty {
            let rest = self.owned.sorted()
            self.owned = []
            self.handler?.lost(rest)
        }
        // librdkafka 2.0.2 aborts the process (an assertion of its sticky assignor's) where a client is destroyed that
        // has joined and was never assigned anything: such a client, which has left the group, stays until the exit.
        if hasJoined, !self.hasBeenAssigned { return }
        rd_kafka_destroy_flags(client, Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE))
    }
}
