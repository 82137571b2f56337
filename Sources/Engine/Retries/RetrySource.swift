// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Topologies

/// The retries of one partition of a stage, which its task takes between the records of its input.
///
/// The task has one writer, one state and one shard, whatever it reads: so retries are no task of their own, and what
/// they give is committed with the offset up to which they were taken.
final class RetrySource {
    let partition: TopicPartition
    /// The end of what is taken, and of what is committed.
    var prefix: FinishedPrefix
    /// The order of each record in hand, by offset; none for one that cannot be read.
    private var orders: [Offset: RetryOrder] = [:]
    private let reader: any PartitionReader
    /// The last record that was finished since the last commit.
    private var last: (offset: Offset, time: Timestamp)?

    private init(_ partition: TopicPartition, reader: any PartitionReader, from offset: Offset) {
        self.partition = partition
        self.reader = reader
        self.prefix = FinishedPrefix(committed: offset)
    }

    /// The retries of a stage; `nil` as long as there is no topic of them.
    static func open(
        _ stage: Stage, partition: Int, after stored: RetryOffset?, in surroundings: TaskSurroundings
    ) throws(LogError) -> RetrySource? {
        let topic = ReservedTopics.retries(of: surroundings.topology.name, stage: stage.name)
        let place = TopicPartition(topic, partition)
        do throws(LogError) {
            let offset = try RetryOffset.start(of: place, after: stored, in: surroundings.log)
            return RetrySource(place, reader: try surroundings.log.makeReader(of: place, from: offset), from: offset)
        } catch {
            if error.code == .unknownTopic { return nil }
            throw error
        }
    }

    /// The next records as they were, without their orders.
    func read(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch {
        let read = try self.reader.readArrived(recordsMax: recordsMax, bytesMax: bytesMax)
        var batch = FetchedBatch(partition: self.partition, nextOffset: read.nextOffset)
        for index in 0..<read.count {
            let (original, order) = RetryOrder.split(read.records[index])
            self.orders[read.offsets[index]] = order
            batch.append(original, offset: read.offsets[index], timestamp: read.timestamps[index])
        }
        batch.nextOffset = read.nextOffset
        return batch
    }

    /// The order of a record in hand. One that has none, because somebody else wrote it, is where it lies itself.
    func order(at offset: Offset) -> RetryOrder {
        self.orders[offset] ?? RetryOrder(letters: [], source: self.partition, sourceOffset: offset, attempt: 1)
    }

    /// The next record in order is finished; reading goes on at `next`.
    func finish(_ offset: Offset, at time: Timestamp, next: Offset, now: Timestamp) {
        self.orders[offset] = nil
        self.last = (offset, time)
        self.prefix.finish(next: next, now: now)
    }

    /// There are no more for now.
    func pass(to next: Offset) { self.prefix.pass(to: next) }

    /// The offset to commit, where anything was taken since the last commit.
    var uncommitted: RetryOffset? {
        self.last.map { RetryOffset(next: self.prefix.position, last: $0.offset, lastTime: $0.time) }
    }

    /// The offset up to which everything is done: there may be nothing but what the log keeps for itself behind the
    /// last commit.
    var settled: Offset { self.last == nil ? self.prefix.position : self.prefix.committed }

    /// A commit covers what was taken.
    func commit(_ next: Offset) {
        self.prefix.commit(next)
        self.last = nil
    }
}
