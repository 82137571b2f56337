// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Synchronization

/// Reads one partition of a `MemoryLog`.
final class MemoryReader: PartitionReader {
    private let log: MemoryLog
    private let partition: TopicPartition
    private let topicID: Int
    private let position: Mutex<Offset>

    init(log: MemoryLog, partition: TopicPartition, topicID: Int, from offset: Offset) {
        self.log = log
        self.partition = partition
        self.topicID = topicID
        self.position = Mutex(offset)
    }

    func seek(to offset: Offset) { self.position.withLock { $0 = offset } }

    func read(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch {
        let position = self.position.withLock { $0 }
        let batch = try self.log.perform(.read, self.partition.description) { state throws(LogError) in
            guard state.topicID(self.partition.topic) == self.topicID else {
                throw LogError(.unknownTopic, "topic \(self.partition.topic) has been deleted")
            }
            return try Self.read(
                state.partition(self.partition), self.partition, at: position, max(1, recordsMax), max(1, bytesMax))
        }
        self.position.withLock { $0 = batch.nextOffset }
        return batch
    }

    private static func read(
        _ partition: MemoryState.Partition, _ name: TopicPartition, at position: Offset, _ recordsMax: Int,
        _ bytesMax: Int
    ) throws(LogError) -> FetchedBatch {
        guard position >= partition.firstOffset, position <= partition.nextOffset else {
            throw LogError(
                .offsetOutOfRange(partition.range), "offset \(position) of \(name) is not within \(partition.range)")
        }
        var batch = FetchedBatch(partition: name, nextOffset: position)
        var low = 0
        var high = partition.records.count
        while low < high {
            let middle = (low + high) / 2
            if partition.records[middle].offset < position { low = middle + 1 } else { high = middle }
        }
        var bytes = 0
        for stored in partition.records[low...] {
            if batch.count >= recordsMax || bytes >= bytesMax { break }
            batch.append(stored.record, offset: stored.offset, timestamp: stored.time)
            bytes += stored.bytes
        }
        // Past the last record there may be offsets that no record has.
        if batch.nextOffset > (partition.records.last?.offset ?? -1) { batch.nextOffset = partition.nextOffset }
        return batch
    }
}
