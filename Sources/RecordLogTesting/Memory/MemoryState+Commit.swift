// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

extension MemoryState {
    /// Hands out the next epoch of a writer's id.
    mutating func makeWriter(_ id: String) -> Int64 {
        self.writers[id, default: Writer(epoch: 0)].epoch += 1
        return self.writers[id]?.epoch ?? 0
    }

    /// The state that a writer's id has left, by key.
    func entries(of writer: String) -> [StateEntry] {
        let entries = self.writers[writer]?.entries ?? [:]
        return entries.map { StateEntry(key: $0.key, value: $0.value) }.sorted {
            $0.key.lexicographicallyPrecedes($1.key)
        }
    }

    /// Commits a transaction, or nothing of it: everything is checked before anything changes.
    mutating func commit(
        _ transaction: Transaction, writer: String, epoch: Int64, turns: inout [String: Int], now: Timestamp,
        hasGaps: Bool
    ) throws(LogError) {
        guard self.writers[writer]?.epoch == epoch else {
            throw LogError(
                .fenced,
                "writer \(writer) of epoch \(epoch) has been replaced by epoch \(self.writers[writer]?.epoch ?? 0)")
        }
        if !transaction.offsets.isEmpty, transaction.group == nil {
            throw LogError(.invalidArgument, "writer \(writer) commits offsets without naming the group")
        }
        for (partition, committed) in transaction.offsets {
            _ = try self.partition(partition)
            if committed.offset < 0 { throw LogError(.invalidArgument, "offset \(committed.offset) of \(partition)") }
        }
        var nextTurns = turns
        var appends: [(TopicPartition, Record)] = []
        for output in transaction.outputs where !output.records.isEmpty {
            try self.route(output, &nextTurns, &appends)
        }
        turns = nextTurns
        var touched: Set<TopicPartition> = []
        for (partition, record) in appends {
            touched.insert(partition)
            self.update(partition) { $0.append(record, now: now, hasGaps: hasGaps) }
        }
        if hasGaps {
            // As the marker that ends a transaction does in Kafka.
            for partition in touched { self.update(partition) { $0.nextOffset += 1 } }
        }
        if let group = transaction.group {
            for (partition, committed) in transaction.offsets {
                self.commits[group, default: [:]][partition] = Commit(committed: committed, time: now)
            }
        }
        for change in transaction.state { self.writers[writer]?.entries[change.key] = change.value }
        self.change()
    }

    mutating func resetOffset(
        group: String, partition: TopicPartition, to committed: CommittedOffset?, now: Timestamp
    ) throws(LogError) {
        _ = try self.partition(partition)
        if group.isEmpty { throw LogError(.invalidArgument, "a group needs a name") }
        if let committed, committed.offset < 0 {
            throw LogError(.invalidArgument, "offset \(committed.offset) of \(partition)")
        }
        self.commits[group, default: [:]][partition] = committed.map { Commit(committed: $0, time: now) }
        self.change()
    }

    /// Finds each record's partition.
    private func route(
        _ output: Transaction.Output, _ turns: inout [String: Int], _ appends: inout [(TopicPartition, Record)]
    ) throws(LogError) {
        let topic = try self.topic(output.topic)
        let count = topic.partitions.count
        if let partition = output.partition, !topic.partitions.indices.contains(partition) {
            throw LogError(.unknownTopic, "there is no partition \(TopicPartition(output.topic, partition))")
        }
        for index in 0..<output.records.count {
            let record = output.records[index]
            let bytes = (record.key?.count ?? 0) + (record.value?.count ?? 0)
            guard bytes <= topic.specification.recordBytesMax else {
                throw LogError(
                    .recordTooLarge,
                    """
                    record \(index) for topic \(output.topic) has \(bytes) bytes; the topic takes \
                    \(topic.specification.recordBytesMax)
                    """)
            }
            var number = output.partition
            if number == nil, let key = record.key { number = Partitioner.partition(forKey: key, count: count) }
            if number == nil {
                number = turns[output.topic, default: 0] % count
                turns[output.topic, default: 0] += 1
            }
            appends.append((TopicPartition(output.topic, number ?? 0), record))
        }
    }
}

extension MemoryState.Partition {
    /// Appends one record; its time never lies before its predecessor's.
    mutating func append(_ record: Record, now: Timestamp, hasGaps: Bool) {
        if hasGaps, self.nextOffset % 5 == 3 { self.nextOffset += 2 }
        self.lastTime = max(now, self.lastTime)
        self.records.append(.init(offset: self.nextOffset, time: self.lastTime, record: record))
        self.nextOffset += 1
    }
}
