// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import SharedDatabase

/// A transaction made ready outside the write lock: checked, partitioned, encoded and compressed.
struct CommitPlan: Sendable {
    /// The rows for one partition, in order.
    struct Part: Sendable {
        var topic: String
        var partitionID: Int64
        var rows: [EncodedRow]
    }

    /// A consumed offset.
    struct ConsumedOffset: Sendable {
        var topic: String
        var partitionID: Int64
        var committed: CommittedOffset
    }

    private(set) var parts: [Part] = []
    private(set) var offsets: [ConsumedOffset] = []

    /// Makes a transaction ready.
    /// - Parameter turns: where the next record without a key goes, by topic.
    init(
        _ transaction: Transaction, _ storage: LogStorage, turns: inout [String: Int],
        compressor: borrowing ZstdCompressor
    ) throws(LogError) {
        var encoders: [Int64: RowEncoder] = [:]
        var order: [(topic: String, id: Int64)] = []
        for output in transaction.outputs where !output.records.isEmpty {
            let topic = try storage.catalog.topic(output.topic, in: storage)
            try Self.checkSizes(of: output.records, for: topic.specification)
            for (partition, indices) in try Self.split(output, over: topic, turns: &turns) {
                let id = topic.partitionIDs[partition]
                if encoders[id] == nil { order.append((output.topic, id)) }
                switch indices {
                case .all:
                    let all = 0..<output.records.count
                    encoders[id, default: RowEncoder()].append(output.records, all, compressor: compressor)
                case .some(let list):
                    encoders[id, default: RowEncoder()].append(output.records, list, compressor: compressor)
                }
            }
        }
        for (topic, id) in order {
            if let rows = encoders[id]?.finish(compressor) {
                self.parts.append(Part(topic: topic, partitionID: id, rows: rows))
            }
            encoders[id] = nil
        }
        for (partition, committed) in transaction.offsets.sorted(by: { $0.key < $1.key }) {
            guard committed.offset >= 0 else {
                throw LogError(.invalidArgument, "offset \(committed.offset) of \(partition) cannot be committed")
            }
            let topic = try storage.catalog.topic(partition.topic, in: storage)
            self.offsets.append(
                ConsumedOffset(
                    topic: partition.topic, partitionID: try topic.id(ofPartition: partition.partition),
                    committed: committed))
        }
    }

    /// The records of an output that go to a partition.
    private enum Indices {
        case all
        case some([Int])
    }

    private static func split(
        _ output: Transaction.Output, over topic: Catalog.Topic, turns: inout [String: Int]
    ) throws(LogError) -> [(partition: Int, indices: Indices)] {
        let count = topic.partitionIDs.count
        if let partition = output.partition {
            _ = try topic.id(ofPartition: partition)
            return [(partition, .all)]
        }
        if count == 1 { return [(0, .all)] }
        var lists = [[Int]](repeating: [], count: count)
        var turn = turns[output.topic, default: 0] % count
        let storage = output.records.storage
        var last: (start: Int, count: Int, partition: Int)?
        for (index, entry) in output.records.entries.enumerated() {
            if entry.keyCount < 0 {
                lists[turn].append(index)
                turn = turn + 1 == count ? 0 : turn + 1
            } else if let last, last.start == entry.keyStart, last.count == entry.keyCount {
                lists[last.partition].append(index)
            } else {
                let key = storage[entry.keyStart..<entry.keyStart + entry.keyCount]
                let partition = Partitioner.partition(forKey: key, count: count)
                lists[partition].append(index)
                last = (entry.keyStart, entry.keyCount, partition)
            }
        }
        turns[output.topic] = turn
        return lists.enumerated().filter { !$0.element.isEmpty }.map { ($0.offset, .some($0.element)) }
    }

    private static func checkSizes(of records: RecordBatch, for topic: TopicSpecification) throws(LogError) {
        let headerBytes = records.headerLists.map { list in
            list.reduce(0) { $0 + $1.name.utf8.count + $1.value.count }
        }
        for (index, entry) in records.entries.enumerated() {
            let bytes = max(0, entry.keyCount) + max(0, entry.valueCount)
            if bytes > topic.recordBytesMax {
                throw LogError(
                    .recordTooLarge,
                    """
                    record \(index) for topic \(topic.name) has \(bytes) bytes of key and value; the topic takes \
                    \(topic.recordBytesMax)
                    """)
            }
            if headerBytes[entry.headerList] + bytes > Schema.recordBytesMax {
                throw LogError(
                    .recordTooLarge,
                    """
                    record \(index) for topic \(topic.name) has \(headerBytes[entry.headerList]) bytes of headers; with \
                    key and value a record may have \(Schema.recordBytesMax)
                    """)
            }
        }
    }
}
