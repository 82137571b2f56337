// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Foundation
public import RecordLog
public import Records
import Synchronization

extension KafkaLog {
    /// Prefix of the names of topics that hold writers' state, before the writer's id.
    static let statePrefix = ReservedTopics.statePrefix
    /// `max.message.bytes` counts a whole batch with its headers: this much more than the largest record.
    static let batchRoom = (1 << 20) + (1 << 16)
    private var timeoutMilliseconds: Int32 { self.configuration.callTimeout.milliseconds }

    /// Creates a topic and waits until the broker shows it.
    public func createTopic(_ specification: TopicSpecification) throws(LogError) {
        let name = specification.name
        guard TopicSpecification.isValid(name: name), !name.hasPrefix(Self.statePrefix), !name.hasPrefix("__") else {
            throw LogError(
                .invalidArgument,
                "“\(name)” cannot name a topic: take 1 to 249 letters, digits, “.”, “_” and “-”, not starting with"
                    + " “__” or “\(Self.statePrefix)”")
        }
        guard (1...100_000).contains(specification.partitions) else {
            throw LogError(.invalidArgument, "topic \(name): \(specification.partitions) partitions")
        }
        if let found = try self.partitionCount(of: name) {
            guard found != specification.partitions else { return }
            throw self.conflict(specification, found)
        }
        let retention = specification.retention
        do throws(LogError) {
            try self.create(
                name, partitions: specification.partitions,
                [
                    "retention.ms": retention.seconds.map { "\($0 * 1000)" } ?? "-1",
                    "retention.bytes": retention.bytes.map { "\($0)" } ?? "-1",
                    "max.message.bytes": "\(specification.recordBytesMax + Self.batchRoom)",
                    "message.timestamp.type": "LogAppendTime",
                ])
        } catch  where error.code == .topicConflict {
            // Another process was faster.
            if let found = try self.partitionCount(of: name), found != specification.partitions {
                throw self.conflict(specification, found)
            }
        }
    }

    private func conflict(_ specification: TopicSpecification, _ found: Int) -> LogError {
        LogError(
            .topicConflict,
            "topic \(specification.name) exists with \(found) partitions, not \(specification.partitions): partitions"
                + " are fixed when a topic is created; take its number, or another name")
    }

    func create(_ name: String, partitions: Int, _ settings: [String: String]) throws(LogError) {
        let what = "creating topic \(name)"
        try self.admin.use { client throws(LogError) in
            guard let topic = rd_kafka_NewTopic_new(name, Int32(clamping: partitions), -1, nil, 0) else {
                throw LogError(.invalidArgument, what)
            }
            defer { rd_kafka_NewTopic_destroy(topic) }
            for (setting, value) in settings {
                try rd_kafka_NewTopic_set_config(topic, setting, value).check("\(what): \(setting)")
            }
            var topics: [OpaquePointer?] = [topic]
            try AdminRequest(what: what, operation: RD_KAFKA_ADMIN_OP_CREATETOPICS).send(on: client) {
                rd_kafka_CreateTopics(client, &topics, 1, $0, $1)
            } _: { event throws(LogError) in
                try Self.checkTopics(rd_kafka_CreateTopics_result_topics, event, what)
            }
        }
        try self.awaitMetadata(name) { $0 == partitions }
    }

    private static func checkTopics(
        _ topics: (OpaquePointer?, UnsafeMutablePointer<Int>?) -> UnsafeMutablePointer<OpaquePointer?>?,
        _ event: OpaquePointer, _ what: String
    ) throws(LogError) {
        var count = 0
        let results = topics(event, &count)
        for result in elements(results, count) {
            let error = rd_kafka_topic_result_error(result)
            if error == RD_KAFKA_RESP_ERR_NO_ERROR { continue }
            throw LogError(error, what, detail: rd_kafka_topic_result_error_string(result).map { String(cString: $0) })
        }
    }

