// SPDX-License-Identifier: Apache-2.0

import Codecs

/// Records of one partition as they were read: with their offsets and append times.
public struct FetchedBatch: Sendable {
    /// The partition that the records are from.
    public let partition: TopicPartition
    /// The records.
    public private(set) var records: RecordBatch
    /// The offset of each record, ascending, not always dense.
    public private(set) var offsets: [Offset]
    /// The append time of each record.
    public private(set) var timestamps: [Timestamp]
    /// The offset to read on at: greater than the last offset, past anything the log keeps for itself.
    public var nextOffset: Offset

    /// Creates a batch of nothing yet.
    public init(partition: TopicPartition, nextOffset: Offset) {
        self.partition = partition
        self.records = RecordBatch()
        self.offsets = []
        self.timestamps = []
        self.nextOffset = nextOffset
    }

    /// Creates a batch from records with their offsets and times.
    public init(
        partition: TopicPartition, records: RecordBatch, offsets: [Offset], timestamps: [Timestamp], nextOffset: Offset
    ) {
        precondition(
            records.count == offsets.count && records.count == timestamps.count, "one offset and time a record")
        self.partition = partition
        self.records = records
        self.offsets = offsets
        self.timestamps = timestamps
        self.nextOffset = nextOffset
    }

    /// The number of records.
    public var count: Int { self.records.count }

    /// Tells whether nothing was there to read.
    public var isEmpty: Bool { self.records.isEmpty }

    /// Appends a record and moves `nextOffset` past it.
    public mutating func append(_ record: Record, offset: Offset, timestamp: Timestamp) {
        self.records.append(record)
        self.offsets.append(offset)
        self.timestamps.append(timestamp)
        self.nextOffset = offset + 1
    }

    /// Drops the records at and after an offset.
    public mutating func truncate(before offset: Offset) {
        guard let last = self.offsets.last, last >= offset else {
            self.nextOffset = min(self.nextOffset, offset)
            return
        }
        let kept = self.offsets.prefix { $0 < offset }.count
        self.records.keepFirst(kept)
        self.offsets.removeSubrange(kept...)
        self.timestamps.removeSubrange(kept...)
        self.nextOffset = offset
    }

    /// The index of the record with an offset, if it is here.
    public func index(of offset: Offset) -> Int? {
        var low = 0
        var high = self.offsets.count
        while low < high {
            let middle = (low + high) / 2
            if self.offsets[middle] < offset { low = middle + 1 } else { high = middle }
        }
        return low < self.offsets.count && self.offsets[low] == offset ? low : nil
    }
}
