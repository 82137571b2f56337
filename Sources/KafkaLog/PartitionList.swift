// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Glibc
import RecordLog
import Records

/// Owns a list of partitions as librdkafka takes it.
struct PartitionList: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    /// Lists some partitions with an offset each.
    init(_ partitions: [(TopicPartition, Offset)]) throws(LogError) {
        guard let pointer = rd_kafka_topic_partition_list_new(Int32(clamping: partitions.count)) else {
            throw LogError(.failed, "no memory for a list of partitions")
        }
        self.pointer = pointer
        for (partition, offset) in partitions {
            let element = rd_kafka_topic_partition_list_add(
                pointer, partition.topic, Int32(clamping: partition.partition))
            element?.pointee.offset = offset
        }
    }

    /// Lists what a group commits, with the metadata.
    init(commits: [TopicPartition: CommittedOffset]) throws(LogError) {
        try self.init([])
        for (partition, committed) in commits {
            let element = rd_kafka_topic_partition_list_add(
                self.pointer, partition.topic, Int32(clamping: partition.partition))
            element?.pointee.offset = committed.offset
            // The list frees it with itself.
            element?.pointee.metadata = UnsafeMutableRawPointer(strdup(committed.metadata))
            element?.pointee.metadata_size = committed.metadata.utf8.count
        }
    }

    deinit { rd_kafka_topic_partition_list_destroy(self.pointer) }

    var elements: [ListedPartition] { ListedPartition.all(of: UnsafePointer(self.pointer)) }
}

/// An element of a list of librdkafka's, copied out of it.
struct ListedPartition {
    var partition: TopicPartition
    var offset: Offset
    var metadata: String
    var error: rd_kafka_resp_err_t

    /// The elements of a list; none of no list.
    static func all(of list: UnsafePointer<rd_kafka_topic_partition_list_t>?) -> [ListedPartition] {
        guard let list, let elements = list.pointee.elems else { return [] }
        return UnsafeBufferPointer(start: elements, count: Int(list.pointee.cnt)).map { element in
            let metadata = UnsafeRawBufferPointer(
                start: element.metadata, count: element.metadata == nil ? 0 : element.metadata_size)
            return ListedPartition(
                partition: TopicPartition(String(cString: element.topic), Int(element.partition)),
                offset: element.offset, metadata: String(decoding: metadata, as: UTF8.self), error: element.err)
        }
    }

    /// The group's offset in the element, if there is one.
    var committed: CommittedOffset? {
        self.offset < 0 ? nil : CommittedOffset(self.offset, metadata: self.metadata)
    }
}