    /// Brokers learn of a change of topics one after another.
    private func awaitMetadata(_ name: String, _ isSettled: (Int?) -> Bool) throws(LogError) {
        for _ in 0..<200 {
            if isSettled(try self.partitionCount(of: name)) { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw LogError(.unavailable, "the brokers do not agree on topic \(name) yet; try again")
    }

    /// All topics but the brokers' own and the writers' states.
    public func topics() throws(LogError) -> [TopicSpecification] {
        var found: [String: Int] = [:]
        for (name, partitions) in try self.metadata(of: nil) {
            if !name.hasPrefix("__"), !name.hasPrefix(Self.statePrefix) { found[name] = partitions }
        }
        let settings = try self.settings(of: Array(found.keys))
        return found.map { name, partitions in
            let values = settings[name, default: [:]]
            func number(_ setting: String) -> Int? { values[setting].flatMap { Int($0) }.map { max(-1, $0) } }
            func limit(_ setting: String) -> Int? { number(setting).flatMap { $0 < 0 ? nil : $0 } }
            return TopicSpecification(
                name: name, partitions: partitions,
                retention: .init(seconds: limit("retention.ms").map { $0 / 1000 }, bytes: limit("retention.bytes")),
                recordBytesMax: Self.recordBytesMax(messageBytesMax: number("max.message.bytes") ?? 1_048_588))
        }.sorted { $0.name < $1.name }
    }

    /// Size limit of a topic's records; topics that others created have less room for the rest.
    static func recordBytesMax(messageBytesMax: Int) -> Int {
        messageBytesMax > self.batchRoom ? messageBytesMax - self.batchRoom : max(0, messageBytesMax - 512)
    }

    /// The configuration of topics.
    func settings(of topics: [String]) throws(LogError) -> [String: [String: String]] {
        if topics.isEmpty { return [:] }
        let what = "describing \(topics.count == 1 ? "topic \(topics[0])" : "\(topics.count) topics")"
        return try self.admin.use { client throws(LogError) in
            var resources = topics.map { rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, $0) }
            defer { for resource in resources { rd_kafka_ConfigResource_destroy(resource) } }
            return try AdminRequest(what: what, operation: RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS).send(on: client) {
                rd_kafka_DescribeConfigs(client, &resources, resources.count, $0, $1)
            } _: { event throws(LogError) in
                var result: [String: [String: String]] = [:]
                var count = 0
                let described = rd_kafka_DescribeConfigs_result_resources(event, &count)
                for resource in elements(described, count) {
                    let name = String(cString: rd_kafka_ConfigResource_name(resource))
                    // A topic that has been deleted in between has no configuration.
                    guard rd_kafka_ConfigResource_error(resource) == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
                    var entryCount = 0
                    let entries = rd_kafka_ConfigResource_configs(resource, &entryCount)
                    for entry in elements(entries, entryCount) {
                        guard let value = rd_kafka_ConfigEntry_value(entry) else { continue }
                        let setting = String(cString: rd_kafka_ConfigEntry_name(entry))
                        result[name, default: [:]][setting] = String(cString: value)
                    }
                }
                return result
            }
        }
    }

    /// Deletes a topic, and the groups' commits for it if the broker leaves them.
    public func deleteTopic(_ name: String) throws(LogError) {
        guard let partitions = try self.partitionCount(of: name) else { return }
        defer { self.topicChanges.add(1, ordering: .releasing) }
        let what = "deleting topic \(name)"
        try self.admin.use { client throws(LogError) in
            guard let topic = rd_kafka_DeleteTopic_new(name) else { throw LogError(.failed, what) }
            defer { rd_kafka_DeleteTopic_destroy(topic) }
            var topics: [OpaquePointer?] = [topic]
            do throws(LogError) {
                try AdminRequest(what: what, operation: RD_KAFKA_ADMIN_OP_DELETETOPICS).send(on: client) {
                    rd_kafka_DeleteTopics(client, &topics, 1, $0, $1)
                } _: { event throws(LogError) in
                    try Self.checkTopics(rd_kafka_DeleteTopics_result_topics, event, what)
                }
            } catch  where error.code == .unknownTopic {}
        }
        try self.awaitMetadata(name) { $0 == nil }
        let all = (0..<partitions).map { TopicPartition(name, $0) }
        for group in try self.groupNames() {
            let left = try self.commits(of: group).filter { $0.partition.topic == name }
            if !left.isEmpty { try self.forget(all, group: group) }
        }
    }

    /// Deletes records; what is gone already is no error.
    public func deleteRecords(of partition: TopicPartition, before offset: Offset) throws(LogError) {
        let range = try self.offsets(of: partition)
        if offset <= range.lowerBound { return }
        guard offset <= range.upperBound else {
            throw LogError(
                .offsetOutOfRange(range), "deleting records of \(partition) before \(offset): it ends at \(range)")
        }
        let what = "deleting records of \(partition)"
        let list = try PartitionList([(partition, offset)])
        try self.admin.use { client throws(LogError) in
            guard let deletion = rd_kafka_DeleteRecords_new(list.pointer) else { throw LogError(.failed, what) }
            defer { rd_kafka_DeleteRecords_destroy(deletion) }
            var deletions: [OpaquePointer?] = [deletion]
            try AdminRequest(what: what, operation: RD_KAFKA_ADMIN_OP_DELETERECORDS).send(on: client) {
                rd_kafka_DeleteRecords(client, &deletions, 1, $0, $1)
            } _: { event throws(LogError) in
                for element in ListedPartition.all(of: rd_kafka_DeleteRecords_result_offsets(event)) {
                    try element.error.check(what)
                }
            }
        }
    }

    /// The retained range up to the last stable offset.
    public func offsets(of partition: TopicPartition) throws(LogError) -> Range<Offset> {
        try self.checkExists(partition)
        return try self.watermarks(of: partition, on: self.admin)
    }

    private func watermarks(of partition: TopicPartition, on client: Client) throws(LogError) -> Range<Offset> {
        try client.use { client throws(LogError) in
            var low: Offset = 0
            var high: Offset = 0
            try rd_kafka_query_watermark_offsets(
                client, partition.topic, Int32(clamping: partition.partition), &low, &high, self.timeoutMilliseconds
            ).check("offsets of \(partition)")
            return low..<max(low, high)
        }
    }

    /// Compares the last stable offset with the high watermark as it is now: between them are undecided records.
    public func awaitDecisions(on partition: TopicPartition, timeoutMilliseconds: Int) throws(LogError) {
        try self.checkExists(partition)
        let end = try self.watermarks(of: partition, on: self.uncommittedClient()).upperBound
        let deadline = ContinuousClock.now + .milliseconds(timeoutMilliseconds)
        while true {
            let stable = try self.offsets(of: partition).upperBound
            if stable >= end { return }
            guard ContinuousClock.now < deadline else {
                throw LogError(
                    .unavailable,
                    "\(partition): a transaction is open at offset \(stable); it is decided when its producer's task"
                        + " is taken over, or after transaction.timeout.ms; one that the brokers have forgotten is found by"
                        + " `kafka-transactions.sh find-hanging` and ended by `kafka-transactions.sh abort`")
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
    }

    /// Searches by the brokers' time index.
    public func offset(of partition: TopicPartition, notBefore time: Timestamp) throws(LogError) -> Offset {
        let range = try self.offsets(of: partition)
        let list = try PartitionList([(partition, max(0, time))])
        try self.admin.use { client throws(LogError) in
            try rd_kafka_offsets_for_times(client, list.pointer, self.timeoutMilliseconds)
                .check("searching \(partition) by time")
        }
        guard let found = list.elements.first else { return range.upperBound }
        try found.error.check("searching \(partition) by time")
        return found.offset < 0 ? range.upperBound : min(max(found.offset, range.lowerBound), range.upperBound)
    }

    func checkExists(_ partition: TopicPartition) throws(LogError) {
        guard let count = try self.partitionCount(of: partition.topic) else {
            throw LogError(.unknownTopic, "there is no topic \(partition.topic)")
        }
        guard (0..<count).contains(partition.partition) else {
            throw LogError(
                .unknownTopic, "topic \(partition.topic) has no partition \(partition.partition) of \(count)")
        }
    }

    /// Returns a topic's number of partitions; `nil` if there is no such topic.
    func partitionCount(of topic: String) throws(LogError) -> Int? {
        guard TopicSpecification.isValid(name: topic) else {
            if self.admin.isClosed { throw .logClosed }
            return nil
        }
        return try self.metadata(of: topic)[topic]
    }

    /// The partitions of one topic, or of all.
    func metadata(
        of topic: String?, timeoutMilliseconds: Int32? = nil
    ) throws(LogError) -> [String: Int] {
        try self.admin.use { client throws(LogError) in
            var handle: OpaquePointer?
            if let topic {
                handle = rd_kafka_topic_new(client, topic, nil)
                if handle == nil { throw LogError(rd_kafka_last_error(), "topic \(topic)") }
            }
            defer { if let handle { rd_kafka_topic_destroy(handle) } }
            var answer: UnsafePointer<rd_kafka_metadata>?
            try rd_kafka_metadata(
                client, topic == nil ? 1 : 0, handle, &answer, timeoutMilliseconds ?? self.timeoutMilliseconds
            )
            .check("asking \(self.configuration.brokers) for its topics")
            guard let answer else { return [:] }
            defer { rd_kafka_metadata_destroy(answer) }
            var result: [String: Int] = [:]
            for found in UnsafeBufferPointer(start: answer.pointee.topics, count: Int(answer.pointee.topic_cnt)) {
                if found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { continue }
                if found.err == RD_KAFKA_RESP_ERR_NO_ERROR, found.partition_cnt > 0 {
                    result[String(cString: found.topic)] = Int(found.partition_cnt)
                } else if topic != nil, found.err != RD_KAFKA_RESP_ERR_NO_ERROR,
                    found.err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                {
                    throw LogError(found.err, "topic \(topic ?? "")")
                }
            }
            return result
        }
    }
}
