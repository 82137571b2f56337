// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dispatch
import RecordLog
import Records

/// All that a `MemoryLog.Storage` holds.
struct MemoryState {
    /// A record as it lies in a partition.
    struct StoredRecord {
        var offset: Offset
        var time: Timestamp
        var record: Record

        var bytes: Int { (self.record.key?.count ?? 0) + (self.record.value?.count ?? 0) }
    }

    /// The records of a partition.
    struct Partition {
        var records: [StoredRecord] = []
        var firstOffset: Offset = 0
        var nextOffset: Offset = 0
        var lastTime: Timestamp = 0

        var range: Range<Offset> { self.firstOffset..<self.nextOffset }

        mutating func removeFirst(_ count: Int) {
            if count == 0 { return }
            self.firstOffset = self.records[count - 1].offset + 1
            self.records.removeFirst(count)
        }
    }

    struct Topic {
        var id: Int
        var specification: TopicSpecification
        var partitions: [Partition]
    }

    struct Writer {
        var epoch: Int64
        var entries: [Bytes: Bytes] = [:]
    }

    struct Commit {
        var committed: CommittedOffset
        var time: Timestamp
    }

    var topics: [String: Topic] = [:]
    var writers: [String: Writer] = [:]
    var commits: [String: [TopicPartition: Commit]] = [:]
    var members: [String: MemoryMember] = [:]
    /// The holder of each partition, by group.
    var leases: [String: [TopicPartition: String]] = [:]
    /// Counts what `awaitAppend` waits for.
    var changes: UInt64 = 0
    var seen: [MemoryClock.Waiter: UInt64] = [:]
    var sleepers: [DispatchSemaphore] = []
    private var nextID = 0

    // MARK: Handles and waiting

    mutating func makeID() -> Int {
        self.nextID += 1
        return self.nextID
    }

    mutating func makeHandle() -> Int { self.makeID() }

    /// A process has ended: its members are dead.
    mutating func removeHandle(_ handle: Int) {
        for member in self.members.values where member.handle == handle { self.removeMember(member.id) }
        self.change()
    }

    mutating func change() {
        self.changes += 1
        for sleeper in self.sleepers { sleeper.signal() }
        self.sleepers = []
    }

    // MARK: Topics

    mutating func createTopic(_ specification: TopicSpecification) throws(LogError) {
        guard TopicSpecification.isValid(name: specification.name), specification.partitions > 0,
            specification.recordBytesMax > 0, specification.retention.seconds ?? 0 >= 0,
            specification.retention.bytes ?? 0 >= 0
        else { throw LogError(.invalidArgument, "no topic can be \(specification)") }
        if let known = self.topics[specification.name] {
            if known.specification.partitions == specification.partitions { return }
            throw LogError(
                .topicConflict,
                """
                topic \(specification.name) exists with \(known.specification.partitions) partitions, not \
                \(specification.partitions)
                """)
        }
        self.topics[specification.name] = Topic(
            id: self.makeID(), specification: specification,
            partitions: Array(repeating: Partition(), count: specification.partitions))
        self.change()
    }

    mutating func deleteTopic(_ name: String) {
        self.topics[name] = nil
        for group in self.commits.keys {
            self.commits[group] = self.commits[group]?.filter { $0.key.topic != name }
        }
        for group in self.leases.keys {
            self.leases[group] = self.leases[group]?.filter { $0.key.topic != name }
        }
        self.change()
    }

    func topicID(_ name: String) -> Int { self.topics[name]?.id ?? 0 }

    func topic(_ name: String) throws(LogError) -> Topic {
        guard let topic = self.topics[name] else { throw LogError(.unknownTopic, "there is no topic \(name)") }
        return topic
    }

    func partition(_ partition: TopicPartition) throws(LogError) -> Partition {
        let topic = try self.topic(partition.topic)
        guard topic.partitions.indices.contains(partition.partition) else {
            throw LogError(.unknownTopic, "there is no partition \(partition)")
        }
        return topic.partitions[partition.partition]
    }

    mutating func update(_ partition: TopicPartition, _ change: (inout Partition) -> Void) {
        guard var topic = self.topics[partition.topic] else { return }
        // The copy in the dictionary would make the change copy all records.
        self.topics[partition.topic] = nil
        change(&topic.partitions[partition.partition])
        self.topics[partition.topic] = topic
    }

    // MARK: Removal

    mutating func deleteRecords(of name: TopicPartition, before offset: Offset) throws(LogError) {
        let partition = try self.partition(name)
        guard offset <= partition.nextOffset else {
            throw LogError(.offsetOutOfRange(partition.range), "\(name) ends at offset \(partition.nextOffset)")
        }
        if offset <= partition.firstOffset { return }
        self.update(name) { partition in
            partition.removeFirst(partition.records.prefix { $0.offset < offset }.count)
            partition.firstOffset = offset
        }
    }

    mutating func enforceRetention(now: Timestamp) {
        for topic in self.topics.values {
            let retention = topic.specification.retention
            for (number, partition) in topic.partitions.enumerated() {
                var bytes = partition.records.reduce(0) { $0 + $1.bytes }
                var count = 0
                for (index, record) in partition.records.enumerated() {
                    let isOld = retention.seconds.map { record.time + Int64($0) * 1000 <= now } ?? false
                    let isTooMuch = retention.bytes.map { bytes > $0 && index + 1 < partition.records.count } ?? false
                    guard isOld || isTooMuch else { break }
                    bytes -= record.bytes
                    count += 1
                }
                self.update(TopicPartition(topic.specification.name, number)) { $0.removeFirst(count) }
            }
        }
    }
}
