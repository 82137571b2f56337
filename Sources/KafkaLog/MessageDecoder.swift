// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Codecs
import Records

/// Copies librdkafka's messages into a batch: each key and value once, with no array of its own.
struct MessageDecoder {
    private var storage: Bytes = []
    private var entries: [RecordBatch.Entry] = []
    private var headerLists: [[Header]] = [[]]
    private(set) var offsets: [Offset] = []
    private var timestamps: [Timestamp] = []

    var isEmpty: Bool { self.entries.isEmpty }

    mutating func append(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        let list = self.headerList(of: message)
        let key = UnsafeRawBufferPointer(
            start: message.pointee.key, count: message.pointee.key == nil ? 0 : message.pointee.key_len)
        let value = UnsafeRawBufferPointer(
            start: message.pointee.payload, count: message.pointee.payload == nil ? 0 : message.pointee.len)
        let keyStart = self.appendKey(key, isNull: message.pointee.key == nil)
        let valueStart = self.storage.count
        self.storage.append(contentsOf: value)
        self.entries.append(
            .init(
                keyStart: keyStart, keyCount: message.pointee.key == nil ? -1 : key.count, valueStart: valueStart,
                valueCount: message.pointee.payload == nil ? -1 : value.count, headerList: list))
        self.offsets.append(message.pointee.offset)
        self.timestamps.append(max(0, rd_kafka_message_timestamp(message, nil)))
    }

    /// Runs of records share a key more often than not.
    private mutating func appendKey(_ key: UnsafeRawBufferPointer, isNull: Bool) -> Int {
        if isNull { return self.storage.count }
        if let last = self.entries.last, last.keyCount == key.count,
            self.storage[last.keyStart..<last.keyStart + last.keyCount].elementsEqual(key)
        {
            return last.keyStart
        }
        let start = self.storage.count
        self.storage.append(contentsOf: key)
        return start
    }

    private mutating func headerList(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> Int {
        var headers: OpaquePointer?
        guard rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR, let headers else { return 0 }
        var list: [Header] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while rd_kafka_header_get_all(headers, list.count, &name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR {
            let bytes = UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : count)
            list.append(Header(name.map { String(cString: $0) } ?? "", Bytes(bytes)))
        }
        if list.isEmpty { return 0 }
        if let last = self.entries.last, self.headerLists[last.headerList] == list { return last.headerList }
        if let known = self.headerLists.suffix(8).lastIndex(of: list) { return known }
        self.headerLists.append(list)
        return self.headerLists.count - 1
    }

    /// Returns the records copied so far.
    func batch(of partition: TopicPartition, nextOffset: Offset) -> FetchedBatch {
        // Every entry points into what was appended, so there is a batch.
        let records = RecordBatch(storage: self.storage, entries: self.entries, headerLists: self.headerLists)
        guard let records else { return FetchedBatch(partition: partition, nextOffset: nextOffset) }
        return FetchedBatch(
            partition: partition, records: records, offsets: self.offsets, timestamps: self.timestamps,
            nextOffset: nextOffset)
    }
}
