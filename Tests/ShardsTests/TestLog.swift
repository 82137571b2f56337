// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Synchronization

/// Just enough of a log to hold a manifest: one partition a topic, no groups, no writers.
final class TestLog: RecordLog {
    private let records = Mutex<[String: [Record]]>([:])

    /// Appends what a sink prepared, as a commit would.
    func commit(_ outputs: [Transaction.Output]) {
        for output in outputs {
            self.records.withLock { topics in
                for index in 0..<output.records.count {
                    topics[output.topic, default: []].append(output.records[index])
                }
            }
        }
    }

    func createTopic(_ specification: TopicSpecification) throws(LogError) {
        self.records.withLock { $0[specification.name, default: []] += [] }
    }

    func topics() throws(LogError) -> [TopicSpecification] {
        self.records.withLock { $0.keys.sorted() }.map { TopicSpecification(name: $0, partitions: 1) }
    }

    func deleteTopic(_ name: String) throws(LogError) { self.records.withLock { $0[name] = nil } }

    func deleteRecords(of partition: TopicPartition, before offset: Offset) throws(LogError) { throw Self.unsupported }

    func enforceRetention() throws(LogError) {}

    func offsets(of partition: TopicPartition) throws(LogError) -> Range<Offset> {
        guard let count = self.records.withLock({ $0[partition.topic]?.count }) else {
            throw LogError(.unknownTopic, "no topic \(partition.topic)")
        }
        return 0..<Offset(count)
    }

    func offset(of partition: TopicPartition, notBefore time: Timestamp) throws(LogError) -> Offset {
        throw Self.unsupported
    }

    func makeReader(of partition: TopicPartition, from offset: Offset) throws(LogError) -> any PartitionReader {
        _ = try self.offsets(of: partition)
        return Reader(self, partition, offset)
    }

    func makeWriter(id: String) throws(LogError) -> any TransactionalWriter { throw Self.unsupported }

    func state(ofWriter id: String) throws(LogError) -> [StateEntry] { [] }

    func writerIDs() throws(LogError) -> [String] { [] }

    func join(_ configuration: GroupConfiguration) throws(LogError) -> any GroupMember { throw Self.unsupported }

    func committedOffset(group: String, partition: TopicPartition) throws(LogError) -> CommittedOffset? { nil }

    func resetOffset(
        group: String, partition: TopicPartition, to committed: CommittedOffset?
    ) throws(LogError) { throw Self.unsupported }

    func groups() throws(LogError) -> [GroupDescription] { [] }

    func awaitAppend(timeoutMilliseconds: Int) {}

    func close() {}

    private static let unsupported = LogError(.invalidArgument, "this log only holds manifests")

    private final class Reader: PartitionReader {
        private let log: TestLog
        private let partition: TopicPartition
        private let position: Mutex<Offset>

        init(_ log: TestLog, _ partition: TopicPartition, _ offset: Offset) {
            self.log = log
            self.partition = partition
            self.position = Mutex(offset)
        }

        func read(recordsMax: Int, bytesMax: Int) throws(LogError) -> FetchedBatch {
            let start = self.position.withLock { $0 }
            let records = self.log.records.withLock { $0[self.partition.topic] ?? [] }
            var batch = FetchedBatch(partition: self.partition, nextOffset: start)
            // One at a time, so that readers have to ask again.
            if start < records.count { batch.append(records[Int(start)], offset: start, timestamp: 1000 + start) }
            self.position.withLock { $0 = batch.nextOffset }
            return batch
        }

        func seek(to offset: Offset) { self.position.withLock { $0 = offset } }
    }
}
