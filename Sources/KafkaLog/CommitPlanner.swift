// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Synchronization

/// Checks a transaction against the topics as they are, and decides where each record goes, before anything is sent.
struct CommitPlanner {
    /// Records for one topic, with the partition of each.
    struct Output {
        var topic: String
        var partitions: [Int32]
        var records: RecordBatch
    }

    let log: KafkaLog
    /// The partition that the next record without a key goes to, by topic.
    private var turns: [String: Int] = [:]
    /// The brokers' answers about topics, believed for a while: a commit costs enough round trips as it is.
    private var counts: [String: Believed] = [:]
    private var limits: [String: Believed] = [:]

    private struct Believed {
        let value: Int
        let topicChanges: Int
        private let until = ContinuousClock.now + .seconds(10)

        init(value: Int, topicChanges: Int) {
            self.value = value
            self.topicChanges = topicChanges
        }

        func current(_ topicChanges: Int) -> Int? {
            ContinuousClock.now < self.until && self.topicChanges == topicChanges ? self.value : nil
        }
    }

    init(log: KafkaLog) { self.log = log }

    mutating func plan(_ transaction: Transaction) throws(LogError) -> [Output] {
        if !transaction.offsets.isEmpty, transaction.group?.isEmpty != false {
            throw LogError(.invalidArgument, "offsets are committed for a group, and none is named")
        }
        var counts: [String: Int] = [:]
        for topic in Set(transaction.outputs.map(\.topic) + transaction.offsets.keys.map(\.topic)).sorted() {
            counts[topic] = try self.partitionCount(of: topic)
        }
        for partition in transaction.offsets.keys {
            try self.check(partition.partition, of: partition.topic, counts)
        }
        var outputs: [Output] = []
        for output in transaction.outputs {
            let count = try self.check(output.partition ?? 0, of: output.topic, counts)
            try self.checkSizes(of: output)
            outputs.append(
                Output(
                    topic: output.topic, partitions: self.partitions(of: output, count), records: output.records))
        }
        return outputs
    }

    @discardableResult
    private func check(_ partition: Int, of topic: String, _ counts: [String: Int]) throws(LogError) -> Int {
        let count = counts[topic, default: 0]
        guard (0..<count).contains(partition) else {
            throw LogError(.unknownTopic, "topic \(topic) has no partition \(partition) of \(count)")
        }
        return count
    }

    private mutating func checkSizes(of output: Transaction.Output) throws(LogError) {
        let limit = try self.recordBytesMax(of: output.topic)
        for (index, entry) in output.records.entries.enumerated() {
            let size = max(0, entry.keyCount) + max(0, entry.valueCount)
            guard size > limit else { continue }
            throw LogError(
                .recordTooLarge,
                "record \(index) for topic \(output.topic) has \(size) bytes, and the topic takes \(limit)")
        }
    }

    private mutating func partitionCount(of topic: String) throws(LogError) -> Int {
        let changes = self.log.topicChanges.load(ordering: .acquiring)
        if let known = self.counts[topic]?.current(changes) { return known }
        guard let count = try self.log.partitionCount(of: topic) else {
            throw LogError(.unknownTopic, "there is no topic \(topic)")
        }
        self.counts[topic] = Believed(value: count, topicChanges: changes)
        return count
    }

    private mutating func recordBytesMax(of topic: String) throws(LogError) -> Int {
        let changes = self.log.topicChanges.load(ordering: .acquiring)
        if let known = self.limits[topic]?.current(changes) { return known }
        let value = try self.log.settings(of: [topic])[topic]?["max.message.bytes"]
        let bytes = KafkaLog.recordBytesMax(messageBytesMax: value.flatMap { Int($0) }.map { max(0, $0) } ?? 1_048_588)
        self.limits[topic] = Believed(value: bytes, topicChanges: changes)
        return bytes
    }

    /// Forgets what was believed, after a transaction that failed.
    mutating func forget() {
        self.counts = [:]
        self.limits = [:]
    }

    private mutating func partitions(of output: Transaction.Output, _ count: Int) -> [Int32] {
        let records = output.records
        if let partition = output.partition { return [Int32](repeating: Int32(partition), count: records.count) }
        var turn = self.turns[output.topic, default: 0]
        let result = records.entries.map { entry in
            if entry.keyCount >= 0 {
                let key = entry.keyCount == 0 ? [] : records.storage[entry.keyStart..<entry.keyStart + entry.keyCount]
                return Int32(Partitioner.partition(forKey: key, count: count))
            }
            defer { turn = (turn + 1) % count }
            return Int32(turn % count)
        }
        self.turns[output.topic] = turn
        return result
    }
}
